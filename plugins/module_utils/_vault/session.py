# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Log in as whoever may: the given token, the operator, or root as long as custody still holds its token."""

from __future__ import annotations

import dataclasses
import typing as t
from contextlib import contextmanager

from .._custody import sinks
from .._custody.record import Record
from .client import Cluster, Connection
from .errors import VaultError

# Who writes what the operator may only look at.
ADMIN_SPEC: dict[str, t.Any] = {
    "admin_public_key": {"type": "path"},
    "admin_private_key": {"type": "path", "no_log": False},
    "admin_role": {"type": "str", "default": "vaultops-admin"},
}


@contextmanager
def session(cluster: Cluster, root_token: t.Callable[[], str | None]) -> t.Iterator[tuple[str, t.Any]]:
    """The active node's name, and a client for it. *root_token* is only asked for when nothing else works."""
    connection, name = cluster.connection, cluster.active()
    if not connection.token and not can_log_in(cluster, name):
        token = root_token()
        if token is None:
            raise nobody(name, connection.cert_auth_role)
        cluster = Cluster(dataclasses.replace(connection, token=token))
    with cluster.login(name) as client:
        yield name, client


def nobody(name: str, role: str) -> VaultError:
    return VaultError(
        name,
        f"the identity '{role}' can't log in, and custody holds no root token",
        "If this cluster was made by somebody else, or its root token was encrypted with PGP, give a token that "
        "may write under sys/ and auth/, once: VAULT_TOKEN=... in the environment. If the cluster does not know this identity "
        "yet, playbooks/site.yml makes it. Otherwise check that its certificate is one that the cluster knows, and not revoked.",
        status=403,
    )


def as_admin(connection: Connection, params: t.Mapping[str, t.Any]) -> Connection:
    """A given token does everything; without an admin's certificate the one identity that there is does."""
    if connection.token or not params["admin_public_key"]:
        return connection
    return dataclasses.replace(
        connection,
        cert_auth_public_key=params["admin_public_key"],
        cert_auth_private_key=params["admin_private_key"],
        cert_auth_role=params["admin_role"],
    )


@contextmanager
def admin_login(connection: Connection, params: t.Mapping[str, t.Any], name: str) -> t.Iterator[t.Any]:
    """A client for one node that may say who may do what. Only for something that has to be written."""
    admin = as_admin(connection, params)
    cluster = Cluster(admin)
    if not admin.token and not can_log_in(cluster, name):
        raise VaultError(
            name,
            f"something has to be written, and the identity '{admin.cert_auth_role}' can't log in with "
            f"{admin.cert_auth_public_key}",
            "If the cluster knows no such identity yet, playbooks/site.yml makes it. If its certificate was replaced or revoked, "
            "put the valid one there, or give a token once: VAULT_TOKEN=... in the environment.",
            status=403,
        )
    with cluster.login(name) as client:
        yield client


def usable_root_token(record: Record | None) -> str | None:
    """The root token in the record, unless it is encrypted to a person."""
    return record["root_token"] if record and not record["root_token_pgp"] else None


def root_token_from(options: dict[str, t.Any] | None, cluster_name: str) -> t.Callable[[], str | None]:
    """How to get the root token out of this custody, if it comes to that."""
    return lambda: usable_root_token(sinks.open_sink(options, cluster_name).read()) if options else None


def can_log_in(cluster: Cluster, name: str) -> bool:
    """Whether the certificate logs in. A file that is missing can't; one that can't be read is a failure, not an answer."""
    opts = cluster.connection
    for path in (opts.cert_auth_public_key, opts.cert_auth_private_key):
        try:
            with open(str(path), "rb"):
                pass
        except FileNotFoundError:
            return False
        except OSError as error:
            raise VaultError(
                name,
                f"{path}, with which '{opts.cert_auth_role}' logs in, can't be read ({error.strerror})",
                "Make it readable for this user, and for nobody else.",
            ) from error
    try:
        with cluster.login(name):
            return True
    except VaultError as error:
        # 400: no such role, or not its certificate, or a revoked one; 403: no such mount. Anything else is a failure.
        if error.status in (400, 403):
            return False
        raise
