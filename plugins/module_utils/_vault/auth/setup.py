# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Look at the cluster's identities, bring them about, prove them, and then do without root."""

from __future__ import annotations

import dataclasses
import typing as t

from ..._custody.record import Record, without_root_token
from ..._custody.sinks import Sink
from ..client import Cluster, Connection
from ..errors import VaultError
from ..session import refused
from ..visit import Visit
from . import api
from .state import PARTS, Identities, Identity, Step, may_write, observed, path, written


def observe(name: str, client: t.Any, role: str, like: Identity) -> Identity:
    return _observe(name, client, role, like, api.methods(name, client))


def _observe(name: str, client: t.Any, role: str, like: Identity, methods: set[str]) -> Identity:
    aws = "aws" in methods

    def look(part: str) -> t.Any:
        if part == "cert_auth":
            return "cert" in methods
        if part == "aws_auth":
            return aws
        if part == "aws_config":
            return api.read_aws_config(name, client) if aws else None
        if part == "policy":
            return api.read_policy(name, client, role)
        # Nothing is asked of a method that is not there: Vault refuses that to who may not write it.
        there = aws if part == "aws_role" else "cert" in methods
        return api.read(name, client, path(part, role)) if there else None

    return observed({part: look(part) for part in PARTS if part in like}, like)


def observe_all(name: str, client: t.Any, desired: Identities) -> Identities:
    methods = api.methods(name, client)
    return {role: _observe(name, client, role, like, methods) for role, like in desired.items()}


def look(cluster: Cluster, name: str, desired: Identities) -> tuple[Identities | None, VaultError | None]:
    """What is there, as far as this identity sees it; None, and why, when it can't log in, or may not see it."""
    if refusal := refused(cluster, name):
        return None, refusal
    try:
        with cluster.login(name) as client:
            return observe_all(name, client, desired), None
    except VaultError as error:
        if error.status == 403:
            return None, error
        raise


def writer(candidates: t.Iterable[Connection], name: str, desired: Identities) -> Connection | None:
    """The first of them that logs in and may say who may do what; asked of Vault, nothing is tried."""
    for candidate in candidates:
        try:
            with Visit(candidate) as cluster:
                if refused(cluster, name):
                    continue
                with cluster.login(name) as client:
                    able = api.capabilities(name, client, written(desired))
                if may_write(able, desired):
                    return candidate
        except VaultError as error:
            if error.status != 403:
                raise
    return None


def apply(name: str, client: t.Any, role: str, desired: Identity, steps: t.Iterable[str]) -> None:
    for part in steps:
        wanted = desired[part]
        if part == "cert_auth":
            api.enable_cert_auth(name, client)
        elif part == "aws_auth":
            api.enable_aws_auth(name, client)
        elif part == "aws_config":
            api.write_aws_config(name, client, wanted)
        elif wanted is None:
            api.remove(name, client, path(part, role))
        elif part == "policy":
            api.write_policy(name, client, role, wanted)
        else:
            api.write(name, client, path(part, role), wanted)


def write(connection: Connection, name: str, desired: Identities, steps: list[Step]) -> None:
    if not steps:
        return
    with Cluster(connection).login(name) as client:
        for step in steps:
            apply(name, client, step.role, desired[step.role], [step.part])


def prove_login(connection: Connection) -> None:
    """Log in without any token, and look at what that gives."""
    policy, aws = connection.role_id, connection.auth_method == "aws_iam"
    place = path("aws_role" if aws else "role", policy)
    with Visit(dataclasses.replace(connection, token=None)) as cluster:
        name = cluster.active()
        if refusal := refused(cluster, name):
            if aws:
                raise VaultError(name, refusal.cause, refusal.cure)
            raise VaultError(
                name,
                f"'{policy}' can't log in with {connection.cert_auth_public_key}",
                f"Compare the certificate's common name and CA with {place}, and see that it was not revoked.",
            )
        with cluster.login(name) as client:
            policies = api.own_policies(name, client)
    if policy not in policies:
        cause = f"the login of '{policy}' gives {', '.join(policies)}, and not {policy}"
        raise VaultError(name, cause, f"Look at {place}.")


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
