# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a private CA signs: certificates, and the list of those that are no longer good. No files, no clock."""

from __future__ import annotations

import datetime
import ipaddress
import typing as t

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

# A node's clock may be behind the controller's.
BACKDATED = datetime.timedelta(minutes=5)
CRL_DAYS = 3650
USAGES = {"serverAuth": ExtendedKeyUsageOID.SERVER_AUTH, "clientAuth": ExtendedKeyUsageOID.CLIENT_AUTH}


class Wanted(t.TypedDict):
    common_name: str
    names: list[str]  # DNS names and IP addresses
    usage: list[str]
    days: int


def new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def new_ca_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP384R1())


def private(key: t.Any) -> bytes:
    """In PEM, without a passphrase."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def ca_certificate(key: t.Any, common_name: str, days: int, now: datetime.datetime) -> x509.Certificate:
    """Of a CA that signs itself, and below which there is no other."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    builder = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(key_cert_sign=True, crl_sign=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    return builder.sign(key, hashes.SHA256())


def belong_together(ca: x509.Certificate, ca_key: t.Any) -> bool:
    return ca.public_key() == ca_key.public_key()


def certificate(
    ca: x509.Certificate, ca_key: t.Any, key: t.Any, wanted: Wanted, now: datetime.datetime
) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, wanted["common_name"])])
    builder = (
        x509.CertificateBuilder(ca.subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(min(now + datetime.timedelta(days=wanted["days"]), ca.not_valid_after_utc))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(digital_signature=True), critical=True)
        .add_extension(x509.ExtendedKeyUsage([USAGES[name] for name in wanted["usage"]]), critical=False)
        .add_extension(x509.SubjectAlternativeName([_general(name) for name in wanted["names"]]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(_identifier(ca), critical=False)
    )
    return builder.sign(ca_key, hashes.SHA256())


def crl(ca: x509.Certificate, ca_key: t.Any, serials: t.Iterable[int], now: datetime.datetime) -> str:
    """In PEM. Vault takes the serial numbers from it, and looks at neither signature nor dates; others may."""
    builder = (
        x509.CertificateRevocationListBuilder(ca.subject)
        .last_update(now)
        .next_update(now + datetime.timedelta(days=CRL_DAYS))
        .add_extension(_identifier(ca), critical=False)
        .add_extension(x509.CRLNumber(int(now.timestamp())), critical=False)
    )
    for serial in sorted(serials):
        one = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(now).build()
        builder = builder.add_revoked_certificate(one)
    return builder.sign(ca_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def serials_of(given: x509.CertificateRevocationList) -> set[int]:
    return {one.serial_number for one in given}


def signed_by(given: x509.CertificateRevocationList, authorities: t.Iterable[x509.Certificate]) -> bool:
    """Whether one of them signed the list. Vault does not ask that: a forged one would lock out whom it names."""
    for ca in authorities:
        try:
            if given.is_signature_valid(ca.public_key()):  # type: ignore[arg-type]
                return True
        except (TypeError, ValueError, InvalidSignature):
            continue
    return False


def revocable(
    certificates: t.Iterable[x509.Certificate], served: t.Container[int], now: datetime.datetime
) -> tuple[set[int], set[int]]:
    """The serial numbers to be on the list, and those that need not be any more: what has expired logs in nowhere.

    What a node still *served* a moment ago is in neither: it was replaced on the controller, and is in service.
    """
    good, expired = set(), set()
    for one in certificates:
        if one.not_valid_after_utc <= now:
            expired.add(one.serial_number)
        elif one.serial_number not in served:
            good.add(one.serial_number)
    return good, expired


def _usage(**allowed: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        **{
            "digital_signature": False,
            "content_commitment": False,
            "key_encipherment": False,
            "data_encipherment": False,
            "key_agreement": False,
            "key_cert_sign": False,
            "crl_sign": False,
            "encipher_only": False,
            "decipher_only": False,
            **allowed,
        }
    )


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _identifier(ca: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    try:
        own = ca.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own)
    except x509.ExtensionNotFound:
        return x509.AuthorityKeyIdentifier.from_issuer_public_key(ca.public_key())  # type: ignore[arg-type]
