"""What recovery keys and tokens are good for, asked of the cluster itself."""

from __future__ import annotations

import base64
import dataclasses
from pathlib import Path

from ansible_collections.vaultops.cluster.plugins.module_utils._vault.client import Cluster, Connection, call
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.errors import VaultError
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.session import can_log_in
from kit.ca import issue_client, published
from labkit.aws import assume, ca_file
from labkit.settings import REGION


def as_operator(bench, nodes=None) -> Cluster:
    """The lab's cluster, or some nodes of it, for whoever made it, as its operator."""
    return logged_in_as("operator", bench, nodes)


def as_admin(bench, nodes=None) -> Cluster:
    """For who may write policies, roles and mounts."""
    return logged_in_as("admin", bench, nodes)


def logged_in_as(who, bench, nodes=None, person="", ca_cert=None) -> Cluster:
    """By IAM, as the lab's own principal, or as one of the lab's people. *ca_cert*: if it is not to be the CA as published."""
    bench.require_network()
    lab = bench.lab
    own = {"AWS_ACCESS_KEY_ID": "lab", "AWS_SECRET_ACCESS_KEY": "lab", "AWS_SESSION_TOKEN": None}
    keys = assume(lab, person) if person else own
    return Cluster(
        Connection(
            nodes=_urls(bench, nodes),
            ca_cert=str(ca_cert or ca_file(lab)),
            auth_method="aws_iam",
            role_id=f"vaultops-{who}",
            aws_access_key=keys["AWS_ACCESS_KEY_ID"],
            aws_secret_key=keys["AWS_SECRET_ACCESS_KEY"],
            aws_security_token=keys["AWS_SESSION_TOKEN"],
            region=REGION,
            aws_iam_server_id=f"vault.{lab.name}.internal",
            aws_sts_endpoint=lab.aws_url,
        )
    )


def by_certificate(who, bench, nodes=None, folder=None) -> Cluster:
    """*folder*: where the identity's files are, if they are not to be issued here: a play keeps none."""
    bench.require_network()
    tls = identities(bench.lab)
    return Cluster(
        Connection(
            nodes=_urls(bench, nodes),
            ca_cert=str(tls / "ca.crt"),
            cert_auth_public_key=str((folder or tls) / f"vaultops-{who}.crt"),
            cert_auth_private_key=str((folder or tls) / f"vaultops-{who}.key"),
            role_id=f"vaultops-{who}",
        )
    )


def _urls(bench, nodes):
    return {node.hostname: f"https://{node.address}:{bench.api_port}" for node in nodes or bench.lab.nodes}


def identities(lab) -> Path:
    """The directory of the CA certificates as they are published, and of certificates for everybody who logs in, of the CA that
    signs now."""
    folder = lab.state / "identities"
    text = published(lab.aws_url, f"/vaultops/{lab.name}/ca")
    if not (folder / "ca.crt").exists() or (folder / "ca.crt").read_text() != text:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for who in ("operator", "admin", "status"):
            issue_client(lab.aws_url, lab.name, text, f"vaultops-{who}", folder)
        (folder / "ca.crt").write_text(text)
    return folder


def admin_of(cluster: Cluster) -> Cluster:
    """The same cluster for its admin."""
    return Cluster(dataclasses.replace(cluster.connection, role_id="vaultops-admin"))


def opens(cluster: Cluster) -> bool:
    return can_log_in(cluster, cluster.active())


def status_of(cluster: Cluster, method: str, path: str, **body) -> int:
    """Vault's answer to one request."""
    name = cluster.active()
    with cluster.login(name) as client:
        try:
            call(name, lambda: client.adapter.request(method, f"/v1/{path}", json=body or None))
        except VaultError as error:
            assert error.status, error
            return error.status
    return 200


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


def kv_token(client) -> str:
    """A secrets engine to write to, and a token that may."""
    if "kv/" not in call("kv", lambda: client.adapter.get("/v1/sys/mounts"))["data"]:
        call("kv", lambda: client.adapter.post("/v1/sys/mounts/kv", json={"type": "kv"}))
    policy = 'path "kv/*" { capabilities = ["create", "read", "update"] }'
    call("kv", lambda: client.adapter.put("/v1/sys/policies/acl/kv", json={"policy": policy}))
    body = {"policies": ["kv"], "ttl": "10m", "no_parent": True}
    return call("kv", lambda: client.adapter.post("/v1/auth/token/create", json=body))["auth"]["client_token"]
