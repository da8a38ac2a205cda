"""What a CA in KMS signs, as OpenSSL and cryptography see it; and what is refused before it is signed, or after."""

from __future__ import annotations

import datetime
import hashlib
import subprocess

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._common.errors import Problem
from ansible_collections.vaultops.cluster.plugins.module_utils._tls import authority, signers
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa, utils
from kit.ca import make_key, pem, signer, tags_of

NOW = datetime.datetime.now(datetime.timezone.utc)
ALIAS = "alias/vault-prod-ca"
WANTED = {
    "common_name": "vault-1",
    "names": ["vault-1", "vault.prod.internal", "10.0.1.10", "2001:db8::1"],
    "usage": ["serverAuth", "clientAuth"],
    "days": 397,
}


@pytest.fixture
def in_kms(aws):
    make_key(aws, ALIAS)
    return signer(aws, ALIAS)


def request(key, *names):
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "whoever")])
    builder = x509.CertificateSigningRequestBuilder(subject)
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), False)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def openssl(*arguments):
    return subprocess.run(["openssl", *arguments], capture_output=True, text=True, check=True).stdout


def test_openssl_accepts_ca_and_leaf(tmp_path, in_kms):
    ca = authority.ca_certificate(in_kms, "Vault prod CA 1", 3650, NOW)
    key = ec.generate_private_key(ec.SECP256R1())
    leaf = authority.certificate(ca, in_kms, authority.requested_key(request(key)), WANTED, NOW)
    paths = []
    for name, one in (("ca.crt", ca), ("leaf.crt", leaf)):
        paths.append(str(tmp_path / name))
        (tmp_path / name).write_text(pem(one))
    assert openssl("verify", "-x509_strict", "-CAfile", paths[0], *paths).count("OK\n") == 2
    text = openssl("x509", "-in", paths[0], "-noout", "-text")
    assert "CA:TRUE, pathlen:0" in text and "Certificate Sign, CRL Sign" in text and "ASN1 OID: secp384r1" in text
    assert text.count("Signature Algorithm: ecdsa-with-SHA384") == 2
    leaf.verify_directly_issued_by(ca)
    assert leaf.public_key() == key.public_key()


def test_what_the_request_says_of_names_counts_for_nothing(in_kms):
    ca = authority.ca_certificate(in_kms, "CA", 9, NOW)
    key = ec.generate_private_key(ec.SECP256R1())
    asked = authority.requested_key(request(key, "vault-2", "bank.example"))
    leaf = authority.certificate(ca, in_kms, asked, WANTED, NOW)
    san = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert san.get_values_for_type(x509.DNSName) == ["vault-1", "vault.prod.internal"]
    assert [str(one) for one in san.get_values_for_type(x509.IPAddress)] == ["10.0.1.10", "2001:db8::1"]
    assert leaf.subject.rfc4514_string() == "CN=vault-1"
    assert leaf.not_valid_after_utc == ca.not_valid_after_utc


def test_a_list_of_revoked_ones_is_signed_however_long_it_is(aws, in_kms, monkeypatch):
    ca = authority.ca_certificate(in_kms, "CA", 9, NOW)
    listed = x509.load_pem_x509_crl(authority.crl(ca, in_kms, [7, 3], NOW).encode())
    assert authority.signed_by(listed, [ca]) and authority.serials_of(listed) == {3, 7}

    # The stand-in for KMS hashes a digest once more; KMS takes it as it is.
    key = ec.generate_private_key(ec.SECP384R1())
    digests = []

    def sign_digest(_client, _key_id, digest, algorithm):
        digests.append((digest, algorithm))
        return key.sign(digest, ec.ECDSA(utils.Prehashed(hashes.SHA384())))

    monkeypatch.setattr(signers.kms_api, "sign_digest", sign_digest)
    monkeypatch.setattr(signers.KmsSigner, "public", key.public_key())
    long = x509.load_pem_x509_crl(authority.crl(ca, signer(aws, ALIAS), range(1, 500), NOW).encode())
    assert long.is_signature_valid(key.public_key()) and len(authority.serials_of(long)) == 499
    assert digests == [(hashlib.sha384(long.tbs_certlist_bytes).digest(), "ECDSA_SHA_384")]


def test_what_kms_signed_is_verified_before_it_counts(in_kms, monkeypatch):
    monkeypatch.setattr(signers.KmsSigner, "public", ec.generate_private_key(ec.SECP384R1()).public_key())
    with pytest.raises(Problem, match=f"what {ALIAS} signed does not verify with its own public key"):
        authority.ca_certificate(in_kms, "CA", 9, NOW)


def broken(text):
    """The same request with another key than the one that signed it."""
    der = bytearray(x509.load_pem_x509_csr(text.encode()).public_bytes(serialization.Encoding.DER))
    der[-1] ^= 1
    return x509.load_der_x509_csr(bytes(der)).public_bytes(serialization.Encoding.PEM).decode()


def pem_of_key():
    return authority.private(ec.generate_private_key(ec.SECP256R1())).decode()


@pytest.mark.parametrize(
    ("made", "says"),
    [
        (lambda: "", "is no request"),
        (pem_of_key, "is no request"),
        (lambda: broken(request(ec.generate_private_key(ec.SECP256R1()))), "is not signed by a key on the curve P-256"),
        (lambda: request(ec.generate_private_key(ec.SECP384R1())), "is not signed by a key on the curve P-256"),
        (lambda: request(rsa.generate_private_key(65537, 2048)), "is not signed by a key on the curve P-256"),
    ],
)
def test_a_request_is_judged(made, says):
    with pytest.raises(Problem, match=says):
        authority.requested_key(made())


def test_a_key_in_a_file_signs_until_the_move_is_through(tmp_path, aws):
    key = ec.generate_private_key(ec.SECP384R1())
    (tmp_path / "ca.key").write_bytes(authority.private(key))
    in_file = signers.FileSigner(str(tmp_path / "ca.key"))
    (tmp_path / "ca.crt").write_text(pem(authority.ca_certificate(in_file, "old", 9, NOW)))
    ca = signers.first_in(str(tmp_path / "ca.crt"))
    make_key(aws, ALIAS)
    client = signer(aws, ALIAS).client
    moving = signers.Keys(client, ALIAS, "eu-central-1", tags_of("prod"), str(tmp_path))
    assert moving.vouch(ca) and moving.signer(ca).public == key.public_key()
    stranger = signers.Keys(client, ALIAS, "eu-central-1", tags_of("prod"))
    assert not stranger.vouch(ca)
    with pytest.raises(Problem, match=f"neither {ALIAS} nor {ALIAS}-next"):
        stranger.signer(ca)


def test_a_certificate_with_the_key_of_kms_is_vouched_for_only_where_that_key_signed_it_as_a_ca(aws, in_kms):
    keys = signers.Keys(in_kms.client, ALIAS, "eu-central-1", tags_of("prod"))
    ca = authority.ca_certificate(in_kms, "CA", 9, NOW)
    assert keys.vouch(ca)
    stranger = ec.generate_private_key(ec.SECP384R1())
    builder = x509.CertificateBuilder(ca.subject, ca.subject, in_kms.public, 7)
    builder = builder.not_valid_before(NOW).not_valid_after(NOW + datetime.timedelta(9))
    own_word = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    by_another = own_word.sign(stranger, hashes.SHA384())
    assert by_another.public_key() == ca.public_key() and not keys.vouch(by_another)
    leaf = authority.certificate(ca, in_kms, in_kms.public, {**WANTED, "common_name": "CA"}, NOW)
    leaf.verify_directly_issued_by(ca)
    assert leaf.subject == leaf.issuer and not keys.vouch(leaf)


@pytest.mark.parametrize("alias", [ALIAS, f"{ALIAS}-next"])
@pytest.mark.parametrize("cluster", ["", "staging"])
def test_a_key_without_the_clusters_tag_vouches_for_nothing(aws, alias, cluster):
    make_key(aws, alias, cluster)
    theirs = signer(aws, alias)
    keys = signers.Keys(theirs.client, ALIAS, "eu-central-1", tags_of("prod"))
    ca = authority.ca_certificate(theirs, "CA", 9, NOW)
    for use in (keys.vouch, keys.signer):
        with pytest.raises(Problem, match=f"{alias} .* does not carry the tag vault-cluster=prod"):
            use(ca)
