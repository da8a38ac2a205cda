# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Look at the cluster's identities, bring them about, prove them, and then do without root."""

from __future__ import annotations

import dataclasses
import typing as t

from ..._custody.record import Record, without_root_token
from ..._custody.sinks import Sink
from ..client import Cluster, Connection
from ..errors import VaultError
from ..session import can_log_in
from . import api
from .state import Identities, Identity, Step, may_write, observed, written


def observe(name: str, client: t.Any, role: str, like: Identity) -> Identity:
    cert_auth = api.has_cert_auth(name, client)
    return observed(
        cert_auth, api.read_policy(name, client, role), api.read_role(name, client, role) if cert_auth else None, like
    )


def observe_all(name: str, client: t.Any, desired: Identities) -> Identities:
    return {role: observe(name, client, role, like) for role, like in desired.items()}


def look(cluster: Cluster, name: str, desired: Identities) -> Identities | None:
    """What is there, as far as this identity sees it; None when it can't log in, or may not see it."""
    if not cluster.connection.token and not can_log_in(cluster, name):
        return None
    try:
        with cluster.login(name) as client:
            return observe_all(name, client, desired)
    except VaultError as error:
        if error.status == 403:
            return None
        raise


def writer(candidates: t.Iterable[Connection], name: str, roles: list[str]) -> Connection | None:
    """The first of them that logs in and may say who may do what; asked of Vault, nothing is tried."""
    for candidate in candidates:
        cluster = Cluster(candidate)
        if not candidate.token and not can_log_in(cluster, name):
            continue
        try:
            with cluster.login(name) as client:
                if may_write(api.capabilities(name, client, written(roles)), roles):
                    return candidate
        except VaultError as error:
            if error.status != 403:
                raise
    return None


def apply(name: str, client: t.Any, role: str, desired: Identity, steps: list[str]) -> None:
    if "cert_auth" in steps:
        api.enable_cert_auth(name, client)
    if "policy" in steps:
        api.write_policy(name, client, role, t.cast(str, desired["policy"]))
    if "role" in steps:
        api.write_role(name, client, role, t.cast(dict, desired["role"]))


def write(connection: Connection, name: str, desired: Identities, steps: list[Step]) -> None:
    if not steps:
        return
    with Cluster(connection).login(name) as client:
        for step in steps:
            apply(name, client, step.role, desired[step.role], [step.part])


def prove_login(connection: Connection, policy: str) -> None:
    """Log in with the certificate alone, and look at what that gives."""
    cluster = Cluster(dataclasses.replace(connection, token=None))
    name = cluster.active()
    if not can_log_in(cluster, name):
        raise VaultError(
            name,
            f"'{policy}' can't log in with {connection.cert_auth_public_key}",
            f"Compare the certificate's common name and CA with auth/cert/certs/{policy}, and see that it was not revoked.",
        )
    with cluster.login(name) as client:
        policies = api.own_policies(name, client)
    if policy not in policies:
        raise VaultError(
            name,
            f"the login of '{policy}' gives {', '.join(policies)}, and not {policy}",
            f"Look at auth/cert/certs/{policy}.",
        )


def retire_root_token(connection: Connection, sink: Sink, record: Record, root_token: str) -> None:
    """Revoke first: a token that is still in the sink and dead is harmless, the other way round is not."""
    cluster = Cluster(dataclasses.replace(connection, token=root_token))
    name = cluster.active()
    try:
        with cluster.login(name) as client:
            api.revoke_self(name, client)
    except VaultError as error:
        if error.status != 403:  # 403: an earlier run revoked it and was killed before this
            raise
    sink.replace(without_root_token(record))
