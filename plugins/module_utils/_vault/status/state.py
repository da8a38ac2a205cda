# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the nodes' answers mean, for each node and for the cluster. Pure."""

from __future__ import annotations

import typing as t

from ..errors import VaultError

# https://developer.hashicorp.com/vault/api-docs/system/health
STATE_OF_CODE = {
    200: "active",
    429: "standby",
    472: "standby",
    473: "standby",
    474: "isolated",  # a standby that can't reach the active node, and so serves nothing
    501: "uninitialized",
    503: "sealed",
    530: "removed",
}
# What to do about a node of the state 'removed'.
REMOVED_CURE = (
    "A node that was told that it is no member stays out, however often it starts: docs/emergencies.md has the way out, under "
    "'A node says that it was removed'."
)


class Node(t.TypedDict):
    name: str
    url: str
    state: str  # active, standby, isolated, uninitialized, sealed, removed, unreachable, unknown
    initialized: bool | None  # None: the node did not say
    sealed: bool | None
    seal_type: str | None
    migrating: bool | None  # its configuration names another kind of seal than what it has stored
    version: str | None
    cluster_id: str | None
    cluster_name: str | None
    leader_address: str | None
    raft_index: int | None
    error: str | None
    reach: str | None  # how far the asking came, one of errors.REACH


class ClusterState(t.TypedDict):
    state: str  # fresh, live, partial, degraded, split, down
    active: str | None
    cluster_id: str | None
    versions: list[str]
    reason: str


def unreachable(name: str, url: str, error: VaultError) -> Node:
    node = normalise(name, url, 0, {}, {}, {})
    return {
        **node,
        "state": "unreachable",
        "initialized": None,
        "sealed": None,
        "error": str(error),
        "reach": error.reach,
    }


def normalise(
    name: str, url: str, code: int, health: dict[str, t.Any], seal: dict[str, t.Any], leader: dict[str, t.Any]
) -> Node:
    """One node's three answers in the shape that everything else reads."""
    return {
        "name": name,
        "url": url,
        "state": STATE_OF_CODE.get(code, "unknown"),
        "initialized": bool(seal.get("initialized")),
        "sealed": bool(seal.get("sealed", True)),
        "seal_type": seal.get("type"),
        "migrating": seal.get("migration"),
        "version": seal.get("version") or health.get("version"),
        "cluster_id": health.get("cluster_id") or seal.get("cluster_id") or None,
        "cluster_name": health.get("cluster_name") or seal.get("cluster_name") or None,
        "leader_address": leader.get("leader_address") or None,
        "raft_index": leader.get("raft_committed_index"),
        "error": None,
        "reach": "answered",
    }


def classify(nodes: list[Node]) -> ClusterState:
    """One word for the whole, and the reason for it.

    fresh     every node answers, and none is initialised: the only state in which init is allowed
    live      every node answers, unsealed, in one cluster with one active node
    partial   one cluster, and nodes that have not joined it yet
    degraded  one cluster, and nodes that are down, sealed, removed or without a leader
    split     nodes that belong to different clusters
    down      no node is known to be initialised, and at least one does not answer
    """
    active = [node["name"] for node in nodes if node["state"] == "active"]
    ids = sorted({node["cluster_id"] for node in nodes if node["cluster_id"]})
    initialised = [node for node in nodes if node["initialized"]]
    states: dict[str, list[str]] = {}
    for node in nodes:
        states.setdefault(node["state"], []).append(node["name"])
    reason = "; ".join(f"{state}: {', '.join(names)}" for state, names in sorted(states.items()))

    if len(ids) > 1:
        state = "split"
        reason = "; ".join(f"{node['name']} is in cluster {node['cluster_id']}" for node in nodes if node["cluster_id"])
    elif not initialised:
        state = "fresh" if set(states) == {"uninitialized"} else "down"
    elif set(states) <= {"active", "standby"} and len(active) == 1:
        state = "live"
    elif set(states) <= {"active", "standby", "uninitialized"} and len(active) == 1:
        state = "partial"
    else:
        state = "degraded"
    return {
        "state": state,
        "active": active[0] if len(active) == 1 else None,
        "cluster_id": ids[0] if len(ids) == 1 else None,
        "versions": sorted({node["version"] for node in nodes if node["version"]}),
        "reason": reason,
    }
