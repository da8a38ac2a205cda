"""What holds of names, manifests, retention and superseding whatever they are given."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import typing as t

from ansible_collections.vaultops.cluster.plugins.module_utils._backup import config, retention
from ansible_collections.vaultops.cluster.plugins.module_utils._snapshot import choice, manifest, seen
from hypothesis import given
from hypothesis import strategies as st
from kit.manifests import GOOD, ID, NOW, OTHER_ID, backup, unbound

THIRD_ID = "c0ffee00-0000-4000-8000-000000000003"
IDS = (ID, OTHER_ID, THIRD_ID)


@st.composite
def snapshots(draw: st.DrawFn) -> manifest.Manifest:
    """Of few moments, indexes and nodes, so that they meet; some from the future, some of an older tool."""
    made = backup(
        draw(st.integers(1, 9)),
        draw(st.integers(-3, 12)),
        node=draw(st.sampled_from(["vault-1", "vault_2.x"])),
        cluster_id=draw(st.sampled_from(IDS)),
        cluster=draw(st.sampled_from(["prod", "prod-2"])),
    )
    return unbound(made) if draw(st.booleans()) else made


MANY = st.lists(snapshots(), max_size=20, unique_by=lambda made: made.name)


def newest_of_each(backups: list[manifest.Manifest]) -> set[str]:
    """By cluster name and id: the last one as names are ordered."""
    last: dict[tuple[str, str], str] = {}
    for made in sorted(backups, key=lambda made: (made.started_at, made.raft_index)):
        last[made.cluster_name, made.cluster_id] = made.name
    return set(last.values())


@given(MANY, snapshots(), st.lists(st.text(max_size=30)), st.booleans())
def test_superseding_touches_no_other_cluster_and_the_newest_of_none(others, made, strangers, told):
    backups = [other for other in others if other.name != made.name] + [made]
    names = [name for each in backups for name in (each.name, f"{each.name}.json")]
    ours = {
        each.name for each in backups if (each.cluster_name, each.cluster_id) == (made.cluster_name, made.cluster_id)
    }
    known = {each.name for each in backups if each.cluster_id == made.cluster_id} if told else set()
    found = {name.removesuffix(".json") for name in manifest.superseded(names + strangers, made, known)}
    assert found <= ours - newest_of_each(backups) - {made.name}
    older = {
        each.name for each in backups if (each.started_at, each.raft_index) < (made.started_at, made.raft_index)
    } & ours
    if told:
        assert found == older


@given(MANY, snapshots(), st.integers(0, 5), st.integers(0, 9))
def test_retention_holds_neither_what_was_made_nor_another_cluster_s(others, made, keep_last, keep_days):
    backups = [other for other in others if other.name != made.name] + [made]
    gone = retention.expired(backups, made, NOW, keep_last, keep_days)
    assert made not in gone
    assert {old.cluster_id for old in gone} <= {made.cluster_id}
    left = [one for one in backups if one not in gone and one.cluster_id == made.cluster_id]
    assert len(left) >= min(max(keep_last, 1), len(left) + len(gone))
    assert all(old.started_epoch < NOW - keep_days * 86_400 for old in gone)


@given(MANY, st.sampled_from([None, *IDS]))
def test_the_newest_is_of_the_one_cluster_that_can_be_meant(backups, cluster_id):
    names = [f"{made.name}.json" for made in backups]
    by_name = {f"{made.name}.json": made for made in backups}
    told = {name: manifest.short_id(made.cluster_id) for name, made in by_name.items() if not made.is_bound}
    try:
        chosen = by_name[choice.newest(names, told, cluster_id)]
    except choice.NoChoice as no_choice:
        assert set(no_choice.candidates) <= set(names)
        return
    assert cluster_id in (None, chosen.cluster_id)
    assert cluster_id or {made.cluster_id for made in backups} == {chosen.cluster_id}
    same = [made for made in backups if made.cluster_id == chosen.cluster_id]
    assert chosen.started_at == max(made.started_at for made in same)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.text(max_size=8), inside, max_size=3),
    max_leaves=8,
)
FIELDS = [field.name for field in dataclasses.fields(manifest.Manifest)]
MADE = json.loads(backup(41, 0).to_json())


def only_value_error(read: t.Callable[[], t.Any]) -> t.Any:
    with contextlib.suppress(ValueError):
        return read()


@given(st.binary() | st.text())
def test_what_is_no_manifest_is_a_value_error(text):
    assert only_value_error(lambda: manifest.parse(text)) is None
    only_value_error(lambda: seen.parse(text if isinstance(text, str) else text.decode(errors="replace")))


def test_neither_is_one_without_end():
    for opening in ("[", '{"a":'):
        for read in (manifest.parse, seen.parse):
            assert only_value_error(lambda read=read, opening=opening: read(opening * 100_000)) is None


@given(st.dictionaries(st.sampled_from(FIELDS), JSON))
def test_a_manifest_of_anything_is_one_or_a_value_error(changes):
    found = only_value_error(lambda: manifest.parse(json.dumps({**MADE, **changes})))
    if found is not None:
        assert manifest.parse(found.to_json()) == found
        assert manifest.name_of(found) == found.name
        assert manifest.owner_of(found.name) == (found.cluster_name, found.node_name)


PATHS = [(name,) for name in GOOD] + [
    (name, key) for name, inside in GOOD.items() if isinstance(inside, dict) for key in inside
]


@given(st.dictionaries(st.sampled_from(PATHS), JSON))
def test_a_configuration_of_anything_is_one_or_a_value_error(changes):
    data: dict[str, t.Any] = json.loads(json.dumps(GOOD))
    for path, value in changes.items():
        inside = data if len(path) == 1 else data.get(path[0])
        if isinstance(inside, dict):
            inside[path[-1]] = value
    only_value_error(lambda: config.parse(data))


@given(JSON)
def test_a_configuration_that_is_none_is_a_value_error(data):
    assert only_value_error(lambda: config.parse(data)) is None


PARTS = ("prod", "_", "7f0c1f9e", "20261124T100000Z", "7", "vault-1", ".snap.encrypted", ".json", "/", "\n", "x")


@given(st.lists(st.sampled_from(PARTS), max_size=12).map("".join) | st.text())
def test_a_name_of_anything_is_read_or_left(name):
    found = manifest.owner_of(name)
    assert (manifest.started_at_of(name) == "") == (
        manifest.NAME.fullmatch(name.rpartition("/")[2].removesuffix(".json")) is None
    )
    manifest.id_of(name)
    manifest.is_future_dated(name, NOW)
    assert manifest.by_age([name]) in ([], [name])
    assert found is None or "\n" not in "".join(found)
