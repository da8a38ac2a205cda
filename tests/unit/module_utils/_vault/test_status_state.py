"""What a node's answers to three questions mean, and what the nodes are together."""

from __future__ import annotations

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.errors import VaultError
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.status import state

URL = "https://a:8200"
HEALTH = {"version": "1.21.1+ent", "cluster_id": "one", "cluster_name": "prod"}
SEAL = {
    "initialized": True,
    "sealed": False,
    "type": "awskms",
    "migration": True,
    "version": "1.21.1",
    "cluster_id": "two",
    "cluster_name": "other",
}
LEADER = {"leader_address": "https://b:8200", "raft_committed_index": 7}


def test_each_answer_has_its_part_in_what_is_read():
    assert state.normalise("a", URL, 429, HEALTH, SEAL, LEADER) == {
        "name": "a",
        "url": URL,
        "state": "standby",
        "initialized": True,
        "sealed": False,
        "seal_type": "awskms",
        "migrating": True,
        "version": "1.21.1",
        "cluster_id": "one",
        "cluster_name": "prod",
        "leader_address": "https://b:8200",
        "raft_index": 7,
        "error": None,
        "reach": "answered",
    }


def test_what_health_leaves_out_is_in_the_answer_about_the_seal_and_the_other_way_round():
    found = state.normalise("a", URL, 200, {}, SEAL, {})
    assert (found["cluster_id"], found["cluster_name"]) == ("two", "other")
    assert state.normalise("a", URL, 200, HEALTH, {}, {})["version"] == "1.21.1+ent"


def test_nothing_is_made_of_an_answer_that_is_empty():
    found = state.normalise("a", URL, 299, {"cluster_id": ""}, {"cluster_name": ""}, {"leader_address": ""})
    # Neither initialised nor unsealed, unless it says so.
    assert (found["state"], found["initialized"], found["sealed"]) == ("unknown", False, True)
    nothing = ("seal_type", "version", "cluster_id", "cluster_name", "leader_address", "raft_index")
    assert [found[name] for name in nothing] == [None] * len(nothing)


@pytest.mark.parametrize(
    ("code", "word"),
    [
        (200, "active"),
        (429, "standby"),
        (472, "standby"),
        (473, "standby"),
        (474, "isolated"),
        (501, "uninitialized"),
        (503, "sealed"),
        (530, "removed"),
        (500, "unknown"),
    ],
)
def test_a_code_is_a_word(code, word):
    assert state.normalise("a", URL, code, HEALTH, SEAL, LEADER)["state"] == word


def test_a_node_that_was_not_reached_said_nothing():
    error = VaultError("a", "no connection", "Mend it.", reach="address")
    found = state.unreachable("a", URL, error)
    assert (found["name"], found["url"], found["state"]) == ("a", URL, "unreachable")
    assert found["error"] == str(error)
    assert "no connection" in found["error"]
    assert found["reach"] == "address"
    # Unlike a node that answers, it is neither: nobody knows.
    assert found["initialized"] is None
    assert found["sealed"] is None
    assert [found[name] for name in ("version", "cluster_id", "cluster_name", "leader_address", "raft_index")] == [
        None
    ] * 5


def node(name, kind, cluster="one", version="1.21.1"):
    initialized = {"uninitialized": False, "unreachable": None}.get(kind, True)
    known = initialized is True
    return {
        "name": name,
        "state": kind,
        "initialized": initialized,
        "cluster_id": cluster if known else None,
        "version": version if initialized is not None else None,
    }


def classify(*kinds):
    return state.classify([node(name, kind) for name, kind in zip("abcde", kinds, strict=False)])


@pytest.mark.parametrize(
    ("kinds", "word"),
    [
        (("uninitialized", "uninitialized"), "fresh"),
        (("uninitialized", "unreachable"), "down"),
        (("unreachable", "unreachable"), "down"),
        (("active", "standby", "standby"), "live"),
        (("active",), "live"),
        (("standby", "standby", "standby"), "degraded"),
        (("active", "active", "standby"), "degraded"),
        (("active", "standby", "uninitialized"), "partial"),
        (("standby", "standby", "uninitialized"), "degraded"),
        (("active", "active", "uninitialized"), "degraded"),
        (("active", "standby", "sealed"), "degraded"),
        (("active", "standby", "unreachable"), "degraded"),
        (("active", "uninitialized", "unreachable"), "degraded"),
        (("active", "standby", "removed"), "degraded"),
        (("active", "standby", "isolated"), "degraded"),
        (("sealed", "sealed"), "degraded"),
    ],
)
def test_a_word_for_the_whole(kinds, word):
    assert classify(*kinds)["state"] == word


def test_what_is_said_beside_the_word():
    found = state.classify([node("b", "standby", version="1.21.0"), node("a", "active"), node("c", "sealed")])
    assert found == {
        "state": "degraded",
        "active": "a",
        "cluster_id": "one",
        "versions": ["1.21.0", "1.21.1"],
        "reason": "active: a; sealed: c; standby: b",
    }
    assert classify("standby", "standby")["reason"] == "standby: a, b"


def test_of_two_active_nodes_none_is_the_active_one():
    assert classify("active", "active")["active"] is None
    assert classify("standby", "standby")["active"] is None


def test_two_clusters_are_named_with_their_nodes():
    found = state.classify([node("a", "active"), node("b", "active", cluster="two"), node("c", "uninitialized")])
    assert found["state"] == "split"
    assert found["cluster_id"] is None
    assert found["reason"] == "a is in cluster one; b is in cluster two"


def test_a_cluster_that_nobody_names_has_no_id():
    assert classify("uninitialized")["cluster_id"] is None
    assert classify("unreachable")["versions"] == []
