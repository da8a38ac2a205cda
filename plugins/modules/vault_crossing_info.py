#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Read what of a cluster's content a newer Vault may take in another way."""

from __future__ import annotations

DOCUMENTATION = r"""
module: vault_crossing_info
short_description: Read what of a Vault cluster's content a newer Vault may take in another way
version_added: 1.0.0
description:
  - Reads ACL policies, audit devices, mounts and external plugins by one login, and says what of them an upgrade depends on.
    Which upgrade that is, this module does not know.
  - What the identity may not read is told in RV(missing), and stands as empty where it would be.
  - The texts of policies are judged here, and are not part of the result.
  - Based on V(sys/policies/acl), V(sys/audit), V(sys/mounts), V(sys/auth) and V(sys/plugins/catalog) of the Vault API. With Vault
    Enterprise, the root namespace alone is read.
author: vaultops maintainers (@vaultops)
options:
  parts:
    description: What is read.
    type: list
    elements: str
    choices: [policies, audit, mounts]
    default: [policies, audit, mounts]
extends_documentation_fragment:
  - vaultops.cluster.vault
  - vaultops.cluster.vault.auth
  - vaultops.cluster.attributes
  - vaultops.cluster.attributes.info
"""

EXAMPLES = r"""
- name: Look for policies that set a name twice
  vaultops.cluster.vault_crossing_info:
    nodes:
      vault-1: https://10.0.1.10:8200
    ca_cert: /etc/vaultops/ca.crt
    cert_auth_public_key: /etc/vaultops/operator.crt
    cert_auth_private_key: /etc/vaultops/operator.key
    parts: [policies]
  register: seen
"""

RETURN = r"""
node:
  description: The active node, which was asked.
  returned: success
  type: str
policies:
  description: By name, what is set twice (C(duplicates), each with name and line), paths with templates, paths with allowed or
    denied parameters, and C(problem), why the policy could not be judged. Null where nobody asked.
  returned: success
  type: dict
audit:
  description: Path of the device -> type and options. Null where nobody asked.
  returned: success
  type: dict
mounts:
  description: Each with kind (C(auth) or C(secret)), path and type. Null where nobody asked.
  returned: success
  type: list
  elements: dict
plugins:
  description: Name and type of the plugins in the catalog that are not built in. Null where nobody asked.
  returned: success
  type: list
  elements: dict
missing:
  description: What the identity was not allowed to read - identity, path and the capabilities that it takes.
  returned: success
  type: list
  elements: dict
"""

import typing as t

from ..module_utils._common.module import run_module
from ..module_utils._vault.client import AUTH_SPEC, CONNECTION_SPEC, HVAC, Connection
from ..module_utils._vault.crossing.look import PARTS, Look
from ..module_utils._vault.visit import Visit


def run(params: dict[str, t.Any], _check_mode: bool) -> dict[str, t.Any]:
    connection = Connection.from_params(params)
    with Visit(connection) as visit:
        name = visit.active()
        with visit.login(name) as client:
            return {"changed": False, "node": name, **Look(name, client, connection.role_id).read(params["parts"])}


OPTIONS: dict[str, t.Any] = {
    **CONNECTION_SPEC,
    **AUTH_SPEC,
    "parts": {"type": "list", "elements": "str", "choices": list(PARTS), "default": list(PARTS)},
}


def main() -> None:
    run_module(run, OPTIONS, libraries=HVAC)


if __name__ == "__main__":
    main()
