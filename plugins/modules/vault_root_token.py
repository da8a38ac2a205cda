#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Make a root token with the recovery keys, where no administrator can log in, and let nothing of one stay."""

from __future__ import annotations

DOCUMENTATION = r"""
module: vault_root_token
short_description: Make a root token where no administrator can log in
version_added: 1.0.0
description:
  - Where no administrator can log in from here, gives the recovery keys in O(custody) to Vault, and puts the root token that
    Vault makes into O(custody). M(vaultops.cluster.vault_operator) takes the token from there, sets the identities up, and
    revokes the token when an administrator has logged in.
  - Where an administrator can log in, makes no root token, and removes what a killed run has left - its attempt, a root token
    in custody, and a root token that was made and did not get into custody. Vault dates tokens, and custody notes the time at
    which such a token may have been made.
  - The root token is never part of the result. It goes from Vault to the sink inside this module.
  - An attempt of somebody else is left alone, and is an error that names its nonce. It is cancelled where O(cancel) is that
    nonce.
  - With O(custody.sink=pgp) the module refuses, since the token would lie beside the keys in plain text.
  - Vault 2 makes a root token only for who has a token, unless the nodes' configuration has C(enable_unauthenticated_access).
    RV(opened) says whether this Vault asks for one.
  - Based on V(sys/generate-root), V(auth/token/accessors) and V(sys/capabilities-self) of the Vault API. Run it on the
    controller, one run at a time.
author: vaultops maintainers (@vaultops)
options:
  cluster_name:
    description: Name of the cluster.
    type: str
    required: true
  admins:
    description: ARNs of the IAM users and roles that may administer, as in M(vaultops.cluster.vault_operator).
    type: list
    elements: str
    default: []
  operators:
    description: ARNs of those that may operate.
    type: list
    elements: str
    default: []
  viewers:
    description: ARNs of those that may look.
    type: list
    elements: str
    default: []
  client_ca:
    description: Path of the CA certificate, in PEM, that signs the identities' client certificates. Required where there are any.
    type: path
  common_name:
    description: Common name of the operator's certificate.
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
    description: The operator's policy, in HCL.
    type: str
  cancel:
    description: Nonce of an attempt that is nobody's any more, as the error that asks for this names it.
    type: str
    default: ""
  custody:
    required: true
extends_documentation_fragment:
  - vaultops.cluster.vault
  - vaultops.cluster.vault.auth
  - vaultops.cluster.vault.admin
  - vaultops.cluster.vault.custody
  - vaultops.cluster.attributes
  - vaultops.cluster.attributes.change
"""

EXAMPLES = r"""
- name: A root token, where nobody gets in
  vaultops.cluster.vault_root_token:
    nodes:
      vault-1: https://10.0.1.10:8200
    ca_cert: /etc/vaultops/ca.crt
    cluster_name: prod
    auth_method: aws_iam
    region: eu-central-1
    admins: [arn:aws:iam::123456789012:role/platform-admin]
    custody:
      sink: secretsmanager
      name: vault/prod/recovery
      region: eu-central-1
"""

RETURN = r"""
step:
  description: V(make) where there is a root token in custody now, V(tidy) where what a killed run has left was removed, or
    V(nothing). In check mode what would be done.
  returned: success
  type: str
lines:
  description: The plan in words.
  returned: success
  type: list
  elements: str
held:
  description: Whether custody holds a root token now.
  returned: success
  type: bool
opened:
  description: Whether this Vault makes a root token for who has no token.
  returned: success
  type: bool
guarded:
  description:
    - Whether this Vault wants a token for that, as long as its configuration does not say otherwise.
    - V(true), too, where the node does not tell its version, since nobody knows then whether the configuration says so.
  returned: success
  type: bool
version:
  description: Vault's version on the active node; empty where the node does not tell.
  returned: success
  type: str
revoked:
  description: Accessors of root tokens that nobody held, and that were revoked.
  returned: success
  type: list
  elements: str
"""

import typing as t

from ..module_utils._common import product
from ..module_utils._common.module import run_module
from ..module_utils._common.principals import principals
from ..module_utils._custody import sinks
from ..module_utils._vault.auth import setup
from ..module_utils._vault.auth.people import SPEC, TOGETHER, People
from ..module_utils._vault.client import AUTH_SPEC, CONNECTION_SPEC, HVAC, Cluster, Connection
from ..module_utils._vault.errors import VaultError
from ..module_utils._vault.recovery import api, root
from ..module_utils._vault.recovery.state import plan_root
from ..module_utils._vault.session import ADMIN_SPEC, usable_root_token

# A run that ends here takes nothing back.
LEFT_OPEN = (
    "Meanwhile this Vault begins and ends such attempts for who has no token (enable_unauthenticated_access): a run that ends "
    "well takes that back."
)


def run(params: dict[str, t.Any], check_mode: bool) -> dict[str, t.Any]:
    people = People(params)
    cluster = Cluster(people.operator)
    name, sink = cluster.active(), sinks.open_sink(params["custody"], params["cluster_name"])
    client, record = cluster.client(name), sink.read()
    attempt = api.read_root(name, client)
    admin = setup.writer(people.admins, name, people.desired())
    said = works(people, name, admin) if admin else None
    todo = plan_root(record, attempt, said, whoever(people, name), sink.where, params["cancel"])
    version = api.version(name, client)
    server = product.told(version)
    # Who hides its version and answers without a token may have no guard, or be open: what is not known counts as guarded.
    guarded = server.does(product.UNAUTHENTICATED_ACCESS) if server else True
    if todo.step == "refuse":
        raise VaultError(name, todo.cause, f"{todo.cure} {LEFT_OPEN if guarded and attempt else ''}".rstrip())
    gone: list[str] = []
    if todo.step == "make" and record and not check_mode:
        record = root.make(name, client, sink, record, params["cancel"])
    elif todo.step == "tidy" and record and admin and not check_mode:
        gone = root.tidy(admin, name, sink, record)
        record = sink.read()
    return {
        "changed": todo.changes,
        "step": todo.step,
        "lines": todo.lines,
        "held": usable_root_token(record) is not None,
        "opened": attempt is not None,
        "guarded": guarded,
        "version": version,
        "revoked": gone,
    }


def works(people: People, name: str, admin: Connection) -> str:
    if admin.auth_method == "aws_iam":
        return f"'{admin.role_id}' logs in by AWS IAM, as {people.caller(name)}."
    return f"'{admin.role_id}' logs in with {admin.cert_auth_public_key}."


def whoever(people: People, name: str) -> str | None:
    """Who of this controller is an administrator when the identities are set up, in words."""
    if people.by_iam and people.caller(name) in principals(people.params["admins"]):
        return people.caller(name)
    if people.params["admin_public_key"]:
        return f"the certificate {people.params['admin_public_key']}"
    return None


OPTIONS: dict[str, t.Any] = {
    **CONNECTION_SPEC,
    **AUTH_SPEC,
    **ADMIN_SPEC,
    "cluster_name": {"type": "str", "required": True},
    **SPEC,
    "cancel": {"type": "str", "default": ""},
    "custody": {**sinks.OPTION, "required": True},
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
