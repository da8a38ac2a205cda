# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The whole cluster in a few lines of text. Pure."""

from __future__ import annotations

import typing as t

from .._common import product, words
from . import probe, vulnerabilities

Part = t.Mapping[str, t.Any]


def lines(document: Part) -> list[str]:
    """What document.document() returns, a line for each thing."""
    cluster, raft = document["cluster"], document["raft"]
    if cluster["state"] == "unseen":
        head = f"This controller can't see the cluster. {cluster['reason']}"
    else:
        runs = f"{product.named(cluster['flavour'])} {', '.join(cluster['versions']) or 'unknown'}"
        head = f"The cluster is {cluster['state']} ({cluster['reason']}); {runs}"
    if not raft["problem"]:
        head += f"; {words.many(len(raft['voters']), 'voter')}, of which {raft['failure_tolerance']} may fail"
    peers = bool(raft["servers"])
    nodes = [
        f"{node['name']}: {'; '.join([_node(node), *_peer(node, peers), certificate(node), *_probe(node)])}"
        for node in document["nodes"]
    ]
    rest = [
        key(document["key"]),
        autopilot(document),
        audit(document["audit"]),
        snapshots(document["snapshots"]),
        drill(document["drill"]),
    ]
    listed = vulnerabilities.line(document["vulnerabilities"])
    rest += [listed] if listed else []
    return [head, *nodes, *rest, *(f"{one['level'].capitalize()}: {one['text']}" for one in document["findings"])]


def _node(node: Part) -> str:
    if node["error"]:
        return f"{node['state']} ({node['error']})"
    return f"{node['state']}, {node['version']}, {'sealed' if node['sealed'] else 'unsealed'} ({node['seal_type']})"


def _peer(node: Part, peers: bool) -> list[str]:
    peer = node["peer"]
    if peer is None:
        return ["no peer"] if peers else []
    health = "healthy" if peer["healthy"] else "not healthy"
    return [f"{'voter' if peer['voter'] else 'non-voter'} {peer['node_id']}, {health}, index {peer['last_index']}"]


def _probe(node: Part) -> list[str]:
    return [probe.line(node["probe"])] if node["probe"] else []


def certificate(node: Part) -> str:
    served = node["certificate"]
    if served["not_after"] is None:
        return "no certificate could be read"
    text = f"certificate expires in {words.many(served['days_left'], 'day')} ({served['not_after'][:10]})"
    return f"{text}, and clients do not accept it: {served['problem']}" if served["problem"] else text


def key(found: Part) -> str:
    if found["problem"]:
        return f"Unseal key {found['alias']}: {found['problem']}"
    return f"Unseal key {found['alias']}: {found['key_state']}, {rotation(found)}"


def rotation(found: Part) -> str:
    if found["rotation_enabled"] is None:
        return "rotation unknown"
    days = found["rotation_period_in_days"]
    every = f" every {words.many(days, 'day')}" if days else ""
    return f"rotated{every}" if found["rotation_enabled"] else "not rotated"


def autopilot(document: Part) -> str:
    if document["autopilot"]["problem"]:
        return f"Autopilot: {document['autopilot']['problem']}"
    cleans = document["autopilot"]["settings"].get("cleanup_dead_servers")
    health = "healthy" if document["raft"]["healthy"] else "not healthy"
    return f"Autopilot: {health}, dead servers are {'removed' if cleans else 'kept'}"


def audit(found: Part) -> str:
    if found["devices"] is None:
        return f"Audit devices: {found['problem']}"
    named = [f"{one['path']} ({one['type']})" for one in found["devices"]]
    return f"Audit devices: {', '.join(named) or 'none'}"


def snapshots(found: Part) -> str:
    if found["problem"]:
        return f"Last snapshot: {found['problem']}"
    last = found["last"]
    if last is None:
        return f"Last snapshot: none in {found['bucket']}"
    when = f"{words.ago(last['age_seconds'])} ({words.time(last['started_at'])})"
    text = f"Last snapshot: {when}, {words.size(last['encrypted_bytes'])}"
    return f"{text}, taken on {last['node_name']}: {last['name']}"


def drill(found: Part) -> str:
    last = found["last"]
    if last is None:
        return f"Last restore drill: {found['problem']}"
    when = f"{words.ago(last['age_seconds'])} ({words.time(last['finished_at'])})"
    text = f"Last restore drill: {last['result'] or 'no result'} {when}"
    for name, title in (("rpo_seconds", "lost at most"), ("rto_seconds", "restored within")):
        if last[name] is not None:
            text += f", {title} {words.duration(last[name])}"
    return f"{text}: {last['problem']}" if last["problem"] else text
