"""What is read before the lease is taken: each lease leaves a mark on the node, and no look does."""

from __future__ import annotations

import os

import pytest
from ansible_collections.vaultops.cluster.plugins.filter import cluster as filters
from ansible_collections.vaultops.cluster.plugins.module_utils._common.errors import Problem
from ansible_collections.vaultops.cluster.plugins.module_utils._lease import nodes as verdicts
from ansible_collections.vaultops.cluster.plugins.module_utils._node import lease

NODES = ["n1", "n2", "n3"]
THEIRS = {"who": "bob@ops-1", "job": "", "playbook": "site", "since": 1_700_000_000.0, "expires": 1_700_001_800.0}


@pytest.fixture
def node(tmp_path):
    """Asks a node for its vote, as *holder*."""
    directory = tmp_path / "lease"

    def ask(state, holder="a", check=False, **more):
        own = {"state": state, "cluster": "prod", "holder": holder, "who": f"{holder}@laptop", "job": ""}
        options = {**own, "playbook": "site", "minutes": 30, "take_over": "", "asked_at": None, "directory": directory}
        return lease.ask({**options, "directory": str(directory), **more}, check)

    ask.directory = directory
    return ask


# --- the mark


def test_each_lease_that_is_taken_renewed_or_given_back_leaves_another_mark(node):
    marks = [lease.mark(str(node.directory))]
    for state, holder in (
        ("taken", "a"),
        ("renewed", "a"),
        ("taken", "a"),
        ("released", "a"),
        ("taken", "b"),
        ("released", "b"),
    ):
        assert node(state, holder)["granted"]
        marks.append(lease.mark(str(node.directory)))
    assert marks[0] is None
    assert len(set(marks)) == len(marks)


@pytest.mark.parametrize("state", ["taken", "renewed", "released"])
@pytest.mark.parametrize("holder", ["a", "b"])
def test_a_question_leaves_none(node, state, holder):
    node("taken", "a")
    before = lease.mark(str(node.directory))
    said = node(state, holder, check=True)
    assert said["granted"] is (holder == "a")
    assert said["mark"] == before == lease.mark(str(node.directory))


@pytest.mark.parametrize(("state", "holder"), [("taken", "b"), ("renewed", "b"), ("released", "b")])
def test_one_that_is_refused_leaves_none(node, state, holder):
    node("taken", "a")
    before = lease.mark(str(node.directory))
    assert not node(state, holder)["granted"]
    assert lease.mark(str(node.directory)) == before


def test_an_answer_has_the_mark_from_before_its_own(node):
    assert node("taken", "a")["mark"] is None
    taken = lease.mark(str(node.directory))
    assert node("renewed", "a")["mark"] == taken
    renewed = lease.mark(str(node.directory))
    assert node("released", "a")["mark"] == renewed != taken


def test_a_directory_that_was_made_anew_has_another_mark(node):
    node("taken", "a")
    kept = node.directory.stat()
    before = lease.mark(str(node.directory))
    node.directory.rename(node.directory.with_name("moved away"))
    assert lease.mark(str(node.directory)) is None
    node.directory.mkdir()
    os.utime(node.directory, ns=(kept.st_atime_ns, kept.st_mtime_ns))
    assert lease.mark(str(node.directory)) not in (None, before)


def test_a_question_makes_no_directory(node):
    said = node("taken", check=True)
    assert (said["granted"], said["mark"], said["lease"]["who"]) == (True, None, "a@laptop")
    assert not node.directory.exists()


def test_a_mark_that_cannot_be_had_is_not_taken_for_none(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="Not a directory"):
        lease.mark(str(tmp_path / "file" / "lease"))
    with pytest.raises(Problem):
        lease.ask({"directory": str(tmp_path), "cluster": "../prod", "state": "taken"}, True)


# --- what the controller makes of it


def seen(mark, granted=True, kept=None):
    return {"granted": granted, "lease": kept, "asked_at": None, "mark": mark}


def answered(mark, asked_at=7.0):
    return {**seen(mark), "asked_at": asked_at}


@pytest.mark.parametrize(
    ("read", "answers", "named"),
    [
        ({"n1": "1", "n2": "2"}, {"n1": "1", "n2": "2"}, []),
        ({"n1": None, "n2": None}, {"n1": None, "n2": None}, []),
        ({"n1": "1", "n2": "2"}, {"n1": "1", "n2": "3"}, ["n2"]),
        ({"n1": "1", "n2": "2"}, {"n1": "4", "n2": "3"}, ["n1", "n2"]),
        ({"n1": None}, {"n1": "1"}, ["n1"]),
        ({"n1": "1"}, {"n1": None}, ["n1"]),
        # What was not read is not relied on.
        ({}, {"n1": "1", "n2": "2"}, []),
    ],
)
def test_a_lease_in_between_is_named(read, answers, named):
    said = verdicts.since_read(
        {name: seen(mark) for name, mark in read.items()}, {name: answered(mark) for name, mark in answers.items()}
    )
    assert bool(said) is bool(named)
    if named:
        assert f"Since this run read {', '.join(named)}, another run has had the lease" in said
        assert "Nothing was changed. Begin again." in said


@pytest.mark.parametrize("silent", [{"unreachable": True, "msg": "no route"}, {"failed": True, "msg": "full"}, {}])
def test_a_node_that_does_not_answer_is_the_verdicts_concern(silent):
    read = {name: seen("1") for name in NODES}
    assert verdicts.since_read(read, {"n1": answered("1"), "n2": answered("1"), "n3": silent}) == ""
    assert verdicts.since_read(read, {"n1": answered("1"), "n2": answered("1")}) == ""
    assert verdicts.since_read(read, {"n1": answered("2"), "n2": answered("1"), "n3": silent})


def test_any_majority_that_another_run_had_is_seen_by_any_that_this_one_has():
    read = {name: seen("1") for name in NODES}
    for theirs in ({"n1", "n2"}, {"n2", "n3"}, {"n1", "n3"}, set(NODES)):
        for ours in ({"n1", "n2"}, {"n2", "n3"}, {"n1", "n3"}, set(NODES)):
            answers = {name: answered("2" if name in theirs else "1") for name in ours}
            assert verdicts.since_read(read, answers)


@pytest.mark.parametrize(
    ("read", "held"),
    [
        ({name: seen("1") for name in NODES}, True),
        ({"n1": seen(None), "n2": seen(None), "n3": seen("1", False, THEIRS)}, True),
        ({"n1": seen(None), "n2": seen("1", False, THEIRS), "n3": seen("1", False, THEIRS)}, False),
        ({"n1": seen(None)}, False),
        ({}, False),
    ],
)
def test_without_a_question_more_than_half_must_have_shown_that_they_would_grant_it(read, held):
    assert (verdicts.verdict(NODES, read, None) == "") is held


def test_an_answer_to_a_question_is_no_look_and_a_look_no_answer():
    assert verdicts.verdict(NODES, {name: answered("1") for name in NODES}, None)
    assert verdicts.verdict(NODES, {name: seen("1") for name in NODES}, 7.0)


def test_a_look_that_finds_another_run_names_it_and_says_that_nobody_asked():
    said = verdicts.verdict(
        NODES, {"n1": seen("1", False, THEIRS), "n2": seen("1", False, THEIRS), "n3": seen("1")}, None
    )
    assert "1 of 3 nodes would grant this run the lease of the cluster, and 2 must" in said
    assert "bob@ops-1 (site, since 2023-11-14 22:13 UTC" in said and "n1, n2" in said
    assert "-e vault_lease_take_over=bob@ops-1" in said


def test_what_was_seen_is_of_those_that_were_asked_for_it():
    observed = {"n1": {"lease": seen("1")}, "n2": {"lease": None}, "n3": {"unreachable": True}}
    assert filters.lease_seen(observed) == {"n1": seen("1")}
