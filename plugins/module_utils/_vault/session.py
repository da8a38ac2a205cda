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
from .visit import Visit

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
    if refusal := refused(cluster, name):
        token = root_token()
        if token is None:
            raise nobody(name, connection, refusal)
        cluster = Cluster(dataclasses.replace(connection, token=token))
    with cluster.login(name) as client:
        yield name, client


def nobody(name: str, connection: Connection, refusal: VaultError | None = None) -> VaultError:
    cause = f"the identity '{connection.role_id}' can't log in, and custody holds no root token"
    token = (
        "give a token that may write under sys/ and auth/, once: VAULT_TOKEN=... in the environment. Where no administrator gets "
        "in any more, playbooks/regain_admin.yml lets one in."
    )
    if connection.auth_method == "aws_iam":
        return VaultError(
            name,
            f"{cause}: {refusal.cause}" if refusal else cause,
            f"{refusal.cure + ' ' if refusal else ''}If people log in to this cluster with certificates so far, run site.yml "
            f"once with -e vault_login_method=cert, and vault_admins set. If it was made by somebody else, {token}",
            status=403,
        )
    return VaultError(
        name,
        cause,
        f"If this cluster was made by somebody else, or its root token was encrypted with PGP, {token} If the cluster does not "
        "know this identity yet, playbooks/site.yml makes it. Otherwise check that its certificate is one that the cluster "
        "knows, and not revoked.",
        status=403,
    )


def as_admin(connection: Connection, params: t.Mapping[str, t.Any]) -> Connection:
    """A given token does everything; without an admin's certificate the one identity that there is does."""
    if connection.token:
        return connection
    if connection.auth_method == "aws_iam":
        return dataclasses.replace(connection, role_id=params["admin_role"])
    return with_certificate(connection, params) or connection


def with_certificate(connection: Connection, params: t.Mapping[str, t.Any]) -> Connection | None:
    """The admin by a certificate, where there is one."""
    if not params["admin_public_key"]:
        return None
    return dataclasses.replace(
        connection,
        auth_method="cert",
        cert_auth_public_key=params["admin_public_key"],
        cert_auth_private_key=params["admin_private_key"],
        role_id=params["admin_role"],
    )


@contextmanager
def admin_login(connection: Connection, params: t.Mapping[str, t.Any], name: str) -> t.Iterator[t.Any]:
    """A client for one node that may say who may do what. Only for something that has to be written."""
    admin = as_admin(connection, params)
    with Visit(admin) as cluster:
        if refusal := refused(cluster, name):
            raise _no_admin(name, admin, refusal)
        with cluster.login(name) as client:
            yield client


def _no_admin(name: str, admin: Connection, refusal: VaultError) -> VaultError:
    return VaultError(
        name,
        f"something has to be written, and the identity '{admin.role_id}' can't log in {with_what(admin, refusal)}",
        "If the cluster knows no such identity yet, playbooks/site.yml makes it. "
        + (
            "Otherwise an administrator, one of vault_admins, has to run this"
            if admin.auth_method == "aws_iam"
            else "If its certificate was replaced or revoked, put the valid one there"
        )
        + ", or give a token once: VAULT_TOKEN=... in the environment.",
        status=403,
    )


def with_what(connection: Connection, refusal: VaultError) -> str:
    if connection.auth_method == "aws_iam":
        return f"by AWS IAM: {refusal.cause}"
    return f"with {connection.cert_auth_public_key}"


def usable_root_token(record: Record | None) -> str | None:
    """The root token in the record, unless it is encrypted to a person."""
    return record["root_token"] if record and not record["root_token_pgp"] else None


def root_token_from(options: dict[str, t.Any] | None, cluster_name: str) -> t.Callable[[], str | None]:
    """How to get the root token out of this custody, if it comes to that."""
    return lambda: usable_root_token(sinks.open_sink(options, cluster_name).read()) if options else None


def can_log_in(cluster: Cluster, name: str) -> bool:
    return refused(cluster, name) is None


def refused(cluster: Cluster, name: str) -> VaultError | None:
    """Why Vault does not let this identity in, or None where it does, or where a token was given. Only a refusal is an answer."""
    opts = cluster.connection
    if opts.token:
        return None
    if opts.auth_method == "token":
        return VaultError(name, "no token was given", "Give one: VAULT_TOKEN=... in the environment.", status=403)
    if opts.auth_method == "cert" and (missing := _missing_file(name, opts)):
        return missing
    try:
        with cluster.login(name):
            return None
    except VaultError as error:
        # 400: no such role, or not its certificate or principal, or a revoked one; 403: no such mount. Else it is a failure.
        if error.status in (400, 403):
            return error
        raise


def _missing_file(name: str, opts: Connection) -> VaultError | None:
    """A file that is missing can't log in; one that can't be read is a failure, not an answer."""
    for path in (opts.cert_auth_public_key, opts.cert_auth_private_key):
        try:
            with open(str(path), "rb"):
                pass
        except FileNotFoundError:
            return VaultError(name, f"{path} is missing", "Put the file there.", status=400)
        except OSError as error:
            raise VaultError(
                name,
                f"{path}, with which '{opts.role_id}' logs in, can't be read ({error.strerror})",
                "Make it readable for this user, and for nobody else.",
            ) from error
    return None
