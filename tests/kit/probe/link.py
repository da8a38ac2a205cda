"""One client's keep-alive connection to one node."""

from __future__ import annotations

import http.client
import ssl
from urllib.parse import urlsplit

from .safety import bridge_of

CONNECT_SECONDS = 1.0
ANSWER_SECONDS = 2.0


class NoAnswer(Exception):
    """There was no HTTP answer; the text is the reason in a few words, the same each time."""


class _Connection(http.client.HTTPSConnection):
    expected = ""
    tls: ssl.SSLContext

    def connect(self) -> None:
        http.client.HTTPConnection.connect(self)
        self.sock = self.tls.wrap_socket(self.sock, server_hostname=self.expected)
        self.sock.settimeout(ANSWER_SECONDS)


class Link:
    """http.client, as it costs a quarter of what requests does: the cluster needs the processor more."""

    def __init__(self, name: str, url: str, ca_cert: str, token: str, server_name: str = "") -> None:
        """*server_name*: what the certificate is for, if not for the URL's host."""
        self.name = name
        parts = urlsplit(url)
        self._host, self._port = str(parts.hostname), parts.port or 8200
        self._bridge = str(bridge_of(url))
        self._server_name = server_name or self._host
        self._ca_cert = ca_cert
        self._headers = {"X-Vault-Token": token}
        self._connection: _Connection | None = None

    def send(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        """Status and body. A redirect is an answer as any other: nothing is sent to where it points."""
        try:
            if self._connection is None:
                self._connection = self._open()
            self._connection.request(method, path, body, self._headers)
            response = self._connection.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise NoAnswer(in_words(error)) from error
        if response.will_close:
            self.close()
        return response.status, content

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _open(self) -> _Connection:
        # The CA is read for every connection, as requests does, so that a client follows when the file is replaced.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(self._ca_cert)
        # From the bridge's address: it can't be had once the lab is gone, and then nothing leaves this machine.
        source = (self._bridge, 0)
        made = _Connection(self._host, self._port, timeout=CONNECT_SECONDS, context=context, source_address=source)
        made.expected, made.tls = self._server_name, context
        return made


def in_words(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return "certificate not accepted"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    if isinstance(error, (ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError, http.client.HTTPException)):
        return "connection closed"
    if isinstance(error, ssl.SSLError):
        return "TLS error"
    return str(getattr(error, "strerror", None) or type(error).__name__).lower()
