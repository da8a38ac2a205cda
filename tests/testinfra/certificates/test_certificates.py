"""After a change of the CA nothing is left of the old one."""

from __future__ import annotations

from ansible_collections.vaultops.cluster.plugins.module_utils._tls.served import look
from cryptography import x509

testinfra_hosts = ["docker://test-vault-1", "docker://test-vault-2", "docker://test-vault-3"]


def test_the_nodes_trust_the_new_ca_alone(host, cluster):
    trusted = x509.load_pem_x509_certificates(host.file("/etc/vault.d/tls/ca.crt").content)
    with open(cluster.connection.ca_cert, "rb") as stream:
        assert trusted == x509.load_pem_x509_certificates(stream.read())
    assert len(trusted) == 1


def test_the_wire_is_the_file_and_clients_accept_it(host, lab, cluster):
    name = next(node.hostname for node in lab.nodes if node.container == host.backend.name)
    seen = look(cluster.connection, name)
    assert seen["problem"] is None
    leaf = x509.load_pem_x509_certificate(host.file("/etc/vault.d/tls/vault.crt").content)
    assert x509.load_der_x509_certificate(seen["der"]) == leaf


def test_the_old_ca_is_gone_from_the_controller(lab):
    tls = lab.state / "controller" / "tls"
    assert not (tls / "next").exists()
    assert (tls / "ca.key").stat().st_mode & 0o777 == 0o600
