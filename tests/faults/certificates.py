"""Certificates that clients or nodes do not accept."""

from __future__ import annotations

import datetime
import typing as t

from ansible_collections.vaultops.cluster.plugins.module_utils._tls import authority
from cryptography import x509
from kit.ca import PEM, published, signer

from .cluster import Cluster
from .fault import fault

Steps = t.Generator[None, None, None]
TLS = "/etc/vault.d/tls"


@fault(
    says="certificate has expired",
    hold=5,
    gap=3,
    heal=30,
    by_itself="Clients go to the other nodes. Raft has certificates of its own, so the node stays in the cluster.",
    to_do="Run playbooks/rotate_certificates.yml.",
)
def certificate_expired(cluster: Cluster) -> Steps:
    """A standby serves a certificate that has expired."""
    name = cluster.standbys[0]
    cluster.sh(name, f"mkdir -p /run/fault && cp -p {TLS}/vault.crt {TLS}/vault.key /run/fault/")
    for file, text in expired(cluster, name).items():
        cluster.sh(name, f"cat > {TLS}/{file} <<'END'\n{text}END")
    cluster.sh(name, "systemctl reload vault")
    try:
        yield
    finally:
        cluster.sh(
            name,
            f"cp -p /run/fault/vault.crt /run/fault/vault.key {TLS}/ && rm -r /run/fault && systemctl reload vault",
        )


def expired(cluster: Cluster, name: str) -> dict[str, str]:
    """Certificate and key of this CA, of which the former ended three days ago."""
    lab = cluster.bench.lab
    ca = x509.load_pem_x509_certificate(published(lab.aws_url, f"/vaultops/{lab.name}/ca").encode())
    names = [name, f"vault.{lab.name}.internal", "localhost", "127.0.0.1", cluster.nodes[name].address]
    wanted: t.Any = {"common_name": name, "names": names, "usage": ["serverAuth", "clientAuth"], "days": 397}
    begun = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=400)
    key = authority.new_key()
    made = authority.certificate(ca, signer(lab.aws_url, f"alias/vault-{lab.name}-ca"), key.public_key(), wanted, begun)
    return {"vault.crt": made.public_bytes(PEM).decode(), "vault.key": authority.private(key).decode()}


@fault(
    hold=5,
    gap=3,
    heal=60,
    by_itself="Nothing is noticed: who is a peer knows the others from Raft. Only a node with an empty disk would not join.",
    to_do="Run site.yml, which puts the configuration right.",
)
def wrong_ca_in_retry_join(cluster: Cluster) -> Steps:
    """A standby restarts with another CA in retry_join."""
    name, file = cluster.standbys[0], "/etc/vault.d/vault.hcl"
    cluster.sh(
        name,
        f"cp -p {file} /run/vault.hcl.fault; openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=other "
        f"-keyout /dev/null -out /run/other.crt 2>/dev/null; chmod 644 /run/other.crt; "
        f"sed -i 's#leader_ca_cert_file .*#leader_ca_cert_file = \"/run/other.crt\"#' {file}; systemctl restart vault",
    )
    try:
        yield
    finally:
        cluster.sh(
            name,
            f"cp -p /run/vault.hcl.fault {file}; rm -f /run/vault.hcl.fault /run/other.crt; systemctl restart vault",
        )
