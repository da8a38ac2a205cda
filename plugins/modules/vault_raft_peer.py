#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Remove a peer from a Raft cluster, guarded by its quorum."""

from __future__ import annotations

DOCUMENTATION = r"""
module: vault_raft_peer
short_description: Remove a peer from a Vault cluster's Raft configuration
version_added: 1.0.0
description:
  - Removes a peer. Refuses when O(confirm) does not repeat the id, when the remaining voters would have no quorum, or when the
    remaining voters would tolerate no failure.
  - A leader hands the leadership over first (C(sys/step-down)), and must be one of O(nodes). Afterwards the module checks the
    remaining voters again, by the new leader's answer.
  - Autopilot notices a dead voter up to ten seconds late, so the module also asks the peers in O(nodes). A peer that does not
    answer, or answers that it does not serve, does not count as healthy.
  - A removed node can't come back under its old node id. Wipe its data and give it a new one.
  - Based on V(sys/storage/raft/remove-peer) and V(sys/step-down) of the Vault API.
author: vaultops maintainers (@vaultops)
options:
  node_id:
    description: Node id of the peer.
    type: str
    required: true
  peers:
    description:
      - Raft addresses (host:port) of O(nodes), by name. A node that is not named here is the peer at the host of its URL.
    type: dict
    default: {}
  state:
    description: Peers join by themselves, so they can only be made absent here.
    type: str
    choices: [absent]
    default: absent
  confirm:
    description: The node id once more. Without the confirmation an existing peer is not removed.
    type: str
  accept_lost_tolerance:
    description: Whether the peer may be removed when the remaining voters tolerate no failure.
    type: bool
    default: false
  wait_timeout:
    description: Seconds to wait for another leader, if the peer leads.
    type: int
    default: 30
extends_documentation_fragment:
  - vaultops.cluster.vault
  - vaultops.cluster.vault.auth
  - vaultops.cluster.attributes
  - vaultops.cluster.attributes.change
"""

EXAMPLES = r"""
- name: Remove the dead node vault-2
  vaultops.cluster.vault_raft_peer:
    nodes:
      vault-1: https://10.0.1.10:8200
      vault-3: https://10.0.1.12:8200
    ca_cert: /etc/vaultops/ca.crt
    cert_auth_public_key: /etc/vaultops/operator.crt
    cert_auth_private_key: /etc/vaultops/operator.key
    node_id: vault-2
    confirm: vault-2
"""

RETURN = r"""
raft:
  description: Membership and liveness in one shape.
  returned: success
  type: dict
  contains:
    healthy:
      description: Whether autopilot calls the cluster healthy.
      type: bool
    failure_tolerance:
      description: How many voters may fail before quorum is lost.
      type: int
    leader:
      description: Node id of the leader, or null.
      type: str
    voters:
      description: Node ids of the voters.
      type: list
      elements: str
    servers:
      description: "Every peer: node_id, address (host:port), voter, leader, healthy, status, last_index,
        last_term, last_contact_seconds, stable_since (ISO 8601) and version."
      type: list
      elements: dict
"""

import typing as t

from ..module_utils._common.module import run_module
from ..module_utils._common.wait import Wait
from ..module_utils._vault.client import AUTH_SPEC, CONNECTION_SPEC, HVAC, Cluster, Connection
from ..module_utils._vault.errors import VaultError
from ..module_utils._vault.raft import api
from ..module_utils._vault.raft.look import read
from ..module_utils._vault.raft.state import Raft, by_own_word, removal_problem, without
from ..module_utils._vault.status.api import read_nodes


def run(params: dict[str, t.Any], check_mode: bool) -> dict[str, t.Any]:
    cluster = Cluster(Connection.from_params(params))
    node_id = params["node_id"]
    with cluster.login_active() as client:
        before = judged(cluster, params, client)
        if before["leader"] == node_id and not check_mode:
            hand_over(node_id, client, params["wait_timeout"])
    after = without(before, node_id)
    if after != before and not check_mode:
        # By way of a node that stays: one that was removed answers nothing any more.
        with cluster.login_active() as client:
            # The hand-over took its time, in which another voter may have died; and a new leader's autopilot has to get to know
            # the voters first.
            judged_when_settled(cluster, params, client)
            api.remove_peer(node_id, client, node_id)
            after = read(node_id, client)
    return {
        "changed": len(after["servers"]) != len(before["servers"]),
        "raft": after,
        "diff": {"before": peers(before), "after": peers(after)},
    }


def judged(cluster: Cluster, params: dict[str, t.Any], client: t.Any) -> Raft:
    """The peers as the active node and they themselves say they are now, if this one may be removed from them."""
    node_id = params["node_id"]
    raft = by_own_word(read(node_id, client), read_nodes(cluster), params["peers"])
    problem = removal_problem(raft, node_id, params["confirm"], params["accept_lost_tolerance"])
    if problem:
        raise VaultError(node_id, problem)
    return raft


def judged_when_settled(cluster: Cluster, params: dict[str, t.Any], client: t.Any) -> Raft:
    wait = Wait(params["wait_timeout"])
    while True:
        try:
            return judged(cluster, params, client)
        except VaultError:
            if not wait.again():
                raise


def hand_over(node_id: str, client: t.Any, timeout: int) -> None:
    """Have another node lead. The client's own node then forwards its requests there, and that is what is waited for."""
    api.step_down(node_id, client)
    wait = Wait(timeout)
    while True:
        try:
            if read(node_id, client)["leader"] not in (None, node_id):
                return
            missing = f"it still leads after {timeout} s"
        except VaultError as error:  # while the leadership moves there is nobody to ask
            missing = error.cause
        if not wait.again():
            raise VaultError(
                node_id, missing, "Stop its Vault service, so that another node takes over, and run again."
            )


def peers(raft: Raft) -> dict[str, t.Any]:
    return {"peers": [f"{server['node_id']} {server['address']}" for server in raft["servers"]]}


OPTIONS: dict[str, t.Any] = {
    **CONNECTION_SPEC,
    **AUTH_SPEC,
    "node_id": {"type": "str", "required": True},
    "peers": {"type": "dict", "default": {}},
    "state": {"type": "str", "choices": ["absent"], "default": "absent"},
    "confirm": {"type": "str"},
    "accept_lost_tolerance": {"type": "bool", "default": False},
    "wait_timeout": {"type": "int", "default": 30},
}


def main() -> None:
    run_module(run, OPTIONS, libraries=HVAC)


if __name__ == "__main__":
    main()
