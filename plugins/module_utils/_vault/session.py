# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Log in as whoever may: the given token, the operator, or root as long as custody still holds its token."""

from __future__ import annotations

import dataclasses
import typing as t
from contextlib import contextmanager

from .client import Cluster, Connection
from .custody import sinks
from .custody.record import Record
from .errors import VaultError


@contextmanager
def session(connection: Connection, root_token: t.Callable[[], str | None]) -> t.Iterator[tuple[str, t.Any]]:
    """The active node's name, and a client for it. *root_token* is only asked for when nothing else works."""
    cluster = Cluster(connection)
    name = cluster.active()
    if not connection.token and not _operator_can_log_in(cluster, name):
        token = root_token()
        if token is None:
            raise VaultError(
                name,
                f"the operator identity '{connection.cert_auth_role}' can't log in, and custody holds no root token",
                "If this cluster was made by somebody else, or its root token was encrypted with PGP, give a token that "
                "may write under sys/ and auth/, once: VAULT_TOKEN=... in the environment. Otherwise check that the "
                "operator's certificate is the one that the cluster knows.",
                status=403,
            )
        cluster = Cluster(dataclasses.replace(connection, token=token))
    with cluster.login(name) as client:
        yield name, client


def usable_root_token(record: Record | None) -> str | None:
    """The root token in the record, unless it is encrypted to a person."""
    return record["root_token"] if record and not record["root_token_pgp"] else None


def root_token_from(options: dict[str, t.Any] | None, cluster_name: str) -> t.Callable[[], str | None]:
    """How to get the root token out of this custody, if it comes to that."""
    return lambda: usable_root_token(sinks.open_sink(options, cluster_name).read()) if options else None


def _operator_can_log_in(cluster: Cluster, name: str) -> bool:
    opts = cluster.connection
    try:
        with open(str(opts.cert_auth_public_key), encoding="ascii"), cluster.login(name):
            return True
    except FileNotFoundError:
        return False
    except VaultError as error:
        # 400: no such role or certificate; 403: no such mount. Anything else is a failure, not an answer.
        if error.status in (400, 403):
            return False
        raise
