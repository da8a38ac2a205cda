"""Inputs that are right, and the nodes of an inventory."""

from __future__ import annotations

from ansible_collections.vaultops.cluster.plugins.module_utils._plan import inputs

GOOD = {
    "version": "1.21.1",
    "cluster_name": "prod",
    "region": "eu-central-1",
    "key_alias": "alias/vault-unseal",
    "join": "aws",
    "tls_source": "kms_ca",
    "sink": "secretsmanager",
    "secret": "vault/prod/recovery",
    "login_method": "aws",
    "principals": {
        "vault_admins": ["arn:aws:iam::123456789012:role/admin"],
        "vault_operators": [],
        "vault_viewers": [],
    },
}


def nodes(count=3, **changes):
    """*changes*: variables by host, of which vault_1 is vault-1."""
    hostvars = {f"vault-{n}": {"vault_address": f"10.0.1.{9 + n}"} for n in range(1, count + 1)}
    for host, own in changes.items():
        hostvars[host.replace("_", "-")] |= own
    return inputs.nodes(list(hostvars), hostvars)
