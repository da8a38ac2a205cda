#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Open a node that has restarted with a new kind of seal."""

from __future__ import annotations

DOCUMENTATION = r"""
module: vault_unseal
short_description: Open a Vault node that has restarted with another kind of seal
version_added: 1.0.0
description:
  - Waits until the node answers. A node whose configuration names another kind of seal than what is stored is given as many
    unseal keys as it needs, for the migration of the seal; a node that opens by its KMS key is waited for.
  - What others gave to the node before, and what did not open it, is forgotten first.
  - A node that runs with the old seal still is an error, and gets no key.
  - The keys go to this node alone, over TLS that is verified by O(ca_cert). Keys never are part of the result.
  - Based on V(sys/seal-status) and V(sys/unseal) of the Vault API. Run it on the controller.
author: vaultops maintainers (@vaultops)
options:
  name:
    description: Which of O(nodes) is opened.
    type: str
    required: true
  unseal_keys:
    description: The keys, each as it was given out, in hexadecimal or base64.
    type: list
    elements: str
    required: true
  wait_timeout:
    description: Seconds to wait at most, until the node answers, and until it is open.
    type: int
    default: 120
extends_documentation_fragment:
  - vaultops.cluster.vault
  - vaultops.cluster.attributes
  - vaultops.cluster.attributes.change
"""

EXAMPLES = r"""
- name: Open a node that has restarted
  vaultops.cluster.vault_unseal:
    nodes:
      vault-1: https://10.0.1.10:8200
    ca_cert: /etc/vaultops/ca.crt
    name: vault-1
    unseal_keys: "{{ lookup('ansible.builtin.env', 'VAULT_UNSEAL_KEYS').split(',') }}"
"""

RETURN = r"""
given:
  description: How many keys the node was given. V(0) where it was open, or has opened by itself.
  returned: success
  type: int
migrating:
  description: Whether what the node has stored has the old seal still. The node that becomes active next changes that.
  returned: success
  type: bool
"""

import typing as t

from ..module_utils._common.module import run_module
from ..module_utils._common.wait import Wait
from ..module_utils._vault.client import CONNECTION_SPEC, HVAC, Cluster, Connection
from ..module_utils._vault.errors import VaultError
from ..module_utils._vault.unseal import api, state

JOURNAL = "Read 'journalctl -u vault' on the node."
# What comes with the next answer, while a node starts.
STARTING = ("refused", "timeout", "broken")


def run(params: dict[str, t.Any], check_mode: bool) -> dict[str, t.Any]:
    name = params["name"]
    connection = Connection.from_params(params)
    if name not in connection.nodes:
        raise VaultError(name, "it is none of the nodes that were given", "Name one of 'nodes'.")
    client = Cluster(connection).client(name)
    seal = settled(name, client, params["wait_timeout"])
    keys = state.distinct(params["unseal_keys"])[: seal["threshold"]]
    if state.wants(seal) != "keys":
        return {"changed": False, "given": 0, "migrating": seal["migrating"]}
    if lacking := state.too_few(keys, seal):
        raise VaultError(name, *lacking)
    if not check_mode:
        seal = opened(name, client, keys)
    return {"changed": True, "given": len(keys), "migrating": seal["migrating"]}


def settled(name: str, client: t.Any, seconds: int) -> state.Seal:
    """The seal of a node that is open, or wants keys."""
    wait, missing = Wait(seconds), ""
    while True:
        try:
            seal = api.read(name, client)
        except VaultError as error:
            if error.reach not in STARTING:
                raise
            missing = error.cause
        else:
            wanted = state.wants(seal)
            if wanted == "stanza":
                raise VaultError(
                    name,
                    "it is sealed, and its process has not read the new seal from its configuration. It was given no key",
                    "Run again; where it is so then too, " + JOURNAL[0].lower() + JOURNAL[1:],
                )
            if wanted != "itself":
                return seal
            missing = "it is sealed, and does not open by its KMS key"
        if not wait.again():
            raise VaultError(name, f"after {seconds} s {missing}", JOURNAL)


def opened(name: str, client: t.Any, keys: list[str]) -> state.Seal:
    api.forget(name, client)
    try:
        for key in keys:
            seal = api.give(name, client, key)
    except VaultError as error:
        if error.status in (400, 500):
            raise VaultError(
                name,
                f"it does not take the unseal keys: {error.cause}",
                "The node stays sealed, and the others serve. Give the right keys in VAULT_UNSEAL_KEYS, and run again.",
            ) from error
        raise
    if seal["sealed"]:
        raise VaultError(name, f"it is sealed still after {len(keys)} keys", "Run again. " + JOURNAL)
    return seal


OPTIONS: dict[str, t.Any] = {
    **CONNECTION_SPEC,
    "name": {"type": "str", "required": True},
    "unseal_keys": {"type": "list", "elements": "str", "required": True, "no_log": True},
    "wait_timeout": {"type": "int", "default": 120},
}


def main() -> None:
    run_module(run, OPTIONS, libraries=HVAC)


if __name__ == "__main__":
    main()
