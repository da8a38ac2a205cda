#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Set up the identities that look at, run and administer the cluster, prove them, and revoke the root token."""

from __future__ import annotations

DOCUMENTATION = r"""
module: vault_operator
short_description: Set up a cluster's identities and revoke the root token
version_added: 1.0.0
description:
  - Ensures C(auth/cert), and for each identity a policy and a role by which the holder of a client certificate logs in.
  - The operator runs the cluster day by day, and can read policies and logins. The admin can change policies and logins, and logs
    in only when one of them has to be written. The status identity can read what a status report needs.
  - Compares as the operator. Where something differs it works as the first of these that may write it, which it asks of
    Vault - O(token), the admin, the root token that O(custody) still holds from init, and an operator from the time when
    there was no admin.
  - The admin is created first, and has to log in before the operator's policy is narrowed. Without an admin's certificate, an
    operator that can write policies keeps its policy, with a warning.
  - Then every identity with a certificate logs in. After these logins the module revokes the root token from O(custody), and
    removes it from custody. A token in O(token) is never revoked.
  - Based on V(sys/auth), V(sys/policies/acl), V(auth/cert), V(sys/capabilities-self) and V(auth/token/revoke-self) of the
    Vault API.
author: vaultops maintainers (@vaultops)
options:
  cluster_name:
    description: Name of the cluster.
    type: str
    required: true
  client_ca:
    description: Path of the CA certificate, in PEM, that signs the identities' client certificates.
    type: path
    required: true
  common_name:
    description: Common name of the operator's certificate. No other certificate of the CA may log in as the operator.
    type: str
    default: vaultops-operator
  admin_common_name:
    description: The same for the admin.
    type: str
    default: vaultops-admin
  status_common_name:
    description: The same for the status identity.
    type: str
    default: vaultops-status
  status_public_key:
    description: Path of the client certificate, in PEM, of the status identity. Without it that identity is not made.
    type: path
  status_private_key:
    description: Path of its private key, in PEM.
    type: path
  policy:
    description: The operator's policy, in HCL. Default is what this collection's playbooks do day by day.
    type: str
  custody:
    required: false
extends_documentation_fragment:
  - vaultops.cluster.vault
  - vaultops.cluster.vault.auth
  - vaultops.cluster.vault.admin
  - vaultops.cluster.vault.custody
  - vaultops.cluster.attributes
  - vaultops.cluster.attributes.change
"""

EXAMPLES = r"""
- name: From now on certificates open the cluster, and no root token does
  vaultops.cluster.vault_operator:
    nodes:
      vault-1: https://10.0.1.10:8200
    ca_cert: /etc/vaultops/ca.crt
    cluster_name: prod
    cert_auth_public_key: /etc/vaultops/operator.crt
    cert_auth_private_key: /etc/vaultops/operator.key
    admin_public_key: /etc/vaultops/admin.crt
    admin_private_key: /etc/vaultops/admin.key
    client_ca: /etc/vaultops/ca.crt
    custody:
      sink: secretsmanager
      name: vault/prod/recovery
      region: eu-central-1
"""

RETURN = r"""
steps:
  description: What was written, V(cert_auth), or V(policy) and V(role) with the identity's name; in check mode what would be.
  returned: success
  type: list
  elements: str
root_token_revoked:
  description: Whether the root token was revoked now, or would be.
  returned: success
  type: bool
"""

import typing as t

from ..module_utils._common.module import run_module
from ..module_utils._custody import sinks
from ..module_utils._vault.auth import setup, state
from ..module_utils._vault.auth.people import SPEC, TOGETHER, People, look
from ..module_utils._vault.client import AUTH_SPEC, CONNECTION_SPEC, HVAC, Cluster, Connection
from ..module_utils._vault.session import ADMIN_SPEC, usable_root_token


def run(params: dict[str, t.Any], check_mode: bool) -> dict[str, t.Any]:
    people = People(params)
    operator = Cluster(people.operator)
    name = operator.active()
    sink = sinks.open_sink(params["custody"], params["cluster_name"]) if params["custody"] else None
    record = sink.read() if sink else None
    root_token = usable_root_token(record)
    found = look(operator, name, people, root_token)
    if found.differs and not check_mode:
        if found.writer:
            carry_out(people, found.writer, name, found.desired, found.steps)
        for identity in people.proven():
            setup.prove_login(identity, identity.cert_auth_role)
    if sink and record and root_token and not check_mode:
        setup.retire_root_token(people.operator, sink, record, root_token)
    return {**found.result(), **({"warnings": [found.warning]} if found.warning else {})}


def carry_out(
    people: People, writer: Connection, name: str, desired: state.Identities, steps: list[state.Step]
) -> None:
    """The admin before the others: an operator that wrote its own narrower policy could not go on."""
    first = [step for step in steps if step.part == "cert_auth" or step.role == people.admin.cert_auth_role]
    if people.has_no_admin() or writer.token:
        setup.write(writer, name, desired, steps)
        return
    setup.write(writer, name, desired, first)
    setup.prove_login(people.admin, people.admin.cert_auth_role)
    setup.write(people.admin, name, desired, [step for step in steps if step not in first])


OPTIONS: dict[str, t.Any] = {
    **CONNECTION_SPEC,
    **AUTH_SPEC,
    **ADMIN_SPEC,
    "cluster_name": {"type": "str", "required": True},
    **SPEC,
    "custody": {"type": "dict", "options": sinks.SPEC, "required_if": sinks.REQUIRED_IF},
}


def main() -> None:
    run_module(
        run,
        OPTIONS,
        OSError,
        libraries={**HVAC, **sinks.BOTO3},
        required_together=[
            ("cert_auth_public_key", "cert_auth_private_key"),
            ("admin_public_key", "admin_private_key"),
            *TOGETHER,
        ],
    )


if __name__ == "__main__":
    main()
