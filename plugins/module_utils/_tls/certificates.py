# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What keeps a certificate from serving a node, and which CA signs the next one."""

from __future__ import annotations

import datetime
import ipaddress
import os
import re
import typing as t

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

RESERVED_PREFIX = "vaultops-"
# The part of an identity's time that is left when it gets a new certificate.
SOON = 1 / 3


def problems(options: t.Mapping[str, t.Any], now: datetime.datetime) -> list[str]:
    """*options*: paths of certificate, key and ca; names and addresses to be covered; days that must be left.

    Of an identity, who is a client, also its common_name, and in place of days the part of its time that must be left.
    """
    found: list[str] = []
    certificates = _read(options["certificate"], x509.load_pem_x509_certificates, "certificate", found)
    key = _read(options["key"], lambda data: load_pem_private_key(data, None), "private key", found)
    authorities = _read(options["ca"], x509.load_pem_x509_certificates, "CA certificate", found)
    if not certificates:
        return found
    leaf = certificates[0]
    where = options["certificate"]
    if is_open(options["key"]):
        found.append(f"{options['key']} can be read by others. Take that from them: chmod 600.")
    if key is not None and _public(key.public_key()) != _public(leaf.public_key()):
        found.append(f"{options['key']} is not the key of {where}. Give the key that the certificate was made for.")
    missing = sorted(_missing(leaf, options["names"], options["addresses"]))
    if missing:
        found.append(f"{where} does not hold {', '.join(missing)}. Issue it with these as subject alternative names.")
    if now < leaf.not_valid_before_utc:
        found.append(f"{where} is not valid before {leaf.not_valid_before_utc:%Y-%m-%d %H:%M} UTC. Check the clock.")
    if leaf.not_valid_after_utc < now + _needed(leaf, options):
        found.append(f"{where} expires at {leaf.not_valid_after_utc:%Y-%m-%d %H:%M} UTC. Issue a new one.")
    if authorities and not _is_signed(certificates, authorities):
        found.append(f"{where} was not signed by {options['ca']}. Give the CA that signed it, and the chain between.")
    return found + _client_problems(leaf, where, str(options.get("common_name") or ""))


def is_open(path: str) -> bool:
    """Whether others than its owner can read the file: by its own mode, and by way of the directories above it."""
    path = os.path.realpath(path)
    if not os.path.exists(path):
        return False
    above = [path]
    while above[-1] != os.path.dirname(above[-1]):
        above.append(os.path.dirname(above[-1]))
    modes = [os.stat(one).st_mode for one in above]
    group = modes[0] & 0o040 and all(mode & 0o010 for mode in modes[1:])
    others = modes[0] & 0o004 and all(mode & 0o001 for mode in modes[1:])
    return bool(group or others)


class NodeFiles(t.TypedDict):
    """Where a node's certificate and key are on the controller."""

    certificate: str
    key: str
    early: bool


# What is never a node's, beside the CA's files.
NO_NODES = re.compile(r"ca|vaultops-.*")


def node_files(wanted: t.Mapping[str, str], early: str) -> NodeFiles:
    """*wanted*: paths of certificate and key; *early*: where an earlier release may have left both, without their endings."""
    certificate, key = f"{early}.crt", f"{early}.key"
    left = early and not NO_NODES.fullmatch(os.path.basename(early)) and not os.path.exists(wanted["certificate"])
    if left and os.path.exists(certificate) and os.path.exists(key):
        return {"certificate": certificate, "key": key, "early": True}
    return {"certificate": wanted["certificate"], "key": wanted["key"], "early": False}


class Issue(t.TypedDict):
    """What vault_certificate_issue takes."""

    certificate: str
    key: str
    common_name: str
    names: list[str]
    usage: list[str]
    days: int


def identities_due(
    identities: t.Mapping[str, t.Any], options: t.Mapping[str, t.Any], now: datetime.datetime
) -> list[Issue]:
    """The identities' certificates that the private CA has to issue. *options*: ca; key of the CA; own, the directory of those
    that are its own; days; renew, whether in any case.

    As long as the CA's key is kept elsewhere, those that are still valid do.
    """
    due: list[Issue] = []
    for name, files in identities.items():
        if files["certificate"] != os.path.join(options["own"], f"{name}.crt"):
            continue
        part = SOON if os.path.exists(options["key"]) else 0
        question = {**files, "ca": options["ca"], "names": [], "addresses": [], "common_name": name, "part": part}
        if options["renew"] or _is_long(files["certificate"], options["days"]) or problems(question, now):
            due.append(
                {
                    "certificate": files["certificate"],
                    "key": files["key"],
                    "common_name": name,
                    "names": [name],
                    "usage": ["clientAuth"],
                    "days": int(options["days"]),
                }
            )
    return due


def identity_problems(
    identities: t.Mapping[str, t.Any], options: t.Mapping[str, t.Any], now: datetime.datetime
) -> list[str]:
    """What keeps identities whose files were given from logging in. *options*: ca; common_names by identity, where they differ
    from its name; needed, those that can't be left out."""
    found = []
    for name, files in identities.items():
        if not os.path.exists(files["certificate"]) and not os.path.exists(files["key"]):
            if name in options["needed"]:
                found.append(
                    f"There is no certificate for {name}: {files['certificate']} and {files['key']} are missing. "
                    f"Put them there, or name them (vault_{name.removeprefix(RESERVED_PREFIX)}_certificate_file and _key_file)."
                )
            continue
        common_name = options["common_names"].get(name, name)
        question = {**files, "ca": options["ca"], "names": [], "addresses": [], "common_name": common_name, "days": 0}
        found += problems(question, now)
    return found


def of_another_ca(identities: t.Mapping[str, t.Any], own: str, ca: str) -> list[str]:
    """Identities with files in the directory *own* whose certificates this CA did not sign."""
    authorities = _read(ca, x509.load_pem_x509_certificates, "CA certificate", [])
    found = []
    for name, files in identities.items():
        if os.path.dirname(files["certificate"]) != own:
            continue
        chain = _read(files["certificate"], x509.load_pem_x509_certificates, "certificate", [])
        if not chain or not authorities or not _is_signed(chain, authorities):
            found.append(name)
    return found


def _is_long(path: str, days: int) -> bool:
    """Whether it was made for a longer time than is wanted now."""
    leaf = _read(path, x509.load_pem_x509_certificate, "certificate", [])
    return bool(leaf) and leaf.not_valid_after_utc - leaf.not_valid_before_utc > datetime.timedelta(days=int(days) + 1)


def missing_authority(options: t.Mapping[str, t.Any]) -> list[str]:
    """What of the private CA is missing where it has to be. *options*: paths of ca and key; may_make; issue, whether
    something must be issued, which takes the key."""
    here = os.path.dirname(options["key"])
    gone = [path for path in (options["ca"], options["key"]) if not os.path.exists(path)]
    if gone == [options["key"]] and not options["issue"]:
        return []
    # A run that was killed may have made the key already.
    if not gone or (options["may_make"] and options["ca"] in gone):
        return []
    return [
        f"{' and '.join(gone)} {'is' if len(gone) == 1 else 'are'} missing on the controller, and the cluster is not known to be "
        f"new. Put the directory {here} back, from the controller that has it or from its backup, or set vault_controller_dir "
        "to where it is. Never make another CA in its place: nodes, clients and identities trust the one that they know."
    ]


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


def _needed(leaf: x509.Certificate, options: t.Mapping[str, t.Any]) -> datetime.timedelta:
    if "part" in options:
        return (leaf.not_valid_after_utc - leaf.not_valid_before_utc) * float(options["part"])
    return datetime.timedelta(days=options["days"])


def _client_problems(leaf: x509.Certificate, where: str, common_name: str) -> list[str]:
    """What keeps it from logging in as the one of that name."""
    if not common_name:
        return []
    found = []
    own = [str(name.value) for name in leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    if own != [common_name]:
        found.append(
            f"{where} has the common name {', '.join(own) or '(none)'}, and logs in by {common_name}. Issue it with that name."
        )
    try:
        usage = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return found
    if ExtendedKeyUsageOID.CLIENT_AUTH not in usage and ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE not in usage:
        found.append(f"{where} is not for clients. Issue it with the extended key usage clientAuth.")
    return found


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
    wanted = {_canonical(name) for name in (*names, *addresses)}
    return {name for name in wanted if name not in held and f".{name.partition('.')[2]}" not in wildcards}


def _canonical(name: str) -> str:
    """An address has more than one way to be written."""
    try:
        return str(ipaddress.ip_address(name))
    except ValueError:
        return name


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
