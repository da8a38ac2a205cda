# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Talk to the nodes of one Vault cluster: TLS, retries, login, and every failure as a VaultError."""

from __future__ import annotations

import traceback
import typing as t
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

from .errors import VaultError

try:
    import hvac
    import requests
    from requests.adapters import HTTPAdapter
    from urllib3.util.retry import Retry

    HVAC_IMPORT_ERROR = None
except ImportError:
    HVAC_IMPORT_ERROR = traceback.format_exc()
    HTTPAdapter = object  # type: ignore[misc,assignment]

T = t.TypeVar("T")

CONNECTION_SPEC: dict[str, t.Any] = {
    "nodes": {"type": "dict", "required": True},
    "ca_cert": {"type": "path"},
    "tls_server_name": {"type": "str"},
    "timeout": {"type": "int", "default": 10},
    "retries": {"type": "int", "default": 2},
}

AUTH_SPEC: dict[str, t.Any] = {
    "token": {"type": "str", "no_log": True},
    "cert_auth_public_key": {"type": "path"},
    "cert_auth_private_key": {"type": "path", "no_log": False},
    "cert_auth_role": {"type": "str", "default": "vaultops-operator"},
}


class _Transport(HTTPAdapter):
    """Checks the certificate against a chosen name, for nodes that are addressed by IP."""

    def __init__(self, server_name: str | None, **kwargs: t.Any) -> None:
        self._server_name = server_name
        super().__init__(**kwargs)

    def init_poolmanager(self, *args: t.Any, **kwargs: t.Any) -> t.Any:
        if self._server_name:
            kwargs.update(server_hostname=self._server_name, assert_hostname=self._server_name)
        return super().init_poolmanager(*args, **kwargs)


@dataclass(frozen=True)
class Connection:
    """The options every Vault module shares."""

    nodes: dict[str, str]
    ca_cert: str | None = None
    tls_server_name: str | None = None
    timeout: int = 10
    retries: int = 2
    token: str | None = None
    cert_auth_public_key: str | None = None
    cert_auth_private_key: str | None = None
    cert_auth_role: str = "vaultops-operator"

    @classmethod
    def from_params(cls, params: dict[str, t.Any]) -> Connection:
        known = {name: params[name] for name in (*CONNECTION_SPEC, *AUTH_SPEC) if name in params}
        if not known["nodes"]:
            raise VaultError("nodes", "no node was given", "Give at least one name: URL pair.")
        return cls(**known)


class Cluster:
    """All nodes of a cluster, by name."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def client(self, name: str, with_certificate: bool = False) -> hvac.Client:
        """An unauthenticated client for one node."""
        opts = self.connection
        session = requests.Session()
        # Else REQUESTS_CA_BUNDLE and proxies in the environment would overrule the cluster's own CA and addresses.
        session.trust_env = False
        session.verify = opts.ca_cert or True
        if with_certificate:
            session.cert = (str(opts.cert_auth_public_key), str(opts.cert_auth_private_key))
        # Only what never reached Vault is sent again: nothing is applied twice.
        retry = Retry(total=None, connect=opts.retries, read=0, status=0, other=0, backoff_factor=0.2)
        session.mount("https://", _Transport(opts.tls_server_name, max_retries=retry))
        # An empty token keeps hvac from picking up one of its own from the environment or the home directory.
        return hvac.Client(url=opts.nodes[name], token="", timeout=opts.timeout, session=session)

    def ask_all(self, question: t.Callable[[str, hvac.Client], T]) -> list[T]:
        """Put the question to all nodes side by side; answers come in the nodes' order."""
        names = list(self.connection.nodes)
        with ThreadPoolExecutor(max_workers=min(len(names), 16)) as pool:
            return list(pool.map(lambda name: question(name, self.client(name)), names))

    @contextmanager
    def login(self, name: str) -> t.Iterator[hvac.Client]:
        """An authenticated client for one node; a token made by the login is revoked at the end."""
        opts = self.connection
        if opts.token:
            client = self.client(name)
            client.token = opts.token
            yield client
            return
        if not (opts.cert_auth_public_key and opts.cert_auth_private_key):
            raise VaultError(
                name,
                "there is nothing to log in with",
                "Give 'token', or 'cert_auth_public_key' and 'cert_auth_private_key'.",
            )
        client = self.client(name, with_certificate=True)
        call(name, lambda: client.adapter.login("/v1/auth/cert/login", json={"name": opts.cert_auth_role}))
        try:
            yield client
        finally:
            call(name, client.auth.token.revoke_self)

    @contextmanager
    def login_active(self) -> t.Iterator[hvac.Client]:
        """An authenticated client for the active node."""
        with self.login(self.active()) as client:
            yield client

    def active(self) -> str:
        """The name of the active node, asked of all nodes."""

        def is_active(name: str, client: hvac.Client) -> str | None:
            try:
                answer = call(name, lambda: client.adapter.get("/v1/sys/leader"))
                return name if answer.get("is_self") else None
            except VaultError as error:
                problems.append(str(error))
                return None

        problems: list[str] = []
        for name in self.ask_all(is_active):
            if name:
                return name
        raise VaultError(
            ", ".join(self.connection.nodes),
            "no active node: " + ("; ".join(problems) or "every node answers that it is a standby"),
            "Run playbooks/site.yml with --check to see each node's state, and read 'journalctl -u vault' on the nodes.",
        )


def call(where: str, action: t.Callable[[], t.Any]) -> t.Any:
    """Run one Vault call; whatever goes wrong comes out as a VaultError that names the node."""
    try:
        return action()
    except requests.exceptions.SSLError as error:
        raise VaultError(
            where,
            f"its certificate was not accepted ({_innermost(error)})",
            "Compare 'ca_cert' with the CA that signed the node's certificate, and its names with the node's address.",
        ) from error
    except requests.exceptions.ConnectionError as error:
        raise VaultError(
            where,
            f"no connection ({_innermost(error)})",
            "Check that the service runs ('systemctl status vault') and that port 8200 is open to this controller.",
        ) from error
    except requests.exceptions.Timeout as error:
        raise VaultError(where, "no answer in time", "The node may be overloaded, or its storage blocked.") from error
    except hvac.exceptions.Forbidden as error:
        raise VaultError(
            where,
            f"permission denied ({_messages(error)})",
            "The token is expired or revoked, or its policy does not allow this.",
            status=403,
        ) from error
    except hvac.exceptions.VaultError as error:
        raise VaultError(where, f"Vault refused: {_messages(error)}", status=_status(error)) from error
    except requests.exceptions.RequestException as error:
        raise VaultError(
            where, f"the answer broke off ({_innermost(error)})", "The node may have been stopped."
        ) from error
    except OSError as error:
        raise VaultError(where, str(error), "Check that the file exists and that you may read it.") from error


def _messages(error: Exception) -> str:
    return "; ".join(getattr(error, "errors", None) or [str(error)]).strip()


def _status(error: Exception) -> int | None:
    codes = {"InvalidRequest": 400, "InvalidPath": 404, "VaultDown": 503, "VaultNotInitialized": 501}
    return codes.get(type(error).__name__)


def _innermost(error: BaseException) -> str:
    """The last link of a chain of wrapped network errors, which is the one that says something."""
    reason = getattr(error, "reason", None) or next(
        (arg for arg in getattr(error, "args", ()) if isinstance(arg, BaseException)), None
    )
    if isinstance(reason, BaseException):
        return _innermost(reason)
    return str(error).rsplit(": ", 1)[-1]
