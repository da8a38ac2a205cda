#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Restore a snapshot into a Vault cluster, and wait until every node has it."""

from __future__ import annotations

DOCUMENTATION = r"""
module: vault_raft_restore
short_description: Restore a Raft snapshot into a Vault cluster
version_added: 1.0.0
description:
  - Restores a snapshot over a cluster that serves, or into nodes that are not initialised. Such nodes are initialised
    first, with temporary keys that are not stored. After the restore the recovery keys are those of the snapshot.
  - Over a cluster that serves, O(confirm) must repeat the cluster's name. All writes since the snapshot are lost.
  - Over a cluster that serves, the admin sends the snapshot. The module uses the admin for nothing else. An old snapshot
    without an admin restores a cluster without an admin.
  - "Vault answers before it has applied a snapshot. So the module waits until the token of the restore is gone, all nodes serve
    with the snapshot's cluster id and Raft index, and the operator can log in or is refused. The snapshot may know other
    identities, so a refusal by Vault says that the snapshot is there."
  - "Afterwards restart all nodes at once. Raft's own TLS keys are part of the snapshot, and a running node keeps its old TLS keys
    in memory. A node that is restarted later finds no peer to talk to."
  - Vault refuses a snapshot that was sealed with another KMS key, and this module can't override that.
  - Based on V(sys/storage/raft/snapshot) and V(sys/init) of the Vault API.
author: vaultops maintainers (@vaultops)
options:
  src:
    description: Path of the decrypted snapshot, as M(vaultops.cluster.vault_snapshot_fetch) leaves it.
    type: path
    required: true
  sha256:
    description: SHA-256 sum of that file (hexadecimal), as its manifest has it (plain_sha256). Compared before anything else.
    type: str
    required: true
  cluster_name:
    description: Name of the cluster.
    type: str
    required: true
  cluster_id:
    description: Cluster id of the snapshot.
    type: str
    required: true
  raft_index:
    description: Raft index of the snapshot.
    type: int
    required: true
  confirm:
    description: The cluster's name once more, if the cluster serves.
    type: str
  wait_timeout:
    description:
      - Seconds to wait for nodes to join, and then for all of them to have the snapshot.
      - For that, and for sending it, another 600 seconds are given for each GiB.
    type: int
    default: 180
extends_documentation_fragment:
  - vaultops.cluster.vault
  - vaultops.cluster.vault.auth
  - vaultops.cluster.vault.admin
  - vaultops.cluster.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
    details: The whole content changes.
  idempotent:
    support: none
    details: Every run restores.
"""

EXAMPLES = r"""
- name: Restore over a cluster that serves
  vaultops.cluster.vault_raft_restore:
    nodes:
      vault-1: https://10.0.1.10:8200
      vault-2: https://10.0.1.11:8200
      vault-3: https://10.0.1.12:8200
    ca_cert: /etc/vaultops/ca.crt
    cert_auth_public_key: /etc/vaultops/operator.crt
    cert_auth_private_key: /etc/vaultops/operator.key
    admin_public_key: /etc/vaultops/admin.crt
    admin_private_key: /etc/vaultops/admin.key
    src: /root/restore/plain.snap
    sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
    cluster_name: prod
    cluster_id: 5f1b1a1e-1a1b-4c1d-9e1f-000000000000
    raft_index: 1042
    confirm: prod
"""

RETURN = r"""
was:
  description: What was there before, V(live) or V(fresh).
  returned: success
  type: str
seconds:
  description: From the request until every node had the snapshot.
  returned: success
  type: float
"""

import hashlib
import time
import typing as t

from ..module_utils._common.module import run_module
from ..module_utils._common.wait import Wait
from ..module_utils._vault.client import AUTH_SPEC, CONNECTION_SPEC, HVAC, Cluster, Connection
from ..module_utils._vault.errors import Expired, VaultError
from ..module_utils._vault.init import api as init_api
from ..module_utils._vault.session import ADMIN_SPEC, admin_login
from ..module_utils._vault.snapshot import api, restore
from ..module_utils._vault.status.api import read_nodes
from ..module_utils._vault.status.state import REMOVED_CURE, Node, classify

POLL_SECONDS = 0.5
UNSURE = "It may have been applied all the same. Run this again, or restart Vault on all nodes at once."
# For nodes that were initialised with keys that nobody has.
EMPTY = "stop Vault on every node, and empty the Raft directories. They hold no data."
SECONDS_PER_GIB = 600
# 400: no such role, or not its principal or certificate; 403: no such mount.
REFUSED = (400, 403)


def run(params: dict[str, t.Any], check_mode: bool) -> dict[str, t.Any]:
    cluster = Cluster(Connection.from_params(params))
    state = classify(read_nodes(cluster))
    obstacle = restore.obstacle(state, params["cluster_name"], params["confirm"])
    if obstacle:
        raise VaultError(params["cluster_name"], obstacle)
    size = require_same(params["src"], params["sha256"])
    if check_mode:
        return {"changed": True, "was": state["state"], "seconds": 0.0}
    begun = time.monotonic()
    timeout = params["wait_timeout"] + (size * SECONDS_PER_GIB >> 30)
    if state["state"] == "fresh":
        token = into_nothing(cluster, params["src"], params["wait_timeout"], timeout)
    else:
        token = over_what_serves(cluster, params, timeout)
    wait_until_applied(cluster, params, token, timeout)
    return {"changed": True, "was": state["state"], "seconds": round(time.monotonic() - begun, 1)}


def require_same(src: str, sha256: str) -> int:
    """The size of the snapshot that was proven a moment ago; nothing may have come in its place."""
    digest, size = hashlib.sha256(), 0
    with open(src, "rb") as stream:
        while chunk := stream.read(api.CHUNK_BYTES):
            digest.update(chunk)
            size += len(chunk)
    if digest.hexdigest() != sha256:
        raise VaultError(
            src, "it is not the snapshot that was fetched and proven", "Run again, and nothing else beside."
        )
    return size


def into_nothing(cluster: Cluster, src: str, seconds_to_join: int, timeout: int) -> str:
    """The token of a cluster that was only made to be overwritten."""
    client, name = initialised(cluster, seconds_to_join), next(iter(cluster.connection.nodes))
    send(name, client, src, timeout, f"Before the next run: {EMPTY}")
    return str(client.token)


def initialised(cluster: Cluster, timeout: int) -> t.Any:
    """A client for the first node, with the root token of a cluster that is there only to be overwritten."""
    name = next(iter(cluster.connection.nodes))
    client = cluster.client(name)
    client.token = init_api.initialise(name, client, {"recovery_shares": 1, "recovery_threshold": 1})["root_token"]
    wait = Wait(timeout, POLL_SECONDS)
    while (state := classify(read_nodes(cluster)))["state"] != "live":
        if not wait.again():
            raise VaultError(
                name,
                f"the others have not joined it after {timeout} s ({state['reason']})",
                f"Mend the cause. Before the next run: {EMPTY}",
            )
    return client


def over_what_serves(cluster: Cluster, params: dict[str, t.Any], timeout: int) -> str:
    """A token of what served, which is gone once the snapshot is there: a restore takes it along.

    One that was given may be in the snapshot too, and that of a login ends by itself before a large snapshot is there: both
    would prove nothing.
    """
    name, applied, token = cluster.active(), False, ""
    try:
        with admin_login(cluster.connection, params, name) as client:
            token = api.witness(name, client, 2 * timeout, outlives=not cluster.connection.token)
            try:
                send(name, client, params["src"], timeout, "What serves is as it was.")
            except VaultError as refused:
                revoke(name, client, token, refused)
                raise
            applied = True
    except VaultError:
        # The end of a login revokes its token, which can't be done any more.
        if not applied:
            raise
    return token


def revoke(name: str, client: t.Any, token: str, refused: VaultError) -> None:
    try:
        api.revoke(name, client, token)
    except VaultError as second:
        refused.also(second)


def send(name: str, client: t.Any, src: str, timeout: int, afterwards: str) -> None:
    """*afterwards*: what to do, or to know, when Vault refuses it."""
    try:
        with open(src, "rb") as stream:
            api.restore(name, client, stream, timeout)
    except VaultError as error:
        cause, cure = error.cause, error.cure
        if restore.OTHER_SEAL in cause:
            cause = "the snapshot was sealed with another KMS key than this cluster's"
            cure = (
                "Only a cluster that unseals with that key can take it: set vault_kms_key_alias to the key that was in use "
                "when the snapshot was taken."
            )
        raise VaultError(
            name, cause, f"{cure} {afterwards if error.status else UNSURE}".strip(), error.status
        ) from error


def wait_until_applied(cluster: Cluster, params: dict[str, t.Any], token: str, timeout: int) -> None:
    wait = Wait(timeout, POLL_SECONDS)
    wait_for_index(cluster, params, token, params["raft_index"], wait)
    # A follower may have been beyond the snapshot's index with what it held before. The active node goes on from an index
    # that is higher than any from before: who has that one, has the snapshot.
    wait_for_index(cluster, params, token, index_of_active(cluster, params, wait), wait)


def index_of_active(cluster: Cluster, params: dict[str, t.Any], wait: Wait) -> int:
    while True:
        for node in read_nodes(cluster):
            if node["state"] == "active" and node["raft_index"]:
                return int(node["raft_index"])
        if not wait.again():
            raise VaultError(params["cluster_name"], "the restore was accepted, and then no node was active", UNSURE)


def wait_for_index(cluster: Cluster, params: dict[str, t.Any], token: str, index: int, wait: Wait) -> None:
    while missing := what_is_missing(cluster, params, token, index):
        if not wait.again():
            raise VaultError(
                params["cluster_name"],
                f"the restore was accepted, and then {missing}",
                f"A restore that fails seals the node: read 'journalctl -u vault' there. {UNSURE}",
            )


def what_is_missing(cluster: Cluster, params: dict[str, t.Any], token: str, index: int) -> str | None:
    nodes = read_nodes(cluster)
    told = restore.removed(nodes)
    if told:
        raise VaultError(params["cluster_name"], f"the restore was accepted, and then {told}", REMOVED_CURE)
    held = held_by_raft(cluster, nodes)
    state = classify([node for node in nodes if node["name"] not in held])
    indexed: list[Node] = [{**node, "raft_index": held.get(node["name"], node["raft_index"])} for node in nodes]
    missing = restore.missing(state, indexed, params["cluster_id"], index)
    if missing:
        return missing
    name = str(state["active"])
    try:
        if api.knows_token(name, cluster.client(name), token):
            return "what was there before still serves"
    except VaultError as error:
        return f"whether the snapshot is there can't be told yet: {error}"
    return None if cluster.connection.token else login_problem(cluster, name)


def held_by_raft(cluster: Cluster, nodes: list[Node]) -> dict[str, int]:
    """By node what Raft has applied, of nodes that answer that something of theirs can't be decrypted.

    Raft tells a standby, by an entry behind the snapshot, to read the keys anew. One that was given a snapshot which has that
    entry already never comes to it, and goes on with the keys from before. The data is there, and the restart of all nodes that
    follows a restore brings the keys.
    """
    held = {}
    for node in nodes:
        if node["state"] == "unreachable" and node["reach"] == "answered":
            try:
                held[node["name"]] = api.applied_index(node["name"], cluster.client(node["name"]))
            except VaultError:
                continue  # it is missing, as it was
    return held


def login_problem(cluster: Cluster, name: str) -> str | None:
    try:
        with cluster.login(name):
            return None
    except Expired as error:
        raise Expired(name, f"the restore was accepted, and then {error.cause}", error.cure) from error
    except VaultError as error:
        # A refusal is an answer too: the snapshot knows other identities than today's.
        return None if error.status in REFUSED else f"the operator of the snapshot can't log in yet: {error}"


OPTIONS: dict[str, t.Any] = {
    **CONNECTION_SPEC,
    **AUTH_SPEC,
    **ADMIN_SPEC,
    "src": {"type": "path", "required": True},
    "sha256": {"type": "str", "required": True},
    "cluster_name": {"type": "str", "required": True},
    "cluster_id": {"type": "str", "required": True},
    "raft_index": {"type": "int", "required": True},
    "confirm": {"type": "str"},
    "wait_timeout": {"type": "int", "default": 180},
}


def main() -> None:
    run_module(run, OPTIONS, OSError, libraries=HVAC, required_together=[("admin_public_key", "admin_private_key")])


if __name__ == "__main__":
    main()
