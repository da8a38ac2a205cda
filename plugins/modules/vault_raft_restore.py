#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Restore a snapshot into a Vault cluster, and wait until every node has it."""

from __future__ import annotations

DOCUMENTATION = r"""
module: vault_raft_restore
short_description: Restore a Raft snapshot into a Vault cluster
version_added: 1.0.0
description:
  - Restores a snapshot over a cluster that serves, or into nodes that are not initialised. Those are initialised first,
    with keys that nobody keeps; from the restore on, the recovery keys are those of the snapshot.
  - Over a cluster that serves it wants the cluster's name typed. Everything that was written since the snapshot is lost.
  - "Vault answers before it has applied a snapshot. So the module waits: until the token that it restored with is gone, all
    nodes serve with the snapshot's cluster id and Raft index, and the operator of the snapshot can log in."
  - "Afterwards restart all nodes at once: Raft's own TLS keys are part of the snapshot, and a node keeps those that it has in
    memory, so that one which is restarted later finds no peer to talk to."
  - A snapshot that was sealed with another KMS key is refused by Vault, and this module knows no way around that.
  - Based on V(sys/storage/raft/snapshot) and V(sys/init) of the Vault API.
author: vaultops maintainers (@vaultops)
options:
  src:
    description: Path of the decrypted snapshot, as M(vaultops.cluster.vault_backup_fetch) leaves it.
    type: path
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
    description: The cluster's name once more, where it serves.
    type: str
  wait_timeout:
    description: Seconds to wait for nodes to join, and then for all of them to have the snapshot.
    type: int
    default: 180
extends_documentation_fragment:
  - vaultops.cluster.vault
  - vaultops.cluster.vault.auth
  - vaultops.cluster.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
    details: What changes is everything.
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
    src: /root/restore/plain.snap
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

import os
import time
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._vault.client import AUTH_SPEC, CONNECTION_SPEC, Cluster, Connection
from ..module_utils._vault.errors import VaultError
from ..module_utils._vault.init import api as init_api
from ..module_utils._vault.module import answer
from ..module_utils._vault.snapshot import api, restore
from ..module_utils._vault.status.api import read_nodes
from ..module_utils._vault.status.state import classify

POLL_SECONDS = 0.5
SECONDS_PER_GIB = 600


def run(params: dict[str, t.Any], check_mode: bool) -> dict[str, t.Any]:
    cluster = Cluster(Connection.from_params(params))
    state = classify(read_nodes(cluster))
    obstacle = restore.obstacle(state, params["cluster_name"], params["confirm"])
    if obstacle:
        raise VaultError(params["cluster_name"], obstacle)
    size = os.path.getsize(params["src"])
    if check_mode:
        return {"changed": True, "was": state["state"], "seconds": 0.0}
    begun = time.monotonic()
    timeout = params["wait_timeout"] + (size * SECONDS_PER_GIB >> 30)
    if state["state"] == "fresh":
        client, name = initialised(cluster, params["wait_timeout"]), next(iter(cluster.connection.nodes))
        send(name, client, params["src"], timeout)
        token = client.token
    else:
        token = over_what_serves(cluster, params["src"], timeout)
    wait_until_applied(cluster, params, token)
    return {"changed": True, "was": state["state"], "seconds": round(time.monotonic() - begun, 1)}


def initialised(cluster: Cluster, timeout: int) -> t.Any:
    """A client for the first node, with the root token of a cluster that is there only to be overwritten."""
    name = next(iter(cluster.connection.nodes))
    client = cluster.client(name)
    client.token = init_api.initialise(name, client, {"recovery_shares": 1, "recovery_threshold": 1})["root_token"]
    deadline = time.monotonic() + timeout
    while (state := classify(read_nodes(cluster)))["state"] != "live":
        if time.monotonic() > deadline:
            raise VaultError(
                name,
                f"the others have not joined it after {timeout} s ({state['reason']})",
                "It holds no data: empty the Raft directory on every node, mend the cause, and run again.",
            )
        time.sleep(POLL_SECONDS)
    return client


def over_what_serves(cluster: Cluster, src: str, timeout: int) -> str:
    """Returns the token it was done with. A restore takes the token along, so there is nothing left to revoke."""
    name, applied, token = cluster.active(), False, ""
    try:
        with cluster.login(name) as client:
            # One that was given may be in the snapshot too, so it proves nothing.
            token = "" if cluster.connection.token else client.token
            send(name, client, src, timeout)
            applied = True
    except VaultError:
        if not applied:
            raise
    return token


def send(name: str, client: t.Any, src: str, timeout: int) -> None:
    try:
        with open(src, "rb") as stream:
            api.restore(name, client, stream, timeout)
    except VaultError as error:
        if restore.OTHER_SEAL in error.cause:
            raise VaultError(
                name,
                "the snapshot was sealed with another KMS key than this cluster's",
                "Only a cluster that unseals with that key can take it: set vault_kms_key_alias to the key that was in use "
                "when the snapshot was taken. Nothing was changed.",
            ) from error
        raise


def wait_until_applied(cluster: Cluster, params: dict[str, t.Any], token: str) -> None:
    deadline = time.monotonic() + params["wait_timeout"]
    while missing := what_is_missing(cluster, params, token):
        if time.monotonic() > deadline:
            raise VaultError(
                params["cluster_name"],
                f"the restore was accepted, and {params['wait_timeout']} s later {missing}",
                "A restore that fails seals the node: read 'journalctl -u vault' there. The snapshot is untouched.",
            )
        time.sleep(POLL_SECONDS)


def what_is_missing(cluster: Cluster, params: dict[str, t.Any], token: str) -> str | None:
    nodes = read_nodes(cluster)
    missing = restore.missing(classify(nodes), nodes, params["cluster_id"], params["raft_index"])
    if missing:
        return missing
    try:
        name = cluster.active()
        if token and api.knows_token(name, cluster.client(name), token):
            return "what was there before still serves"
        if not cluster.connection.token:
            with cluster.login(name):
                pass
    except VaultError as error:
        return f"the operator of the snapshot can't log in yet: {error}"
    return None


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **CONNECTION_SPEC,
            **AUTH_SPEC,
            "src": {"type": "path", "required": True},
            "cluster_name": {"type": "str", "required": True},
            "cluster_id": {"type": "str", "required": True},
            "raft_index": {"type": "int", "required": True},
            "confirm": {"type": "str"},
            "wait_timeout": {"type": "int", "default": 180},
        },
        supports_check_mode=True,
    )
    answer(module, lambda: run(module.params, module.check_mode), OSError)


if __name__ == "__main__":
    main()
