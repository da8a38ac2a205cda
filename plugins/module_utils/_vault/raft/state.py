# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Raft peers and autopilot in one shape, and the decisions taken from them. Pure."""

from __future__ import annotations

import re
import typing as t
from urllib.parse import urlsplit

from ..status.state import Node

UNIT_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}

SERVING = ("active", "standby")

# Autopilot's settings, each with what makes two values equal.
DURATIONS = ("dead_server_last_contact_threshold", "last_contact_threshold", "server_stabilization_time")


class Server(t.TypedDict):
    node_id: str
    address: str
    voter: bool
    leader: bool
    healthy: bool
    status: str  # leader, voter, non-voter
    last_index: int
    last_term: int
    last_contact_seconds: float | None
    stable_since: str | None
    version: str | None


class Raft(t.TypedDict):
    healthy: bool
    failure_tolerance: int
    leader: str | None
    voters: list[str]
    servers: list[Server]


def seconds(duration: str) -> float:
    """A Go duration ('24h0m0s', '167.9ms') in seconds."""
    parts = re.findall(r"(\d+(?:\.\d+)?)(ms|us|µs|ns|h|m|s)", duration)
    if not parts or "".join(number + unit for number, unit in parts) != duration:
        if duration.isdigit():
            return float(duration)
        raise ValueError(f"'{duration}' is not a duration such as 10s, 5m or 24h0m0s")
    return sum(float(number) * UNIT_SECONDS[unit] for number, unit in parts)


def normalise(configuration: dict[str, t.Any], autopilot: dict[str, t.Any]) -> Raft:
    """Membership comes from Raft's configuration, liveness from autopilot: neither tells the other's part."""
    alive = autopilot.get("servers") or {}
    servers: list[Server] = []
    for peer in sorted(configuration["servers"], key=lambda peer: peer["node_id"]):
        seen = alive.get(peer["node_id"], {})
        contact = seen.get("last_contact")
        servers.append(
            {
                "node_id": peer["node_id"],
                "address": peer["address"],
                "voter": bool(peer["voter"]),
                "leader": bool(peer["leader"]),
                "healthy": bool(seen.get("healthy", False)),
                "status": seen.get("status", "unknown"),
                "last_index": int(seen.get("last_index", 0)),
                "last_term": int(seen.get("last_term", 0)),
                "last_contact_seconds": seconds(contact) if contact else None,
                "stable_since": seen.get("stable_since"),
                "version": seen.get("version"),
            }
        )
    return {
        "healthy": bool(autopilot.get("healthy", False)),
        "failure_tolerance": int(autopilot.get("failure_tolerance", 0)),
        "leader": next((server["node_id"] for server in servers if server["leader"]), None),
        "voters": [server["node_id"] for server in servers if server["voter"]],
        "servers": servers,
    }


def excluding(raft: Raft, leaving: t.Sequence[str]) -> Raft:
    """The cluster without the peers that are about to be removed: whether they are healthy does not matter.

    A leader stays, since the others are measured by it.
    """
    if not leaving:
        return raft
    rest = raft
    for node_id in leaving:
        rest = without(rest, node_id) if node_id != raft["leader"] else rest
    return {
        **rest,
        "healthy": all(server["healthy"] for server in rest["servers"]),
        "failure_tolerance": tolerance(rest["servers"]),
    }


def tolerance(servers: t.Sequence[Server]) -> int:
    """How many of the healthy voters may fail before the quorum is lost; negative when it is lost."""
    voters = [server for server in servers if server["voter"]]
    return len([server for server in voters if server["healthy"]]) - (len(voters) // 2 + 1)


def quorum_problem(raft: Raft, voters: int) -> str | None:
    """What is still missing until this many voters are healthy, or None when nothing is."""
    healthy = [server["node_id"] for server in raft["servers"] if server["voter"] and server["healthy"]]
    if raft["leader"] and raft["healthy"] and len(healthy) >= voters:
        return None
    waiting = [
        f"{server['node_id']} is {server['status']}, {'healthy' if server['healthy'] else 'not healthy'}"
        for server in raft["servers"]
        if server["node_id"] not in healthy
    ]
    return f"{len(healthy)} of {voters} voters are healthy" + (f" ({'; '.join(waiting)})" if waiting else "")


def index_of_leader(raft: Raft) -> int:
    return next((server["last_index"] for server in raft["servers"] if server["leader"]), 0)


def rejoin_problem(raft: Raft, node_id: str, version: str | None, index: int) -> str | None:
    """What keeps a peer that was restarted from being as good as before, as autopilot sees it, or None.

    *index* is what the leader had when the wait began: how far behind a peer may be must not depend on the load.
    """
    server = next((server for server in raft["servers"] if server["node_id"] == node_id), None)
    leader = next((server for server in raft["servers"] if server["leader"]), None)
    if server is None:
        return f"{node_id} is no peer of the cluster"
    if leader is None:
        return "there is no leader"
    if not (server["voter"] and server["healthy"]):
        return f"{node_id} is {server['status']}, {'healthy' if server['healthy'] else 'not healthy'}"
    if version and server["version"] != version:
        return f"{node_id} runs {server['version'] or 'an unknown version'}, not {version}"
    if server["last_term"] != leader["last_term"]:
        return f"{node_id} is in term {server['last_term']}, and the leader is in {leader['last_term']}"
    if server["last_index"] < index:
        return f"{node_id} has applied index {server['last_index']} of {index}"
    return None


def missing_tolerance(raft: Raft) -> str | None:
    possible = (len(raft["voters"]) - 1) // 2
    if raft["failure_tolerance"] < possible:
        return f"the cluster tolerates {raft['failure_tolerance']} failures, and {possible} with all voters healthy"
    return None


def own_answer(server: Server, nodes: t.Iterable[Node], peers: t.Mapping[str, str]) -> Node | None:
    """What the peer says itself, if it was asked."""
    return next((node for node in nodes if _is_peer(server, node["name"], node["url"], peers)), None)


def _is_peer(server: Server, name: str, url: str, peers: t.Mapping[str, str]) -> bool:
    """*peers*: Raft addresses by the nodes' names, where they are known; else a node is the peer at its URL's host."""
    if name in peers:
        return server["address"] == peers[name]
    return _host(server["address"]) == _host(url)


def not_asked(raft: Raft, urls: t.Mapping[str, str], peers: t.Mapping[str, str]) -> list[str]:
    """Voters that are none of the nodes, and of which nobody here can say how they are."""
    return [
        f"{server['node_id']} ({server['address']})"
        for server in raft["servers"]
        if server["voter"] and not any(_is_peer(server, name, url, peers) for name, url in urls.items())
    ]


def not_serving(raft: Raft, nodes: t.Sequence[Node], peers: t.Mapping[str, str]) -> str | None:
    """What keeps the nodes, by their own words, from being the cluster that autopilot describes, or None.

    Autopilot notices a dead voter only when it has been silent for ten seconds.
    """
    for node in nodes:
        if node["state"] not in SERVING:
            return _state_of(node)
    ids = {node["cluster_id"] for node in nodes}
    if len(ids) > 1:
        return "; ".join(f"{node['name']} is in cluster {node['cluster_id']}" for node in nodes)
    active = [node for node in nodes if node["state"] == "active"]
    if len(active) != 1:
        return f"{len(active)} nodes say that they are the active one"
    leader = next((server for server in raft["servers"] if server["leader"]), None)
    if leader is not None and own_answer(leader, active, peers) is None:
        return f"{leader['node_id']} leads, and {active[0]['name']} is the active node"
    return None


def own_rejoin_problem(
    raft: Raft, node_id: str, version: str | None, index: int, nodes: t.Sequence[Node], peers: t.Mapping[str, str]
) -> str | None:
    """As rejoin_problem, by the peer's own words. How the others are is no matter of this one's."""
    server = next(server for server in raft["servers"] if server["node_id"] == node_id)
    node = own_answer(server, nodes, peers)
    if node is None:
        return f"{node_id} ({server['address']}) is none of the nodes that are asked"
    if node["state"] not in SERVING:
        return _state_of(node)
    if version and node["version"] != version:
        return f"{node['name']} says that it runs {node['version']}, not {version}"
    if (node["raft_index"] or 0) < index:
        return f"{node['name']} says that it has Raft index {node['raft_index']} of {index}"
    return None


def by_own_word(raft: Raft, nodes: t.Sequence[Node], peers: t.Mapping[str, str]) -> Raft:
    """The same with those not healthy that say so, or don't answer. Who was not asked is what autopilot thinks it is."""
    servers = []
    for server in raft["servers"]:
        node = own_answer(server, nodes, peers)
        servers.append({**server, "healthy": server["healthy"] and (node is None or node["state"] in SERVING)})
    return {**raft, "servers": t.cast("list[Server]", servers)}


def _state_of(node: Node) -> str:
    return f"{node['name']} is {node['state']}" + (f" ({node['error'].rstrip('.')})" if node["error"] else "")


def _host(address: str) -> str | None:
    return urlsplit("//" + address.rpartition("//")[2]).hostname


def removal_problem(raft: Raft, node_id: str, confirm: str | None, accept_lost_tolerance: bool) -> str | None:
    """Why this peer must not be removed now, or None."""
    server = next((server for server in raft["servers"] if server["node_id"] == node_id), None)
    if server is None:
        return None
    if confirm != node_id:
        return f"removing a peer wants its node id typed as confirmation: set confirm={node_id}"
    left = [peer for peer in raft["servers"] if peer["node_id"] != node_id]
    after = tolerance(left)
    if server["voter"] and after < 0:
        voters = len([peer for peer in left if peer["voter"]])
        return (
            f"without {node_id}, {voters} voters would need {voters // 2 + 1} healthy ones, and there are "
            f"{voters // 2 + 1 + after}. Bring the others back first"
        )
    if server["voter"] and after < min(1, tolerance(raft["servers"])) and not accept_lost_tolerance:
        return (
            f"without {node_id} the cluster would tolerate no failure any more. Add a voter first, or confirm it with "
            "accept_lost_tolerance"
        )
    return None


def without(raft: Raft, node_id: str) -> Raft:
    """The cluster as it will be when that peer is gone."""
    servers = [server for server in raft["servers"] if server["node_id"] != node_id]
    return {**raft, "servers": servers, "voters": [voter for voter in raft["voters"] if voter != node_id]}


def autopilot_changes(current: dict[str, t.Any], desired: dict[str, t.Any]) -> dict[str, t.Any]:
    """The settings to write: those that were given and differ."""

    def same(name: str, one: t.Any, other: t.Any) -> bool:
        if name not in DURATIONS:
            return one == other
        try:
            return seconds(str(one)) == seconds(str(other))
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from error

    return {
        name: value
        for name, value in desired.items()
        if value is not None and not (name in current and same(name, current[name], value))
    }


def autopilot_problem(config: dict[str, t.Any]) -> str | None:
    """Combinations that Vault refuses or that endanger the quorum."""
    if not config.get("cleanup_dead_servers"):
        return None
    if int(config.get("min_quorum") or 0) < 3:
        return "cleanup_dead_servers needs min_quorum of at least 3, else it may remove the quorum"
    if seconds(str(config.get("dead_server_last_contact_threshold", "24h"))) < 60:
        return "cleanup_dead_servers needs dead_server_last_contact_threshold of at least 1m"
    return None


def peer_differences(raft: Raft, expected: dict[str, str]) -> list[str]:
    """How the cluster's peers differ from the inventory's (node id -> host:port), one sentence each.

    Peers that are missing may still join, so they are no difference.
    """
    known = {server["node_id"]: server["address"] for server in raft["servers"]}
    differences = [
        f"{node_id} is at {known[node_id]} in the cluster, and at {address} in the inventory"
        for node_id, address in expected.items()
        if node_id in known and known[node_id] != address
    ]
    differences += [
        f"{node_id} ({address}) is a peer of the cluster, and not in the inventory"
        for node_id, address in known.items()
        if node_id not in expected
    ]
    return differences
