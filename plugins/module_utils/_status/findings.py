# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What somebody should look at, in plain words. Pure.

A 'problem' wants somebody now, a 'notice' soon; 'unknown' is what could not be read, with the reason.
"""

from __future__ import annotations

import typing as t

from .._common import product, words
from .._common.aws import same_key
from . import probe, vulnerabilities

Part = t.Mapping[str, t.Any]
Finding = dict[str, str]

LEVELS = ("problem", "notice", "unknown")
# S3 copies most objects within 15 minutes, and promises no time.
COPY_SECONDS = 3600


def collect(document: Part) -> list[Finding]:
    found: list[tuple[str, str]] = []
    for part in (_cluster, _nodes, _guards, _audit, _raft, _key, _snapshots, _drill, _machines, _vulnerabilities):
        found += part(document)
    ordered = sorted(found, key=lambda one: LEVELS.index(one[0]))
    return [{"level": level, "text": words.sentence(text)} for level, text in ordered]


def _cluster(document: Part) -> t.Iterator[tuple[str, str]]:
    cluster = document["cluster"]
    if cluster["state"] == "fresh":
        yield "notice", "The cluster is not initialised yet: no node holds data"
    elif cluster["state"] == "split":
        yield "problem", f"The nodes are in different clusters ({cluster['reason']})"
    elif cluster["state"] == "unseen":
        yield (
            "problem",
            f"This controller can't see the cluster, so nobody knows from here whether it serves: {cluster['reason']}",
        )
    elif cluster["active"] is None:
        yield "problem", "No node is active: nobody can read or write secrets"
        if any(node["state"] in ("isolated", "standby") for node in document["nodes"]):
            yield (
                "notice",
                "Nodes that run have no leader: bring the others back. Only where a majority is lost for good: "
                "playbooks/recover_quorum.yml --check",
            )
    if len(cluster["versions"]) > 1:
        yield "notice", f"The nodes run different versions: {', '.join(cluster['versions'])}"
    for note in product.notes(cluster["versions"], cluster["flavour"]):
        yield "notice", note


def _nodes(document: Part) -> t.Iterator[tuple[str, str]]:
    for node in document["nodes"]:
        name, certificate = node["name"], node["certificate"]
        if document["cluster"]["state"] == "unseen":
            continue
        if node["state"] == "unreachable":
            yield "problem", f"{name} does not answer: {(node['error'] or 'unknown').removeprefix(f'{name}: ')}"
        elif node["state"] == "sealed":
            yield "problem", f"{name} is sealed: look at its journal, and at the KMS key"
        elif node["state"] == "removed":
            yield (
                "problem",
                f"{name} was told that it is no member of the cluster, and stays out however often it starts",
            )
        elif node["state"] not in ("active", "standby", "uninitialized"):
            yield "problem", f"{name} is in the state '{node['state']}'"
        elif node["state"] == "uninitialized" and document["cluster"]["state"] != "fresh":
            yield "problem", f"{name} has not joined the cluster"
        elif document["raft"]["servers"] and node["peer"] is None:
            yield "problem", f"{name} is no Raft peer"
        if certificate["days_left"] is None:
            if node["state"] != "unreachable":
                yield "unknown", f"{name}'s certificate can't be read: {certificate['problem']}"
        elif certificate["problem"]:
            yield "problem", f"Clients do not accept {name}'s certificate: {certificate['problem']}"
        elif certificate["days_left"] < document["limits"]["certificate_days"]:
            yield "notice", f"{name}'s certificate expires in {words.many(certificate['days_left'], 'day')}"
        if node["probe"]:
            yield from probe.findings(name, node["probe"], document["limits"]["probe_seconds"])


def _guards(document: Part) -> t.Iterator[tuple[str, str]]:
    serve = [node["name"] for node in document["nodes"] if node["state"] in ("active", "standby")]
    there = [one for one in document["guards"] if one["node"] in serve]
    for one in there:
        if one["problem"]:
            yield (
                "unknown",
                f"Nobody knows for what {one['node']} wants no token: {one['problem'].removeprefix(one['node'] + ': ')}",
            )
    hiding = [one for one in there if one["guarded"] is None and one["open"]]
    for one in hiding:
        yield (
            "unknown",
            f"{one['node']} does not tell its version, and who has no token may begin and end {' and '.join(one['open'] or [])}: "
            "either its version never wants a token, or enable_unauthenticated_access lets in",
        )
    families = sorted({family for one in there if one["guarded"] for family in one["open"] or []})
    if families:
        names = ", ".join(one["node"] for one in there if one["guarded"] and one["open"])
        yield (
            "notice",
            f"{names}: who has no token may begin and end {' and '.join(families)} (enable_unauthenticated_access). Unless "
            "vault_server_unauthenticated_access says so, a run was cut short: playbooks/regain_admin.yml or site.yml takes it "
            "back",
        )


def _audit(document: Part) -> t.Iterator[tuple[str, str]]:
    audit, devices = document["audit"], document["audit"]["devices"]
    if audit["requests"] == "hang":
        yield (
            "problem",
            f"Requests hang on {audit['node']}, though its health says that it is well: a blocked audit device is the likely "
            "cause",
        )
    elif audit["requests"] == "fail":
        yield (
            "problem",
            f"Requests fail on {audit['node']}, though its health says that it is well: that no audit device can be written to "
            f"is the likely cause ({audit['problem']})",
        )
    elif audit["problem"]:
        if document["cluster"]["state"] not in ("fresh", "unseen") and document["cluster"]["active"] is not None:
            yield "unknown", f"The audit devices can't be read: {audit['problem']}"
    elif not devices:
        yield "problem", "No audit device is enabled: nobody can tell afterwards who did what"
    elif len(devices) < 2:
        server = product.named(document["cluster"]["flavour"])
        yield (
            "notice",
            f"Only one audit device is enabled ({devices[0]['path']}): when it fails, {server} refuses every request",
        )


def _raft(document: Part) -> t.Iterator[tuple[str, str]]:
    raft = document["raft"]
    if raft["problem"]:
        if document["cluster"]["state"] != "fresh":
            yield "unknown", f"The Raft peers can't be read: {raft['problem']}"
        return
    for peer in raft["unknown_peers"]:
        yield "notice", f"{peer['node_id']} ({peer['address']}) is a peer, and not in the inventory"
    sick = [peer["node_id"] for peer in raft["servers"] if not peer["healthy"]]
    if sick or not raft["healthy"]:
        yield (
            "problem",
            f"Autopilot calls {'these peers' if sick else 'the cluster'} unhealthy: {', '.join(sick)}".rstrip(": "),
        )
    if not raft["failure_tolerance"]:
        yield "problem", "The next voter that fails takes the cluster with it: it tolerates no failure"


def _key(document: Part) -> t.Iterator[tuple[str, str]]:
    key = document["key"]
    if key["problem"]:
        yield "unknown", f"The unseal key can't be read: {key['problem']}"
        return
    if not key["enabled"]:
        until = f", and is deleted on {key['deletion_date'][:10]}" if key["deletion_date"] else ""
        yield "problem", f"The unseal key is {key['key_state']}{until}: a node that restarts now stays sealed"
    last = document["snapshots"]["last"] if not document["snapshots"]["problem"] else None
    if last and key["arn"] and last.get("seal_key_arn") and not same_key(last["seal_key_arn"], key["arn"]):
        yield (
            "notice",
            f"The newest snapshot needs the key {last['seal_key_arn']}, and the alias leads to another one: "
            "playbooks/move_seal_key.yml --check says which key opens the cluster",
        )
    if key["rotation_enabled"] is False:
        yield "notice", "KMS does not rotate the unseal key"


def _snapshots(document: Part) -> t.Iterator[tuple[str, str]]:
    snapshots = document["snapshots"]
    if snapshots["problem"]:
        yield "unknown", f"The snapshots can't be read: {snapshots['problem']}"
        return
    last, listed = snapshots["last"], snapshots["listed"]
    if last is None:
        yield "problem", "There is no snapshot in the bucket"
    elif last["age_seconds"] > document["limits"]["snapshot_seconds"]:
        yield "problem", f"The last snapshot was begun {words.ago(last['age_seconds'])}"
    if len(listed) > 1 and last["plain_bytes"] * 2 < listed[-2]["plain_bytes"]:
        before = words.size(listed[-2]["plain_bytes"])
        yield "notice", f"The last snapshot is less than half as big as the one before ({before})"
    ids = [one.get("cluster_id", "") for one in listed]
    others = sorted({found for found in ids[:-1] if found != ids[-1]})
    if others:
        yield (
            "notice",
            f"The newest snapshot is of another cluster id than those before ({', '.join(others)}): a new cluster has taken the "
            "name of an old one, whose last snapshots stay until somebody removes them",
        )
    yield from _copies(listed, snapshots["replica_bucket"])
    for one in snapshots["future_dated"]:
        yield (
            "problem",
            f"{one['name']} claims to be from the future, so it does not count: look at the clock of {one['node_name']}",
        )
    for one in snapshots["broken"]:
        yield "notice", f"The manifest {one['key']} is broken: {one['problem']}"


def _copies(listed: t.Sequence[Part], replica_bucket: str | None) -> t.Iterator[tuple[str, str]]:
    """Whether S3 copies snapshots into a second region, where it has rules for that: what the newest tells that had the time.
    *replica_bucket*: where the inventory wants the copies."""
    for one in reversed(listed):
        state = one.get("replication")
        if state == "PENDING" and one["age_seconds"] <= COPY_SECONDS:
            continue
        if state == "FAILED":
            yield (
                "problem",
                f"S3 could not copy {one['name']} into the second region: provision.yml mends what S3 needs",
            )
        elif state == "PENDING":
            yield (
                "notice",
                f"S3 has not copied {one['name']} into the second region yet, begun {words.ago(one['age_seconds'])}: with this "
                "region it would be lost",
            )
        elif state is None and replica_bucket:
            yield (
                "notice",
                f"S3 does not copy {one['name']} to {replica_bucket}: when it was written, no rule of the bucket covered it. "
                "provision.yml writes the rules, and S3 copies the snapshots that backup.yml takes from then on",
            )
        return


def _drill(document: Part) -> t.Iterator[tuple[str, str]]:
    drill = document["drill"]
    last = drill["last"]
    for text in drill["unreadable"] if last else []:
        yield "notice", f"A report of a restore drill is broken: {text}"
    if last is None:
        yield "notice", f"Nobody knows whether a snapshot can be restored: {drill['problem']}"
    elif last["result"] != "passed":
        why = f": {last['problem']}" if last["problem"] else ""
        yield "problem", f"The last restore drill {last['result'] or 'has no result'}{why}"
    elif last["age_seconds"] > document["limits"]["drill_days"] * 86400:
        yield "notice", f"The last restore drill was {words.ago(last['age_seconds'])}"
    if last and last["result"] == "passed" and last["canary_of"] is None:
        yield "notice", "The last restore drill found no canary: playbooks/backup.yml writes one before its snapshot"


def _machines(document: Part) -> t.Iterator[tuple[str, str]]:
    drill, minutes = document["drill"], document["limits"]["drill_minutes"]
    if drill["machines_problem"]:
        yield "unknown", f"Whether a restore drill has left a machine can't be read: {drill['machines_problem']}"
    for machine in drill["machines"]:
        identifier, region = machine["instance_id"], document["cluster"]["region"]
        end = f"aws ec2 terminate-instances --region {region} --instance-ids {identifier}"
        launched = f"The instance {identifier}, launched for a restore drill {words.ago(machine['age_seconds'])}"
        if machine["age_seconds"] > minutes * 60:
            yield "problem", f"{launched}, is still there, with all of the cluster's data: {end}"
        else:
            yield "notice", f"{launched}, is there. If no drill runs, a run that was killed has left it: {end}"


def _vulnerabilities(document: Part) -> t.Iterator[tuple[str, str]]:
    yield from vulnerabilities.findings(document["vulnerabilities"])
