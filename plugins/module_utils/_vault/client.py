# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Talk to the nodes of one Vault cluster: TLS, retries, login, and every failure as a VaultError."""

# VaultError is an exception.
# pylint: disable=bad-exception-cause
from __future__ import annotations

import errno
import socket
import ssl
import time
import traceback
import typing as t
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

from .._common.wait import Wait
from . import iam
from .adapter import Adapter, NotVault, Refused
from .errors import VaultError
from .wire import TooLong, Transport, UnusableCa

try:
    import hvac
    import requests
    import urllib3
    from urllib3.util.retry import Retry

    HVAC: dict[str, str | None] = {"hvac": None}
except ImportError:
    HVAC = {"hvac": traceback.format_exc()}

T = t.TypeVar("T")

# What the end of a login may take when the time of all calls is over: its token must not stay.
REVOKE_SECONDS = 2.0
# An election begins when a leader was not heard of for some seconds, and is over in fewer.
ELECTION_SECONDS = 10.0

CONNECTION_SPEC: dict[str, t.Any] = {
    "nodes": {"type": "dict", "required": True},
    "ca_cert": {"type": "path"},
    "tls_server_name": {"type": "str"},
    "timeout": {"type": "int", "default": 10},
    "retries": {"type": "int", "default": 2},
}

AUTH_SPEC: dict[str, t.Any] = {
    "auth_method": {"type": "str", "choices": ["aws_iam", "cert", "token"], "default": "cert"},
    "token": {"type": "str", "no_log": True},
    "role_id": {"type": "str", "default": "vaultops-operator"},
    "cert_auth_public_key": {"type": "path"},
    "cert_auth_private_key": {"type": "path", "no_log": False},
    "aws_profile": {"type": "str"},
    "aws_access_key": {"type": "str", "no_log": True},
    "aws_secret_key": {"type": "str", "no_log": True},
    "aws_security_token": {"type": "str", "no_log": True},
    "region": {"type": "str"},
    "aws_iam_server_id": {"type": "str"},
    "aws_sts_endpoint": {"type": "str"},
}


@dataclass(frozen=True)
class Connection:
    """The options every Vault module shares."""

    nodes: dict[str, str]
    ca_cert: str | None = None
    tls_server_name: str | None = None
    timeout: int = 10
    retries: int = 2
    auth_method: str = "cert"
    token: str | None = field(default=None, repr=False)
    role_id: str = "vaultops-operator"
    cert_auth_public_key: str | None = None
    cert_auth_private_key: str | None = None
    aws_profile: str | None = None
    aws_access_key: str | None = field(default=None, repr=False)
    aws_secret_key: str | None = field(default=None, repr=False)
    aws_security_token: str | None = field(default=None, repr=False)
    region: str | None = None
    aws_iam_server_id: str | None = None
    aws_sts_endpoint: str | None = None
    # By the monotonic clock: no call lasts longer, whatever *timeout* allows.
    until: float | None = None

    @classmethod
    def from_params(cls, params: t.Mapping[str, t.Any]) -> Connection:
        known = {name: params[name] for name in (*CONNECTION_SPEC, *AUTH_SPEC) if name in params}
        if not known["nodes"]:
            raise VaultError("nodes", "no node was given", "Give at least one name: URL pair.")
        if known.get("timeout", 1) < 1:
            raise VaultError("timeout", f"it is {known['timeout']}", "Give whole seconds from 1.")
        if known.get("auth_method") == "aws_iam" and not known.get("region"):
            raise VaultError("region", "it is not set", "Give the region whose STS says who logs in.")
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
        session.max_redirects = 1
        session.mount("https://", Transport(opts.tls_server_name, opts.until, max_retries=retry))
        # An empty token keeps hvac from picking up one of its own from the environment or the home directory.
        return hvac.Client(url=opts.nodes[name], token="", timeout=opts.timeout, session=session, adapter=Adapter)

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
        client = self._with_iam(name) if opts.auth_method == "aws_iam" else self._with_certificate(name)
        try:
            yield client
        except BaseException as first:
            try:
                _revoke(name, client)
            except VaultError as second:
                if isinstance(first, VaultError):
                    first.also(second)
            raise
        _revoke(name, client)

    def _with_certificate(self, name: str) -> hvac.Client:
        opts = self.connection
        if opts.auth_method == "token" or not (opts.cert_auth_public_key and opts.cert_auth_private_key):
            raise VaultError(
                name,
                "there is nothing to log in with",
                "Give 'token', or 'cert_auth_public_key' and 'cert_auth_private_key'.",
            )
        client = self.client(name, with_certificate=True)
        call(name, lambda: client.adapter.login("/v1/auth/cert/login", json={"name": opts.role_id}))
        return client

    def _with_iam(self, name: str) -> hvac.Client:
        opts = self.connection
        client, signed = self.client(name), iam.login(name, opts)
        try:
            call(name, lambda: client.adapter.login("/v1/auth/aws/login", json=signed))
        except VaultError as error:
            # 400: Vault knows no such role, or the role no such principal, or STS the signature; 403: no such mount.
            if error.status in (400, 403):
                raise iam.refused(name, opts, error) from error
            if error.reach == "timeout":
                raise iam.unanswered(name, opts, error) from error
            raise
        return client

    def login_active(self) -> t.ContextManager[hvac.Client]:
        """An authenticated client for the active node."""
        return self.login(self.active())

    def active(self) -> str:
        """The name of the active node, asked of all nodes. While they elect one, each that answers is a standby."""

        def is_active(name: str, client: hvac.Client) -> str | None:
            try:
                answer = content(name, call(name, lambda: client.adapter.get("/v1/sys/leader")))
                return name if answer.get("is_self") else None
            except VaultError as error:
                problems.append(str(error))
                return None

        wait = Wait(ELECTION_SECONDS)
        while True:
            problems: list[str] = []
            for name in self.ask_all(is_active):
                if name:
                    return name
            if problems or not wait.again():
                break
        raise VaultError(
            ", ".join(self.connection.nodes),
            "no active node: " + ("; ".join(problems) or "every node answers that it is a standby"),
            "Run playbooks/site.yml with --check to see each node's state, and read 'journalctl -u vault' on the nodes.",
        )


def _revoke(name: str, client: t.Any) -> None:
    meter = client.session.get_adapter(client.url).meter
    if meter.until is not None:
        meter.until = max(meter.until, time.monotonic() + REVOKE_SECONDS)
    call(name, client.auth.token.revoke_self)


def content(where: str, answer: t.Any) -> dict[str, t.Any]:
    """The answer, which is an object wherever Vault gives it."""
    if isinstance(answer, dict):
        return answer
    raise _not_vault(where)


def data(where: str, answer: t.Any) -> dict[str, t.Any]:
    """What is in the answer."""
    return content(where, content(where, answer).get("data"))


def _not_vault(where: str) -> VaultError:
    return VaultError(
        where, "what answers there is not Vault", "Compare the node's URL with its api_addr.", reach="broken"
    )


def call(where: str, action: t.Callable[[], t.Any]) -> t.Any:
    """Run one Vault call; whatever goes wrong comes out as a VaultError that names the node."""
    try:
        return action()
    except Refused as error:
        if error.status == 403:
            cure = "The token is expired or revoked, or its policy does not allow this."
            raise VaultError(where, f"permission denied ({error})", cure, status=403) from error
        raise VaultError(where, f"Vault refused: {error}", status=error.status) from error
    except NotVault as error:
        raise _not_vault(where) from error
    except requests.exceptions.RequestException as error:
        raise _unreached(where, error) from error
    except UnusableCa as error:
        raise VaultError(
            where,
            f"it was not asked: the CA file {error.path} can't be used ({error.reason})",
            "Set 'ca_cert' to the CA that signs the nodes' certificates, in a file that this user may read.",
            reach="ca_file",
        ) from error
    except OSError as error:
        raise VaultError(where, str(error), "Check that the file exists and that you may read it.") from error


def _unreached(where: str, error: requests.exceptions.RequestException) -> VaultError:
    chain = list(_chain(error))
    if any(isinstance(link, TooLong) for link in chain):
        return VaultError(
            where, "its answer is longer than any of Vault's", "Look at what listens there.", reach="broken"
        )
    reach, words = reach_of(chain), _innermost(error)
    if reach == "tls":
        return VaultError(
            where,
            f"its certificate was not accepted ({words})",
            "Compare 'ca_cert' with the CA that signed the node's certificate, and its names with the node's address.",
            reach=reach,
        )
    if reach == "timeout":
        return VaultError(
            where,
            "no answer in time",
            "The node may be overloaded, its storage blocked, or its port closed to this controller.",
            reach=reach,
        )
    if isinstance(error, requests.exceptions.ConnectionError):
        return VaultError(
            where,
            f"no connection ({words})",
            "Check that the service runs ('systemctl status vault') and that its port is open to this controller.",
            reach=reach,
        )
    return VaultError(where, f"the answer broke off ({words})", "The node may have been stopped.", reach=reach)


# No route to host is also what the last router, or this machine, says of an address where no machine is.
_UNROUTABLE = (errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ENETDOWN, errno.EHOSTDOWN, errno.EACCES, errno.EPERM)


def reach_of(chain: t.Iterable[BaseException]) -> str:
    """How far a call came that ended with these errors."""
    links = list(chain)
    if any(
        isinstance(link, ssl.SSLCertVerificationError | urllib3.util.ssl_match_hostname.CertificateError)
        for link in links
    ):
        return "tls"
    for link in links:
        if isinstance(link, socket.gaierror):
            return "unroutable"
        if isinstance(
            link, TimeoutError | urllib3.exceptions.ConnectTimeoutError | requests.exceptions.Timeout
        ) and not isinstance(link, urllib3.exceptions.NewConnectionError):
            return "timeout"
        if isinstance(link, ConnectionRefusedError):
            return "refused"
        # Errors of TLS have numbers of their own in the place of the system's.
        if isinstance(link, OSError) and not isinstance(link, ssl.SSLError) and link.errno in _UNROUTABLE:
            return "unroutable"
    return "broken"


def _chain(error: BaseException, seen: set[int] | None = None) -> t.Iterator[BaseException]:
    """The error and all that it was made of."""
    seen = set() if seen is None else seen
    if id(error) in seen:
        return
    seen.add(id(error))
    yield error
    inner = (getattr(error, "reason", None), *error.args, error.__cause__, error.__context__)
    for link in inner:
        if isinstance(link, BaseException):
            yield from _chain(link, seen)


def _innermost(error: BaseException) -> str:
    """The last link of a chain of wrapped network errors, which is the one that says something."""
    reason = getattr(error, "reason", None) or next(
        (arg for arg in getattr(error, "args", ()) if isinstance(arg, BaseException)), None
    )
    if isinstance(reason, BaseException):
        return _innermost(reason)
    return str(error).rsplit(": ", 1)[-1]
