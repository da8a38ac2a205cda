"""Certificates that were replaced or withdrawn are refused at login; nobody else is, and nothing is signed by a stranger."""

from __future__ import annotations

import datetime

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._tls import authority
from ansible_collections.vaultops.cluster.plugins.modules import vault_cert_crl
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from kit.ca import make_key, signer, tags_of
from kit.certificates import identified
from labkit.settings import REGION

ALIAS = "alias/vault-prod-ca"
AT = "auth/cert/crls/vaultops"
NOW = datetime.datetime.now(datetime.timezone.utc)
DAY = datetime.timedelta(days=1)


class Authority:
    def __init__(self, folder, name):
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.certificate = self.signed(9)
        self.crt = folder / f"{name}.crt"
        self.crt.write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))

    def signed(self, days):
        builder = x509.CertificateBuilder(self.name, self.name, self.key.public_key(), x509.random_serial_number())
        builder = builder.not_valid_before(NOW - 9 * DAY).not_valid_after(NOW + days * DAY)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        builder = identified(builder, self.key.public_key(), self.key.public_key(), True)
        return builder.sign(self.key, hashes.SHA256())

    def crl(self, *serials):
        builder = x509.CertificateRevocationListBuilder(self.name, NOW, NOW + 30 * DAY)
        for serial in serials:
            one = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(NOW).build()
            builder = builder.add_revoked_certificate(one)
        return builder.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


class InKms(Authority):
    """Its key is in a stand-in for KMS."""

    def __init__(self, folder, url):
        super().__init__(folder, "the-ca")
        self.url = url
        self.id = make_key(url, ALIAS)
        self.signer = signer(url, ALIAS)
        self.certificate = authority.ca_certificate(self.signer, "the-ca", 9, NOW)
        self.crt.write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))

    def crl(self, *serials):
        return authority.crl(self.certificate, self.signer, serials, NOW).encode()


@pytest.fixture
def ca(tmp_path, aws):
    return InKms(tmp_path, aws)


@pytest.fixture
def replaced(ca):
    """Keeps a certificate as replaced; returns its serial number."""

    def put(days=3):
        leaf = ca.signed(days)
        put.kept.append(leaf.public_bytes(serialization.Encoding.PEM).decode())
        return leaf.serial_number

    put.kept = []
    return put


@pytest.fixture
def listed(ca, replaced, as_operator, run_module):
    signed_by = {"alias": ALIAS, "required_tags": tags_of("prod"), "region": REGION, "endpoint_url": ca.url}

    def run(check=False, **more):
        options = {"client_ca": str(ca.crt), "signed_by": signed_by, "replaced": replaced.kept}
        given = {**as_operator, **options, **more}
        return run_module(vault_cert_crl, check, **{name: value for name, value in given.items() if value is not None})

    return run


@pytest.fixture
def own_list(tmp_path, listed):
    """The same with a list of the owner's own CA."""

    def run(content, check=False, **more):
        (tmp_path / "own.crl").write_bytes(content)
        return listed(check, crl_file=str(tmp_path / "own.crl"), replaced=None, **more)

    return run


def in_vault(vault):
    return {int(serial) for serial in vault.kept[AT]["serials"]} if AT in vault.kept else None


def has(vault, *serials):
    vault.kept[AT] = {"serials": {str(serial): {} for serial in serials}}


def test_what_was_replaced_is_put_on_the_list_once(vault, replaced, listed):
    first, second = replaced(), replaced()
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
    gone = replaced(days=-1)
    has(vault, 7, gone)
    said = listed(check=True)
    assert in_vault(vault) == {7, gone}
    assert vault.writes == []
    done = listed()
    assert {name: said[name] for name in ("changed", "revoked", "diff")} == {
        name: done[name] for name in ("changed", "revoked", "diff")
    }
    assert f"{gone:x}" not in done["revoked"]
    assert "7" in done["revoked"], "what somebody else put there stays"


def test_another_list_is_left_alone(vault, replaced, listed):
    vault.kept["auth/cert/crls/of-others"] = {"serials": {"9": {}}}
    serial = replaced()
    assert listed(name="mine")["revoked"] == [f"{serial:x}"]
    assert vault.writes == ["auth/cert/crls/mine"]


def test_where_nothing_was_replaced_nobody_is_asked_to_sign(vault, listed):
    said = listed(
        signed_by={
            "alias": "alias/nowhere",
            "required_tags": {},
            "region": REGION,
            "endpoint_url": "http://127.0.0.1:9",
        }
    )
    assert (said["changed"], said["revoked"]) == (False, [])
    assert vault.writes == []


def test_what_a_node_still_serves_is_left_out(vault, replaced, listed, certificates):
    with open(certificates.path("server.crt")) as stream:
        replaced.kept.append(stream.read())
    serial = replaced()
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


def test_the_list_is_the_cas(vault, ca, replaced, listed):
    serial = replaced()
    listed()
    text = vault.crl_as_written
    made = x509.load_pem_x509_crl(text.encode())
    assert made.is_signature_valid(ca.signer.public) and authority.serials_of(made) == {serial}


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda kms, ca: kms.disable_key(KeyId=ca.id), f"{ALIAS} ("),
        (lambda kms, ca: kms.delete_alias(AliasName=ALIAS), f"neither {ALIAS} nor {ALIAS}-next in {REGION} is the key"),
    ],
)
def test_a_key_that_can_not_sign_is_named_and_nothing_is_written(vault, ca, replaced, listed, spoil, says):
    replaced()
    spoil(ca.signer.client, ca)
    said = listed()
    assert said["failed"] and said["msg"].startswith(says), said["msg"]
    assert vault.writes == []


@pytest.mark.parametrize("which", ["client_ca", "replaced"])
def test_what_is_no_certificate_is_named(vault, ca, replaced, listed, which):
    if which == "client_ca":
        ca.crt.write_text("none")
    else:
        replaced.kept.append("none")
    said = listed()
    assert "no certificate in PEM" in said["msg"] or "is none in PEM" in said["msg"]
    assert vault.writes == []


def test_a_ca_that_is_not_there_is_named(ca, listed):
    ca.crt.unlink()
    assert str(ca.crt) in listed()["msg"]


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
        ({"replaced": None}, "one of the following is required: replaced, crl_file"),
        ({"crl_file": "/x"}, "parameters are mutually exclusive: replaced|crl_file"),
        ({"signed_by": None}, "missing parameter(s) required by 'replaced': signed_by"),
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
