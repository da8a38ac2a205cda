"""What every node serves, and what a client has against it. No request is sent, so there is nothing to log in for."""

from __future__ import annotations

import datetime
import socket
import ssl
import typing as t
from pathlib import Path

import pytest
from ansible_collections.vaultops.cluster.plugins.modules import vault_certificate_info
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from kit.backup_stage import SERVER_NAME
from kit.certificates import identified

FIELDS = {"node", "problem", "known_ca", "serial", "sha256", "issuer", "not_after", "days_left"}
NOW = datetime.datetime.now(datetime.timezone.utc)
DAY = datetime.timedelta(days=1)


class Authority:
    """A CA that signs what it is asked to, also what has expired."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder, self.name = folder, name
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.certificate = self._signed(name, self.key.public_key(), 30, None)
        self.path = folder / f"{name}.crt"
        self.path.write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))

    def issue(self, dns: str, days: int) -> tuple[x509.Certificate, ssl.SSLContext]:
        key = ec.generate_private_key(ec.SECP256R1())
        leaf = self._signed(dns, key.public_key(), days, dns)
        path = self.folder / f"{leaf.serial_number:x}.pem"
        no_password = serialization.NoEncryption()
        path.write_bytes(
            key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, no_password)
            + leaf.public_bytes(serialization.Encoding.PEM)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return leaf, context

    def _signed(self, name: str, public_key: t.Any, days: int, dns: str | None) -> x509.Certificate:
        def named(text: str) -> x509.Name:
            return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

        builder = x509.CertificateBuilder(subject_name=named(name), issuer_name=named(self.name), public_key=public_key)
        builder = builder.serial_number(x509.random_serial_number()).not_valid_before(NOW - 40 * DAY)
        builder = builder.not_valid_after(NOW + days * DAY + datetime.timedelta(hours=1))
        builder = builder.add_extension(x509.BasicConstraints(ca=dns is None, path_length=None), critical=True)
        if dns:
            names = x509.SubjectAlternativeName([x509.DNSName(dns)])
            builder = builder.add_extension(names, critical=False)
        builder = identified(builder, public_key, self.key.public_key(), dns is None)
        return builder.sign(self.key, hashes.SHA256())


@pytest.fixture
def ca(tmp_path):
    return Authority(tmp_path, "the-ca")


@pytest.fixture
def serving(listening):
    """The URL of a node that serves this."""
    return lambda context, heard=None: f"https://{listening(lambda: context, heard)}"


@pytest.fixture
def look(ca, run_module):
    def run(check=False, **urls):
        options = {"ca_cert": str(ca.path), "tls_server_name": SERVER_NAME, "timeout": 5}
        given = {name: value for name, value in urls.items() if name in ("ca_cert", "tls_server_name")}
        nodes = {name.replace("_", "-"): url for name, url in urls.items() if name not in given}
        return run_module(vault_certificate_info, check, nodes=nodes, **{**options, **given})

    return run


@pytest.mark.parametrize("check", [False, True])
def test_what_is_served_is_described_in_the_order_of_the_nodes(ca, serving, look, check):
    served = [ca.issue(SERVER_NAME, days) for days in (20, 5)]
    nodes = [serving(context) for _leaf, context in served]
    said = look(check, vault_2=nodes[0], vault_1=nodes[1])
    assert said["changed"] is False
    assert [one["node"] for one in said["certificates"]] == ["vault-2", "vault-1"]
    for one, (leaf, _context), days in zip(said["certificates"], served, (20, 5), strict=True):
        assert set(one) == FIELDS
        assert (one["problem"], one["known_ca"], one["days_left"]) == (None, True, days)
        assert one["serial"] == f"{leaf.serial_number:x}"
        assert one["sha256"] == leaf.fingerprint(hashes.SHA256()).hex()
        assert one["issuer"] == "CN=the-ca"
        assert datetime.datetime.fromisoformat(one["not_after"]) == leaf.not_valid_after_utc


def test_no_request_is_sent(ca, serving, look):
    heard = []
    look(vault_1=serving(ca.issue(SERVER_NAME, 20)[1], heard))
    assert b"".join(heard) == b""


def test_one_that_has_expired_is_described_all_the_same(ca, serving, look):
    node = serving(ca.issue(SERVER_NAME, -3)[1])
    (one,) = look(vault_1=node)["certificates"]
    assert one["problem"] == "certificate has expired"
    assert (one["known_ca"], one["days_left"]) == (True, -3)


def test_one_of_another_ca_is_described_and_its_ca_not_known(tmp_path, serving, look):
    leaf, context = Authority(tmp_path, "somebody-else").issue(SERVER_NAME, 20)
    (one,) = look(vault_1=serving(context))["certificates"]
    assert "issuer" in one["problem"]
    assert one["known_ca"] is False
    assert (one["issuer"], one["serial"]) == ("CN=somebody-else", f"{leaf.serial_number:x}")


def test_one_for_another_name_is_of_a_known_ca(ca, serving, look):
    node = serving(ca.issue("another.internal", 20)[1])
    (one,) = look(vault_1=node)["certificates"]
    assert "Hostname mismatch" in one["problem"]
    assert one["known_ca"] is True


def test_a_node_that_shows_nothing_does_not_hide_the_others(ca, serving, look):
    with socket.create_server(("127.0.0.1", 0)) as unused:
        nobody = f"https://127.0.0.1:{unused.getsockname()[1]}"
    node, mute = serving(ca.issue(SERVER_NAME, 20)[1]), serving(None)
    first, second, third = look(vault_1=nobody, vault_2=mute, vault_3=node)["certificates"]
    assert first["problem"] == "no certificate could be read (Connection refused)"
    assert second["problem"].startswith("no certificate could be read (")
    for one in (first, second):
        assert set(one) == FIELDS
        assert {one[name] for name in FIELDS - {"node", "problem", "known_ca"}} == {None}
        assert one["known_ca"] is False
    assert third["problem"] is None


@pytest.mark.parametrize(("content", "says"), [(None, "No such file"), ("no certificate", "")])
def test_a_ca_that_can_not_be_read_is_named(ca, serving, look, tmp_path, content, says):
    path = tmp_path / "lost.crt"
    if content is not None:
        path.write_text(content)
    (one,) = look(vault_1=serving(ca.issue(SERVER_NAME, 20)[1]), ca_cert=str(path))["certificates"]
    assert one["problem"].startswith(f"the CA file {path} can't be used (")
    assert says in one["problem"]
    assert one["sha256"], "what is served can be seen without a CA"
    assert one["known_ca"] is False


def test_without_a_node_it_says_so(look):
    assert look()["msg"] == "nodes: no node was given. Give at least one name: URL pair."
