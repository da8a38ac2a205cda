"""Decisions of the backup tool that need no I/O: configuration, names, retention, metrics."""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import hashlib
import json

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._backup import (
    config,
    metrics,
    probe,
    retention,
    textfile,
)
from ansible_collections.vaultops.cluster.plugins.module_utils._common import samples
from ansible_collections.vaultops.cluster.plugins.module_utils._snapshot import manifest, s3
from ansible_collections.vaultops.cluster.plugins.module_utils._snapshot.errors import Exit, Failure
from kit.manifests import DAY, GOOD, ID, NOW, OTHER_ID, backup, unbound


def test_a_configuration_gets_its_defaults():
    found = config.parse(GOOD)
    assert (found.reserve_mib, found.metrics_file, found.vault.timeout_seconds) == (256, None, 60)
    assert found.kms.region == "eu-central-1"
    assert found.s3 is not None and found.s3.prefix == "snapshots"


def test_without_a_bucket_snapshots_stay_here():
    assert config.parse({**GOOD, "s3": None}).s3 is None


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ("cluster_name", "a_b", "cluster_name must be letters, digits and hyphens"),
        ("cluster_name", ..., "cluster_name is missing"),
        ("node_name", "../x", "node_name must be"),
        ("directory", "relative", "directory must be an absolute path"),
        ("reserve_mib", -1, "reserve_mib must be a whole number from 0"),
        ("seal_key_arn", ..., "seal_key_arn is missing"),
        ("seal_key_arn", "alias/vault", "seal_key_arn must be the ARN of a KMS key (not of an alias)"),
        ("typo", 1, "typo is no known field"),
        ("vault", [], "vault must be an object"),
        ("vault", ..., "vault is missing"),
        ("vault.address", "http://127.0.0.1:8200", "vault.address must be a URL with https"),
        ("vault.address", "https://127.0.0.1:x", "vault.address must be a URL"),
        ("vault.role", "", "vault.role must be a text"),
        ("vault.typo", 1, "vault.typo is no known field"),
        ("kms.key_arn", "alias/vault", "kms.key_arn must be the ARN of a KMS key (not of an alias)"),
        ("kms.key_arn", "arn:aws:kms:eu-central-1:123456789012:alias/vault", "kms.key_arn must be the ARN"),
        ("s3.bucket", "No", "s3.bucket must be the name of a bucket"),
        ("s3.region", ..., "s3.region is missing"),
        ("retention.keep_last", 0, "retention.keep_last must be a whole number from 1"),
        ("retention.keep_last", True, "retention.keep_last must be a whole number from 1"),
        ("retention.keep_days", "7", "retention.keep_days must be a whole number from 0"),
    ],
)
def test_a_wrong_field_is_named_once(path, value, says):
    data = copy.deepcopy(GOOD)
    *parents, name = path.split(".")
    inside = data[parents[0]] if parents else data
    if value is ...:
        del inside[name]
    else:
        inside[name] = value
    with pytest.raises(ValueError) as caught:
        config.parse(data)
    assert says in str(caught.value)
    assert str(caught.value).count(path) == 1


def test_all_wrong_fields_are_told_at_once():
    with pytest.raises(ValueError) as caught:
        config.parse({**GOOD, "node_name": "", "kms": {"key_arn": "x"}})
    assert "node_name" in str(caught.value) and "kms.key_arn" in str(caught.value)


@pytest.mark.parametrize(
    ("backups", "keep_last", "keep_days", "gone"),
    [
        ([(10, 99)], 1, 0, []),
        ([(1, 4), (2, 3), (3, 2), (4, 1)], 2, 0, [1, 2]),
        ([(1, 4), (2, 3), (3, 2), (4, 1)], 2, 3.5, [1]),
        ([(1, 4), (2, 3), (3, 2), (4, 1)], 9, 0, []),
        # The clock went ten years ahead: all seem old, the newest stay.
        ([(1, 3654), (2, 3653), (3, 3652), (4, 0)], 2, 7, [1, 2]),
        # The clock went back: what was made before seems to come from the future.
        ([(1, -30), (2, -29), (3, -28), (4, 0)], 1, 0, []),
        # It was wrong only once, far ahead; the later ones are newest by index.
        ([(1, 9), (2, -500), (3, 2), (4, 1)], 1, 0, [1, 3]),
        # A restored cluster begins at a low index: new by time, and the old ones are newest by index.
        ([(900, 9), (901, 8), (5, 2), (6, 1)], 1, 0, [900, 5]),
        # Nobody may ask for less than one.
        ([(1, 4), (2, 3)], 0, 0, [1]),
    ],
)
def test_what_may_go(backups, keep_last, keep_days, gone):
    known = [backup(index, age) for index, age in backups]
    assert [old.raft_index for old in retention.expired(known, known[-1], NOW, keep_last, keep_days)] == gone


def test_what_was_just_made_stays_when_it_is_the_newest_by_nothing():
    """Before a restore the index was higher, and a clock was later; this run's clock is the one that is wrong."""
    made = backup(5, 900)
    assert retention.expired([backup(900, 9), backup(6, -400), made], made, NOW, 1, 0) == []


def test_what_is_left_of_another_cluster_of_this_name_stays():
    old, made = backup(90500, 9, cluster_id=OTHER_ID), backup(12, 0)
    assert retention.expired([old, backup(7, 3), made], made, NOW, 1, 0) == [backup(7, 3)]


def test_a_manifest_comes_back_as_it_was():
    made = backup(41, 0)
    assert manifest.parse(made.to_json()) == made
    assert manifest.parse(json.dumps({**json.loads(made.to_json()), "later": 1})) == made
    old = unbound(made)
    assert manifest.parse(old.to_json()) == old and not old.is_bound and "seal" not in json.loads(old.to_json())


@pytest.mark.parametrize("form", [1, 2])
def test_an_older_manifest_keeps_its_names_and_its_sum(form):
    """Written out, so that no code of today stands between: the seal was made for these very names."""
    data = {
        "format": form,
        "name": f"prod_{'7f0c1f9e_' if form == 2 else ''}20270115T080000Z_41_vault-1.snap.encrypted",
        "cluster_id": ID,
        "cluster_name": "prod",
        "node_name": "vault-1",
        "vault_version": "1.21.1",
        "raft_index": 41,
        "raft_term": 3,
        "key_arn": "arn",
        "seal_key_arn": "seal-arn",
        "plain_bytes": 1,
        "plain_sha256": "a",
        "state_bytes": 1,
        "state_sha256": "b",
        "encrypted_bytes": 1,
        "encrypted_sha256": "c",
        "begun": "2027-01-15T08:00:00Z",
        "ended": "2027-01-15T08:00:05Z",
    }
    sealed = {**data, "seal": "c2VhbA=="} if form == 2 else data
    made = manifest.parse(json.dumps(sealed))
    assert json.loads(made.to_json()) == sealed
    assert made.sum == hashlib.sha256(json.dumps(data, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
    new = json.loads(dataclasses.replace(made, format=3).to_json())
    assert (new["started_at"], new["finished_at"]) == ("2027-01-15T08:00:00Z", "2027-01-15T08:00:05Z")
    assert not {"begun", "ended"} & set(new)


def test_its_sum_covers_every_field_but_the_seal():
    made = backup(41, 0)
    assert dataclasses.replace(made, seal="other").sum == made.sum
    for field in dataclasses.fields(made):
        if field.name != "seal":
            changed = 7 if field.type == "int" else "changed"
            assert dataclasses.replace(made, **{field.name: changed}).sum != made.sum, field.name


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"format": 4}, "its format is 4, and this tool knows 1 to 3"),
        ({"format": True}, "its format is True"),
        ({"raft_index": "41"}, "raft_index is missing or of the wrong type"),
        ({"raft_index": -1}, "raft_index is missing or of the wrong type"),
        ({"plain_bytes": True}, "plain_bytes is missing or of the wrong type"),
        ({"seal": None}, "seal is missing or of the wrong type"),
        ({"started_at": "yesterday"}, "does not match format"),
        ({"finished_at": "2027-1-15T8:00:00Z"}, "is no time as this tool writes it"),
        ({"name": "../../etc/passwd"}, "is no name of a snapshot"),
        # Each part of a name is believed where only names are seen.
        ({"raft_index": 42}, "is no name of a snapshot with its"),
        ({"started_at": "2027-01-15T08:00:01Z"}, "is no name of a snapshot with its"),
        ({"node_name": "vault-2"}, "is no name of a snapshot with its"),
        ({"cluster_id": OTHER_ID}, "is no name of a snapshot with its"),
        ({"started_at": None}, "started_at is missing or of the wrong type"),
        # A format has its own names.
        ({"format": 2}, "begun, ended is missing"),
        ({"format": 1}, "begun, ended is missing"),
    ],
)
def test_a_manifest_that_can_not_be_one(change, says):
    with pytest.raises(ValueError, match=says):
        manifest.parse(json.dumps({**json.loads(backup(41, 0).to_json()), **change}))


def test_a_manifest_that_does_not_name_the_unseal_key_is_none():
    data = json.loads(backup(41, 0).to_json())
    del data["seal_key_arn"]
    with pytest.raises(ValueError, match="seal_key_arn is missing"):
        manifest.parse(json.dumps(data))


@pytest.mark.parametrize("node", ["vault_1.x", "0e5a7c11_vault-1", "20261124T100000Z_7_x"])
@pytest.mark.parametrize(("cluster_id", "short"), [(ID, "7f0c1f9e"), (None, None)])
def test_a_name_tells_its_cluster_and_node_and_its_id_if_it_has_one(node, cluster_id, short):
    name = manifest.name("prod", cluster_id, node, "2026-11-24T10:00:00Z", 7)
    assert (manifest.owner_of(name), manifest.id_of(f"a/{name}.json")) == (("prod", node), short)
    assert manifest.started_at_of(name) == "20261124T100000Z"
    assert manifest.owner_of("prod_x.json") is None and manifest.id_of("prod_x.json") is None


def test_an_id_that_is_no_uuid_has_a_short_form_too():
    found = {manifest.short_id(text) for text in ("", "x", "prod_1", "\udc80", "7F0C1F9E-0000-4000-8000-000000000001")}
    assert len(found) == 5 and "7f0c1f9e" in found and all(len(short) == 8 for short in found)


def test_manifests_by_age_and_in_one_second_by_index_as_a_number():
    ordered = [
        "a/prod_20261125T010000Z_7_vault-1.snap.encrypted.json",
        "a/prod_20261125T020000Z_9_vault-3.snap.encrypted.json",
        "a/prod_7f0c1f9e_20261125T020000Z_10_vault-2.snap.encrypted.json",
        "a/other_20261125T030000Z_2_vault-1.snap.encrypted.json",
    ]
    others = ["a/readme.json", "a/prod_20261125T050000Z_1_vault-1.snap.encrypted", "a/odd.snap.encrypted.json"]
    assert manifest.by_age([*others, *reversed(ordered)]) == ordered


def test_whole_is_a_manifest_whose_snapshot_is_listed_too():
    names = [backup(index, index).name for index in (1, 2, 3)]
    assert manifest.whole([*names[:2], *(f"{name}.json" for name in names[1:])]) == [f"{names[1]}.json"]


@pytest.mark.parametrize(("seconds", "ahead"), [(-86_400, False), (300, False), (301, True), (86_400 * 400, True)])
def test_what_is_begun_later_than_in_five_minutes_is_ahead(seconds, ahead):
    name = backup(1, -seconds / DAY).name
    assert [manifest.is_future_dated(text, NOW) for text in (name, f"a/{name}.json")] == [ahead, ahead]
    assert not manifest.is_future_dated("a/readme.txt", NOW)


def test_superseded_is_what_is_older_and_of_this_cluster_newest_first():
    made, one, two, alone, ahead = (backup(index, days) for index, days in ((9, 1), (5, 3), (7, 2), (8, 2), (4, -9)))
    same_second = backup(10, 1, node="vault-2")
    others = ["readme.txt", backup(9, 1, cluster="other").name, backup(5, 3, cluster="other").name]
    pairs = [name for each in (made, one, two, ahead, same_second) for name in (each.name, f"{each.name}.json")]
    found = manifest.superseded([*pairs, alone.name, *others], made)
    assert found == [alone.name, f"{two.name}.json", two.name, f"{one.name}.json", one.name]


def test_a_new_cluster_under_an_old_name_supersedes_nothing_of_the_old_one():
    made, own = backup(12, 0), backup(7, 1)
    names = [backup(90500, 9, cluster_id=OTHER_ID).name, unbound(backup(90400, 10, cluster_id=OTHER_ID)).name, own.name]
    assert manifest.superseded(names, made) == [own.name]


def test_a_name_that_tells_no_id_is_superseded_where_its_id_is_known():
    made, old = backup(12, 0), unbound(backup(7, 1))
    names = [old.name, f"{old.name}.json"]
    assert manifest.superseded(names, made) == []
    assert manifest.superseded(names, made, {old.name}) == names[::-1]


def test_metrics_survive_a_failure():
    good = textfile.render({**metrics.success(10, 2.5, 100, 110, 41), **metrics.attempt(10, 0)}, metrics.HELP)
    then = textfile.render({**samples.parse(good, metrics.HELP), **metrics.attempt(20, 8)}, metrics.HELP)
    changed = {line for line in then.splitlines() if line not in good.splitlines()}
    assert changed == {"vault_backup_last_attempt_timestamp_seconds 20", "vault_backup_last_exit_code 8"}
    assert 'vault_backup_last_size_bytes{kind="plain"} 100' in then


def test_metrics_outlive_a_damaged_file():
    damaged = "vault_backup_last_exit_code x\nvault_backup_last_raft_index NaN\n\0\nvault_drill_x 1\n"
    assert samples.parse(damaged, metrics.HELP) == {}


def test_a_probe_s_configuration_is_checked_as_the_backup_s_is():
    given = {name: GOOD[name] for name in ("node_name", "vault")}
    found = config.parse_probe(given)
    assert (found.node_name, found.metrics_file, found.vault.role) == (GOOD["node_name"], None, GOOD["vault"]["role"])
    for wrong, says in (
        ({"kms": {}}, "kms is no known field"),
        ({"vault": {}}, "vault.address is missing"),
        ({"node_name": ""}, "node_name must be"),
    ):
        with pytest.raises(ValueError) as caught:
            config.parse_probe({**given, **wrong})
        assert says in str(caught.value)


def test_only_the_last_success_outlives_a_probe(tmp_path):
    """A step that was reached by the last probe and not by this one is not this one's."""
    path = str(tmp_path / "probe.prom")
    for moment, step, fails in ((10, "write", False), (20, "login", True)):
        steps = probe.Steps()
        with contextlib.suppress(Failure):
            steps.take(step, lambda fails=fails: refuse() if fails else None)
        textfile.update(path, probe.HELP, probe.samples(moment, steps, not fails), (probe.LAST_SUCCESS,))
    with open(path, encoding="utf-8") as stream:
        found = samples.parse(stream.read(), probe.HELP)
    assert found.pop('vault_probe_step_duration_seconds{step="login"}') < 1
    assert found == {
        "vault_probe_success": 0,
        'vault_probe_step_success{step="login"}': 0,
        "vault_probe_last_run_timestamp_seconds": 20,
        "vault_probe_last_success_timestamp_seconds": 10,
    }


def refuse():
    raise Failure(Exit.VAULT, "it does not answer", "Look.")


def test_a_step_that_fails_is_named():
    with pytest.raises(Failure) as caught:
        probe.Steps().take("write", refuse)
    assert str(caught.value) == "the probe fails at its step write: it does not answer. Look."
    assert caught.value.code == Exit.VAULT


def test_parts_grow_where_there_would_be_too_many():
    assert s3.part_bytes(1) == 8 << 20
    huge = 200 << 30
    assert s3.part_bytes(huge) * s3.MOST_PARTS >= huge
