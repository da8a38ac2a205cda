#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Write a value that a later restore has to bring back, and look for it there."""

from __future__ import annotations

DOCUMENTATION = r"""
module: vault_canary
short_description: Write a value that a restore has to bring back, and look for it
version_added: 1.0.0
description:
  - A canary is a random value in a policy that allows nothing, V(vaultops-canary), so that writing it needs no access to
    any secret. A record outside of Vault holds the values and their times.
  - "After a restore, the value must be the newest value from before the start of the snapshot, or a later value. An older value
    means lost writes, an unknown value means the wrong data. Clocks may differ by ten seconds."
  - Based on V(sys/policies/acl) of the Vault API.
  - "The record is in the bucket, and on the nodes. Without a bucket writing a value takes two calls: V(noted) says what the nodes
    have to note, and V(written) writes what they have noted. Other modules read and write there; RV(record) is what each node
    then has to have. A directory has a copy, which is read where there is no bucket."
  - What is found in several places is put together, so the record goes along where a bucket is given later, or is given no more.
author: vaultops maintainers (@vaultops)
options:
  state:
    description:
      - V(written) writes a new value; V(found) compares the value in Vault with the record.
      - V(noted) chooses a new value, and leaves the cluster alone. V(gathered) puts together what the nodes have, for nodes that
        have not noted it. Both are for records without a bucket.
    type: str
    choices: [gathered, noted, written, found]
    required: true
  on_nodes:
    description:
      - What the record on each node that answered is, by the node's name; null where a node has none.
      - Without a bucket no value is written where no majority of O(of_nodes) answered; the module says so. Nor is one looked for
        then, unless the directory has a copy of the record.
    type: dict
    default: {}
  of_nodes:
    description: How many nodes there are.
    type: int
    default: 0
  noted:
    description: With O(state=written) and without a bucket, RV(written) of the call that noted the value.
    type: str
  records:
    description: Where the record is, V(canaries.json), beside the nodes.
    required: true
  before:
    description: With O(state=found), when the snapshot was started (UTC, ISO 8601).
    type: str
  until:
    description: With O(state=found), when the snapshot was complete (UTC, ISO 8601). A later canary can't come from it.
    type: str
extends_documentation_fragment:
  - vaultops.cluster.vault
  - vaultops.cluster.vault.auth
  - vaultops.cluster.records
  - vaultops.cluster.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: none
    details: Every value is a new one.
"""

EXAMPLES = r"""
- name: Write a value before a backup
  vaultops.cluster.vault_canary:
    nodes:
      vault-1: https://10.0.1.10:8200
    ca_cert: /etc/vaultops/ca.crt
    cert_auth_public_key: /etc/vaultops/operator.crt
    cert_auth_private_key: /etc/vaultops/operator.key
    state: written
    records:
      bucket: example-vault-snapshots
      prefix: records/prod
      region: eu-central-1
"""

RETURN = r"""
written:
  description: When the value was written (UTC, ISO 8601); null when none was found, and none had to be, and where no record is
    kept.
  returned: success
  type: str
record:
  description: What each node has to have from now on; null where nothing is to be noted.
  returned: success
  type: str
"""

import functools
import secrets
import time
import typing as t

from ..module_utils._common.errors import Problem
from ..module_utils._common.module import run_module
from ..module_utils._objects import aws, records
from ..module_utils._objects.homes import Held
from ..module_utils._snapshot import manifest
from ..module_utils._snapshot.canary import RECORD, SKEW_SECONDS, Canary, dump, expected, merged, moved, parse, recorded
from ..module_utils._vault.auth import api
from ..module_utils._vault.client import AUTH_SPEC, CONNECTION_SPEC, HVAC, Cluster, Connection
from ..module_utils._vault.errors import VaultError

POLICY = "vaultops-canary"
UNKEPT = {
    "gathered": "No node was given the canaries of the others",
    "noted": "No canary was written, a value that a restore has to bring back",
    "written": "No canary was written, a value that a restore has to bring back",
    "found": "Whether the restore brought back the newest value was not looked for",
}
KEPT = 500


def run(params: dict[str, t.Any], check_mode: bool) -> dict[str, t.Any]:
    kept, state, on_nodes = records.Records(params["records"]), params["state"], params["on_nodes"]
    held = kept.read(RECORD)
    on_each = [read(f"the record on {node} (vault_node_record)", text) for node, text in on_nodes.items()]
    known = functools.reduce(merged, on_each, read(kept.where(RECORD), held.data) if held else [])
    # Any two majorities of the nodes have one in common.
    are_enough = kept.in_bucket or len(on_nodes) > params["of_nodes"] / 2
    if not are_enough and not (state == "found" and held):
        why = f"without a bucket it is noted on the nodes, and only {len(on_nodes)} of {params['of_nodes']} were read"
        return {**result(None), "warnings": [f"{UNKEPT[state]}: {why}."]}
    if state == "gathered":
        return result(None, record=known or None)
    cluster = Cluster(Connection.from_params(params))
    where = cluster.active()
    if state == "found":
        return answer(look(cluster, where, known, params), known, params)
    if state == "noted":
        canary = new()
        login_works(cluster, where)
        return result(canary["written"], changed=True, record=[*known[-KEPT:], canary])
    if kept.in_bucket:
        canary = put(cluster, where, kept, known, held, check_mode)
        return result(canary["written"], changed=True, record=[*known[-KEPT:], canary])
    (canary,) = (one for one in known if one["written"] == params["noted"] and not one["sure"])
    known = merged(known, [{**canary, "sure": True}])
    if not check_mode:
        put_noted(cluster, where, canary)
        if kept.are_kept:
            kept.write(RECORD, dump(known), held.version if held else None)
    return result(canary["written"], changed=True, record=known)


def result(written: str | None, changed: bool = False, record: list[Canary] | None = None) -> dict[str, t.Any]:
    return {"changed": changed, "written": written, "record": dump(record).decode() if record else None}


def answer(written: str | None, known: list[Canary], params: dict[str, t.Any]) -> dict[str, t.Any]:
    """Of a look: whoever reads that nothing is missing is to know whether anything had to be there."""
    if expected(known, params["before"]) is None:
        why = "no value is on record that Vault had before the snapshot was begun"
        return {**result(written), "warnings": [f"{UNKEPT['found']}: {why}."]}
    return result(written)


def login_works(cluster: Cluster, where: str) -> None:
    """Who can't log in notes nothing: what is never written would push out what was."""
    with cluster.login(where):
        pass


def look(cluster: Cluster, where: str, known: list[Canary], params: dict[str, t.Any]) -> str | None:
    with cluster.login(where) as client:
        found = api.read_policy(where, client, POLICY)
    wanted, there = expected(known, params["before"]), recorded(known, found)
    if wanted and (there is None or there["written"] < wanted["written"]):
        instead = "there is none" if not found else f"that of {there['written']} is" if there else "an unknown one is"
        raise VaultError(
            where,
            f"the canary of {wanted['written']} is not there ({instead})",
            "What was written before the snapshot was begun is not all in it.",
        )
    if there and there["written"] > moved(params["until"], SKEW_SECONDS):
        raise VaultError(
            where,
            f"the canary of {there['written']} is there, which is later than the snapshot",
            "What was there before the restore still serves.",
        )
    return there["written"] if there else None


def new() -> Canary:
    moment = manifest.moment(time.time())
    return {"written": moment, "value": f"# {moment} {secrets.token_hex(16)}", "sure": False}


def put(
    cluster: Cluster, where: str, kept: records.Records, known: list[Canary], held: Held | None, check_mode: bool
) -> Canary:
    """It is on record before it is written, and counts from when it was: a run may be killed in between."""
    canary = new()
    sure: Canary = {**canary, "sure": True}
    if not check_mode:
        before = known[-KEPT:]
        # As in login_works().
        with cluster.login(where) as client:
            version = kept.write(RECORD, dump([*before, canary]), held.version if held else None)
            api.write_policy(where, client, POLICY, canary["value"])
        kept.write(RECORD, dump([*before, sure]), version)
    return sure


def put_noted(cluster: Cluster, where: str, canary: Canary) -> None:
    with cluster.login(where) as client:
        api.write_policy(where, client, POLICY, canary["value"])


def read(where: str, text: str | bytes | None) -> list[Canary]:
    if text is None:
        return []
    try:
        return parse(text)
    except ValueError as error:
        raise Problem(
            "the record of canaries is damaged, so nobody knows what has to be found",
            "Put a copy of it back, or move it away and write a new canary.",
            where=where,
        ) from error


OPTIONS: dict[str, t.Any] = {
    **CONNECTION_SPEC,
    **AUTH_SPEC,
    "state": {"type": "str", "choices": ["gathered", "noted", "written", "found"], "required": True},
    "on_nodes": {"type": "dict", "default": {}},
    "of_nodes": {"type": "int", "default": 0},
    "noted": {"type": "str"},
    "records": {"type": "dict", "required": True, "options": records.SPEC},
    "before": {"type": "str"},
    "until": {"type": "str"},
}


def main() -> None:
    libraries = {**HVAC, **aws.BOTO3}
    run_module(
        run, OPTIONS, OSError, ValueError, libraries=libraries, required_if=[("state", "found", ["before", "until"])]
    )


if __name__ == "__main__":
    main()
