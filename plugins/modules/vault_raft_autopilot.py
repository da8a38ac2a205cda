#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Set the autopilot of a Raft cluster."""

from __future__ import annotations

DOCUMENTATION = r"""
module: vault_raft_autopilot
short_description: Set the autopilot of a Vault cluster
version_added: 1.0.0
description:
  - Writes the given settings that differ. Other settings keep their value.
  - Durations are Go durations such as V(10s) or V(24h0m0s), and are compared as lengths of time.
  - Based on V(sys/storage/raft/autopilot/configuration) of the Vault API.
author: vaultops maintainers (@vaultops)
options:
  cleanup_dead_servers:
    description: Whether autopilot removes dead servers. Needs O(min_quorum) of at least 3.
    type: bool
  dead_server_last_contact_threshold:
    description: How long a server must be silent to count as dead, at least V(1m).
    type: str
  last_contact_threshold:
    description: How long a server may be silent and still count as healthy.
    type: str
  max_trailing_logs:
    description: How many log entries a server may be behind and still count as healthy.
    type: int
  min_quorum:
    description: How many servers clean-up always leaves.
    type: int
  server_stabilization_time:
    description: How long a new server must be healthy before it becomes a voter.
    type: str
extends_documentation_fragment:
  - vaultops.cluster.vault
  - vaultops.cluster.vault.auth
  - vaultops.cluster.attributes
  - vaultops.cluster.attributes.change
"""

EXAMPLES = r"""
- name: Remove servers that have been dead for a day
  vaultops.cluster.vault_raft_autopilot:
    nodes:
      vault-1: https://10.0.1.10:8200
    ca_cert: /etc/vaultops/ca.crt
    cert_auth_public_key: /etc/vaultops/operator.crt
    cert_auth_private_key: /etc/vaultops/operator.key
    cleanup_dead_servers: true
    dead_server_last_contact_threshold: 24h
    min_quorum: 3
"""

RETURN = r"""
autopilot:
  description: The settings after the change; in check mode as they would be.
  returned: success
  type: dict
"""

import typing as t

from ..module_utils._common.module import run_module
from ..module_utils._vault.client import AUTH_SPEC, CONNECTION_SPEC, HVAC, Cluster, Connection
from ..module_utils._vault.raft import api
from ..module_utils._vault.raft.autopilot import SPEC, look, result


def run(params: dict[str, t.Any], check_mode: bool) -> dict[str, t.Any]:
    cluster = Cluster(Connection.from_params(params))
    name = cluster.active()
    with cluster.login(name) as client:
        before, after = look(name, client, params)
        if before != after and not check_mode:
            # Without what only Vault Enterprise knows: it is read, and refused when it comes back.
            api.write_autopilot_config(name, client, {setting: after[setting] for setting in SPEC if setting in after})
    return result(before, after)


OPTIONS: dict[str, t.Any] = {**CONNECTION_SPEC, **AUTH_SPEC, **SPEC}


def main() -> None:
    run_module(run, OPTIONS, ValueError, libraries=HVAC)


if __name__ == "__main__":
    main()
