#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Read the state of every node of a Vault cluster, without a login."""

from __future__ import annotations

DOCUMENTATION = r"""
module: vault_status_info
short_description: Read the state of every node of a Vault cluster
version_added: 1.0.0
description:
  - Reads health, seal and leader of all nodes side by side, and derives the cluster's state.
  - Needs no token. A node that does not answer is part of the result, not an error.
  - Based on V(sys/health), V(sys/seal-status) and V(sys/leader) of the Vault API.
author: vaultops maintainers (@vaultops)
options:
  wait_for:
    description: Wait until the cluster is in one of these states.
    type: list
    elements: str
    choices: [fresh, live, partial, degraded, split]
  wait_timeout:
    description: Seconds to wait at most.
    type: int
    default: 60
extends_documentation_fragment:
  - vaultops.cluster.vault
  - vaultops.cluster.attributes
  - vaultops.cluster.attributes.info
"""

EXAMPLES = r"""
- name: Look at the cluster
  vaultops.cluster.vault_status_info:
    nodes:
      vault-1: https://10.0.1.10:8200
      vault-2: https://10.0.1.11:8200
      vault-3: https://10.0.1.12:8200
    ca_cert: /etc/vaultops/ca.crt
  register: status

- name: Wait until it serves
  vaultops.cluster.vault_status_info:
    nodes:
      vault-1: https://10.0.1.10:8200
    ca_cert: /etc/vaultops/ca.crt
    wait_for: [live]
    wait_timeout: 120
"""

RETURN = r"""
cluster:
  description: All nodes taken together.
  returned: success
  type: dict
  contains:
    state:
      description:
        - V(fresh) if every node answers and none is initialised; V(live) if all serve in one cluster with one
          active node; V(partial) if some have not joined yet; V(degraded) if some are down, sealed or without a
          leader; V(split) if they are in different clusters; V(down) if no node is known to be initialised and
          at least one does not answer.
      type: str
    active:
      description: Name of the active node, or null.
      type: str
    cluster_id:
      description: Id of the cluster, or null.
      type: str
    versions:
      description: Vault versions that answered.
      type: list
      elements: str
    reason:
      description: What the state follows from, in words.
      type: str
nodes:
  description: Each node's own answers.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name of the node.
      type: str
    url:
      description: Where it was asked.
      type: str
    state:
      description: V(active), V(standby), V(isolated) (a standby that can't reach the active node), V(uninitialized), V(sealed),
          V(removed), V(unreachable) or V(unknown).
      type: str
    initialized:
      description: Whether it is initialised; null if it did not say.
      type: bool
    sealed:
      description: Whether it is sealed; null if it did not say.
      type: bool
    seal_type:
      description: Type of its seal, such as V(awskms).
      type: str
    migrating:
      description: Whether its configuration names another kind of seal than the one that its data has; null if it did not say.
      type: bool
    version:
      description: Its Vault version.
      type: str
    cluster_id:
      description: The cluster it belongs to.
      type: str
    cluster_name:
      description: That cluster's name.
      type: str
    leader_address:
      description: API address of the active node as this node knows it.
      type: str
    raft_index:
      description: Its committed Raft index.
      type: int
    error:
      description: Why it could not be read, or null.
      type: str
    reach:
      description:
        - How far the question came. V(answered) by Vault; V(refused) by the host, where nothing listens; V(timeout);
          V(unroutable) where there is no route, no such name or no machine; V(tls) if its certificate was not accepted;
          V(ca_file) if the CA that it would be judged by can't be read on this controller; V(broken) if there was a
          connection and no answer of Vault's.
        - With V(refused) the node is known not to serve. V(unroutable) and V(ca_file) say nothing of the node.
      type: str
"""

import dataclasses
import typing as t

from ..module_utils._common.module import run_module
from ..module_utils._common.wait import Wait
from ..module_utils._vault.client import CONNECTION_SPEC, HVAC, Cluster, Connection
from ..module_utils._vault.errors import VaultError
from ..module_utils._vault.status.api import read_nodes
from ..module_utils._vault.status.state import REMOVED_CURE, classify


def run(params: dict[str, t.Any], _check_mode: bool) -> dict[str, t.Any]:
    wait = Wait(params["wait_timeout"])
    connection = Connection.from_params(params)
    cluster = Cluster(dataclasses.replace(connection, until=wait.until) if params["wait_for"] else connection)
    before = None
    while True:
        nodes = read_nodes(cluster)
        state = classify(nodes)
        if not params["wait_for"] or state["state"] in params["wait_for"]:
            return {"changed": False, "cluster": state, "nodes": nodes}
        if wait.is_over:
            # The end of the waiting may have cut the last look off: then the one before it is told.
            nodes = before or nodes
            state = classify(nodes)
            errors = "; ".join(node["error"] for node in nodes if node["error"])
            raise VaultError(
                ", ".join(cluster.connection.nodes),
                f"still {state['state']} after {params['wait_timeout']} s ({state['reason']}) {errors}".rstrip(),
                REMOVED_CURE
                if any(node["state"] == "removed" for node in nodes)
                else "Read 'journalctl -u vault' on the nodes that are not active or standby.",
            )
        before = nodes
        wait.again()


OPTIONS: dict[str, t.Any] = {
    **CONNECTION_SPEC,
    "wait_for": {
        "type": "list",
        "elements": "str",
        "choices": ["fresh", "live", "partial", "degraded", "split"],
    },
    "wait_timeout": {"type": "int", "default": 60},
}


def main() -> None:
    run_module(run, OPTIONS, libraries=HVAC)


if __name__ == "__main__":
    main()
