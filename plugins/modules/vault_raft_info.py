#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Read the Raft peers and autopilot of a Vault cluster."""

from __future__ import annotations

DOCUMENTATION = r"""
module: vault_raft_info
short_description: Read the Raft peers and autopilot of a Vault cluster
version_added: 1.0.0
description:
  - Joins Raft's configuration (who is a member) and autopilot's state (who is alive) into one shape.
  - Can wait until a number of voters is healthy, or until one peer is back after a restart. Autopilot notices a dead voter
    up to ten seconds late, so the module also asks every node, and both answers must agree.
  - Based on V(sys/storage/raft/configuration) and V(sys/storage/raft/autopilot) of the Vault API.
author: vaultops maintainers (@vaultops)
options:
  voters:
    description: How many healthy voters there should be.
    type: int
  expected_peers:
    description:
      - Node ids and cluster addresses (host:port) as the inventory has them.
      - RV(differences) then says how the cluster's peers differ. A peer that has not joined yet does not count as a difference.
    type: dict
  wait:
    description:
      - With O(voters), wait until the cluster is whole. That many voters are healthy under one leader, the cluster
        tolerates as many failures as it can, and every one of O(nodes) answers that it serves, in one cluster.
      - A voter that is none of O(nodes) ends the wait at once, since the module can't ask that voter.
    type: bool
    default: false
  node_id:
    description:
      - With O(wait), a peer that was restarted. The wait lasts until the peer is a healthy voter, has caught up with the leader's
        index at the start of the wait, and answers that it serves.
      - Without O(voters) the module waits for this peer alone, whatever the state of the other peers.
    type: str
  peers:
    description:
      - Raft addresses (host:port) of O(nodes), by name. A node that is not named here is the peer at the host of its URL.
    type: dict
    default: {}
  version:
    description: With O(node_id), the Vault version that it must run.
    type: str
  leaving:
    description: With O(wait), node ids that are about to be removed. Whether they are healthy does not matter.
    type: list
    elements: str
    default: []
  stable_seconds:
    description: With O(wait), how long the conditions must hold without a break.
    type: int
    default: 0
  wait_timeout:
    description:
      - Seconds to wait at most, whatever O(timeout) allows a call.
        Autopilot itself waits 10 s by default before it promotes a new node.
    type: int
    default: 120
  cluster_name:
    description: Name of the cluster, with O(custody).
    type: str
  custody:
    description: Where the recovery keys are kept. Asked only while the operator can't log in yet.
    required: false
extends_documentation_fragment:
  - vaultops.cluster.vault
  - vaultops.cluster.vault.auth
  - vaultops.cluster.vault.custody
  - vaultops.cluster.attributes
  - vaultops.cluster.attributes.info
"""

EXAMPLES = r"""
- name: Wait until three voters are healthy
  vaultops.cluster.vault_raft_info:
    nodes:
      vault-1: https://10.0.1.10:8200
      vault-2: https://10.0.1.11:8200
      vault-3: https://10.0.1.12:8200
    ca_cert: /etc/vaultops/ca.crt
    cert_auth_public_key: /etc/vaultops/operator.crt
    cert_auth_private_key: /etc/vaultops/operator.key
    voters: 3
    wait: true
"""

RETURN = r"""
missing:
  description: What is missing until O(voters) voters are healthy, in words; null when nothing is.
  returned: success
  type: str
differences:
  description: How the peers differ from O(expected_peers), a sentence each.
  returned: success
  type: list
  elements: str
autopilot:
  description: Autopilot's configuration as Vault returns it.
  returned: success
  type: dict
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

import dataclasses
import time
import typing as t

from ..module_utils._common.module import run_module
from ..module_utils._common.wait import Wait
from ..module_utils._custody import sinks
from ..module_utils._vault.client import AUTH_SPEC, CONNECTION_SPEC, HVAC, Cluster, Connection
from ..module_utils._vault.errors import Expired, VaultError
from ..module_utils._vault.raft import look
from ..module_utils._vault.raft.state import (
    Raft,
    excluding,
    index_of_leader,
    missing_tolerance,
    not_asked,
    not_serving,
    own_rejoin_problem,
    quorum_problem,
    rejoin_problem,
)
from ..module_utils._vault.session import root_token_from, session
from ..module_utils._vault.status.api import read_nodes

# Answers that waiting does not change, unless they come from a new leader, which knows of logins a moment later.
FINAL = (400, 403)
REFUSED_SECONDS = 10


def run(params: dict[str, t.Any], _check_mode: bool) -> dict[str, t.Any]:
    """Look once, or until nothing is missing. While the leadership moves there is nobody to ask: that is waited out."""
    wait = Wait(params["wait_timeout"])
    gate = Gate(params, wait)
    name, missing = "the cluster", ""
    refused_since: float | None = None
    while True:
        try:
            with session(Cluster(gate.connection), gate.root_token) as (active, client):
                result = gate.look(active, client)
            if result:
                return result
        except (Stranger, Expired):
            raise
        except VaultError as error:
            refused_since = (refused_since or time.monotonic()) if error.status in FINAL else None
            if not params["wait"] or (refused_since and time.monotonic() - refused_since > REFUSED_SECONDS):
                raise
            gate.good_since = None
            # The end of the waiting cuts the last call off: what was missing before is told.
            if not wait.is_over or not gate.missing:
                name, missing = error.where, error.cause
                gate.missing = None
        if not wait.again():
            raise VaultError(
                "the cluster" if gate.missing else name,
                f"after {params['wait_timeout']} s {gate.missing or missing}",
                "Read 'journalctl -u vault' on the nodes named here; a node that is not listed has not joined.",
            )


class Stranger(VaultError):
    """A voter that is in no inventory. Waiting does not change that."""


class Gate:
    """What is waited for, and since when nothing of it is missing."""

    def __init__(self, params: dict[str, t.Any], wait: Wait) -> None:
        self.params = params
        self.wait = wait
        connection = Connection.from_params(params)
        self.connection = dataclasses.replace(connection, until=wait.until) if params["wait"] else connection
        self.root_token = root_token_from(params["custody"], params["cluster_name"])
        self.index: int | None = None
        self.missing: str | None = None
        self.good_since: float | None = None

    def look(self, name: str, client: t.Any) -> dict[str, t.Any] | None:
        """The result, or None when the time is over."""
        while True:
            raft = look.read(name, client)
            missing = self._missing(raft) if self.params["wait"] else None
            # The end of the waiting makes every node that is being asked look like one that does not answer.
            if not (missing and self.missing and self.wait.is_over):
                self.missing = missing
            if self._is_stable():
                return look.result(name, client, raft, self.params)
            if not self.wait.again():
                return None

    def _missing(self, everybody: Raft) -> str | None:
        """First by autopilot's word, which is at hand; then by that of the nodes."""
        params, raft = self.params, excluding(everybody, self.params["leaving"])
        node_id, version, peers = params["node_id"], params["version"], params["peers"]
        if self.index is None:
            self.index = index_of_leader(raft)
        missing = None
        if params["voters"]:
            self._require_known(raft)
            missing = quorum_problem(raft, params["voters"]) or missing_tolerance(raft)
        if node_id and not missing:
            missing = rejoin_problem(raft, node_id, version, self.index)
        if missing:
            return missing
        nodes = read_nodes(Cluster(self.connection))
        if params["voters"]:
            missing = not_serving(raft, nodes, peers)
        if node_id and not missing:
            missing = own_rejoin_problem(raft, node_id, version, self.index, nodes, peers)
        return missing

    def _require_known(self, raft: Raft) -> None:
        unlisted = not_asked(raft, self.connection.nodes, self.params["peers"])
        if unlisted:
            raise Stranger(
                ", ".join(unlisted),
                f"a voter of the cluster that is none of the nodes asked ({', '.join(self.connection.nodes)})",
                "Name it in the inventory, or remove it from the cluster: playbooks/replace_node.yml.",
            )

    def _is_stable(self) -> bool:
        if self.missing:
            self.good_since = None
            return False
        self.good_since = self.good_since or time.monotonic()
        return time.monotonic() - self.good_since >= (self.params["stable_seconds"] if self.params["wait"] else 0)


OPTIONS: dict[str, t.Any] = {
    **CONNECTION_SPEC,
    **AUTH_SPEC,
    **look.SPEC,
    "wait": {"type": "bool", "default": False},
    "node_id": {"type": "str"},
    "version": {"type": "str"},
    "peers": {"type": "dict", "default": {}},
    "leaving": {"type": "list", "elements": "str", "default": []},
    "stable_seconds": {"type": "int", "default": 0},
    "wait_timeout": {"type": "int", "default": 120},
    "cluster_name": {"type": "str"},
    "custody": sinks.OPTION,
}


def main() -> None:
    run_module(
        run,
        OPTIONS,
        libraries=HVAC,
        required_by={"custody": ["cluster_name"], "version": ["node_id"]},
        required_if=[("wait", True, ["voters", "node_id"], True)],
    )


if __name__ == "__main__":
    main()
