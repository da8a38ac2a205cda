# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which nodes join a live cluster and which peers leave it, in which order, and what forbids it. Pure.

A node goes only when the one in its place is a healthy voter, so the cluster never tolerates less than when this began.
Only a dead node whose address the new one has goes first: two peers can't share one.
"""

from __future__ import annotations

import difflib
import typing as t

from .._common import product
from .._common.product import Flavour
from .inputs import Node

CONFIRM = "-e vault_accept_lost_tolerance=true"
# States in which a node that is no voter may be brought up.
MAY_JOIN = ("unreachable", "uninitialized", "standby")


class Plan(t.TypedDict):
    problems: list[str]
    joining: list[str]  # names of hosts
    remove_first: list[str]  # node ids
    remove_last: list[str]
    steps: list[str]  # in words


def plan(
    status: t.Mapping[str, t.Any],
    raft: t.Mapping[str, t.Any],
    target: list[Node],
    leaving: list[str],
    version: str,
    accept_lost_tolerance: bool = False,
    flavour: Flavour = product.VAULT,
) -> Plan:
    """*status*, *raft*: results of vault_status_info and vault_raft_info; *target*: the nodes that shall be the cluster;
    *leaving*: node ids that were typed, to be removed."""
    server = product.named(flavour)
    problems = _cluster_problems(status, version, server)
    if problems:
        return _nothing(problems)
    leaving = [str(node_id) for node_id in leaving]
    peers = {server["node_id"]: server for server in raft["raft"]["servers"]}
    problems = _leaving_problems(peers, [node["name"] for node in status["nodes"]], leaving)
    if problems:
        return _nothing(problems)
    states = {node["name"]: node["state"] for node in status["nodes"]}
    voters = [node for node in target if peers.get(node["node_id"], {}).get("voter")]
    joining = [node for node in target if node not in voters]
    removing = [node_id for node_id in leaving if node_id in peers]
    addresses = {_host_port(node): node for node in joining}
    remove_first = [node_id for node_id in removing if peers[node_id]["address"] in addresses]
    problems = [
        *_count_problems(target, accept_lost_tolerance),
        *_peer_problems(peers, target, leaving),
        *_staying_problems(peers, voters, states),
        *_joining_problems(peers, joining, states, leaving),
        *(
            f"{addresses[peers[node_id]['address']]['name']} has the address of {node_id}, which is alive. Stop {server} on it "
            "and empty its Raft directory first, or give the new node another address."
            for node_id in remove_first
            if peers[node_id]["healthy"]
        ),
    ]
    if problems:
        return _nothing(problems)
    remove_last = [node_id for node_id in removing if node_id not in remove_first]
    return {
        "problems": [],
        "joining": [node["name"] for node in joining],
        "remove_first": remove_first,
        "remove_last": remove_last,
        "steps": [
            *(f"{node_id}: removed first, since its address is taken again" for node_id in remove_first),
            *(f"{node['name']}: joins as {node['node_id']}, until it is a healthy voter" for node in joining),
            *(f"{node_id}: removed, {_said(peers[node_id])}" for node_id in remove_last),
        ],
    }


def _nothing(problems: list[str]) -> Plan:
    return {"problems": problems, "joining": [], "remove_first": [], "remove_last": [], "steps": []}


def _said(peer: t.Mapping[str, t.Any]) -> str:
    if peer["leader"]:
        return "the leader: it hands the leadership over before"
    return "a node that is alive" if peer["healthy"] else "a node that is not healthy"


def _host_port(node: Node) -> str:
    return node["cluster_addr"].removeprefix("https://")


def _cluster_problems(status: t.Mapping[str, t.Any], version: str, server: str) -> list[str]:
    cluster = status["cluster"]
    if cluster["state"] == "split":
        return [f"The hosts of the group 'vault' are not one cluster: {cluster['reason']}."]
    if cluster["active"] is None:
        elsewhere = sorted({node["leader_address"] for node in status["nodes"] if node["leader_address"]})
        return [
            f"None of the hosts of the group 'vault' is the active node ({cluster['reason']}). "
            + (
                f"The leader is {', '.join(elsewhere)}: leave it in the inventory until it is removed."
                if elsewhere
                else "Without a quorum no peer can be added or removed: bring nodes back first."
            )
        ]
    running = sorted({node["version"] for node in status["nodes"] if node["state"] in ("active", "standby")})
    if running != [version]:
        return [
            f"The cluster runs {server} {', '.join(running)}, and vault_version is {version}. A new node must run what the "
            "others run: set vault_version to that, or finish the upgrade first."
        ]
    return []


def _leaving_problems(peers: t.Mapping[str, t.Any], hosts: list[str], leaving: list[str]) -> list[str]:
    """What was typed, taken at its word: a node id that nobody has ever heard of is one that was mistyped."""
    found = [
        f"{node_id} is named twice in vault_leaving." for node_id in sorted(set(leaving)) if leaving.count(node_id) > 1
    ]
    known = sorted({*peers, *hosts})
    # A host of the inventory that is no peer has left already: the run that removed it is begun again.
    for node_id in (node_id for node_id in leaving if node_id not in known):
        rest = ",".join(other for other in leaving if other != node_id)
        near = difflib.get_close_matches(node_id, [*peers], n=1, cutoff=0.0)
        found.append(
            f"vault_leaving names {node_id}, which is no peer of the cluster and no host of the inventory. "
            f"{f'The nearest peer is {near[0]}. ' if near else ''}If an earlier run has removed it, run "
            f"{f'with -e vault_leaving={rest}' if rest else 'without vault_leaving'}."
        )
    return found


def _count_problems(target: list[Node], accept: bool) -> list[str]:
    count = len(target)
    if accept or (count >= 3 and count % 2):
        return []
    what = "tolerate no failure" if count < 3 else f"tolerate no more failures than {count - 1}"
    return [
        f"The cluster would have {count} voters, which {what}. Use 3, 5 or 7. If it is wanted all the same: {CONFIRM}"
    ]


def _peer_problems(peers: t.Mapping[str, t.Any], target: list[Node], leaving: list[str]) -> list[str]:
    known = {node["node_id"] for node in target}
    found = [
        f"{node_id} ({peer['address']}) is a peer of the cluster, and not in the inventory. To remove it: "
        f"-e vault_leaving={','.join([*leaving, node_id])}"
        for node_id, peer in peers.items()
        if node_id not in known and node_id not in leaving
    ]
    return found + [
        f"{node['node_id']} is at {peers[node['node_id']]['address']} in the cluster, and at {_host_port(node)} in the "
        "inventory. A new machine wants a new node id."
        for node in target
        if node["node_id"] in peers and peers[node["node_id"]]["address"] != _host_port(node)
    ]


def _staying_problems(peers: t.Mapping[str, t.Any], voters: list[Node], states: t.Mapping[str, str]) -> list[str]:
    return [
        f"{node['name']} stays, and is not well ({states[node['name']]}, "
        f"{'healthy' if peers[node['node_id']]['healthy'] else 'not healthy'} to autopilot). Bring it back first, or "
        f"replace it too: -e vault_leaving={node['node_id']}"
        for node in voters
        if not peers[node["node_id"]]["healthy"] or states[node["name"]] not in ("active", "standby")
    ]


def _joining_problems(
    peers: t.Mapping[str, t.Any], joining: list[Node], states: t.Mapping[str, str], leaving: list[str]
) -> list[str]:
    found = [
        f"{node['name']} can't join as it is: it is {states[node['name']]}. What was part of a cluster wants an empty Raft "
        "directory, and a node id that was never used."
        for node in joining
        # A peer that is sealed, or sees no leader yet, is about to join: an earlier run may have been cut short a moment ago.
        if states[node["name"]] not in ((*MAY_JOIN, "sealed", "isolated") if node["node_id"] in peers else MAY_JOIN)
    ]
    taken = {peer["address"]: node_id for node_id, peer in peers.items() if node_id not in leaving}
    return found + [
        f"{node['name']} has the address of the peer {taken[_host_port(node)]}. Give every node its own."
        for node in joining
        if taken.get(_host_port(node), node["node_id"]) != node["node_id"]
    ]
