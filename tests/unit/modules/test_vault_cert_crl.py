"""Certificates that were replaced or withdrawn are refused at login; nobody else is, and nothing is signed by a stranger."""

from __future__ import annotations

import datetime
import json

import pytest
from ansible_collections.vaultops.cluster.plugins.modules import vault_cert_crl
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

AT = "auth/cert/crls/vaultops"
NOW = datetime.datetime.now(datetime.timezone.utc)
DAY = datetime.timedelta(days=1)


class Authority:
    def __init__(self, folder, name):
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.certificate = self.signed(9)
        self.crt, self.key_path = folder / f"{name}.crt", folder / f"{name}.key"
        self.crt.write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))
        self.key_path.write_bytes(self.key_in_pem(serialization.NoEncryption()))

    def key_in_pem(self, encryption):
        return self.key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)

    def signed(self, days):
        builder = x509.CertificateBuilder(self.name, self.name, self.key.public_key(), x509.random_serial_number())
        builder = builder.not_valid_before(NOW - 9 * DAY).not_valid_after(NOW + days * DAY)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        return builder.sign(self.key, hashes.SHA256())

    def crl(self, *serials):
        builder = x509.CertificateRevocationListBuilder(self.name, NOW, NOW + 30 * DAY)
        for serial in serials:
            one = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(NOW).build()
            builder = builder.add_revoked_certificate(one)
        return builder.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


@pytest.fixture
def ca(tmp_path):
    return Authority(tmp_path, "the-ca")


@pytest.fixture
def replaced(tmp_path, ca):
    """Puts a certificate that was replaced into the directory; returns its serial number and its file."""
    folder = tmp_path / "replaced"
    folder.mkdir()

    def put(days=3, name=None):
        leaf = ca.signed(days)
        path = folder / f"{name or leaf.serial_number}.crt"
        path.write_bytes(leaf.public_bytes(serialization.Encoding.PEM))
        return leaf.serial_number, path

    put.folder = folder
    return put


@pytest.fixture
def listed(tmp_path, ca, as_operator, run_module):
    options = {"client_ca": str(ca.crt), "ca_key": str(ca.key_path), "replaced_dir": str(tmp_path / "replaced")}

    def run(check=False, **more):
        given = {**as_operator, **options, **more}
        return run_module(vault_cert_crl, check, **{name: value for name, value in given.items() if value is not None})

    return run


@pytest.fixture
def own_list(tmp_path, listed):
    """The same with a list of the owner's own CA."""

    def run(content, check=False, **more):
        (tmp_path / "own.crl").write_bytes(content)
        return listed(check, crl_file=str(tmp_path / "own.crl"), replaced_dir=None, **more)

    return run


def in_vault(vault):
    return {int(serial) for serial in vault.kept[AT]["serials"]} if AT in vault.kept else None


def has(vault, *serials):
    vault.kept[AT] = {"serials": {str(serial): {} for serial in serials}}


def test_what_was_replaced_is_put_on_the_list_once(vault, replaced, listed):
    first, second = replaced()[0], replaced()[0]
    said = listed()
    assert said["changed"] is True
    assert said["revoked"] == [f"{serial:x}" for serial in sorted((first, second))]
    assert said["diff"] == {"before": {"revoked": []}, "after": {"revoked": said["revoked"]}}
    assert in_vault(vault) == {first, second}
    again = listed()
    assert (again["changed"], again["revoked"]) == (False, said["revoked"])
    assert vault.writes == [AT]
    assert vault.tokens == set()


def test_check_mode_writes_and_removes_nothing_and_says_what_a_run_does(vault, replaced, listed):
    replaced()
    gone, old = replaced(days=-1)
    has(vault, 7, gone)
    said = listed(check=True)
    assert in_vault(vault) == {7, gone}
    assert old.exists()
    assert vault.writes == []
    done = listed()
    assert {name: said[name] for name in ("changed", "revoked", "diff")} == {
        name: done[name] for name in ("changed", "revoked", "diff")
    }
    assert not old.exists()
    assert f"{gone:x}" not in done["revoked"]
    assert "7" in done["revoked"], "what somebody else put there stays"


def test_another_list_is_left_alone(vault, replaced, listed):
    vault.kept["auth/cert/crls/of-others"] = {"serials": {"9": {}}}
    serial, _path = replaced()
    assert listed(name="mine")["revoked"] == [f"{serial:x}"]
    assert vault.writes == ["auth/cert/crls/mine"]


@pytest.mark.parametrize("there", [True, False])
def test_a_directory_with_nothing_in_it_asks_for_nothing(vault, replaced, listed, there):
    if not there:
        replaced.folder.rmdir()
    said = listed(ca_key="/nowhere/ca.key")
    assert (said["changed"], said["revoked"]) == (False, [])
    assert vault.writes == []


def test_what_a_node_still_serves_is_left_out(vault, replaced, listed, certificates):
    with open(certificates.path("server.crt"), "rb") as stream:
        (replaced.folder / "vault-1.crt").write_bytes(stream.read())
    serial, _path = replaced()
    assert listed()["revoked"] == [f"{serial:x}"]


def test_a_write_that_is_not_there_afterwards_is_an_error(vault, replaced, listed, monkeypatch):
    """Somebody writes at the same time."""
    replaced()
    vault.kept = type("Lossy", (dict,), {"__setitem__": lambda *_arguments: None})(vault.kept)
    said = listed()
    assert said["msg"] == (
        "vault-1: auth/cert/crls/vaultops does not hold what was written to it a moment ago. Somebody else may have written it "
        "meanwhile: run this once more."
    )
    assert vault.tokens == set()


# --- who signs


@pytest.mark.parametrize("spoil", ["absent", "no key", "passphrase"])
def test_a_key_that_can_not_sign_is_named_and_nothing_is_written(vault, ca, replaced, listed, spoil):
    _serial, path = replaced()
    expired = replaced(days=-1)[1]
    if spoil == "absent":
        ca.key_path.unlink()
    elif spoil == "no key":
        ca.key_path.write_text("none")
    else:
        ca.key_path.write_bytes(ca.key_in_pem(serialization.BestAvailableEncryption(b"x")))
    said = listed()
    assert said["msg"] == (
        f"{ca.key_path}: the CA's key can't be used, and certificates have to be revoked with it. Put it back there, in PEM and "
        "without a passphrase."
    )
    assert vault.writes == []
    assert path.exists()
    assert expired.exists()


def test_the_key_of_another_ca_does_not_sign(vault, ca, replaced, listed, tmp_path):
    replaced()
    other = Authority(tmp_path, "another")
    said = listed(ca_key=str(other.key_path))
    assert said["msg"] == (
        f"{other.key_path}: it is not the key of the first certificate in {ca.crt}. Put that CA's own key there."
    )
    assert vault.writes == []


@pytest.mark.parametrize("which", ["client_ca", "replaced"])
def test_what_is_no_certificate_is_named(vault, ca, replaced, listed, which):
    path = ca.crt if which == "client_ca" else replaced()[1]
    path.write_text("none")
    said = listed()
    assert said["msg"] == f"{path}: it is no certificate in PEM. Remove it, or put the certificate back."
    assert vault.writes == []


def test_a_ca_that_is_not_there_is_named(ca, listed):
    ca.crt.unlink()
    assert str(ca.crt) in listed()["msg"]


def test_the_key_is_in_no_result(ca, replaced, listed):
    replaced()
    assert ca.key_path.read_text().splitlines()[1] not in json.dumps(listed())


# --- the list of the owner's own CA


def test_the_owners_list_is_the_whole_list(vault, ca, own_list):
    has(vault, 1, 2)
    said = own_list(ca.crl(2, 255), check=True)
    assert in_vault(vault) == {1, 2}
    done = own_list(ca.crl(2, 255))
    assert said["revoked"] == done["revoked"] == ["2", "ff"]
    assert in_vault(vault) == {2, 255}
    assert own_list(ca.crl(2, 255))["changed"] is False


def test_an_empty_list_revokes_nobody(vault, ca, own_list):
    has(vault, 1)
    assert own_list(ca.crl())["revoked"] == []
    assert in_vault(vault) == set()


@pytest.mark.parametrize("content", [b"", b"none", b"-----BEGIN X509 CRL-----\nAA==\n-----END X509 CRL-----\n"])
def test_what_is_no_list_is_refused(vault, own_list, tmp_path, content):
    assert own_list(content)["msg"] == f"{tmp_path / 'own.crl'}: it is no certificate revocation list in PEM. Give one."
    assert vault.writes == []


def test_a_list_of_another_ca_is_refused(vault, ca, own_list, tmp_path):
    said = own_list(Authority(tmp_path, "another").crl(9))
    assert said["msg"] == (
        f"{tmp_path / 'own.crl'}: no CA in {ca.crt} signed it. Give the list of the CA that signs the identities' certificates."
    )
    assert vault.writes == []


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"replaced_dir": None}, "one of the following is required: replaced_dir, crl_file"),
        ({"crl_file": "/x"}, "parameters are mutually exclusive: replaced_dir|crl_file"),
        ({"ca_key": None}, "missing parameter(s) required by 'replaced_dir': ca_key"),
    ],
)
def test_options_that_do_not_go_together_are_refused(listed, more, says):
    assert listed(**more)["msg"] == says


# --- Vault


@pytest.mark.parametrize("path", ["auth/cert/crls", AT])
@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (
            (403, b'{"errors": ["permission denied"]}'),
            "vault-1: permission denied (permission denied). The token is expired",
        ),
        ((503, b'{"errors": ["Vault is sealed"]}'), "vault-1: Vault refused: Vault is sealed."),
        ((400, b'{"errors": ["no such CRL vaultops"]}'), "vault-1: Vault refused: no such CRL vaultops."),
        (None, "vault-1: no connection ("),
    ],
)
def test_a_list_that_can_not_be_seen_is_not_an_empty_one(vault, replaced, listed, path, fault, says):
    has(vault, 7)
    replaced()
    vault.faults[path] = fault
    said = listed(check=True)
    assert said["failed"]
    assert said["msg"].startswith(says), said["msg"]
    assert vault.writes == []
    assert in_vault(vault) == {7}
    assert vault.tokens == set()


def test_where_there_is_no_list_at_all_there_is_an_empty_one(vault, replaced, listed):
    replaced()
    vault.faults["auth/cert/crls"] = 404, b'{"errors": []}'
    assert listed(check=True)["diff"]["before"] == {"revoked": []}


def test_a_list_in_der_is_refused_in_words(ca, own_list, tmp_path):
    der = x509.load_pem_x509_crl(ca.crl(1)).public_bytes(serialization.Encoding.DER)
    assert str(tmp_path / "own.crl") in own_list(der)["msg"]
