"""A cluster whose CA an earlier release kept in a directory moves to a CA in KMS, under clients that write."""

from __future__ import annotations

import json
import shutil

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from kit.ca import published
from kit.certificates import issue, pem
from kit.changes import assert_nothing_lost, make_cluster
from kit.login import as_operator, logged_in_as
from kit.probe import Probe, prepare
from labkit.settings import ACCOUNT

ROTATE = "playbooks/rotate_certificates.yml"
ME = f"arn:aws:iam::{ACCOUNT}:user/moto"
PEM = serialization.Encoding.PEM


@pytest.fixture(scope="module")
def files(fresh_lab, tmp_path_factory):
    """The directory as the earlier release laid it down, and a cluster whose nodes have what is in it."""
    folder = tmp_path_factory.mktemp("controller") / "tls"
    folder.mkdir(mode=0o700)
    client = x509.ExtendedKeyUsage([x509.oid.ExtendedKeyUsageOID.CLIENT_AUTH])
    ca_key, ca = issue("Vault CA of files", [], None, None, days=3650, curve=ec.SECP384R1)
    (folder / "ca.key").write_bytes(pem(ca_key))
    (folder / "ca.crt").write_bytes(ca.public_bytes(PEM))
    for who in ("operator", "admin", "status"):
        key, certificate = issue(f"vaultops-{who}", [f"vaultops-{who}"], ca_key, ca, days=3, usage=client)
        write(folder, f"vaultops-{who}", key, certificate)
    for node in fresh_lab.lab.nodes:
        names = [node.hostname, f"vault.{fresh_lab.lab.name}.internal", "localhost", node.address, "127.0.0.1"]
        write(folder, node.hostname, *issue(node.hostname, names, ca_key, ca, days=397))
    make_cluster(fresh_lab, vault_tls_source="given", vault_tls_dir=str(folder), vault_login_method="cert")
    (folder / "nodes").mkdir()
    for path in folder.glob("vault-*"):
        shutil.move(path, folder / "nodes" / path.name)
    # Those have had their time when somebody moves.
    for path in folder.glob("vaultops-*"):
        path.unlink()
    return folder


def write(folder, name, key, certificate):
    (folder / f"{name}.key").write_bytes(pem(key))
    (folder / f"{name}.key").chmod(0o600)
    (folder / f"{name}.crt").write_bytes(certificate.public_bytes(PEM))


def play(bench, playbook="site.yml", **variables):
    return bench.play("-e", json.dumps(variables), playbook=playbook)


def test_it_is_said_how_a_cluster_of_an_earlier_release_moves(fresh_lab, files):
    before = fresh_lab.fingerprint()
    for playbook in ("site.yml", ROTATE):
        code, output = play(fresh_lab, playbook)
        assert code != 0, output
        assert "name that (vault_move_from). Nothing was changed." in " ".join(output.split()), output
    assert fresh_lab.fingerprint() == before


def test_a_cluster_moves_and_no_write_is_lost(fresh_lab, files, tmp_path):
    url, parameter = fresh_lab.lab.aws_url, f"/vaultops/{fresh_lab.lab.name}/ca"
    old = (files / "ca.crt").read_text()
    move = {"vault_move_from": str(files.parent)}
    code, output = play(fresh_lab, vault_login_method="cert", vault_admins=[ME], **move)
    assert code == 0, output
    code, output = play(fresh_lab, **move)
    assert code == 0, output
    code, output = play(fresh_lab, ROTATE, vault_tls_ca_change="begin", **move)
    assert code == 0, output
    both = published(url, parameter)
    assert both.startswith(old) and len(x509.load_pem_x509_certificates(both.encode())) == 2
    (tmp_path / "clients.crt").write_text(both)

    with clients(fresh_lab, tmp_path / "clients.crt") as probe:
        # Cut short, it is begun again.
        for _run in range(2):
            code, output = play(fresh_lab, ROTATE, vault_tls_ca_change="switch", **move)
            assert code == 0, output
        code, output = play(fresh_lab, **move)
        assert code == 0 and output.count("changed=0") == 4, output
        code, output = play(fresh_lab, ROTATE, vault_tls_ca_change="finish", **move)
        assert code == 0, output
    assert_nothing_lost(probe.report())

    assert published(url, parameter) == both.removeprefix(old)
    assert set(fresh_lab.on_nodes("cat /etc/vault.d/tls/ca.crt")) == {both.removeprefix(old)}
    shutil.rmtree(files)
    code, output = play(fresh_lab)
    assert code == 0 and output.count("changed=0") == 4, output
    assert as_operator(fresh_lab).active()


def clients(bench, ca_cert) -> Probe:
    """Clients that were given both CAs."""
    cluster = logged_in_as("operator", bench, ca_cert=ca_cert)
    return Probe(nodes=cluster.connection.nodes, ca_cert=str(ca_cert), token=prepare(cluster))
