"""Where a judgement about Raft's peers turns."""

from __future__ import annotations

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.raft import state


def server(name, **changes):
    own = {"node_id": name, "address": f"{name}:8201", "voter": True, "leader": name == "a", "healthy": True}
    own |= {"status": "voter", "last_index": 100, "last_term": 2, "version": "1.21.1"}
    return {**own, **changes}


def raft(*servers):
    return {
        "healthy": all(one["healthy"] for one in servers),
        "failure_tolerance": state.tolerance(servers),
        "leader": next((one["node_id"] for one in servers if one["leader"]), None),
        "voters": [one["node_id"] for one in servers if one["voter"]],
        "servers": list(servers),
    }


THREE = [server("a"), server("b"), server("c")]


def back(**changes):
    return state.rejoin_problem(raft(server("a"), server("b", **changes), server("c")), "b", "1.21.1", 100)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({}, None),
        ({"last_index": 99}, "b has applied index 99 of 100"),
        ({"last_index": 101}, None),
        ({"last_term": 1}, "b is in term 1, and the leader is in 2"),
        ({"version": "1.21.0"}, "b runs 1.21.0, not 1.21.1"),
        ({"version": None}, "b runs an unknown version, not 1.21.1"),
        ({"healthy": False}, "b is voter, not healthy"),
        ({"voter": False, "status": "non-voter"}, "b is non-voter, healthy"),
    ],
)
def test_a_peer_is_back_when_it_is_as_good_as_before(changes, says):
    assert back(**changes) == says


def test_nobody_is_back_where_nobody_leads():
    assert state.rejoin_problem(raft(server("b"), server("c")), "b", None, 0) == "there is no leader"
    assert state.rejoin_problem(raft(*THREE), "d", None, 0) == "d is no peer of the cluster"


def itself(**changes):
    node = {"name": "b", "url": "https://b:8200", "state": "standby", "version": "1.21.1", "raft_index": 100}
    return state.own_rejoin_problem(raft(*THREE), "b", "1.21.1", 100, [{**node, "error": None, **changes}], {})


def test_a_peer_is_back_by_its_own_word():
    assert itself() is None
    assert itself(raft_index=99) == "b says that it has Raft index 99 of 100"
    assert itself(raft_index=None) == "b says that it has Raft index None of 100"
    assert itself(version="1.21.0") == "b says that it runs 1.21.0, not 1.21.1"
    assert itself(state="sealed", error="no key.") == "b is sealed (no key)"


def test_an_index_that_is_not_said_counts_as_none():
    node = {"name": "b", "url": "https://b:8200", "state": "standby", "version": None, "raft_index": None}
    assert state.own_rejoin_problem(raft(*THREE), "b", None, 1, [node], {}) is not None
    assert state.own_rejoin_problem(raft(*THREE), "b", None, 0, [node], {}) is None


def test_the_cluster_without_a_peer():
    rest = state.without(raft(*THREE), "b")
    assert rest["voters"] == ["a", "c"]
    assert [one["node_id"] for one in rest["servers"]] == ["a", "c"]


def test_what_leaves_has_no_part_in_how_the_rest_is():
    seen = raft(server("a"), server("b"), server("c"), server("d", healthy=False))
    assert (seen["healthy"], seen["failure_tolerance"]) == (False, 0)
    rest = state.excluding(seen, ["d"])
    assert (rest["healthy"], rest["failure_tolerance"], rest["voters"]) == (True, 1, ["a", "b", "c"])
    # The others are measured by the leader, so it is not left out.
    assert state.excluding(seen, ["a", "d"])["voters"] == ["a", "b", "c"]
    assert state.excluding(seen, []) is seen


CLEANUP = {"cleanup_dead_servers": True, "min_quorum": 3, "dead_server_last_contact_threshold": "1m"}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({}, None),
        ({"min_quorum": 2}, "min_quorum of at least 3"),
        ({"min_quorum": None}, "min_quorum of at least 3"),
        ({"dead_server_last_contact_threshold": "59s"}, "dead_server_last_contact_threshold of at least 1m"),
        ({"cleanup_dead_servers": False, "min_quorum": 0}, None),
    ],
)
def test_dead_servers_are_not_removed_in_a_hurry(changes, says):
    said = state.autopilot_problem({**CLEANUP, **changes})
    assert said is None if says is None else says in said


def test_vaults_own_threshold_is_long_enough():
    assert state.autopilot_problem({"cleanup_dead_servers": True, "min_quorum": 3}) is None


def test_a_duration_that_is_none_is_named_with_its_setting():
    with pytest.raises(ValueError, match="^last_contact_threshold: 'soon' is not a duration"):
        state.autopilot_changes({"last_contact_threshold": "10s"}, {"last_contact_threshold": "soon"})
