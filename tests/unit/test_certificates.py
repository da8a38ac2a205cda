"""Certificates: what keeps one from serving, which CA signs, and what is on the wire."""

from __future__ import annotations

import datetime
import socket
import ssl
import sys
import threading
from pathlib import Path

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._cluster import certificates
from ansible_collections.vaultops.cluster.plugins.module_utils._node import service, tls
from ansible_collections.vaultops.cluster.plugins.module_utils._node.errors import NodeError
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.certificate import api, state
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.client import Connection
from cryptography.hazmat.primitives import serialization

sys.path.insert(0, str(Path(__file__).parents[1] / "faults"))

from issue import issue, pem  # noqa: E402

NAMES = ["vault.prod.internal", "127.0.0.1"]


def text(certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


@pytest.fixture(scope="module")
def ca():
    return issue("a CA", [], None, None)


@pytest.fixture(scope="module")
def pair(ca):
    key, certificate = issue("vault-1", NAMES, *ca)
    return text(certificate), pem(key).decode()


# --- before it goes into service


def test_a_pair_that_clients_accept_passes_the_rehearsal(ca, pair):
    tls.rehearse(*pair, text(ca[1]), "vault.prod.internal")


def test_another_ones_key_is_refused(ca, pair):
    other, _certificate = issue("vault-2", NAMES, *ca)
    with pytest.raises(NodeError, match="not the certificate's"):
        tls.rehearse(pair[0], pem(other).decode(), text(ca[1]), "vault.prod.internal")


def test_what_is_no_key_is_refused_without_showing_it(ca, pair):
    with pytest.raises(NodeError) as caught:
        tls.rehearse(pair[0], "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n", text(ca[1]), "x")
    assert "c2VjcmV0" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "days", "says"),
    [
        ("other.internal", 30, "Hostname mismatch"),
        ("vault.prod.internal", -1, "expired"),
    ],
)
def test_what_clients_would_not_accept_is_refused(ca, name, days, says):
    key, certificate = issue("vault-1", NAMES, *ca, days=days)
    with pytest.raises(NodeError, match=says):
        tls.rehearse(text(certificate), pem(key).decode(), text(ca[1]), name)


def test_a_certificate_of_an_unknown_ca_is_refused(pair):
    _key, stranger = issue("another CA", [], None, None)
    with pytest.raises(NodeError, match="Clients would not accept"):
        tls.rehearse(*pair, text(stranger), "vault.prod.internal")


# --- on the wire


@pytest.fixture
def listener(pair, tmp_path):
    """Serves the pair until the test is over; returns its port."""
    for name, content in zip(("crt", "key"), pair, strict=True):
        (tmp_path / name).write_text(content)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "crt", tmp_path / "key")
    server = socket.create_server(("127.0.0.1", 0))

    def serve():
        while True:
            try:
                plain, _address = server.accept()
            except OSError:
                return
            try:
                context.wrap_socket(plain, server_side=True).close()
            except OSError:
                plain.close()

    threading.Thread(target=serve, daemon=True).start()
    yield server.getsockname()[1]
    server.close()


def test_the_wire_is_compared_with_the_file(listener, pair):
    assert tls.on_the_wire("127.0.0.1", listener) == tls.fingerprint(pair[0])
    assert tls.fingerprint("no certificate") is None


def test_where_nothing_listens_there_is_nothing_to_compare():
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    assert tls.on_the_wire("127.0.0.1", port) is None


@pytest.mark.parametrize("known", [True, False])
def test_a_client_says_what_it_has_against_it(listener, ca, tmp_path, known):
    authority = ca[1] if known else issue("another CA", [], None, None)[1]
    (tmp_path / "ca").write_text(text(authority))
    connection = Connection(nodes={"vault-1": f"https://127.0.0.1:{listener}"}, ca_cert=str(tmp_path / "ca"))
    found = state.describe(api.look(connection, "vault-1"), datetime.datetime.now(datetime.timezone.utc))
    assert found["known_ca"] is known
    assert (found["problem"] is None) is known
    assert found["days_left"] == 29
    line = state.line(found)
    assert "29 days" in line
    assert ("clients do not accept it" in line) is not known


# --- which CA signs


@pytest.fixture
def folder(tmp_path, ca):
    (tmp_path / "next").mkdir()
    following = issue("the next CA", [], None, None)[1]
    return tmp_path, text(ca[1]), text(following)


def authority(folder):
    return certificates.authority({"ca": str(folder / "ca.crt"), "next": str(folder / "next/ca.crt")})


def test_a_ca_alone_signs(folder):
    path, old, _new = folder
    (path / "ca.crt").write_text(old)
    found = authority(path)
    assert (found["change"], found["key"]) == ("none", str(path / "ca.key"))
    assert found["bundles"]["finish"] == old


def test_the_first_one_in_the_file_signs(folder):
    path, old, new = folder
    (path / "next/ca.crt").write_text(new)
    for content, change, key in [
        (old, "begun", "ca.key"),
        (old + new, "begun", "ca.key"),
        (new + old, "switched", "next/ca.key"),
        (new, "switched", "next/ca.key"),
    ]:
        (path / "ca.crt").write_text(content)
        found = authority(path)
        assert (found["change"], found["key"]) == (change, str(path / key))
    (path / "ca.crt").write_text(new + old)
    assert found["bundles"]["finish"] == new
    assert authority(path)["bundles"] == {"begin": old + new, "switch": new + old, "finish": new}


def test_without_a_file_the_first_ca_will_sign(folder):
    path, _old, _new = folder
    assert authority(path)["key"] == str(path / "ca.key")


# --- what a reload brings into effect


def test_a_file_newer_than_the_last_reload_wants_another(tmp_path):
    path = tmp_path / "reload.hcl"
    path.write_text("x")
    changed = path.stat().st_mtime
    assert service.reload_reasons(changed - 2, None, [str(path)])
    assert service.reload_reasons(changed - 2, changed - 1, [str(path)])
    assert service.reload_reasons(changed - 2, changed + 1, [str(path)]) == []
    assert service.reload_reasons(changed + 1, None, [str(path)]) == []
    assert service.reload_reasons(None, None, [str(path)]) == []
