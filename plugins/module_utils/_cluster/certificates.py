# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What keeps a certificate from serving a node, and which CA signs the next one."""

from __future__ import annotations

import datetime
import os
import typing as t

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key


def problems(options: t.Mapping[str, t.Any], now: datetime.datetime) -> list[str]:
    """*options*: paths of certificate, key and ca; names and addresses to be covered; days that must be left."""
    found: list[str] = []
    certificates = _read(options["certificate"], x509.load_pem_x509_certificates, "certificate", found)
    key = _read(options["key"], lambda data: load_pem_private_key(data, None), "private key", found)
    authorities = _read(options["ca"], x509.load_pem_x509_certificates, "CA certificate", found)
    if not certificates:
        return found
    leaf = certificates[0]
    where = options["certificate"]
    if key is not None and _public(key.public_key()) != _public(leaf.public_key()):
        found.append(f"{options['key']} is not the key of {where}. Give the key that the certificate was made for.")
    missing = sorted(_missing(leaf, options["names"], options["addresses"]))
    if missing:
        found.append(f"{where} does not hold {', '.join(missing)}. Issue it with these as subject alternative names.")
    if now < leaf.not_valid_before_utc:
        found.append(f"{where} is not valid before {leaf.not_valid_before_utc:%Y-%m-%d %H:%M} UTC. Check the clock.")
    if leaf.not_valid_after_utc < now + datetime.timedelta(days=options["days"]):
        found.append(f"{where} expires at {leaf.not_valid_after_utc:%Y-%m-%d %H:%M} UTC. Issue a new one.")
    if authorities and not _is_signed(certificates, authorities):
        found.append(f"{where} was not signed by {options['ca']}. Give the CA that signed it, and the chain between.")
    return found


class Authority(t.TypedDict):
    change: str  # none, begun (both trusted, the old one signs) or switched (both trusted, the new one signs)
    key: str  # path of the private key that signs
    bundles: dict[str, str]  # what the CA file holds after begin, switch and finish, in PEM


def authority(options: t.Mapping[str, str]) -> Authority:
    """How far a change of the private CA has come. *options*: paths of ca and, of the one that comes next, next.

    The CA file itself tells: the first certificate in it is the one that signs. A missing file is an empty one.
    """
    trusted, following = _certificates(options["ca"]), _certificates(options["next"])
    old = [certificate for certificate in trusted if certificate not in following]
    change = "none" if not following else "switched" if trusted[:1] == following else "begun"
    return {
        "change": change,
        "key": _key_of(options["next"] if change == "switched" else options["ca"]),
        "bundles": {
            "begin": "".join(old + following),
            "switch": "".join(following + old),
            "finish": "".join(following or trusted),
        },
    }


def _certificates(path: str) -> list[str]:
    """Each certificate of the file in PEM."""
    if not os.path.exists(path):
        return []
    with open(path, "rb") as stream:
        found = x509.load_pem_x509_certificates(stream.read())
    return [certificate.public_bytes(Encoding.PEM).decode() for certificate in found]


def _key_of(certificate_path: str) -> str:
    return os.path.splitext(certificate_path)[0] + ".key"


def _read(path: str, parse: t.Callable[[bytes], t.Any], kind: str, found: list[str]) -> t.Any:
    try:
        with open(path, "rb") as stream:
            return parse(stream.read())
    except OSError as error:
        found.append(f"The {kind} {path} can't be read ({error.strerror}). Put it there, readable for this user.")
    except (ValueError, TypeError):
        found.append(f"The {kind} {path} is not PEM, or is encrypted. Give it in PEM, without a passphrase.")
    return None


def _public(key: t.Any) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _missing(leaf: x509.Certificate, names: list[str], addresses: list[str]) -> set[str]:
    try:
        san = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return {*names, *addresses}
    dns = set(san.get_values_for_type(x509.DNSName))
    wildcards = {name[1:] for name in dns if name.startswith("*.")}
    held = {str(address) for address in san.get_values_for_type(x509.IPAddress)} | dns
    return {name for name in (*names, *addresses) if name not in held and f".{name.partition('.')[2]}" not in wildcards}


def _is_signed(chain: list[x509.Certificate], authorities: list[x509.Certificate]) -> bool:
    """Whether the leaf leads to one of the authorities by way of the chain."""
    current = chain[0]
    for _step in chain:
        for issuer in authorities:
            if _issued(current, issuer):
                return True
        following = next((other for other in chain[1:] if _issued(current, other)), None)
        if following is None:
            return False
        current = following
    return False


def _issued(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True
