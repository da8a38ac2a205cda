"""Whether a snapshot may be restored, and whether it has been."""

from __future__ import annotations

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.snapshot import restore


def cluster(state, cluster_id="one"):
    return {"state": state, "active": "a", "cluster_id": cluster_id, "versions": [], "reason": "sealed: b"}


@pytest.mark.parametrize(
    ("state", "confirm", "says"),
    [
        ("fresh", None, None),
        ("live", "prod", None),
        ("live", None, "confirm=prod"),
        ("live", "test", "confirm=prod"),
        ("degraded", "prod", "sealed: b"),
        ("partial", "prod", "Bring every node up first"),
        ("split", "prod", "Bring every node up first"),
        ("down", None, "Bring every node up first"),
    ],
)
def test_only_nothing_or_what_was_typed_is_overwritten(state, confirm, says):
    found = restore.obstacle(cluster(state), "prod", confirm)
    assert found is None if says is None else says in found


@pytest.mark.parametrize(
    ("state", "cluster_id", "indices", "says"),
    [
        ("live", "one", (7, 8), None),
        ("live", "one", (7, 6), "b has not reached Raft index 7"),
        ("live", "one", (7, None), "b has not reached Raft index 7"),
        ("live", "two", (7, 7), "has the id two, and the snapshot one"),
        ("degraded", "one", (7, 7), "the cluster is degraded"),
    ],
)
def test_it_is_waited_for_until_every_node_has_it(state, cluster_id, indices, says):
    nodes = [{"name": name, "raft_index": index} for name, index in zip("ab", indices, strict=True)]
    found = restore.missing(cluster(state, cluster_id), nodes, "one", 7)
    assert found is None if says is None else says in found
