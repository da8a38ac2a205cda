"""Clusters in every condition, as the modules that look at them say it."""

from __future__ import annotations

import json

from ansible_collections.vaultops.cluster.plugins.module_utils._common import words
from ansible_collections.vaultops.cluster.plugins.module_utils._status import document as made

NOW = words.epoch("2026-11-25T09:12:00Z")
ABOUT = {
    "name": "prod",
    "region": "eu-central-1",
    "key_alias": "alias/vault-unseal",
    "bucket": "example-vault-snapshots",
    "prefix": "snapshots",
}
KEY = {
    "arn": "arn:aws:kms:eu-central-1:111122223333:key/1f0e6c5a-0000-4000-8000-5c1d5f0b8c11",
    "enabled": True,
    "key_state": "Enabled",
    "rotation_enabled": True,
    "rotation_period_in_days": 365,
    "deletion_date": None,
    "multi_region": False,
}
SETTINGS = {
    "cleanup_dead_servers": False,
    "dead_server_last_contact_threshold": "24h0m0s",
    "last_contact_threshold": "10s",
    "max_trailing_logs": 1000,
    "min_quorum": 3,
    "server_stabilization_time": "10s",
}
DRILL = {
    "finished_at": "2026-11-20T04:00:00Z",
    "result": "passed",
    "rpo_seconds": 11520,
    "rto_seconds": 41,
    "canary_of": "2026-11-20T00:59:58Z",
    "snapshot": "prod_20261120T000004Z_104321_vault-1.snap.encrypted",
    "vault_version": "1.21.1",
    "problem": None,
}


def node(number, **changes):
    plain = {"name": f"vault-{number}", "url": f"https://10.0.0.{number}:8200", "state": "standby", "version": "1.21.1"}
    plain |= {"initialized": True, "sealed": False, "seal_type": "awskms", "raft_index": 104800, "error": None}
    return {**plain, **changes}


def dead(number):
    gone = {"state": "unreachable", "version": None, "initialized": None, "sealed": None, "seal_type": None}
    error = f"vault-{number}: no connection to https://10.0.0.{number}:8200 (refused). Is Vault running there?"
    return node(number, **gone, raft_index=None, error=error)


def status(nodes, state="live", reason="active: vault-1; standby: vault-2, vault-3"):
    active = [one["name"] for one in nodes if one["state"] == "active"]
    versions = sorted({one["version"] for one in nodes if one["version"]})
    cluster = {"state": state, "active": active[0] if active else None, "cluster_id": "c1", "versions": versions}
    return {"cluster": {**cluster, "reason": reason}, "nodes": nodes}


def certificates(nodes, **days):
    found = []
    for one in nodes:
        left = None if one["state"] == "unreachable" else days.get(one["name"].replace("-", "_"), 87)
        until = None if left is None else words.iso(NOW + left * 86400)[:-1]
        problem = "no certificate could be read" if left is None else "certificate has expired" if left < 0 else None
        found.append(
            {"node": one["name"], "not_after": until, "days_left": left, "problem": problem, "issuer": "CN=CA"}
        )
    return {"certificates": found}


def peer(number, **changes):
    plain = {"node_id": f"vault-{number}", "address": f"10.0.0.{number}:8201", "voter": True, "leader": number == 1}
    plain |= {"healthy": True, "last_index": 104812 - number, "last_contact_seconds": 0.1, "version": "1.21.1"}
    return {**plain, **changes}


def raft(*peers, tolerance=1):
    servers = list(peers) or [peer(1), peer(2), peer(3)]
    voters = [one["node_id"] for one in servers if one["voter"]]
    healthy = all(one["healthy"] for one in servers)
    about = {"healthy": healthy, "failure_tolerance": tolerance, "leader": "vault-1", "voters": voters}
    return {"raft": {**about, "servers": servers}, "autopilot": SETTINGS}


def audit(*paths, requests="answered"):
    devices = {path: {"type": "file", "options": {}} for path in paths or ("journal", "file")}
    answered = requests == "answered"
    problem = None if answered else "vault-1: no answer in time."
    return {"node": "vault-1", "requests": requests, "devices": devices if answered else None, "problem": problem}


def snapshots(count, last="2026-11-25T06:00:04Z", size=13_000_000, hours=6, node_name="vault-1"):
    found = []
    for number in range(count):
        started_at = words.epoch(last) - (count - 1 - number) * hours * 3600
        if number % 17 == 9:
            started_at += 1500
        name = f"prod_{words.iso(started_at).replace('-', '').replace(':', '')}_{104000 + number}_{node_name}.snap.encrypted"
        plain = size + number * 41_000 + (number * 7919 % 13) * 20_000
        found.append(
            {
                "key": f"snapshots/{name}.json",
                "name": name,
                "node_name": node_name,
                "raft_index": 104000 + number,
                "key_arn": KEY["arn"],
                "seal_key_arn": KEY["arn"],
                "plain_bytes": plain,
                "encrypted_bytes": plain + 4096,
                "started_at": words.iso(started_at),
                "finished_at": words.iso(started_at + 9),
            }
        )
    return {"snapshots": found, "broken": [], "future_dated": [], "left_out": 0}


def drills(count):
    """One a week up to DRILL, of which each seventh failed."""
    made = []
    for weeks in reversed(range(count)):
        finished_at = words.iso(words.epoch(DRILL["finished_at"]) - weeks * 7 * 86400)
        times = {"rpo_seconds": 11520 + weeks * 611, "rto_seconds": 41 + weeks * 5 % 13}
        one = {**DRILL, "finished_at": finished_at, **times}
        if weeks % 7 == 6:
            one |= {"result": "failed", "problem": "Install a verified release: the mirror does not answer"}
        made.append(one)
    return made


def document(**changes):
    """A healthy cluster, with changes to what is known of it."""
    nodes = [node(1, state="active"), node(2), node(3)]
    known = {
        "about": ABOUT,
        "status": status(nodes),
        "certificates": certificates(nodes),
        "raft": raft(),
        "audit": audit(),
        "key": {"kms_keys": [KEY]},
        "snapshots": snapshots(28),
        "drills": {"drills/1.json": json.dumps(DRILL)},
        **changes,
    }
    return made.document(NOW, **{**known, "drills": {"texts": known["drills"], "kept": True}})


def degraded():
    nodes = [node(1, state="active"), dead(2), node(3, version="1.20.4")]
    taken = snapshots(40, last="2026-11-24T18:00:04Z")
    taken["future_dated"] = [{"key": "snapshots/prod_y.json", "name": "prod_y", "node_name": "vault-3"}]
    taken["broken"] = [{"key": "snapshots/prod_x.snap.encrypted.json", "problem": "it is not an object"}]
    failed = {**DRILL, "result": "failed", "rto_seconds": None, "problem": "the restored cluster did not unseal"}
    return document(
        status=status(nodes, "degraded", "active: vault-1; standby: vault-3; unreachable: vault-2"),
        certificates=certificates(nodes, vault_1=12, vault_3=-2),
        raft=raft(peer(1), peer(2, healthy=False), peer(3, voter=False), peer(9), tolerance=0),
        key={"kms_keys": [{**KEY, "rotation_enabled": False}]},
        snapshots=taken,
        drills={"drills/1.json": json.dumps(failed), "drills/2.json": "{"},
        machines={"instances": [{"instance_id": "i-0abcdef1234567890", "launch_time": "2026-11-24T21:00:00+00:00"}]},
    )


def down():
    nodes = [dead(1), dead(2), dead(3)]
    return document(
        status=status(nodes, "down", "unreachable: vault-1, vault-2, vault-3"),
        certificates=certificates(nodes),
        raft=None,
        audit=None,
        key={"msg": "no AWS credentials were found for KMS in eu-central-1. Log in to AWS again."},
        snapshots={"msg": "s3:ListObjectsV2 was refused in eu-central-1: AccessDenied: Access Denied."},
        drills={},
    )


def without_snapshots():
    return document(snapshots={"snapshots": [], "broken": [], "left_out": 0})


def two_hundred():
    nodes = [node(number, state="active" if number == 1 else "standby") for number in range(1, 6)]
    return document(
        status=status(nodes),
        certificates=certificates(nodes),
        raft=raft(*(peer(number) for number in range(1, 6)), tolerance=2),
        snapshots={**snapshots(200), "left_out": 31},
    )


EVERY = {
    "healthy": document,
    "degraded": degraded,
    "down": down,
    "no-snapshots": without_snapshots,
    "200-snapshots": two_hundred,
}
