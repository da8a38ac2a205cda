from __future__ import annotations

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.custody.record import prepared, stored
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.init import state
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.status.state import classify

RESERVED = prepared("prod", "2026-01-01T00:00:00+00:00")
STORED = stored(RESERVED, RESERVED, "id-1")


def cluster(name, cluster_id="id-1"):
    return {"state": name, "active": None, "cluster_id": cluster_id, "versions": [], "reason": "because"}


@pytest.mark.parametrize(
    ("where", "record", "journal", "step"),
    [
        ("fresh", None, False, "initialise"),
        ("fresh", RESERVED, False, "initialise"),
        ("fresh", STORED, False, "refuse"),
        ("fresh", RESERVED, True, "refuse"),
        ("live", None, False, "nothing"),
        ("live", STORED, False, "nothing"),
        ("live", STORED, True, "tidy"),
        ("live", RESERVED, True, "recover"),
        ("partial", RESERVED, True, "recover"),
        ("live", RESERVED, False, "refuse"),
        ("degraded", STORED, False, "nothing"),
        ("split", STORED, False, "refuse"),
        ("down", None, False, "refuse"),
        ("down", STORED, False, "refuse"),
    ],
)
def test_init_happens_only_when_it_is_safe(where, record, journal, step):
    assert state.plan(cluster(where), record, journal, "the sink").step == step


def test_keys_of_another_cluster_are_noticed():
    plan = state.plan(cluster("live", "id-2"), STORED, False, "the sink")
    assert plan.step == "refuse"
    assert "id-1" in plan.cause
    assert "id-2" in plan.cause


def test_lost_keys_are_said_to_be_lost_and_how_to_start_again():
    plan = state.plan(cluster("live"), RESERVED, False, "the sink")
    assert "lost" in plan.cause
    assert "systemctl stop vault" in plan.cure


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
