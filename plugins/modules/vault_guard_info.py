#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Find out for what of recovery keys and root tokens nodes want no token."""

from __future__ import annotations

DOCUMENTATION = r"""
module: vault_guard_info
short_description: Find out for what nodes want no token
version_added: 1.0.0
description:
  - From 2.0 on Vault wants a token for a rekey and for a new root token. C(enable_unauthenticated_access) in a node's
    configuration does without. The module asks each node without a token, and reads only.
  - A standby passes the question on to the active node. So the answer is what counts now, and not what that node's own
    configuration would do if it became active.
  - With O(allowed) the module waits until nothing else is open, and fails where something is, or where a node can't be asked. In
    check mode it neither waits nor fails.
  - Based on V(sys/seal-status), V(sys/rekey-recovery-key/init) and V(sys/generate-root/attempt) of the Vault API. Run it on the
    controller.
author: vaultops maintainers (@vaultops)
options:
  allowed:
    description: Families of endpoints that may be open, by their names in C(enable_unauthenticated_access).
    type: list
    elements: str
  wait_timeout:
    description: Seconds to wait at most until a reload has taken effect.
    type: int
    default: 30
extends_documentation_fragment:
  - vaultops.cluster.vault
  - vaultops.cluster.attributes
  - vaultops.cluster.attributes.info
"""

EXAMPLES = r"""
- name: Nobody goes without a token
  vaultops.cluster.vault_guard_info:
    nodes:
      vault-1: https://10.0.1.10:8200
      vault-2: https://10.0.1.11:8200
      vault-3: https://10.0.1.12:8200
    ca_cert: /etc/vaultops/ca.crt
    allowed: []
"""

RETURN = r"""
nodes:
  description: What each node says.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name of the node.
      type: str
    guarded:
      description: Whether its version wants a token at all; null where the node does not tell its version.
      type: bool
    open:
      description: For which families of endpoints it wants none; null where nobody knows, and of a version without a guard.
      type: list
      elements: str
    problem:
      description: Why something is not known, or null.
      type: str
left_open:
  description: By node what is open beyond O(allowed).
  returned: success
  type: dict
"""

import typing as t

from ..module_utils._common.module import run_module
from ..module_utils._common.wait import Wait
from ..module_utils._vault.client import CONNECTION_SPEC, HVAC, Cluster, Connection
from ..module_utils._vault.errors import VaultError
from ..module_utils._vault.guard import api, state


def run(params: dict[str, t.Any], check_mode: bool) -> dict[str, t.Any]:
    cluster = Cluster(Connection.from_params(params))
    allowed, is_held = params["allowed"] or [], params["allowed"] is not None and not check_mode
    wait = Wait(params["wait_timeout"])
    guards = api.read(cluster)
    while is_held and state.problem(guards, allowed) and wait.again():
        guards = api.read(cluster)
    problem = state.problem(guards, allowed) if is_held else None
    if problem:
        raise VaultError(*problem)
    return {"changed": False, "nodes": guards, "left_open": state.beyond(guards, allowed)}


OPTIONS: dict[str, t.Any] = {
    **CONNECTION_SPEC,
    "allowed": {"type": "list", "elements": "str"},
    "wait_timeout": {"type": "int", "default": 30},
}


def main() -> None:
    run_module(run, OPTIONS, libraries=HVAC)


if __name__ == "__main__":
    main()
