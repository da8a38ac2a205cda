"""Certificates that clients or nodes do not accept."""

from __future__ import annotations

from kit.ca import expired

from .cluster import Cluster
from .fault import Steps, fault

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
    lab = cluster.bench.lab
    for file, text in expired(lab.aws_url, lab.name, name, cluster.nodes[name].address).items():
        cluster.sh(name, f"cat > {TLS}/{file} <<'END'\n{text}END")
    cluster.sh(name, "systemctl reload vault")
    try:
        yield
    finally:
        cluster.sh(
            name,
            f"cp -p /run/fault/vault.crt /run/fault/vault.key {TLS}/ && rm -r /run/fault && systemctl reload vault",
        )


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
