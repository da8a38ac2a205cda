# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A certificate before it goes into service, and on the wire."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import socket
import ssl
import typing as t

from .._common.errors import Problem

WIRE_SECONDS = 5
_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


def fingerprint(pem: str) -> str | None:
    """SHA-256 of the first certificate in the text, or None where there is none."""
    return next(iter(fingerprints(pem)), None)


def fingerprints(pem: str) -> list[str]:
    """SHA-256 of each certificate in the text."""
    return [
        hashlib.sha256(ssl.PEM_cert_to_DER_cert(found.group(0))).hexdigest() for found in _CERTIFICATE.finditer(pem)
    ]


def address_of(listener: str) -> tuple[str, int]:
    """HOST:PORT, where an IPv6 host has brackets, as two."""
    host, colon, port = listener.rpartition(":")
    if not colon or not port.isdigit():
        raise Problem(f"the listener '{listener}' has no port", "Give HOST:PORT, such as 127.0.0.1:8200.")
    return host.strip("[]"), int(port)


def on_the_wire(host: str, port: int) -> str | None:
    """SHA-256 of what the listener serves; None when nothing listens there.

    It is not verified: an expired certificate has to be seen to be replaced.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        plain = socket.create_connection((host, port), timeout=WIRE_SECONDS)
        with plain, context.wrap_socket(plain) as secured:
            return hashlib.sha256(secured.getpeercert(binary_form=True) or b"").hexdigest()
    except OSError:
        return None


def rehearse(certificate: str, key: str, ca: str, server_name: str) -> None:
    """A handshake in memory, with a client that trusts the CA: what Vault would serve is served here first."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        with _in_memory(certificate) as certificate_path, _in_memory(key) as key_path:
            server.load_cert_chain(certificate_path, key_path, password="")
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise Problem(
                "The private key is not the certificate's", "Give the key that the certificate was made for."
            ) from error
        raise Problem(f"Certificate or private key can't be used ({error})", "Give both in PEM.") from error
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        client.load_verify_locations(cadata=ca)
        _handshake(server, client, server_name)
    except ssl.SSLCertVerificationError as error:
        raise Problem(
            f"Clients would not accept the certificate ({error.verify_message})",
            f"It must be signed by a CA in the CA file, be valid now, and hold the name {server_name}.",
        ) from error
    except ssl.SSLError as error:
        raise Problem(f"The CA can't be used ({error})", "Give one or more CA certificates in PEM.") from error


def fits(certificate: str, key: str) -> bool:
    """Whether both are PEM, and the key is the certificate's."""
    try:
        with _in_memory(certificate) as certificate_path, _in_memory(key) as key_path:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate_path, key_path, password="")
    except (ssl.SSLError, ValueError):
        return False
    return True


def _handshake(server: ssl.SSLContext, client: ssl.SSLContext, server_name: str) -> None:
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    sides = [
        client.wrap_bio(to_client, to_server, server_hostname=server_name),
        server.wrap_bio(to_server, to_client, server_side=True),
    ]
    for _flight in range(4):
        for side in sides:
            with contextlib.suppress(ssl.SSLWantReadError):
                side.do_handshake()


@contextlib.contextmanager
def _in_memory(text: str) -> t.Iterator[str]:
    """A path for what wants one. No copy of a private key touches a disk."""
    handle = os.memfd_create("vaultops")
    try:
        os.write(handle, text.encode())
        yield f"/proc/self/fd/{handle}"
    finally:
        os.close(handle)
