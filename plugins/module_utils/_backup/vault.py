# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The local node's own Vault: is it active now, who is it, and its snapshot as a stream.

Always this node and never a load balancer: a standby redirects, and what stands in between may cut a stream off.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import ssl
import typing as t
from dataclasses import dataclass
from urllib.parse import urlsplit

from .._snapshot.errors import Exit, Failure
from . import config

SNAPSHOT = "/v1/sys/storage/raft/snapshot"


@dataclass(frozen=True)
class Identity:
    cluster_id: str
    version: str


class Node:
    def __init__(self, settings: config.Vault) -> None:
        self._settings = settings
        try:
            self._tls = ssl.create_default_context(cafile=settings.ca_cert)
            # Python 3.13 asks of a private CA what neither Vault nor its clients do.
            self._tls.verify_flags &= ~ssl.VERIFY_X509_STRICT
            # Without a password OpenSSL would ask the terminal for one.
            self._tls.load_cert_chain(settings.client_cert, settings.client_key, password="")
        except (OSError, ssl.SSLError) as error:
            raise Failure(
                Exit.CONFIG,
                f"vault.ca_cert, vault.client_cert or vault.client_key can't be used ({error})",
                "All three must be PEM files that this user may read, and the key must fit the certificate.",
            ) from error

    def is_active(self) -> bool:
        return bool(self._call("GET", "/v1/sys/leader", "tell whether it is active").get("is_self"))

    def identity(self) -> Identity:
        answer = self._call("GET", "/v1/sys/health?standbyok=true", "tell which cluster it belongs to")
        try:
            return Identity(answer["cluster_id"], answer["version"])
        except KeyError as error:
            raise Failure(Exit.VAULT, f"Vault did not tell its {error.args[0]}", "Is it still starting?") from error

    @contextlib.contextmanager
    def login(self, warn: t.Callable[[str], None]) -> t.Iterator[str]:
        """A token that lives as long as the block."""
        token = self.log_in()
        try:
            yield token
        finally:
            try:
                self.revoke(token)
            except Failure as error:
                warn(f"{error} It ends by its own time to live.")

    def log_in(self) -> str:
        role = self._settings.role
        answer = self._call("POST", "/v1/auth/cert/login", f"let this node log in with the role {role}", {"name": role})
        token = (answer.get("auth") or {}).get("client_token")
        if not token:
            raise Failure(Exit.VAULT, "Vault's answer to the login held no token")
        return token

    def revoke(self, token: str) -> None:
        self._call("POST", "/v1/auth/token/revoke-self", "revoke this run's token", token=token)

    def write(self, token: str, path: str, content: dict[str, str]) -> None:
        self._call("POST", f"/v1/{path}", f"take what this node wrote to {path}", content, token)

    def read(self, token: str, path: str) -> t.Any:
        return self._call("GET", f"/v1/{path}", f"give what is in {path}", token=token).get("data")

    def snapshot(self, token: str) -> Download:
        connection = self._connection()
        try:
            answer = self._send(connection, "GET", SNAPSHOT, "give a snapshot", token=token)
            if answer.status in (301, 302, 303, 307, 308):
                raise Failure(
                    Exit.VAULT,
                    "this node was active when asked, and passed the request for a snapshot on to another",
                    "The leader changed in between; the next run on the new active node will do.",
                )
            if answer.status != 200:
                raise _refusal(answer, "give a snapshot")
        except BaseException:
            connection.close()
            raise
        return Download(connection, answer)

    def _connection(self) -> _Connection:
        return _Connection(self._settings, self._tls)

    def _call(
        self, method: str, path: str, what: str, body: dict[str, str] | None = None, token: str | None = None
    ) -> dict[str, t.Any]:
        connection = self._connection()
        with contextlib.closing(connection):
            answer = self._send(connection, method, path, what, body, token)
            if answer.status not in (200, 204):
                raise _refusal(answer, what)
            with _translate_errors(f"did not {what}"):
                content = answer.read()
        try:
            data = json.loads(content or b"{}")
        except ValueError as error:
            raise Failure(
                Exit.VAULT, f"Vault's answer to {path} is not JSON", "Is it Vault that listens there?"
            ) from error
        return data if isinstance(data, dict) else {}

    def _send(
        self,
        connection: _Connection,
        method: str,
        path: str,
        what: str,
        body: dict[str, str] | None = None,
        token: str | None = None,
    ) -> http.client.HTTPResponse:
        headers = {"X-Vault-Request": "true", **({"X-Vault-Token": token} if token else {})}
        with _translate_errors(f"did not {what}"):
            connection.request(method, path, json.dumps(body) if body else None, headers)
            return connection.getresponse()


class Download:
    """The body of a snapshot answer, read like a file."""

    def __init__(self, connection: _Connection, answer: http.client.HTTPResponse) -> None:
        self._connection = connection
        self._answer = answer

    def read(self, size: int) -> bytes:
        with _translate_errors("broke the snapshot off"):
            return self._answer.read(size)

    def close(self) -> None:
        self._connection.close()


class _Connection(http.client.HTTPSConnection):
    """Checks the certificate against a chosen name: the node is addressed as loopback, and certified as itself."""

    def __init__(self, settings: config.Vault, tls: ssl.SSLContext) -> None:
        parts = urlsplit(settings.address)
        super().__init__(str(parts.hostname), parts.port or 8200, timeout=settings.timeout_seconds, context=tls)
        self._tls = tls
        self._server_name = settings.tls_server_name or str(parts.hostname)

    def connect(self) -> None:
        plain = socket.create_connection((self.host, self.port), self.timeout)
        try:
            self.sock = self._tls.wrap_socket(plain, server_hostname=self._server_name)
        except BaseException:
            plain.close()
            raise


@contextlib.contextmanager
def _translate_errors(what: str) -> t.Iterator[None]:
    try:
        yield
    except ssl.SSLCertVerificationError as error:
        raise Failure(
            Exit.VAULT,
            f"Vault's certificate was not accepted ({error.verify_message})",
            "Compare vault.ca_cert with the CA that signed it, and vault.tls_server_name with its names.",
        ) from error
    except socket.timeout as error:  # noqa: UP041  not the same before Python 3.10
        raise Failure(
            Exit.VAULT,
            f"Vault {what} (nothing came for vault.timeout_seconds)",
            "The node may be overloaded, or its storage blocked.",
        ) from error
    except ssl.SSLError as error:
        raise Failure(
            Exit.VAULT, f"Vault {what} (TLS: {error.reason})", "Does it take this node's certificate?"
        ) from error
    except (OSError, http.client.HTTPException) as error:
        raise Failure(
            Exit.VAULT,
            f"Vault {what} ({_words(error)})",
            "Look at 'systemctl status vault', and at vault.address.",
        ) from error


def _words(error: Exception) -> str:
    if isinstance(error, http.client.IncompleteRead):
        return "the connection was closed before the end"
    return (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__


def _refusal(answer: http.client.HTTPResponse, what: str) -> Failure:
    text = answer.read(4096).decode(errors="replace")
    try:
        reasons = "; ".join(str(reason).strip() for reason in json.loads(text).get("errors") or [])
    except (ValueError, AttributeError):
        reasons = ""
    cures = {
        400: "Does the role exist in auth/cert, and does it take this node's certificate?",
        403: "The policy of this node's role in auth/cert must allow it; playbooks/site.yml writes that policy.",
        503: "It is sealed or still starting: 'vault status' tells.",
    }
    said = f"HTTP {answer.status}{': ' + reasons if reasons else ''}"
    return Failure(Exit.VAULT, f"Vault did not {what} ({said})", cures.get(answer.status, ""))
