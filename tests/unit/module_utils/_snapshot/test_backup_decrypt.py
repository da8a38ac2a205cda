"""The way back from an encrypted file and its manifest, and each way in which it must not succeed."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import io
import json
import typing as t
from pathlib import Path

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._snapshot import decrypt, manifest
from ansible_collections.vaultops.cluster.plugins.module_utils._snapshot.encryption import Key
from ansible_collections.vaultops.cluster.plugins.module_utils._snapshot.errors import Exit, Failure
from ansible_collections.vaultops.cluster.plugins.module_utils._snapshot.settings import Kms
from kit.backup_stage import BUCKET, SMALL, Stage, Wire, snapshot
from kit.fault_proxy import Answer, Drop, Rule
from kit.manifests import backup
from kit.vault_standin import CLUSTER_ID


def ours(stage: Stage, **changes: t.Any) -> decrypt.Wanted:
    wanted = decrypt.Wanted("prod", (stage.seal_key_arn, stage.key_arn), CLUSTER_ID)
    return dataclasses.replace(wanted, **changes)


@pytest.fixture
def made(stage: Stage) -> Path:
    """A snapshot on the disk and in the bucket."""
    return stage.directory / stage.take()


@pytest.fixture
def target(stage: Stage) -> t.Iterator[Path]:
    """Where the snapshot goes; afterwards nothing half is beside it."""
    folder = stage.folder / "restore"
    folder.mkdir()
    yield folder / "vault.snap"
    assert [path.name for path in folder.iterdir()] in ([], ["vault.snap"])


def change_manifest(path: Path, **changes: t.Any) -> None:
    beside = path.with_name(f"{path.name}.json")
    beside.write_text(json.dumps({**json.loads(beside.read_text()), **changes}))


def with_content(path: Path, content: bytes, stage: Stage | None = None) -> None:
    """Other content, and a manifest made to fit. With *stage*, sealed anew: as if the key were in the wrong hands, too."""
    path.write_bytes(content)
    change_manifest(path, encrypted_bytes=len(content), encrypted_sha256=hashlib.sha256(content).hexdigest())
    if stage:
        seal_again(stage, path)


def seal_again(stage: Stage, path: Path) -> None:
    known = manifest.parse(path.with_name(f"{path.name}.json").read_bytes())
    change_manifest(path, seal=Key(Kms(stage.key_arn, stage.aws, 5)).seal(manifest.seal_context(known)))


def unsealed(path: Path, **changes: t.Any) -> Path:
    """The pair as an older tool would have named and described it."""
    beside = path.with_name(f"{path.name}.json")
    known = dataclasses.replace(manifest.parse(beside.read_bytes()), format=1, seal="", **changes)
    name = manifest.name("prod", None, known.node_name, known.started_at, known.raft_index)
    beside.unlink()
    path.with_name(f"{name}.json").write_text(dataclasses.replace(known, name=name).to_json())
    return path.rename(path.with_name(name))


def refused(stage: Stage, path: Path, target: Path, **changes: t.Any) -> Failure:
    endpoint, seconds = changes.pop("kms_endpoint_url", stage.aws), changes.pop("kms_timeout_seconds", 10)
    with pytest.raises(Failure) as caught:
        decrypt.from_disk(str(path), str(target), ours(stage, **changes), endpoint, seconds)
    assert not target.exists()
    return caught.value


def test_from_the_disk(stage: Stage, made: Path, target: Path):
    known = decrypt.from_disk(str(made), str(target), ours(stage), stage.aws)
    assert target.read_bytes() == SMALL and known.raft_index == 41
    assert target.stat().st_mode & 0o777 == 0o600


def test_from_the_bucket(stage: Stage, made: Path, target: Path):
    decrypt.from_s3(stage.s3_settings(), made.name, str(target), ours(stage), stage.aws)
    assert target.read_bytes() == SMALL


def test_what_the_bucket_has_not(stage: Stage, made: Path, target: Path):
    with pytest.raises(Failure, match="NoSuchKey.*Look at the bucket, the prefix and the name") as caught:
        decrypt.from_s3(stage.s3_settings(), "other", str(target), ours(stage), stage.aws)
    assert caught.value.code == Exit.S3


def test_an_object_that_was_changed(stage: Stage, made: Path, target: Path):
    content = bytearray(made.read_bytes())
    content[-300] ^= 1
    stage.s3.put_object(Bucket=BUCKET, Key=f"snapshots/{made.name}", Body=bytes(content))
    with pytest.raises(Failure, match="was changed: its SHA-256 is not its manifest's"):
        decrypt.from_s3(stage.s3_settings(), made.name, str(target), ours(stage), stage.aws)
    assert not target.exists()


@pytest.mark.parametrize("changes", [{"cluster_id": "other-id"}, {"cluster_name": "staging"}])
def test_a_foreign_cluster_is_refused_unless_it_is_meant(
    stage: Stage, made: Path, target: Path, changes: dict[str, t.Any]
):
    failure = refused(stage, made, target, **changes)
    assert failure.code == Exit.SNAPSHOT and f"is of the cluster prod ({CLUSTER_ID})" in str(failure)
    decrypt.from_disk(str(made), str(target), ours(stage, any_cluster=True, **changes), stage.aws)
    assert target.exists()


@pytest.mark.parametrize(
    "changes",
    [
        {"vault_version": "1.0.0"},
        {"finished_at": "2020-01-01T00:00:00Z"},
        {"seal_key_arn": "arn:aws:kms:eu-central-1:123456789012:key/other"},
        {"plain_sha256": "0" * 64},
        {"raft_term": 99},
    ],
)
def test_a_manifest_that_was_changed(stage: Stage, made: Path, target: Path, changes: dict[str, t.Any]):
    """It can be written by whoever has the bucket; its seal can't."""
    change_manifest(made, **changes)
    failure = refused(stage, made, target)
    assert failure.code == Exit.SNAPSHOT and "is another manifest's" in str(failure)


def test_an_old_pair_under_a_newer_name(stage: Stage, made: Path, target: Path):
    """Copied as it is; with its name changed in it; with all that the name tells changed in it."""
    known = manifest.parse(made.with_name(f"{made.name}.json").read_bytes())
    started_at = manifest.moment(known.started_epoch + 3600)
    newer = made.with_name(manifest.name("prod", CLUSTER_ID, known.node_name, started_at, 99))
    newer.write_bytes(made.read_bytes())
    said = {}
    for changes in ({}, {"name": newer.name}, {"name": newer.name, "started_at": started_at, "raft_index": 99}):
        newer.with_name(f"{newer.name}.json").write_text(json.dumps({**json.loads(known.to_json()), **changes}))
        said[len(changes)] = str(refused(stage, newer, target))
    assert f"is the manifest of {made.name}. It was copied or renamed" in said[0]
    assert "is no name of a snapshot with its cluster, begin, Raft index and node" in said[1]
    assert f"the seal of {newer.name} is another manifest's" in said[3]


def test_one_whose_manifest_has_the_older_names_opens_with_its_seal(stage: Stage, made: Path, target: Path):
    """As the format 2 had it: the sum under the seal is over the names that its times had then."""
    beside = made.with_name(f"{made.name}.json")
    known = manifest.parse(beside.read_bytes())
    data = {**json.loads(known.to_json()), "format": 2}
    data |= {"begun": data.pop("started_at"), "ended": data.pop("finished_at")}
    del data["seal"]
    digest = hashlib.sha256(json.dumps(data, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
    context = {**manifest.context_of(known), "vaultops:manifest-sha256": digest}
    seal = Key(Kms(stage.key_arn, stage.aws, 5)).seal(context)
    beside.write_text(json.dumps({**data, "seal": seal}))
    found = decrypt.from_disk(str(made), str(target), ours(stage), stage.aws)
    assert target.read_bytes() == SMALL and found.is_bound and found.format == 2
    target.unlink()
    # Its seal is not the other format's.
    for changes in ({"seal": known.seal}, {"ended": "2020-01-01T00:00:00Z"}):
        beside.write_text(json.dumps({**data, "seal": seal, **changes}))
        assert "is another manifest's" in str(refused(stage, made, target))


def test_one_of_an_older_tool_opens_and_says_that_nobody_vouches_for_it(stage: Stage, made: Path, target: Path):
    """Encrypted as older tools did it."""
    encrypt_again(stage, made, {"vaultops:cluster-id": CLUSTER_ID, "vaultops:cluster-name": "prod"})
    old = unsealed(made)
    known = decrypt.from_disk(str(old), str(target), ours(stage), stage.aws)
    assert target.read_bytes() == SMALL and not known.is_bound


def test_a_seal_that_was_taken_off(stage: Stage, made: Path, target: Path):
    """Without it everything could be changed: an older tool's manifest has none."""
    known = manifest.parse(made.with_name(f"{made.name}.json").read_bytes())
    stripped = unsealed(made, started_at=manifest.moment(known.started_epoch + 3600))
    failure = refused(stage, stripped, target)
    assert failure.code == Exit.SNAPSHOT and "or lost its seal" in str(failure)


def test_another_snapshot_s_seal_or_none_at_all(stage: Stage, made: Path, target: Path):
    stage.vault.body = snapshot(42)
    other = json.loads((stage.directory / f"{stage.take()}.json").read_text())
    change_manifest(made, seal=other["seal"])
    assert "is another manifest's" in str(refused(stage, made, target))
    for seal, says in (("", "was changed or cut off"), ("?", "is not base64"), (other["seal"][:-40], "was changed or")):
        change_manifest(made, seal=seal)
        assert says in str(refused(stage, made, target)), seal


def encrypt_again(stage: Stage, path: Path, context: dict[str, str], key_arn: str = "") -> None:
    key = Key(Kms(key_arn or stage.key_arn, stage.aws, 5))
    with key.encrypt(io.BytesIO(SMALL), context) as stream:
        with_content(path, stream.read())


def test_a_file_that_was_cut_off(stage: Stage, made: Path, target: Path):
    made.write_bytes(made.read_bytes()[:-1])
    failure = refused(stage, made, target)
    assert failure.code == Exit.SNAPSHOT and "was cut off" in str(failure)


def test_a_file_that_was_changed(stage: Stage, made: Path, target: Path):
    content = bytearray(made.read_bytes())
    content[len(content) // 2] ^= 1
    made.write_bytes(bytes(content))
    assert "was changed: its SHA-256" in str(refused(stage, made, target))


@pytest.mark.parametrize("share", [0.0, 0.001, 0.02, 0.05, 0.3, 0.6, 0.9, 0.99, 0.999])
def test_a_file_and_a_manifest_that_were_changed_together(stage: Stage, made: Path, target: Path, share: float):
    """A bit anywhere, or an end anywhere: what the manifest can't tell any more, the encryption does."""
    whole = made.read_bytes()
    at = int(len(whole) * share)
    changed = bytearray(whole)
    changed[at] ^= 1
    for content in (bytes(changed), whole[:at]):
        with_content(made, content, stage)
        failure = refused(stage, made, target)
        assert failure.code == Exit.ENCRYPTION, failure


def test_a_snapshot_that_its_manifest_does_not_tell_of(stage: Stage, made: Path, target: Path):
    change_manifest(made, raft_term=99)
    seal_again(stage, made)
    assert "its manifest tells of another snapshot" in str(refused(stage, made, target))


def test_a_key_that_nobody_named_is_never_asked(stage: Stage, made: Path, target: Path):
    """It may be in any account; whoever has the bucket has written it there."""
    other = stage.kms.create_key()["KeyMetadata"]["Arn"]
    change_manifest(made, key_arn=other)
    with Wire(stage.aws) as proxy:
        failure = refused(stage, made, target, kms_endpoint_url=proxy.url)
        assert proxy.calls == []
    assert failure.code == Exit.SNAPSHOT and "add it to vault_restore_key_arns" in str(failure)
    failure = refused(stage, made, target, key_arns=(other,))
    assert failure.code == Exit.ENCRYPTION and "it was encrypted with another key" in str(failure)


@pytest.mark.parametrize(
    ("named", "allowed", "same"),
    [
        ("eu-west-1:123456789012:key/mrk-1", "eu-central-1:123456789012:key/mrk-1", True),
        ("eu-west-1:123456789012:key/1", "eu-central-1:123456789012:key/1", False),
        ("eu-central-1:999999999999:key/mrk-1", "eu-central-1:123456789012:key/mrk-1", False),
        ("eu-central-1:123456789012:key/mrk-2", "eu-central-1:123456789012:key/mrk-1", False),
    ],
)
def test_a_replica_is_the_same_key_and_nothing_else_is(named: str, allowed: str, same: bool):
    known = dataclasses.replace(backup(1, 1), key_arn=f"arn:aws:kms:{named}")
    wanted = decrypt.Wanted("prod", (f"arn:aws:kms:{allowed}",))
    with contextlib.nullcontext() if same else pytest.raises(Failure, match="KMS was not asked"):
        assert decrypt.require_keys(known, wanted) == wanted.key_arns[0]


@pytest.mark.parametrize("named", ["eu-central-1", "eu-west-1"])
def test_of_a_replicated_key_the_first_that_is_wanted_is_asked(named: str):
    """Not the one that the manifest names: its region may be gone."""
    arns = tuple(f"arn:aws:kms:{region}:123456789012:key/mrk-1" for region in ("eu-west-1", "eu-central-1"))
    other = "arn:aws:kms:eu-west-1:123456789012:key/mrk-2"
    known = dataclasses.replace(backup(1, 1), key_arn=f"arn:aws:kms:{named}:123456789012:key/mrk-1")
    assert decrypt.require_keys(known, decrypt.Wanted("prod", (other, *arns))) == arns[0]


@pytest.mark.parametrize(
    ("action", "says"),
    [
        (Answer("AccessDeniedException"), "You need kms:Decrypt on this key"),
        (Answer("DisabledException"), "Enable the key"),
        (Answer("KMSInvalidStateException"), "cancel its deletion"),
        (Drop(), "Look at the way to AWS"),
    ],
)
def test_a_key_that_does_not_open(stage: Stage, made: Path, target: Path, action: t.Any, says: str):
    with Wire(stage.aws, [Rule("Decrypt", action, every=True)]) as proxy:
        failure = refused(stage, made, target, kms_endpoint_url=proxy.url)
    assert (failure.code, says in str(failure)) == (Exit.ENCRYPTION, True), failure


def test_a_kms_that_is_not_there(stage: Stage, made: Path, target: Path):
    failure = refused(stage, made, target, kms_endpoint_url="http://127.0.0.1:1", kms_timeout_seconds=1)
    assert failure.code == Exit.ENCRYPTION and "Could not connect to the endpoint URL" in str(failure)


def test_a_missing_manifest(stage: Stage, made: Path, target: Path):
    made.with_name(f"{made.name}.json").unlink()
    assert "the manifest" in str(refused(stage, made, target))


def test_what_was_there_stays_when_it_fails(stage: Stage, made: Path, target: Path):
    target.write_bytes(b"before")
    made.write_bytes(made.read_bytes()[:-1])
    with pytest.raises(Failure):
        decrypt.from_disk(str(made), str(target), ours(stage), stage.aws)
    assert target.read_bytes() == b"before"
