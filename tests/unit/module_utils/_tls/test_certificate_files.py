"""Certificates: what keeps one from serving, which CA signs, and what is on the wire."""

from __future__ import annotations

import datetime
import os
import socket
import ssl
import subprocess
import threading
from pathlib import Path

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._common.errors import Problem
from ansible_collections.vaultops.cluster.plugins.module_utils._node import service, tls
from ansible_collections.vaultops.cluster.plugins.module_utils._tls import authority as authority_of
from ansible_collections.vaultops.cluster.plugins.module_utils._tls import certificates
from ansible_collections.vaultops.cluster.plugins.module_utils._tls import seen as state
from ansible_collections.vaultops.cluster.plugins.module_utils._tls import served as api
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.client import Connection
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from kit.certificates import issue, pem

NAMES = ["vault.prod.internal", "127.0.0.1"]
NOW = datetime.datetime.now(datetime.timezone.utc)


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
    with pytest.raises(Problem, match="not the certificate's"):
        tls.rehearse(pair[0], pem(other).decode(), text(ca[1]), "vault.prod.internal")


def test_what_is_no_key_is_refused_without_showing_it(ca, pair):
    with pytest.raises(Problem) as caught:
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
    with pytest.raises(Problem, match=says):
        tls.rehearse(text(certificate), pem(key).decode(), text(ca[1]), name)


def test_a_certificate_of_an_unknown_ca_is_refused(pair):
    _key, stranger = issue("another CA", [], None, None)
    with pytest.raises(Problem, match="Clients would not accept"):
        tls.rehearse(*pair, text(stranger), "vault.prod.internal")


# --- on the wire


@pytest.fixture
def serving():
    """Serves pairs, two paths each, until the test is over; gives the port."""
    servers = []
    yield lambda certificate, key: serve(servers, certificate, key)
    for server in servers:
        server.shutdown(socket.SHUT_RDWR)  # ends the accept in which its thread waits
        server.close()


def serve(servers, certificate, key):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = socket.create_server(("127.0.0.1", 0))
    servers.append(server)

    def shake_hands():
        while True:
            try:
                plain, _address = server.accept()
            except OSError:
                return
            try:
                context.wrap_socket(plain, server_side=True).close()
            except OSError:
                plain.close()

    threading.Thread(target=shake_hands, daemon=True).start()
    return server.getsockname()[1]


@pytest.fixture
def listener(serving, pair, tmp_path):
    for name, content in zip(("crt", "key"), pair, strict=True):
        (tmp_path / name).write_text(content)
    return serving(tmp_path / "crt", tmp_path / "key")


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


def test_the_first_one_signs(ca):
    old, new = ca[1], issue("the next CA", [], None, None)[1]
    texts = {"old": text(old), "new": text(new)}
    assert certificates.change([old], []) == {
        "change": "none",
        "bundles": {"begin": texts["old"], "switch": texts["old"], "finish": texts["old"]},
    }
    for trusted, change in (([old, new], "begun"), ([new, old], "switched"), ([new], "switched")):
        found = certificates.change(trusted, [new])
        assert found["change"] == change
        assert found["bundles"]["finish"] == texts["new"]
    assert certificates.change([new, old], [new])["bundles"] == {
        "begin": texts["old"] + texts["new"],
        "switch": texts["new"] + texts["old"],
        "finish": texts["new"],
    }


# --- a node's own


def seen(certificate, **more):
    return {"certificate": text(certificate), "key_fits": True, **more}


@pytest.mark.parametrize(
    ("found", "options", "says"),
    [
        ({}, {}, None),
        (None, {}, "It has none."),
        ({"certificate": ""}, {}, "It has none."),
        ({"certificate": "no PEM"}, {}, "It has none."),
        ({"key_fits": False}, {}, "The key beside its certificate is missing, or another certificate's."),
        ({}, {"names": ["vault-2"]}, "Its certificate does not hold vault-2."),
        ({}, {"addresses": ["10.0.1.11"]}, "Its certificate does not hold 10.0.1.11."),
        ({}, {"days": 29}, None),
        ({}, {"days": 31}, "Its certificate expires at "),
        ({}, {"ca": ""}, "Its certificate was not signed by the cluster's CA."),
    ],
)
def test_why_a_node_needs_a_certificate(ca, found, options, says):
    leaf = issue("vault-1", NAMES, *ca, days=30)[1]
    wanted = {"ca": text(ca[1]), "names": ["vault.prod.internal"], "addresses": ["127.0.0.1"], "days": 0, **options}
    said = certificates.node_problems(None if found is None else {**seen(leaf), **found}, wanted, NOW)
    assert said == [] if says is None else len(said) == 1 and said[0].startswith(says)


def test_a_certificate_of_tomorrow_or_of_another_ca_is_none(ca):
    leaf = issue("vault-1", NAMES, *ca)[1]
    wanted = {"ca": text(ca[1]), "names": [], "addresses": [], "days": 0}
    said = certificates.node_problems(seen(leaf), wanted, NOW - datetime.timedelta(days=20))
    assert len(said) == 1 and "is not valid before" in said[0]
    other = issue("vault-1", NAMES, *issue("another CA", [], None, None))[1]
    assert certificates.node_problems(seen(other), wanted, NOW) == [
        "Its certificate was not signed by the cluster's CA."
    ]


def test_a_certificate_that_is_no_cas_signs_none(ca):
    another = issue("vault-2", NAMES, *ca)
    leaf = issue("vault-1", NAMES, *another)[1]
    wanted = {"ca": text(ca[1]), "names": [], "addresses": [], "days": 0}
    chain = {"certificate": text(leaf) + text(another[1]), "key_fits": True}
    assert certificates.node_problems(chain, wanted, NOW) == ["Its certificate was not signed by the cluster's CA."]


@pytest.fixture(scope="module")
def home_made(tmp_path_factory):
    """A CA and a certificate as openssl makes them by itself, with less in them than public CAs have to put there."""
    folder = tmp_path_factory.mktemp("home_made")
    new = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj"]
    (folder / "names").write_text("subjectAltName=IP:127.0.0.1")
    for command in (
        ["req", "-x509", *new, "/CN=home", "-keyout", "ca.key", "-out", "ca.crt"],
        ["req", *new, "/CN=node", "-keyout", "node.key", "-out", "node.csr"],
        [
            "x509",
            "-req",
            "-in",
            "node.csr",
            "-CA",
            "ca.crt",
            "-CAkey",
            "ca.key",
            "-extfile",
            "names",
            "-out",
            "node.crt",
        ],
    ):
        subprocess.run(["openssl", *command], cwd=folder, check=True, capture_output=True)
    return folder


def test_a_ca_that_openssl_made_is_a_ca(home_made):
    folder = home_made
    seen_there = {"certificate": (folder / "node.crt").read_text(), "key_fits": True}
    wanted = {"ca": (folder / "ca.crt").read_text(), "names": [], "addresses": ["127.0.0.1"], "days": 0}
    assert certificates.node_problems(seen_there, wanted, datetime.datetime.now(datetime.timezone.utc)) == []


def strict(default=ssl.create_default_context):
    """As Python 3.13 makes it."""

    def context(*arguments, **more):
        made = default(*arguments, **more)
        made.verify_flags |= ssl.VERIFY_X509_STRICT
        return made

    return context


def test_nor_do_newer_pythons_ask_more_of_it(serving, home_made, monkeypatch):
    monkeypatch.setattr(ssl, "create_default_context", strict())
    port = serving(home_made / "node.crt", home_made / "node.key")
    connection = Connection(nodes={"a": f"https://127.0.0.1:{port}"}, ca_cert=str(home_made / "ca.crt"))
    assert api.look(connection, "a")["problem"] is None


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


# --- whose certificate it is, and who may read its key


@pytest.fixture
def files(tmp_path, ca):
    """Writes a certificate and its key, and returns their paths."""
    (tmp_path / "ca.crt").write_text(text(ca[1]))

    def write(name: str, names=("x",)) -> dict[str, str]:
        key, leaf = issue(name, list(names), *ca)
        (tmp_path / f"{name}.crt").write_text(text(leaf))
        (tmp_path / f"{name}.key").write_bytes(pem(key))
        return {"certificate": str(tmp_path / f"{name}.crt"), "key": str(tmp_path / f"{name}.key")}

    return write


def question(found, tmp_path, **more):
    return {**found, "ca": str(tmp_path / "ca.crt"), "names": [], "addresses": [], "days": 0, **more}


@pytest.mark.parametrize(
    ("file", "folder", "open_"),
    [(0o600, 0o755, False), (0o644, 0o700, False), (0o640, 0o710, True), (0o644, 0o755, True), (0o640, 0o701, False)],
)
def test_a_key_that_others_can_reach_is_refused(tmp_path, files, monkeypatch, file, folder, open_):
    found = files("vault-1")
    os.chmod(found["key"], file)
    # What is above pytest's own directories is as this machine has it.
    real = os.stat
    outside = os.stat_result((0o40755, *real("/")[1:]))
    monkeypatch.setattr(os, "stat", lambda path: real(path) if str(path).startswith(str(tmp_path)) else outside)
    os.chmod(tmp_path, folder)
    said = " ".join(certificates.problems(question(found, tmp_path), NOW))
    assert ("can be read by others" in said) is open_
    assert certificates.is_open(found["key"]) is open_


@pytest.mark.parametrize(
    ("names", "addresses", "missing"),
    [
        (["vault.prod.internal"], ["10.0.1.10"], None),
        (["vault.prod.internal"], ["fd00:0:0::1"], None),
        (["vault.other.internal"], [], "vault.other.internal"),
        ([], ["10.0.1.11"], "10.0.1.11"),
    ],
)
def test_what_is_in_use_has_to_be_in_it(tmp_path, files, names, addresses, missing):
    found = files("vault-1", ["vault.prod.internal", "10.0.1.10", "fd00::1"])
    said = certificates.problems(question(found, tmp_path, names=names, addresses=addresses), NOW)
    assert said == [] if missing is None else f"does not hold {missing}." in said[0]


def test_an_identity_is_its_common_name_and_a_client(tmp_path, files, ca):
    found = files("vaultops-operator")
    assert certificates.problems(question(found, tmp_path, common_name="vaultops-operator"), NOW) == []
    said = certificates.problems(question(found, tmp_path, common_name="vaultops-admin"), NOW)
    assert "has the common name vaultops-operator, and logs in by vaultops-admin" in said[0]
    server = x509.ExtendedKeyUsage([x509.oid.ExtendedKeyUsageOID.SERVER_AUTH])
    key, leaf = issue("vaultops-operator", ["x"], *ca, usage=server)
    Path(found["certificate"]).write_text(text(leaf))
    Path(found["key"]).write_bytes(pem(key))
    said = certificates.problems(question(found, tmp_path, common_name="vaultops-operator"), NOW)
    assert "is not for clients" in said[0]


def test_given_identities_are_looked_at_before_anything_else(tmp_path, files):
    identities = {
        "vaultops-operator": files("vaultops-operator"),
        "vaultops-admin": {"certificate": str(tmp_path / "no.crt"), "key": str(tmp_path / "no.key")},
    }

    def said(needed=(), names=None):
        options = {"ca": str(tmp_path / "ca.crt"), "common_names": names or {}, "needed": list(needed)}
        return " ".join(certificates.identity_problems(identities, options, NOW))

    assert said() == ""
    assert "vault_admin_certificate_file" in said(["vaultops-admin"])
    assert "logs in by ops" in said(names={"vaultops-operator": "ops"})


# --- revoked


def test_what_is_served_stays_good_and_what_has_expired_needs_no_list(ca):
    def leaf(days):
        return issue("vault-1", ["x"], *ca, days=days)[1]

    old, served, expired = leaf(3), leaf(3), leaf(-1)
    good, done = authority_of.revocable([old, served, expired], {served.serial_number}, NOW)
    assert good == {old.serial_number}
    assert done == {expired.serial_number}
