#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Its work is done by the action plugin of this name: these are its documents."""

from __future__ import annotations

DOCUMENTATION = r"""
module: vault_failover
short_description: Stop the active node of a Vault cluster, measure the fail-over, and start the node again
version_added: 1.0.0
description:
  - The controller asks every node all the while whether the node is the active one, and writes to whichever says so. Meanwhile
    M(vaultops.cluster.vault_pause) stops the active node on its machine, and starts the node again.
  - All times are of the controller's clock. They begin with the last word of the node that was stopped, as a client hears it.
  - The node is started again whatever happens. Where the run is killed, a timer on the node starts Vault.
  - What goes wrong once the node was stopped is part of the result, as RV(problem), and no failure. So it can be written down.
  - The writes go to the login's own cubbyhole, and vanish with the login.
  - The task is one of the host that is stopped, and its connection is used.
author: vaultops maintainers (@vaultops)
options:
  node:
    description: Name of the active node among O(nodes). Another node is not stopped.
    type: str
    required: true
  node_id:
    description: The node's id in Raft.
    type: str
    required: true
  peers:
    description: Raft addresses (host:port) by the nodes' names.
    type: dict
    required: true
  kind:
    description: V(graceful) stops the service by SIGTERM. V(crash) kills the process by SIGKILL.
    type: str
    choices: [graceful, crash]
    default: graceful
  leader_timeout:
    description: Seconds to wait for a write that another node acknowledges. Then the node is started again.
    type: int
    default: 30
  rejoin_timeout:
    description: Seconds to wait until the node is a healthy voter that has caught up.
    type: int
    default: 120
  node_tls_server_name:
    description: Name that the node checks the other nodes' certificates against.
    type: str
    required: true
  node_ca_cert:
    description: Path of the CA certificates, in PEM, on the node.
    type: path
    default: /etc/vault.d/tls/ca.crt
  service:
    description: Name of the systemd service on the node.
    type: str
    default: vault
extends_documentation_fragment:
  - vaultops.cluster.vault
  - vaultops.cluster.vault.auth
  - vaultops.cluster.attributes
attributes:
  check_mode:
    support: full
    details: Nothing is asked, and nothing is stopped.
  diff_mode:
    support: none
    details: Nothing on the disk changes.
  idempotent:
    support: none
    details: Every run stops the active node.
"""

EXAMPLES = r"""
- name: Stop the active node, and measure
  vaultops.cluster.vault_failover:
    nodes:
      vault-1: https://10.0.1.10:8200
      vault-2: https://10.0.1.11:8200
      vault-3: https://10.0.1.12:8200
    ca_cert: /etc/vaultops/ca.crt
    node_tls_server_name: vault.prod.internal
    cert_auth_public_key: /etc/vaultops/operator.crt
    cert_auth_private_key: /etc/vaultops/operator.key
    node: vault-1
    node_id: vault-1
    peers: {vault-1: "10.0.1.10:8201"}
"""

RETURN = r"""
stopped:
  description: The node that was stopped.
  returned: success
  type: str
acknowledged:
  description: How many writes the node had acknowledged before.
  returned: success
  type: int
leader:
  description: The node that became the active one; null where none did.
  returned: success
  type: str
leader_seconds:
  description: Seconds between the last word of the old active node and the first of the new one.
  returned: success
  type: float
write_seconds:
  description: Seconds between the last write that the old active node acknowledged and the first of the new one.
  returned: success
  type: float
lost:
  description: Whether the last write that the old active node acknowledged is gone; null where that could not be read.
  returned: success
  type: bool
unsealed_seconds:
  description: Seconds from the start of the node until it says that it serves.
  returned: success
  type: float
rejoined_seconds:
  description: Seconds from the start of the node until it is a healthy voter that has caught up.
  returned: success
  type: float
problem:
  description: What went wrong once the node was stopped; null where nothing did.
  returned: success
  type: str
"""
