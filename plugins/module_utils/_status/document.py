# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""All that is known of a cluster, in one dict: status.json, and what text and page are made of. Pure.

docs/status.md says what each field means.
"""

from __future__ import annotations

import typing as t

from .._common import product, words
from .._snapshot import drill
from . import findings, limits, probe, sight, vulnerabilities

FORMAT = 1
Found = t.Mapping[str, t.Any]  # the result of a module, or of one that failed and says why in msg
Part = dict[str, t.Any]

CERTIFICATE = ("not_after", "days_left", "issuer", "serial", "known_ca", "problem")
NODE = ("name", "url", "state", "version", "initialized", "sealed", "seal_type", "raft_index", "error")
PEER = ("node_id", "address", "voter", "leader", "healthy", "last_index", "last_contact_seconds", "version")
GUARD = ("guarded", "open", "problem")
KEY = (
    "arn",
    "enabled",
    "key_state",
    "rotation_enabled",
    "rotation_period_in_days",
    "deletion_date",
    "multi_region",
)


def document(
    now: float,
    about: Found,
    status: Found,
    certificates: Found,
    raft: Found | None = None,
    audit: Found | None = None,
    key: Found | None = None,
    snapshots: Found | None = None,
    drills: Found | None = None,
    machines: Found | None = None,
    probes: Found | None = None,
    guards: Found | None = None,
) -> Part:
    """*about* is name, region, key_alias, bucket, replica_bucket, prefix and node_ids (by the node's name), as the inventory has
    them, the list of vulnerabilities, and what limits.of() reads.

    The others are the results of vault_status_info, vault_certificate_info, vault_raft_info, vault_audit_info, kms_key_info,
    vault_snapshot_info, vault_record_info, vault_guard_info, ec2_instance_info about machines of drills, and by node what slurp
    has read of the probe's metrics; None for what was not asked.
    """
    peers = _raft(raft)
    seen = {one["node"]: one for one in certificates.get("certificates") or []}
    made: Part = {
        "format": FORMAT,
        "written_at": words.iso(now),
        "cluster": {"name": about["name"], "region": about["region"], **_cluster(status, about)},
        "nodes": [
            {
                **_node(
                    node,
                    seen.get(node["name"]),
                    certificates,
                    _peer(node, about.get("node_ids") or {}, peers["servers"]),
                ),
                "probe": probe.part(now, (probes or {}).get(node["name"])),
            }
            for node in status["nodes"]
        ],
        "raft": peers,
        "autopilot": _autopilot(raft),
        "guards": _guards(guards),
        "audit": _audit(audit),
        "key": _key(about["key_alias"], key),
        "snapshots": _snapshots(now, about, snapshots),
        "drill": {**_drill(now, drills), **_machines(now, machines)},
        "vulnerabilities": vulnerabilities.part(
            status["cluster"].get("versions") or [], about.get("vulnerabilities") or None
        ),
        "limits": limits.of(about),
    }
    known = [node["peer"]["node_id"] for node in made["nodes"] if node["peer"]]
    peers["unknown_peers"] = [peer for peer in peers["servers"] if peer["node_id"] not in known]
    return {**made, "findings": findings.collect(made)}


def _cluster(status: Found, about: Found) -> Part:
    why = sight.unseen(status["nodes"], about.get("ca_problem") or "")
    seen = {**status["cluster"], "flavour": about.get("flavour") or product.VAULT}
    return {**seen, "state": "unseen", "reason": why} if why else seen


def host(address: str) -> str:
    """https://10.0.1.10:8200, 10.0.1.10:8201 -> 10.0.1.10"""
    return address.removeprefix("https://").rpartition(":")[0]


def _why_not(found: Found | None, unasked: str) -> str:
    if found is None or found.get("skipped"):
        return unasked
    return words.one_line(found.get("msg") or "no reason was given")


def _picked(names: t.Iterable[str], source: Found | None) -> Part:
    return {name: (source or {}).get(name) for name in names}


def _peer(node: Found, node_ids: Found, servers: list[Part]) -> Part | None:
    """By its id; the address decides only where no id is known, since API and Raft may have different ones."""
    node_id = node_ids.get(node["name"])
    if node_id:
        return next((one for one in servers if one["node_id"] == node_id), None)
    return next((one for one in servers if host(one["address"]) == host(node["url"])), None)


def _node(node: Found, certificate: Found | None, certificates: Found, peer: Part | None) -> Part:
    served = _picked(CERTIFICATE, certificate)
    if certificate is None:
        served["problem"] = _why_not(certificates, "nobody looked")
    error = words.one_line(node["error"]) if node.get("error") else None
    return {**_picked(NODE, node), "error": error, "certificate": served, "peer": peer}


def _raft(found: Found | None) -> Part:
    raft = (found or {}).get("raft")
    if raft is None:
        reason = _why_not(found, "no node is active, so there is nobody to ask")
        nothing: Part = _picked(("healthy", "failure_tolerance", "leader"), None)
        return {**nothing, "voters": [], "servers": [], "unknown_peers": [], "problem": reason}
    return {
        **_picked(("healthy", "failure_tolerance", "leader"), raft),
        "voters": list(raft["voters"]),
        "servers": [_picked(PEER, server) for server in raft["servers"]],
        "unknown_peers": [],
        "problem": None,
    }


def _autopilot(found: Found | None) -> Part:
    settings = (found or {}).get("autopilot")
    reason = None if settings else _why_not(found, "no node is active, so there is nobody to ask")
    return {"settings": settings or None, "problem": reason}


def _guards(found: Found | None) -> list[Part]:
    return [{"node": one["name"], **_picked(GUARD, one)} for one in (found or {}).get("nodes") or []]


def _audit(found: Found | None) -> Part:
    requests = (found or {}).get("requests")
    devices = (found or {}).get("devices")
    reason = None if requests else _why_not(found, "no node is active, so there is nobody to ask")
    if requests and devices is None:
        reason = words.one_line((found or {})["problem"])
    return {
        "node": (found or {}).get("node"),
        "requests": requests,
        "devices": None
        if devices is None
        else [{"path": path, "type": devices[path]["type"]} for path in sorted(devices)],
        "problem": reason,
    }


def _key(alias: str, found: Found | None) -> Part:
    keys = (found or {}).get("kms_keys")
    reason = None
    if keys is None:
        reason = _why_not(found, "KMS was not asked")
    elif not keys:
        reason = f"{alias} does not exist"
    return {"alias": alias, **_picked(KEY, keys[0] if keys else None), "problem": reason}


def _snapshots(now: float, about: Found, found: Found | None) -> Part:
    made: Part = {"bucket": about["bucket"] or None, "prefix": about["prefix"] if about["bucket"] else None}
    made["replica_bucket"] = about.get("replica_bucket") or None
    if not about["bucket"]:
        reason: str | None = "no bucket is set (vault_snapshot_bucket)"
    elif (found or {}).get("snapshots") is None:
        reason = _why_not(found, "the bucket was not asked")
    else:
        reason = None
    listed = [
        dict(one, age_seconds=int(now - words.epoch(one["started_at"]))) for one in (found or {}).get("snapshots", [])
    ]
    made.update(last=listed[-1] if listed else None, listed=listed, left_out=(found or {}).get("left_out"))
    for name in ("broken", "future_dated"):
        made[name] = list((found or {}).get(name) or [])
    return {**made, "problem": reason}


def _drill(now: float, reports: Found | None) -> Part:
    """The newest report that can be read."""
    if reports is None or reports.get("texts") is None:
        return {"last": None, "unreadable": [], "problem": _why_not(reports, "nobody looked for reports")}
    found, unreadable = drill.read(reports["texts"])
    if not found:
        reason = "; ".join(unreadable) or "no restore drill has left a report"
        if not reports.get("kept", True):
            reason = "no report is kept, as neither vault_snapshot_bucket nor vault_output_dir is set"
        return {"last": None, "unreadable": unreadable, "problem": reason}
    last = {**found[-1], "age_seconds": int(now - words.epoch(found[-1]["finished_at"]))}
    return {"last": last, "unreadable": unreadable, "problem": None}


def _machines(now: float, found: Found | None) -> Part:
    """Those of restore drills that are there. A drill that runs has one, and a run that was killed has left one."""
    instances = (found or {}).get("instances")
    asked = found is not None and not found.get("skipped")
    return {
        "machines": [
            {
                "instance_id": one["instance_id"],
                "launched_at": words.iso(words.epoch(str(one["launch_time"]))),
                "age_seconds": int(now - words.epoch(str(one["launch_time"]))),
            }
            for one in sorted(instances or [], key=lambda one: str(one["launch_time"]))
        ],
        "machines_problem": _why_not(found, "") if asked and instances is None else None,
    }
