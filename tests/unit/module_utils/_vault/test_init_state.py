from __future__ import annotations

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._custody.record import elsewhere, prepared, stored
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.init import state
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.status.state import classify
from hypothesis import given, settings
from hypothesis import strategies as st

RESERVED = prepared("prod", "2026-01-01T00:00:00+00:00", "ada@desk")
OLD = {**RESERVED, "who": None, "run": None}
STORED = stored(RESERVED, RESERVED, "id-1")
ELSEWHERE = elsewhere("prod", "2026-01-01T00:00:00+00:00", "ada@desk", "id-1", 5, 3)
UNBOUND = {**STORED, "cluster_id": None}
JOURNALS = ["none", "ours", "empty", "keys", "spent", "sealed"]


def cluster(name, cluster_id="id-1"):
    return {"state": name, "active": None, "cluster_id": cluster_id, "versions": [], "reason": "because"}


@pytest.mark.parametrize(
    ("where", "record", "journal", "step"),
    [
        ("fresh", None, "none", "initialise"),
        ("fresh", None, "empty", "initialise"),
        ("fresh", None, "sealed", "refuse"),
        ("fresh", None, "spent", "refuse"),
        ("fresh", RESERVED, "ours", "initialise"),
        ("fresh", RESERVED, "none", "refuse"),
        ("fresh", RESERVED, "empty", "refuse"),
        ("fresh", RESERVED, "keys", "refuse"),
        ("fresh", RESERVED, "sealed", "refuse"),
        ("fresh", OLD, "none", "refuse"),
        ("fresh", STORED, "none", "refuse"),
        ("fresh", ELSEWHERE, "none", "refuse"),
        ("live", ELSEWHERE, "none", "nothing"),
        ("degraded", ELSEWHERE, "none", "nothing"),
        ("live", {**ELSEWHERE, "cluster_id": "id-2"}, "none", "refuse"),
        ("live", None, "none", "nothing"),
        ("live", STORED, "none", "nothing"),
        ("live", STORED, "spent", "tidy"),
        ("live", STORED, "empty", "tidy"),
        ("live", STORED, "sealed", "refuse"),
        ("live", UNBOUND, "none", "tidy"),
        ("live", RESERVED, "keys", "recover"),
        ("partial", RESERVED, "keys", "recover"),
        ("live", RESERVED, "none", "refuse"),
        ("live", RESERVED, "ours", "refuse"),
        ("live", OLD, "none", "refuse"),
        ("degraded", STORED, "none", "nothing"),
        ("split", STORED, "none", "refuse"),
        ("down", None, "none", "refuse"),
        ("down", STORED, "none", "refuse"),
    ],
)
def test_init_happens_only_when_it_is_safe(where, record, journal, step):
    assert state.plan(cluster(where), record, journal, "the sink").step == step


@pytest.mark.parametrize(
    ("where", "record", "there_may_be_one"),
    [
        ("fresh", None, True),
        ("fresh", RESERVED, True),
        ("live", RESERVED, True),
        ("live", UNBOUND, True),
        ("live", STORED, False),
        ("live", ELSEWHERE, False),
        ("degraded", STORED, False),
        ("live", None, False),
    ],
)
def test_a_journal_matters_until_the_keys_know_their_cluster(where, record, there_may_be_one):
    assert state.matters(cluster(where), record) is there_may_be_one


@pytest.mark.parametrize("journal", ["none", "ours"])
@pytest.mark.parametrize("record", [STORED, ELSEWHERE])
def test_no_word_lets_init_take_the_place_of_keys_of_an_earlier_cluster(record, journal):
    found = state.plan(cluster("fresh"), record, journal, "the sink", take_over="ada@desk")
    assert (found.step, "an earlier cluster" in found.cause) == ("refuse", True)


def test_somebody_elses_reservation_is_named_and_taken_over_only_by_name():
    plan = state.plan(cluster("fresh"), RESERVED, "none", "the sink")
    assert "ada@desk began an init of this cluster at 2026-01-01" in plan.cause
    assert "vault_custody_take_over='ada@desk'" in plan.cure
    assert state.plan(cluster("fresh"), RESERVED, "none", "the sink", "ben@desk").step == "refuse"
    taken = state.plan(cluster("fresh"), RESERVED, "empty", "the sink", "ada@desk")
    assert (taken.step, taken.take_over) == ("initialise", True)
    assert state.plan(cluster("fresh"), RESERVED, "keys", "the sink", "ada@desk").step == "refuse"
    assert state.plan(cluster("live"), RESERVED, "none", "the sink", "ada@desk").step == "refuse"


def test_a_reservation_without_a_name_is_taken_over_by_its_time():
    cure = state.plan(cluster("fresh"), OLD, "none", "the sink").cure
    assert f"vault_custody_take_over='{OLD['since']}'" in cure
    assert state.plan(cluster("fresh"), OLD, "none", "the sink", OLD["since"]).step == "initialise"


def test_keys_of_another_cluster_are_noticed():
    plan = state.plan(cluster("live", "id-2"), STORED, "none", "the sink")
    assert plan.step == "refuse"
    assert "id-1" in plan.cause
    assert "id-2" in plan.cause


def test_what_the_sink_wants_is_put_in_order():
    assert state.plan(cluster("live"), STORED, "none", "the sink", untidy=True).step == "tidy"


@pytest.mark.parametrize(("record", "journal"), [(RESERVED, "ours"), (OLD, "none")])
def test_lost_keys_are_said_to_be_lost_and_how_to_start_again(record, journal):
    plan = state.plan(cluster("live"), record, journal, "the sink")
    assert "recovery keys and the root token are lost" in plan.cause
    assert "systemctl stop vault" in plan.cure


def test_keys_that_another_controller_may_have_are_not_said_to_be_lost():
    plan = state.plan(cluster("live"), RESERVED, "none", "the sink")
    assert "ada@desk" in plan.cause and "lost" not in plan.cause
    assert "run again with the inputs of that run" in plan.cure


NODES = st.lists(
    st.fixed_dictionaries(
        {
            "name": st.sampled_from("abc"),
            "state": st.sampled_from(
                ["active", "standby", "uninitialized", "sealed", "removed", "unreachable", "unknown"]
            ),
            "initialized": st.sampled_from([None, False, True]),
            "cluster_id": st.sampled_from([None, "id-1", "id-2"]),
            "version": st.none(),
        }
    ),
    max_size=5,
)


@settings(deadline=None)
@given(NODES, st.sampled_from([None, RESERVED, OLD, STORED, UNBOUND]), st.sampled_from(JOURNALS), st.booleans())
def test_no_init_where_anything_is_or_may_be(nodes, record, journal, take_over):
    plan = state.plan(classify(nodes), record, journal, "the sink", "ada@desk" if take_over else "")
    if plan.step == "initialise":
        assert nodes and all(node["state"] == "uninitialized" and not node["initialized"] for node in nodes)
        assert record is None or record["status"] == "prepared"
        assert journal in ("none", "ours", "empty")
        assert plan.take_over or record is None or journal == "ours"


@pytest.mark.parametrize(
    ("shares", "threshold", "pgp", "sink", "refused"),
    [
        (5, 3, None, "secretsmanager", False),
        (1, 1, None, "secretsmanager", False),
        (5, 1, None, "secretsmanager", True),
        (3, 4, None, "secretsmanager", True),
        (0, 0, None, "secretsmanager", True),
        (256, 3, None, "secretsmanager", True),
        (2, 2, ["a"], "pgp", True),
        (2, 2, ["a", "b"], "pgp", False),
        (2, 2, None, "pgp", True),
    ],
)
def test_share_numbers(shares, threshold, pgp, sink, refused):
    assert bool(state.share_problem(shares, threshold, pgp, sink)) is refused


def node(name, state_, cluster_id=None, initialized=None):
    known = {"active": True, "standby": True, "sealed": True, "uninitialized": False}
    return {
        "name": name,
        "state": state_,
        "cluster_id": cluster_id,
        "initialized": known.get(state_) if initialized is None else initialized,
        "version": "1.21.1",
        "error": None,
    }


@pytest.mark.parametrize(
    ("nodes", "state_"),
    [
        ([("uninitialized", None)] * 3, "fresh"),
        ([("uninitialized", None), ("uninitialized", None), ("unreachable", None)], "down"),
        ([("unreachable", None)] * 3, "down"),
        ([("active", "x"), ("standby", "x"), ("standby", "x")], "live"),
        ([("active", "x"), ("standby", "x"), ("uninitialized", None)], "partial"),
        ([("active", "x"), ("standby", "x"), ("unreachable", None)], "degraded"),
        ([("active", "x"), ("sealed", None), ("standby", "x")], "degraded"),
        ([("standby", "x"), ("standby", "x"), ("standby", "x")], "degraded"),
        ([("active", "x"), ("active", "y"), ("standby", "y")], "split"),
        ([("active", "x"), ("active", "x"), ("standby", "x")], "degraded"),
        ([("sealed", None), ("uninitialized", None), ("uninitialized", None)], "degraded"),
    ],
)
def test_classify(nodes, state_):
    assert classify([node(f"n{n}", *what) for n, what in enumerate(nodes)])["state"] == state_
