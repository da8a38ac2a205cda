#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Set up the identity that runs the cluster, prove it, and revoke the root token."""

from __future__ import annotations

DOCUMENTATION = r"""
module: vault_operator
short_description: Set up the operator identity and revoke the root token
version_added: 1.0.0
description:
  - Ensures C(auth/cert), a policy, and a role by which the holder of a client certificate logs in.
  - Works as that identity when it can log in already; else with O(token); else with the root token that O(custody)
    still holds from init.
  - Then logs in with the certificate. Only when that has worked is the root token from O(custody) revoked, and removed
    from there. A token given as O(token) is never revoked.
  - Based on V(sys/auth), V(sys/policies/acl), V(auth/cert) and V(auth/token/revoke-self) of the Vault API.
author: vaultops maintainers (@vaultops)
options:
  cluster_name:
    description: Name of the cluster.
    type: str
    required: true
  client_ca:
    description: Path of the CA certificate, in PEM, that signs the operator's client certificate.
    type: path
    required: true
  common_name:
    description: Common name of that client certificate. No other certificate of the CA may log in as the operator.
    type: str
    default: vaultops-operator
  policy:
    description: The policy, in HCL. Default allows everything under C(sys/) and C(auth/), and no secrets engine.
    type: str
  custody:
    required: false
extends_documentation_fragment:
  - vaultops.cluster.vault
  - vaultops.cluster.vault.auth
  - vaultops.cluster.vault.custody
  - vaultops.cluster.attributes
  - vaultops.cluster.attributes.change
"""

EXAMPLES = r"""
- name: From now on the operator's certificate opens the cluster, and no root token does
  vaultops.cluster.vault_operator:
    nodes:
      vault-1: https://10.0.1.10:8200
    ca_cert: /etc/vaultops/ca.crt
    cluster_name: prod
    cert_auth_public_key: /etc/vaultops/operator.crt
    cert_auth_private_key: /etc/vaultops/operator.key
    client_ca: /etc/vaultops/ca.crt
    custody:
      sink: secretsmanager
      name: vault/prod/recovery
      region: eu-central-1
"""

RETURN = r"""
steps:
  description: What was written, of V(cert_auth), V(policy) and V(role); in check mode what would be.
  returned: success
  type: list
  elements: str
root_token_revoked:
  description: Whether the root token was revoked now, or would be.
  returned: success
  type: bool
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._vault.client import AUTH_SPEC, CONNECTION_SPEC, Connection
from ..module_utils._vault.custody import sinks
from ..module_utils._vault.module import answer
from ..module_utils._vault.operator import setup, state
from ..module_utils._vault.session import session, usable_root_token


def run(params: dict[str, t.Any], check_mode: bool) -> dict[str, t.Any]:
    connection = Connection.from_params(params)
    with open(params["client_ca"], encoding="utf-8") as stream:
        ca = stream.read()
    role = connection.cert_auth_role
    desired = state.wanted(role, params["policy"] or state.POLICY, ca, allowed_common_names=[params["common_name"]])
    sink = sinks.open_sink(params["custody"], params["cluster_name"]) if params["custody"] else None
    record = sink.read() if sink else None
    root_token = usable_root_token(record)
    with session(connection, lambda: root_token) as (name, client):
        current = setup.observe(name, client, role, desired)
        steps = state.steps(current, desired)
        if steps and not check_mode:
            setup.apply(name, client, role, desired, steps)
    if (steps or root_token) and not check_mode:
        setup.prove_login(connection, role)
    if sink and record and root_token and not check_mode:
        setup.retire_root_token(connection, sink, record, root_token)
    return {
        "changed": bool(steps or root_token),
        "steps": steps,
        "root_token_revoked": bool(root_token),
        "diff": {"before": current, "after": desired},
    }


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **CONNECTION_SPEC,
            **AUTH_SPEC,
            "cluster_name": {"type": "str", "required": True},
            "client_ca": {"type": "path", "required": True},
            "common_name": {"type": "str", "default": "vaultops-operator"},
            "policy": {"type": "str"},
            "custody": {"type": "dict", "options": sinks.SPEC, "required_if": sinks.REQUIRED_IF},
        },
        required_together=[("cert_auth_public_key", "cert_auth_private_key")],
        supports_check_mode=True,
    )
    answer(
        module, lambda: run(module.params, module.check_mode), OSError, libraries={"boto3": sinks.BOTO3_IMPORT_ERROR}
    )


if __name__ == "__main__":
    main()
