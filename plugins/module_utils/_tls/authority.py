# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a private CA signs: certificates, and the list of those that are no longer good. No files, no clock.

Who holds the CA's key signs bytes, and nothing else: see signers.py. So a certificate is built, signed by a key of the same kind
that is thrown away, for the bytes that are to be signed, and put together with the CA's own signature.
"""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import typing as t

from .._common.errors import Problem

with contextlib.suppress(ImportError):  # who needs it says that it is missing: _common/libraries.py
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    CURVE, CA_CURVE = ec.SECP256R1(), ec.SECP384R1()
    USAGES = {"serverAuth": ExtendedKeyUsageOID.SERVER_AUTH, "clientAuth": ExtendedKeyUsageOID.CLIENT_AUTH}
    # Of every CA here, with its curve; in DER below, ecdsa-with-SHA384 as an AlgorithmIdentifier.
    HASH = hashes.SHA384()

# A node's clock may be behind the controller's.
BACKDATED = datetime.timedelta(minutes=5)
CRL_DAYS = 3650
ALGORITHM = bytes.fromhex("300a06082a8648ce3d040303")


class Signer(t.Protocol):
    """Who holds a CA's key, on the curve P-384."""

    @property
    def public(self) -> ec.EllipticCurvePublicKey: ...

    @property
    def name(self) -> str:
        """For errors: which key it is."""

    def sign(self, message: bytes) -> bytes:
        """An ECDSA signature with SHA-384, in DER."""


class Wanted(t.TypedDict):
    common_name: str
    names: list[str]  # DNS names and IP addresses
    usage: list[str]
    days: float


def new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(CURVE)


def private(key: t.Any) -> bytes:
    """In PEM, without a passphrase."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def ca_certificate(signer: Signer, common_name: str, days: int, now: datetime.datetime) -> x509.Certificate:
    """Of a CA that signs itself, and below which there is no other."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    builder = (
        x509.CertificateBuilder(name, name, signer.public, x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(key_cert_sign=True, crl_sign=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(signer.public), critical=False)
    )
    return _signed(builder, signer)


def requested_key(request: str) -> ec.EllipticCurvePublicKey:
    """The public key of a request, in PEM, whose sender has the private one. What else the request says counts for nothing."""
    try:
        found = x509.load_pem_x509_csr(request.encode())
        key = found.public_key()
        proven = found.is_signature_valid
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise Problem(
            "what the node sent is no request for a certificate", "Run again: the node makes another."
        ) from error
    if not proven or not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name != CURVE.name:
        raise Problem(
            "the node's request for a certificate is not signed by a key on the curve P-256, so nothing was issued",
            "Remove pending.key from the node's directory of certificates, and run again.",
        )
    return key


def certificate(
    ca: x509.Certificate, signer: Signer, key: ec.EllipticCurvePublicKey, wanted: Wanted, now: datetime.datetime
) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, wanted["common_name"])])
    builder = (
        x509.CertificateBuilder(ca.subject, subject, key, x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(min(now + datetime.timedelta(days=wanted["days"]), ca.not_valid_after_utc))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(digital_signature=True), critical=True)
        .add_extension(x509.ExtendedKeyUsage([USAGES[name] for name in wanted["usage"]]), critical=False)
        .add_extension(x509.SubjectAlternativeName([_general(name) for name in wanted["names"]]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(_identifier(ca), critical=False)
    )
    return _signed(builder, signer)


def crl(ca: x509.Certificate, signer: Signer, serials: t.Iterable[int], now: datetime.datetime) -> str:
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
    throwaway = builder.sign(_throwaway(), HASH)
    whole = _whole(throwaway.tbs_certlist_bytes, signer)
    return x509.load_der_x509_crl(whole).public_bytes(serialization.Encoding.PEM).decode()


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

    What a node still *served* a moment ago is in neither: a new one has been laid down, and this one is in service.
    """
    good, expired = set(), set()
    for one in certificates:
        if one.not_valid_after_utc <= now:
            expired.add(one.serial_number)
        elif one.serial_number not in served:
            good.add(one.serial_number)
    return good, expired


def _signed(builder: x509.CertificateBuilder, signer: Signer) -> x509.Certificate:
    return x509.load_der_x509_certificate(_whole(builder.sign(_throwaway(), HASH).tbs_certificate_bytes, signer))


def _throwaway() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(CA_CURVE)


def _whole(message: bytes, signer: Signer) -> bytes:
    """What is to be signed with its signature, in DER, once the signature is known to be the key's."""
    signature = signer.sign(message)
    try:
        signer.public.verify(signature, message, ec.ECDSA(HASH))
    except InvalidSignature as error:
        raise Problem(
            f"what {signer.name} signed does not verify with its own public key, so nothing was issued",
            "See that the key is the one that is meant, and that nothing stands between this machine and KMS.",
        ) from error
    return _der(0x30, message + ALGORITHM + _der(0x03, b"\0" + signature))


def _der(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content


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
