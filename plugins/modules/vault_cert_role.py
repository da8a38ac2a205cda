#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Let the holders of certain client certificates log in, with a policy of their own."""

from __future__ import annotations

DOCUMENTATION = r"""
module: vault_cert_role
short_description: Let the holders of certain client certificates log in to a Vault cluster
version_added: 1.0.0
description:
  - Ensures C(auth/cert), a policy, and a role of the same name by which certificates of O(client_ca) that hold one of
    O(dns_names) log in.
  - Their tokens live for 15 minutes. Made for programs that hold a certificate anyway, such as the nodes themselves.
  - Based on V(sys/auth), V(sys/policies/acl) and V(auth/cert) of the Vault API.
author: vaultops maintainers (@vaultops)
options:
  name:
    description: Name of role and policy.
    type: str
    required: true
  policy:
    description: The policy, in HCL. Required with O(state=present).
    type: str
  client_ca:
    description: Path of the CA certificate(s), in PEM, that sign the client certificates. Required with O(state=present).
    type: path
  dns_names:
    description:
      - Names of which a certificate must hold at least one, as subject alternative name of type DNS.
      - Required with O(state=present).
    type: list
    elements: str
  state:
    description: Whether role and policy are to be there. C(auth/cert) itself is never removed.
    type: str
    choices: [present, absent]
    default: present
extends_documentation_fragment:
  - vaultops.cluster.vault
  - vaultops.cluster.vault.auth
  - vaultops.cluster.vault.admin
  - vaultops.cluster.attributes
  - vaultops.cluster.attributes.change
"""

EXAMPLES = r"""
- name: Every node may take snapshots, and do nothing else
  vaultops.cluster.vault_cert_role:
    nodes:
      vault-1: https://10.0.1.10:8200
    ca_cert: /etc/vaultops/ca.crt
    cert_auth_public_key: /etc/vaultops/operator.crt
    cert_auth_private_key: /etc/vaultops/operator.key
    name: vaultops-backup
    policy: path "sys/storage/raft/snapshot" { capabilities = ["read"] }
    client_ca: /etc/vaultops/ca.crt
    dns_names: [vault-1, vault-2, vault-3]
"""

RETURN = r"""
steps:
  description: What was written or removed, of V(cert_auth), V(policy) and V(role); in check mode what would be.
  returned: success
  type: list
  elements: str
"""

import typing as t

from ..module_utils._common.module import run_module
from ..module_utils._vault.auth import cert_role, setup
from ..module_utils._vault.client import AUTH_SPEC, CONNECTION_SPEC, HVAC, Cluster, Connection
from ..module_utils._vault.session import ADMIN_SPEC, admin_login


def run(params: dict[str, t.Any], check_mode: bool) -> dict[str, t.Any]:
    cluster = Cluster(Connection.from_params(params))
    desired = cert_role.wanted(params)
    role, where = params["name"], cluster.active()
    with cluster.login(where) as client:
        found = cert_role.look(where, client, role, desired)
    if found.steps and not check_mode:
        with admin_login(cluster.connection, params, where) as client:
            setup.apply(where, client, role, desired, found.steps)
    return found.result()


OPTIONS: dict[str, t.Any] = {**CONNECTION_SPEC, **AUTH_SPEC, **ADMIN_SPEC, **cert_role.SPEC}


def main() -> None:
    run_module(run, OPTIONS, OSError, libraries=HVAC, required_if=cert_role.NEEDS)


if __name__ == "__main__":
    main()
