#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Set up the identities that look at, run and administer the cluster, prove them, and revoke the root token."""

from __future__ import annotations

DOCUMENTATION = r"""
module: vault_operator
short_description: Set up a cluster's identities and revoke the root token
version_added: 1.0.0
description:
  - Ensures for each identity a policy, and roles by which its holders log in - as IAM principals (C(auth/aws)), where
    O(auth_method=aws_iam) or O(admins) names some, and with client certificates (C(auth/cert)), where there are any.
  - The operator runs the cluster day by day, and can read policies and logins. The admin can change policies and logins, and logs
    in only when one of them has to be written. The status identity can read what a status report needs.
  - With O(auth_method=aws_iam), an identity without a certificate can't log in with one any more.
  - Compares as the operator. Where something differs it works as the first of these that may write it, which it asks of
    Vault - O(token), the admin, the root token that O(custody) still holds from init, and an operator from the time when
    there was no admin.
  - The admin is created first, and has to log in before the operator's policy is narrowed. Without any admin, an
    operator that can write policies keeps its policy, with a warning.
  - Then every identity with a certificate logs in, and this controller's IAM principal as everything that it may be. Other
    principals can't be proven from here, and are named. After these logins the module revokes the root token from O(custody), and
    removes it from custody. Where no admin could be proven it refuses before it changes anything. A token in O(token) is never
    revoked.
  - A change by which the IAM principal that makes it would be no admin any more is refused.
  - Based on V(sys/auth), V(sys/policies/acl), V(auth/aws), V(auth/cert), V(sys/capabilities-self) and V(auth/token/revoke-self)
    of the Vault API, and GetCallerIdentity of AWS STS.
author: vaultops maintainers (@vaultops)
options:
  cluster_name:
    description: Name of the cluster.
    type: str
    required: true
  admins:
    description:
      - ARNs of the IAM users and roles that may administer. The ARN of an assumed role stands for the role.
      - Empty, who administers by IAM stays as it is; where nobody does, and O(auth_method=aws_iam), it is who runs this.
      - Whoever is taken from the list can't log in any more.
    type: list
    elements: str
    default: []
  operators:
    description: ARNs of those that may operate. Those of O(admins) may as well.
    type: list
    elements: str
    default: []
  viewers:
    description: ARNs of those that may look. Those of O(operators) and O(admins) may as well.
    type: list
    elements: str
    default: []
  client_ca:
    description: Path of the CA certificate, in PEM, that signs the identities' client certificates. Required where there are any.
    type: path
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
    description: Path of the client certificate, in PEM, of the status identity, where it has one.
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
- name: From now on IAM principals open the cluster, and no root token does
  vaultops.cluster.vault_operator:
    nodes:
      vault-1: https://10.0.1.10:8200
    ca_cert: /etc/vaultops/ca.crt
    cluster_name: prod
    auth_method: aws_iam
    region: eu-central-1
    aws_iam_server_id: vault.prod.internal
    admins: [arn:aws:iam::123456789012:role/platform-admin]
    operators: [arn:aws:iam::123456789012:role/platform]
    custody:
      sink: secretsmanager
      name: vault/prod/recovery
      region: eu-central-1

- name: The same by certificates
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
  description:
    - What was written, in check mode what would be - V(cert_auth), V(aws_auth), V(aws_config), or V(policy), V(aws_role) and
      V(role) with the identity's name. V(no) before a role says that the role was removed.
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
from ..module_utils._vault.auth.people import SPEC, TOGETHER, Look, People, look
from ..module_utils._vault.client import AUTH_SPEC, CONNECTION_SPEC, HVAC, Cluster
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
        carry_out(people, name, found)
    if sink and record and root_token and not check_mode:
        setup.retire_root_token(people.operator, sink, record, root_token)
    return {**found.result(), **({"warnings": found.warnings} if found.warnings else {})}


def carry_out(people: People, name: str, found: Look) -> None:
    """The admin before the others: an operator that wrote its own narrower policy could not go on. What has to go goes when
    everybody has been seen to log in without it.
    """
    admin, writer = people.params["admin_role"], found.writer
    made = [step for step in found.steps if not step.gone]
    if writer and not writer.token and not people.has_no_admin():
        first = [step for step in made if step.part in state.COMMON or step.role == admin]
        setup.write(writer, name, found.desired, first)
        setup.prove_login(people.admin)
        made, writer = [step for step in made if step not in first], people.admin
    if writer:
        setup.write(writer, name, found.desired, made)
    for identity in found.proven:
        setup.prove_login(identity)
    if writer:
        setup.write(writer, name, found.desired, [step for step in found.steps if step.gone])


OPTIONS: dict[str, t.Any] = {
    **CONNECTION_SPEC,
    **AUTH_SPEC,
    **ADMIN_SPEC,
    "cluster_name": {"type": "str", "required": True},
    **SPEC,
    "custody": sinks.OPTION,
}


def main() -> None:
    run_module(
        run,
        OPTIONS,
        OSError,
        libraries={**HVAC, **sinks.LIBRARIES},
        required_together=[
            ("cert_auth_public_key", "cert_auth_private_key"),
            ("admin_public_key", "admin_private_key"),
            *TOGETHER,
        ],
    )


if __name__ == "__main__":
    main()
