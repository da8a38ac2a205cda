"""Certificates: what keeps one from serving, which CA signs, and what is on the wire."""

from __future__ import annotations

import datetime
import os
import socket
import ssl
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
from ansible_collections.vaultops.cluster.plugins.modules import vault_certificate_issue
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from kit.certificates import issue, pem

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


# --- whose certificate it is, and who may read its key


NOW = datetime.datetime.now(datetime.timezone.utc)


@pytest.fixture
def files(tmp_path, ca):
    """Writes a certificate and its key, and returns their paths."""
    (tmp_path / "ca.crt").write_text(text(ca[1]))
    (tmp_path / "ca.key").write_bytes(pem(ca[0]))

    def write(name: str, names=("x",), days: int = 30, begun: int = 0) -> dict[str, str]:
        wanted = {"common_name": name, "names": list(names), "usage": ["clientAuth"], "days": days}
        key = authority_of.new_key()
        leaf = authority_of.certificate(ca[1], ca[0], key, wanted, NOW - datetime.timedelta(days=begun))
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
    wanted = {"common_name": "vaultops-operator", "names": ["x"], "usage": ["serverAuth"], "days": 3}
    key = authority_of.new_key()
    Path(found["certificate"]).write_text(text(authority_of.certificate(ca[1], ca[0], key, wanted, NOW)))
    Path(found["key"]).write_bytes(pem(key))
    said = certificates.problems(question(found, tmp_path, common_name="vaultops-operator"), NOW)
    assert "is not for clients" in said[0]


IDENTITIES = ("vaultops-operator", "vaultops-admin")


def due(tmp_path, days=3, renew=False, key="ca.key"):
    identities = {
        name: {"certificate": str(tmp_path / f"{name}.crt"), "key": str(tmp_path / f"{name}.key")}
        for name in IDENTITIES
    }
    options = {"ca": str(tmp_path / "ca.crt"), "key": str(tmp_path / key), "own": str(tmp_path), "days": days}
    found = certificates.identities_due(identities, {**options, "renew": renew}, NOW)
    return [one["common_name"] for one in found]


def test_an_identity_gets_a_new_certificate_when_a_third_of_its_time_is_left(tmp_path, files):
    files("vaultops-admin", days=3)
    assert due(tmp_path) == ["vaultops-operator"], "it has none"
    files("vaultops-operator", days=9, begun=5)
    assert due(tmp_path, days=9) == []
    files("vaultops-operator", days=9, begun=7)
    assert due(tmp_path, days=9) == ["vaultops-operator"]
    assert due(tmp_path, days=9, renew=True) == list(IDENTITIES)


def test_while_the_cas_key_is_elsewhere_a_certificate_does_until_it_expires(tmp_path, files):
    files("vaultops-admin", days=3)
    files("vaultops-operator", days=3, begun=2)
    assert due(tmp_path) == ["vaultops-operator"]
    assert due(tmp_path, key="gone.key") == []
    files("vaultops-operator", days=3, begun=4)
    assert due(tmp_path, key="gone.key") == ["vaultops-operator"]


def test_one_that_was_made_for_longer_than_is_wanted_now_is_replaced(tmp_path, files):
    files("vaultops-admin", days=3)
    files("vaultops-operator", days=397)
    assert due(tmp_path) == ["vaultops-operator"]
    assert due(tmp_path, days=397) == []


def test_a_certificate_that_was_named_is_not_the_private_cas_to_issue(tmp_path):
    identities = {"vaultops-operator": {"certificate": "/elsewhere/mine.crt", "key": "/elsewhere/mine.key"}}
    options = {"ca": str(tmp_path / "ca.crt"), "key": str(tmp_path / "ca.key"), "own": str(tmp_path), "days": 3}
    assert certificates.identities_due(identities, {**options, "renew": True}, NOW) == []


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


# --- a CA is made only where nothing is


@pytest.mark.parametrize(
    ("there", "may_make", "issue", "missing"),
    [
        ((), True, True, ""),
        # A run that was killed between key and certificate of a new CA.
        (("ca.key",), True, True, ""),
        ((), False, True, "ca.crt and ca.key are missing"),
        ((), False, False, "ca.crt and ca.key are missing"),
        (("ca.key",), False, True, "ca.crt is missing"),
        (("ca.crt",), False, True, "ca.key is missing"),
        (("ca.crt",), True, True, "ca.key is missing"),
        (("ca.crt",), False, False, ""),
        (("ca.crt", "ca.key"), False, True, ""),
    ],
)
def test_a_missing_ca_is_an_error_unless_the_cluster_is_new(tmp_path, there, may_make, issue, missing):
    for name in there:
        (tmp_path / name).write_text("")
    options = {"ca": str(tmp_path / "ca.crt"), "key": str(tmp_path / "ca.key"), "may_make": may_make, "issue": issue}
    said = " ".join(certificates.missing_authority(options)).replace(f"{tmp_path}/", "")
    assert bool(said) is bool(missing)
    assert said.startswith(missing)
    if missing:
        assert f"Put the directory {tmp_path} back" in said
        assert "Never make another CA" in said


# --- issued, replaced, revoked


def issue_with(run_module, tmp_path, check=False, **more):
    one = {
        "certificate": str(tmp_path / "vaultops-operator.crt"),
        "key": str(tmp_path / "vaultops-operator.key"),
        "common_name": "vaultops-operator",
        "names": ["vaultops-operator", "10.0.1.10"],
        "usage": ["clientAuth"],
        "days": 3,
    }
    paths = {"ca_file": str(tmp_path / "ca.crt"), "ca_key": str(tmp_path / "ca.key")}
    return run_module(
        vault_certificate_issue, check, certificates=[one], replaced_dir=str(tmp_path / "replaced"), **{**paths, **more}
    )


def load(path):
    return x509.load_pem_x509_certificate(path.read_bytes())


def test_what_is_replaced_is_kept_and_the_key_stays_unless_a_new_one_is_wanted(tmp_path, files, run_module):
    files("x")
    assert issue_with(run_module, tmp_path, check=True)["changed"]
    assert not (tmp_path / "vaultops-operator.crt").exists()
    assert issue_with(run_module, tmp_path)["changed"]
    first, key = load(tmp_path / "vaultops-operator.crt"), (tmp_path / "vaultops-operator.key")
    assert key.stat().st_mode & 0o777 == 0o600
    own = {"certificate": str(tmp_path / "vaultops-operator.crt"), "key": str(key)}
    now = datetime.datetime.now(datetime.timezone.utc)
    assert certificates.problems(question(own, tmp_path, common_name="vaultops-operator"), now) == []
    assert not (tmp_path / "replaced").exists()

    issue_with(run_module, tmp_path)
    second = load(tmp_path / "vaultops-operator.crt")
    assert second.public_key() == first.public_key()
    issue_with(run_module, tmp_path, new_keys=True)
    third = load(tmp_path / "vaultops-operator.crt")
    assert third.public_key() != first.public_key()
    kept = {load(path).serial_number for path in (tmp_path / "replaced").glob("*.crt")}
    assert kept == {first.serial_number, second.serial_number}
    assert "PRIVATE" not in "".join(path.read_text() for path in (tmp_path / "replaced").iterdir())


def test_a_key_that_others_could_read_is_not_used_again(tmp_path, files, run_module, monkeypatch):
    files("vaultops-operator")
    before = load(tmp_path / "vaultops-operator.crt").public_key()
    monkeypatch.setattr(certificates, "is_open", lambda path: path.endswith("vaultops-operator.key"))
    assert issue_with(run_module, tmp_path)["changed"]
    assert load(tmp_path / "vaultops-operator.crt").public_key() != before
    assert (tmp_path / "vaultops-operator.key").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda folder: (folder / "ca.key").unlink(), "Never make another CA in its place"),
        (lambda folder: (folder / "ca.key").write_bytes(pem(authority_of.new_key())), "is not the key of the first"),
        (lambda folder: (folder / "ca.key").write_text("x"), "not PEM, or is encrypted"),
    ],
)
def test_without_the_cas_key_nothing_is_touched(tmp_path, files, run_module, spoil, says):
    files("vaultops-operator")
    before = {path.name: path.read_bytes() for path in tmp_path.glob("vaultops-*")}
    spoil(tmp_path)
    said = issue_with(run_module, tmp_path)
    assert said["failed"]
    assert says in said["msg"]
    assert {path.name: path.read_bytes() for path in tmp_path.glob("vaultops-*")} == before


def test_a_list_of_revoked_certificates_says_which_and_who_says_so(ca):
    made = x509.load_pem_x509_crl(authority_of.crl(ca[1], ca[0], {5, 2**150}, NOW).encode())
    assert authority_of.serials_of(made) == {5, 2**150}
    assert authority_of.signed_by(made, [ca[1]])
    assert not authority_of.signed_by(made, [issue("another CA", [], None, None)[1]])


def test_what_is_served_stays_good_and_what_has_expired_needs_no_list(ca):
    def leaf(days):
        return issue("vault-1", ["x"], *ca, days=days)[1]

    old, served, expired = leaf(3), leaf(3), leaf(-1)
    good, done = authority_of.revocable([old, served, expired], {served.serial_number}, NOW)
    assert good == {old.serial_number}
    assert done == {expired.serial_number}
