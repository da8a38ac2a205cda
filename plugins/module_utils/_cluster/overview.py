# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The whole cluster in a few lines. Pure."""

from __future__ import annotations

import typing as t


def lines(
    status: t.Mapping[str, t.Any], certificates: t.Mapping[str, t.Any], raft: t.Mapping[str, t.Any] | None
) -> list[str]:
    """Results of vault_status_info, vault_certificate_info and, where somebody could log in, vault_raft_info."""
    cluster = status["cluster"]
    peers = {server["address"]: server for server in raft["raft"]["servers"]} if raft else {}
    head = (
        f"The cluster is {cluster['state']} ({cluster['reason']}); Vault {', '.join(cluster['versions']) or 'unknown'}"
    )
    if raft:
        head += f"; {len(raft['raft']['voters'])} voters, of which {raft['raft']['failure_tolerance']} may fail"
    found = [head]
    by_name = {certificate["node"]: certificate for certificate in certificates["certificates"]}
    for node in status["nodes"]:
        found.append(
            "; ".join([f"{node['name']}: {_node(node)}", *_peer(node, peers), _certificate(by_name[node["name"]])])
        )
    known = {_host(node["url"]) for node in status["nodes"]}
    found += [
        f"{server['node_id']} ({address}) is a peer, and not in the inventory"
        for address, server in peers.items()
        if _host(address) not in known
    ]
    return found


def _node(node: t.Mapping[str, t.Any]) -> str:
    if node["error"]:
        return f"{node['state']} ({node['error']})"
    return f"{node['state']}, {node['version']}, {'sealed' if node['sealed'] else 'unsealed'} ({node['seal_type']})"


def _peer(node: t.Mapping[str, t.Any], peers: t.Mapping[str, t.Any]) -> list[str]:
    peer = next((peer for address, peer in peers.items() if _host(address) == _host(node["url"])), None)
    if peer is None:
        return ["no peer"] if peers else []
    health = "healthy" if peer["healthy"] else "not healthy"
    return [f"{'voter' if peer['voter'] else 'non-voter'} {peer['node_id']}, {health}, index {peer['last_index']}"]


def _certificate(certificate: t.Mapping[str, t.Any]) -> str:
    if certificate["not_after"] is None:
        return "no certificate could be read"
    text = f"certificate expires in {certificate['days_left']} days ({certificate['not_after'][:10]})"
    return f"{text}, and clients do not accept it: {certificate['problem']}" if certificate["problem"] else text


def _host(address: str) -> str:
    """https://10.0.1.10:8200, 10.0.1.10:8201 -> 10.0.1.10"""
    return address.removeprefix("https://").rpartition(":")[0]
