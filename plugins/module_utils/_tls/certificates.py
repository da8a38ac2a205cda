# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What keeps a certificate from serving a node, and which CA signs the next one."""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import os
import typing as t

with contextlib.suppress(ImportError):  # who needs it says that it is missing: _common/libraries.py
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
    from cryptography.x509 import verification
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID


RESERVED_PREFIX = "vaultops-"


def problems(options: t.Mapping[str, t.Any], now: datetime.datetime) -> list[str]:
    """*options*: paths of certificate, key and ca; names and addresses to be covered; days that must be left.

    Of an identity, who is a client, also its common_name.
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
    if leaf.not_valid_after_utc < now + datetime.timedelta(days=int(options["days"])):
        found.append(f"{where} expires at {leaf.not_valid_after_utc:%Y-%m-%d %H:%M} UTC. Issue a new one.")
    if authorities and not _is_signed(certificates, authorities, now):
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


def node_problems(
    found: t.Mapping[str, t.Any] | None, options: t.Mapping[str, t.Any], now: datetime.datetime
) -> list[str]:
    """Why a node needs a certificate of the CA, which signs for a key that never leaves the node.

    *found*: what vault_node_info says of its certificate; *options*: ca, the CA certificates in PEM; names and addresses to be
    covered; days that must be left.
    """
    chain = certificates_in((found or {}).get("certificate") or "")
    if not found or not chain:
        return ["It has none."]
    leaf, said = chain[0], []
    if not found["key_fits"]:
        said.append("The key beside its certificate is missing, or another certificate's.")
    missing = sorted(_missing(leaf, options["names"], options["addresses"]))
    if missing:
        said.append(f"Its certificate does not hold {', '.join(missing)}.")
    if now < leaf.not_valid_before_utc:
        said.append(f"Its certificate is not valid before {leaf.not_valid_before_utc:%Y-%m-%d %H:%M} UTC.")
    if leaf.not_valid_after_utc < now + datetime.timedelta(days=int(options["days"])):
        said.append(f"Its certificate expires at {leaf.not_valid_after_utc:%Y-%m-%d %H:%M} UTC.")
    authorities = certificates_in(options["ca"])
    if not authorities or not _is_signed(chain, authorities, now):
        said.append("Its certificate was not signed by the cluster's CA.")
    return said


def certificates_in(text: str) -> list[x509.Certificate]:
    """In the order of the text; none where it has none, or no PEM."""
    try:
        return x509.load_pem_x509_certificates(text.encode())
    except ValueError:
        return []


class Change(t.TypedDict):
    """How far a change of the CA has come, by the CA certificates that are trusted: the first one is the one that signs."""

    change: str  # none, begun (both trusted, the old one signs) or switched (both trusted, the new one signs)
    bundles: dict[str, str]  # what is trusted after begin, switch and finish, in PEM


def change(trusted: t.Sequence[x509.Certificate], following: t.Sequence[x509.Certificate]) -> Change:
    """*following*: the certificate of the CA that comes next, where there is one."""
    old = [certificate for certificate in trusted if certificate not in following]
    new = list(following)
    return {
        "change": "none" if not new else "switched" if list(trusted[:1]) == new else "begun",
        "bundles": {"begin": bundle(old + new), "switch": bundle(new + old), "finish": bundle(new or trusted)},
    }


def bundle(authorities: t.Iterable[x509.Certificate]) -> str:
    return "".join(certificate.public_bytes(Encoding.PEM).decode() for certificate in authorities)


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


def _is_signed(chain: list[x509.Certificate], authorities: list[x509.Certificate], now: datetime.datetime) -> bool:
    """Whether the leaf leads to one of the authorities by way of the chain, as Vault and its clients judge it.

    What is more in the rules for public CAs is left out: a private CA that openssl made has no key usage, for one.
    """
    leaf = chain[0]
    # When the leaf itself is in force is said apart.
    moment = min(max(now, leaf.not_valid_before_utc), leaf.not_valid_after_utc)
    of_a_ca = verification.ExtensionPolicy.permit_all().require_present(
        x509.BasicConstraints, verification.Criticality.AGNOSTIC, None
    )
    policy = verification.PolicyBuilder().extension_policies(
        ca_policy=of_a_ca, ee_policy=verification.ExtensionPolicy.permit_all()
    )
    # A verifier of clients asks for no name; the names are compared apart, and all that are missing are said.
    try:
        policy.store(verification.Store(authorities)).time(moment).build_client_verifier().verify(leaf, chain[1:])
    except verification.VerificationError:
        return False
    return True
