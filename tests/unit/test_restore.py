"""Whether a snapshot may be restored, and whether it has been."""

from __future__ import annotations

import hashlib

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.errors import VaultError
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.snapshot import restore
from ansible_collections.vaultops.cluster.plugins.modules import vault_raft_restore


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


def test_only_what_was_proven_is_sent(tmp_path):
    path = tmp_path / "plain.snap"
    path.write_bytes(b"proven")
    assert vault_raft_restore.require_same(str(path), hashlib.sha256(b"proven").hexdigest()) == 6
    path.write_bytes(b"a drill's")
    with pytest.raises(VaultError, match="not the snapshot that was fetched and proven"):
        vault_raft_restore.require_same(str(path), hashlib.sha256(b"proven").hexdigest())


def test_a_follower_that_was_beyond_the_snapshot_has_to_reach_what_came_after_it(monkeypatch):
    """The snapshot is of index 7; before the restore the cluster was at 20, and it goes on from 21."""
    looks = iter([(21, 20), (21, 20), (21, 20), (21, 22)])
    seen = []

    def nodes(_cluster):
        seen.append(next(looks))
        return [{"name": name, "raft_index": index} for name, index in zip("ab", seen[-1], strict=True)]

    class Cluster:
        class connection:
            token = "given"

        def active(self):
            return "a"

        def client(self, _name):
            return None

    monkeypatch.setattr(vault_raft_restore, "read_nodes", nodes)
    monkeypatch.setattr(vault_raft_restore, "classify", lambda _nodes: cluster("live"))
    monkeypatch.setattr(vault_raft_restore.api, "knows_token", lambda _name, _client, _token: False)
    monkeypatch.setattr(vault_raft_restore, "POLL_SECONDS", 0)
    vault_raft_restore.wait_until_applied(
        Cluster(), {"cluster_name": "prod", "cluster_id": "one", "raft_index": 7}, "", 60
    )
    assert seen[-1] == (21, 22)
    assert next(looks, None) is None
