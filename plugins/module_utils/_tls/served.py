# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Look at the certificate that a node serves, and at what a client that trusts the cluster's CA says to it."""

from __future__ import annotations

import socket
import ssl
from urllib.parse import urlsplit

from .._vault.client import Connection
from .seen import Seen

# OpenSSL's words for a chain that ends at nothing the client trusts (X509_V_ERR_...).
UNKNOWN_CA = (2, 18, 19, 20, 21)


def look(connection: Connection, name: str) -> Seen:
    """Two handshakes: one takes whatever is served, the other judges it as a client does. Nothing else is sent."""
    url = urlsplit(connection.nodes[name])
    address = url.hostname or "", url.port or 443
    seen: Seen = {"node": name, "der": None, "problem": None, "known_ca": False}
    anybody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    anybody.check_hostname = False
    anybody.verify_mode = ssl.CERT_NONE
    try:
        seen["der"] = _handshake(anybody, address, connection)
    except OSError as error:
        return {**seen, "problem": f"no certificate could be read ({error.strerror or error})"}
    try:
        client = ssl.create_default_context(cafile=connection.ca_cert)
        # Python 3.13 asks of a private CA what neither Vault nor its clients do.
        client.verify_flags &= ~ssl.VERIFY_X509_STRICT
    except OSError as error:
        return {**seen, "problem": f"the CA file {connection.ca_cert} can't be used ({error.strerror or error})"}
    try:
        _handshake(client, address, connection)
    except ssl.SSLCertVerificationError as error:
        return {**seen, "problem": error.verify_message, "known_ca": error.verify_code not in UNKNOWN_CA}
    except OSError as error:
        return {**seen, "problem": f"the connection broke off ({error.strerror or error})"}
    return {**seen, "known_ca": True}


def _handshake(context: ssl.SSLContext, address: tuple[str, int], connection: Connection) -> bytes:
    plain = socket.create_connection(address, timeout=connection.timeout)
    with plain, context.wrap_socket(plain, server_hostname=connection.tls_server_name or address[0]) as secured:
        return secured.getpeercert(binary_form=True) or b""
