"""What recovery keys and tokens are good for, asked of the cluster itself."""

from __future__ import annotations

import base64

from ansible_collections.vaultops.cluster.plugins.module_utils._vault.client import Cluster, Connection, call


def as_operator(bench, nodes=None) -> Cluster:
    """The lab's cluster, or some nodes of it, for the operator whose certificate the play issued."""
    tls = bench.controller / "tls"
    return Cluster(
        Connection(
            nodes={node.hostname: f"https://{node.address}:8200" for node in nodes or bench.lab.nodes},
            ca_cert=str(tls / "ca.crt"),
            cert_auth_public_key=str(tls / "vaultops-operator.crt"),
            cert_auth_private_key=str(tls / "vaultops-operator.key"),
        )
    )


def recovery_keys_open(cluster, name, keys) -> bool:
    """Whether the keys would give out a new root token; what they give is revoked at once."""
    client = cluster.client(name)
    attempt = call(name, lambda: client.adapter.put("/v1/sys/generate-root/attempt", json={}))
    for key in keys:
        body = {"key": key, "nonce": attempt["nonce"]}
        progress = call(name, lambda body=body: client.adapter.put("/v1/sys/generate-root/update", json=body))
    if progress["complete"]:
        encoded = progress["encoded_token"]
        padded = base64.b64decode(encoded + "=" * (-len(encoded) % 4))
        client.token = "".join(chr(a ^ b) for a, b in zip(padded, attempt["otp"].encode(), strict=True))
        call(name, lambda: client.adapter.post("/v1/auth/token/revoke-self"))
    return progress["complete"]


def is_revoked(cluster, name, token) -> bool:
    client = cluster.client(name)
    return (
        client.session.get(
            f"{client.url}/v1/auth/token/lookup-self", headers={"X-Vault-Token": token}, timeout=10
        ).status_code
        == 403
    )
