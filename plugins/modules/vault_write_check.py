#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Prove that a Vault cluster takes a write and gives it back, by way of every node."""

from __future__ import annotations

DOCUMENTATION = r"""
module: vault_write_check
short_description: Verify that a Vault cluster accepts a write and returns it
version_added: 1.0.0
description:
  - Writes a random value to the login's own cubbyhole on the active node, and reads it back from every node.
  - The value vanishes with the login. The module changes nothing else, so it also runs in check mode.
  - Based on V(cubbyhole/) of the Vault API.
author: vaultops maintainers (@vaultops)
extends_documentation_fragment:
  - vaultops.cluster.vault
  - vaultops.cluster.vault.auth
  - vaultops.cluster.attributes
  - vaultops.cluster.attributes.info
"""

EXAMPLES = r"""
- name: The cluster takes a write
  vaultops.cluster.vault_write_check:
    nodes:
      vault-1: https://10.0.1.10:8200
      vault-2: https://10.0.1.11:8200
      vault-3: https://10.0.1.12:8200
    ca_cert: /etc/vaultops/ca.crt
    cert_auth_public_key: /etc/vaultops/operator.crt
    cert_auth_private_key: /etc/vaultops/operator.key
"""

RETURN = r"""
active:
  description: The node that took the write.
  returned: success
  type: str
"""

import secrets
import typing as t

from ..module_utils._common.module import run_module
from ..module_utils._vault.client import AUTH_SPEC, CONNECTION_SPEC, HVAC, Cluster, Connection, call, data
from ..module_utils._vault.errors import VaultError

PATH = "/v1/cubbyhole/vaultops-write-check"


def run(params: dict[str, t.Any], _check_mode: bool) -> dict[str, t.Any]:
    cluster = Cluster(Connection.from_params(params))
    active, value = cluster.active(), secrets.token_hex(8)
    with cluster.login(active) as writer:
        call(active, lambda: writer.adapter.post(PATH, json={"value": value}))

        def read(name: str, client: t.Any) -> None:
            client.token = writer.token
            found = data(name, call(name, lambda: client.adapter.get(PATH)))["value"]
            if found != value:
                raise VaultError(name, "it does not give back what was written to the active node a moment ago")

        cluster.ask_all(read)
    return {"changed": False, "active": active}


OPTIONS: dict[str, t.Any] = {**CONNECTION_SPEC, **AUTH_SPEC}


def main() -> None:
    run_module(run, OPTIONS, libraries=HVAC)


if __name__ == "__main__":
    main()
