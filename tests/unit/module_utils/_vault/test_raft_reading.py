"""Raft's configuration and autopilot's state in one shape."""

from __future__ import annotations

from ansible_collections.vaultops.cluster.plugins.module_utils._vault.raft import state

CONFIGURATION = {
    "servers": [
        {"node_id": "b", "address": "b:8201", "voter": True, "leader": True, "protocol_version": "3"},
        {"node_id": "a", "address": "a:8201", "voter": False, "leader": False, "protocol_version": "3"},
    ]
}
AUTOPILOT = {
    "healthy": True,
    "failure_tolerance": 1,
    "servers": {
        "a": {
            "healthy": True,
            "status": "non-voter",
            "last_index": "7",
            "last_term": "2",
            "last_contact": "1m30s",
            "stable_since": "2026-01-01T00:00:00Z",
            "version": "1.21.1",
        }
    },
}


def test_each_has_its_part():
    assert state.normalise(CONFIGURATION, AUTOPILOT) == {
        "healthy": True,
        "failure_tolerance": 1,
        "leader": "b",
        "voters": ["b"],
        "servers": [
            {
                "node_id": "a",
                "address": "a:8201",
                "voter": False,
                "leader": False,
                "healthy": True,
                "status": "non-voter",
                "last_index": 7,
                "last_term": 2,
                "last_contact_seconds": 90.0,
                "stable_since": "2026-01-01T00:00:00Z",
                "version": "1.21.1",
            },
            # Autopilot does not know this one: nothing good is taken for granted.
            {
                "node_id": "b",
                "address": "b:8201",
                "voter": True,
                "leader": True,
                "healthy": False,
                "status": "unknown",
                "last_index": 0,
                "last_term": 0,
                "last_contact_seconds": None,
                "stable_since": None,
                "version": None,
            },
        ],
    }


def test_an_autopilot_that_says_nothing_vouches_for_nothing():
    seen = state.normalise(CONFIGURATION, {})
    assert (seen["healthy"], seen["failure_tolerance"]) == (False, 0)
    assert [server["healthy"] for server in seen["servers"]] == [False, False]


def test_how_far_the_leader_is():
    seen = state.normalise(CONFIGURATION, {"servers": {"b": {"last_index": 9}, "a": {"last_index": 12}}})
    assert state.index_of_leader(seen) == 9
    nobody = {**seen, "servers": [server for server in seen["servers"] if not server["leader"]]}
    assert state.index_of_leader(nobody) == 0
