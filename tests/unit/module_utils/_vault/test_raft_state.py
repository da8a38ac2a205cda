from __future__ import annotations

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.raft import state


def raft(*servers, healthy=True):
    """Servers as (node id, voter, healthy); the first is the leader."""
    configuration = {
        "servers": [
            {"node_id": name, "address": f"{name}:8201", "voter": voter, "leader": number == 0}
            for number, (name, voter, _healthy) in enumerate(servers)
        ]
    }
    autopilot = {
        "healthy": healthy,
        "failure_tolerance": 1,
        "servers": {
            name: {
                "healthy": alive,
                "status": "voter" if voter else "non-voter",
                "last_contact": "167.9ms",
                "last_index": 7,
                "last_term": 2,
            }
            for name, voter, alive in servers
        },
    }
    return state.normalise(configuration, autopilot)


THREE = (("a", True, True), ("b", True, True), ("c", True, True))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("10s", 10), ("24h0m0s", 86400), ("1m30s", 90), ("167.9ms", 0.1679), ("24h", 86400), ("30", 30), ("0s", 0)],
)
def test_durations_are_lengths_of_time(text, seconds):
    assert state.seconds(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "10 s", "s", "10x", "1h-3m"])
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(ValueError, match="is not a duration"):
        state.seconds(text)


def test_a_peer_that_autopilot_does_not_know_is_not_healthy():
    seen = state.normalise(
        {"servers": [{"node_id": "a", "address": "a:8201", "voter": True, "leader": False}]}, {"healthy": False}
    )
    assert seen["servers"][0]["healthy"] is False
    assert seen["leader"] is None


@pytest.mark.parametrize(
    ("servers", "voters", "says"),
    [
        (THREE, 3, None),
        (THREE[:2], 3, "2 of 3 voters"),
        ((*THREE[:2], ("c", False, True)), 3, "c is non-voter"),
        ((*THREE[:2], ("c", True, False)), 3, "not healthy"),
    ],
)
def test_waiting_says_what_is_missing(servers, voters, says):
    missing = state.quorum_problem(raft(*servers), voters)
    assert missing is None if says is None else says in missing


def test_no_leader_is_not_ready():
    seen = raft(*THREE)
    assert state.quorum_problem({**seen, "leader": None}, 3) is not None


@pytest.mark.parametrize(
    ("servers", "node_id", "confirm", "says"),
    [
        (THREE, "gone", None, None),
        (THREE, "b", None, "confirm=b"),
        (THREE, "b", "c", "confirm=b"),
        (THREE, "b", "b", "would tolerate no failure"),
        ((*THREE, ("d", True, True)), "d", "d", None),
        # Two voters left need two healthy ones.
        ((*THREE[:2], ("c", True, False)), "b", "b", "would need 2 healthy ones, and there are 1"),
        ((*THREE[:2], ("c", True, False)), "c", "c", None),
        ((*THREE, ("d", False, False)), "d", "d", None),
    ],
)
def test_removing_a_peer_is_guarded(servers, node_id, confirm, says):
    problem = state.removal_problem(raft(*servers), node_id, confirm, False)
    assert problem is None if says is None else says in problem


def test_lost_tolerance_can_be_accepted_and_lost_quorum_can_not():
    assert state.removal_problem(raft(*THREE), "b", "b", True) is None
    assert state.removal_problem(raft(*THREE[:2], ("c", True, False)), "b", "b", True) is not None


def test_who_is_leaving_need_not_be_healthy():
    seen = raft(*THREE[:2], ("c", True, False), ("d", True, True), healthy=False)
    assert state.quorum_problem(seen, 3) is not None
    rest = state.excluding(seen, ["c"])
    assert state.quorum_problem(rest, 3) is None
    assert (rest["healthy"], rest["failure_tolerance"]) == (True, 1)
    assert state.excluding(seen, []) == seen
    # The others are measured by the leader, so it stays until it hands over.
    assert state.excluding(seen, ["a"])["servers"][0]["node_id"] == "a"


@pytest.mark.parametrize(
    ("current", "desired", "changes"),
    [
        ({"last_contact_threshold": "10s"}, {"last_contact_threshold": "10s"}, {}),
        ({"dead_server_last_contact_threshold": "24h0m0s"}, {"dead_server_last_contact_threshold": "24h"}, {}),
        ({"min_quorum": 0}, {"min_quorum": 3}, {"min_quorum": 3}),
        ({"min_quorum": 3}, {"min_quorum": None}, {}),
        ({}, {"max_trailing_logs": 1000}, {"max_trailing_logs": 1000}),
    ],
)
def test_autopilot_changes_only_what_differs(current, desired, changes):
    assert state.autopilot_changes(current, desired) == changes


@pytest.mark.parametrize(
    ("config", "refused"),
    [
        ({"cleanup_dead_servers": False, "min_quorum": 0}, False),
        ({"cleanup_dead_servers": True, "min_quorum": 2}, True),
        ({"cleanup_dead_servers": True, "min_quorum": 3, "dead_server_last_contact_threshold": "59s"}, True),
        ({"cleanup_dead_servers": True, "min_quorum": 3, "dead_server_last_contact_threshold": "1m"}, False),
    ],
)
def test_autopilot_that_endangers_the_quorum_is_refused(config, refused):
    assert bool(state.autopilot_problem(config)) is refused


def test_differences_name_both_sides_and_leave_joiners_alone():
    seen = raft(("a", True, True), ("x", True, True))
    found = state.peer_differences(seen, {"a": "10.0.0.1:8201", "b": "10.0.0.2:8201"})
    assert any("a is at a:8201 in the cluster, and at 10.0.0.1:8201" in sentence for sentence in found)
    assert any("x (x:8201) is a peer of the cluster, and not in the inventory" in sentence for sentence in found)
    assert len(found) == 2


def restarted(**changes):
    """Three healthy voters, of which the second was restarted; with changes to what is seen of it."""
    seen = raft(*THREE)
    for server in seen["servers"]:
        server.update({"version": "1.21.1", "last_index": 100, "last_term": 2})
    seen["servers"][1].update(changes)
    return seen


@pytest.mark.parametrize(
    ("seen", "says"),
    [
        (restarted(), None),
        (restarted(last_index=90), None),
        (restarted(last_index=89), "index 89 of 90"),
        (restarted(voter=False, status="non-voter"), "b is non-voter"),
        (restarted(healthy=False), "not healthy"),
        (restarted(version="1.21.0"), "runs 1.21.0, not 1.21.1"),
        (restarted(version=None), "an unknown version"),
        (restarted(last_term=1), "term 1"),
        ({**restarted(), "servers": restarted()["servers"][1:]}, "no leader"),
        (state.without(restarted(), "b"), "b is no peer"),
    ],
)
def test_a_restarted_peer_is_back_when_it_is_as_good_as_before(seen, says):
    found = state.rejoin_problem(seen, "b", "1.21.1", index=90)
    assert found is None if says is None else says in str(found)


# --- what the nodes say themselves


def answers(**states):
    """A node of each name, at the host of that name: 'active', 'standby' or what else it is."""
    return [
        {
            "name": name,
            "url": f"https://{name}:8200",
            "state": kind,
            "cluster_id": None if kind == "unreachable" else "one",
            "version": "1.21.1",
            "raft_index": 100,
            "error": f"{name}: no connection (refused)." if kind == "unreachable" else None,
        }
        for name, kind in states.items()
    ]


WELL = answers(a="active", b="standby", c="standby")


def changed(number, **changes):
    return [{**node, **changes} if at == number else node for at, node in enumerate(WELL)]


@pytest.mark.parametrize(
    ("nodes", "says"),
    [
        (WELL, None),
        (answers(a="active", b="unreachable", c="standby"), "b is unreachable (b: no connection (refused))"),
        (answers(a="active", b="sealed", c="standby"), "b is sealed"),
        (answers(a="active", b="isolated", c="standby"), "b is isolated"),
        (answers(a="standby", b="standby", c="standby"), "0 nodes say that they are the active one"),
        (answers(a="active", b="active", c="standby"), "2 nodes say"),
        (answers(a="standby", b="active", c="standby"), "a leads, and b is the active node"),
        (changed(1, cluster_id="two"), "b is in cluster two"),
    ],
)
def test_autopilots_word_is_not_enough(nodes, says):
    """It still calls all of them healthy."""
    seen = raft(*THREE)
    assert state.quorum_problem(seen, 3) is None
    found = state.not_serving(seen, nodes, {})
    assert found is None if says is None else says in found


def test_a_voter_that_nobody_asks_is_named():
    urls = {"a": "https://a:8200", "b": "https://b:8200"}
    assert state.not_asked(raft(*THREE), urls, {}) == ["c (c:8201)"]
    assert state.not_asked(raft(*THREE), {**urls, "c": "https://c:8200"}, {}) == []
    # Another machine at the host of the URL, by what the inventory says of Raft's addresses.
    assert state.not_asked(raft(*THREE), {**urls, "c": "https://c:8200"}, {"c": "d:8201"}) == ["c (c:8201)"]
    assert state.not_asked(raft(*THREE), {**urls, "x": "https://vault.example:8200"}, {"x": "c:8201"}) == []
    assert state.not_asked(raft(*THREE[:2], ("c", False, True)), urls, {}) == []


def test_an_address_may_be_of_ipv6():
    seen = raft(*THREE)
    seen["servers"][2]["address"] = "[fd00::3]:8201"
    urls = {"a": "https://a:8200", "b": "https://b:8200", "c": "https://[fd00::3]:8200"}
    assert state.not_asked(seen, urls, {}) == []


@pytest.mark.parametrize(
    ("nodes", "says"),
    [
        (WELL, None),
        # Another node's death is no fault of this one.
        (answers(a="active", b="standby", c="unreachable"), None),
        (answers(a="unreachable", b="standby", c="unreachable"), None),
        (answers(a="active", b="unreachable", c="standby"), "b is unreachable"),
        (changed(1, raft_index=89), "b says that it has Raft index 89 of 90"),
        (changed(1, raft_index=None), "b says that it has Raft index None of 90"),
        (changed(1, version="1.21.0"), "b says that it runs 1.21.0, not 1.21.1"),
        (WELL[:1], "b (b:8201) is none of the nodes that are asked"),
    ],
)
def test_a_restarted_peer_is_back_by_its_own_word(nodes, says):
    found = state.own_rejoin_problem(restarted(), "b", "1.21.1", 90, nodes, {})
    assert found is None if says is None else says in found


def test_a_cluster_that_tolerates_less_than_it_could_is_not_whole():
    assert "tolerates 0 failures, and 1" in str(state.missing_tolerance({**raft(*THREE), "failure_tolerance": 0}))
    assert state.missing_tolerance(raft(*THREE)) is None
