# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Look at the operator identity, bring it about, prove it, and then do without root."""

from __future__ import annotations

import dataclasses
import typing as t

from ..client import Cluster, Connection
from ..custody.record import Record, without_root_token
from ..custody.sinks import Sink
from ..errors import VaultError
from . import api
from .state import Identity, observed


def observe(name: str, client: t.Any, role: str, like: Identity) -> Identity:
    cert_auth = api.has_cert_auth(name, client)
    return observed(
        cert_auth, api.read_policy(name, client, role), api.read_role(name, client, role) if cert_auth else None, like
    )


def apply(name: str, client: t.Any, role: str, desired: Identity, steps: list[str]) -> None:
    if "cert_auth" in steps:
        api.enable_cert_auth(name, client)
    if "policy" in steps:
        api.write_policy(name, client, role, t.cast(str, desired["policy"]))
    if "role" in steps:
        api.write_role(name, client, role, t.cast(dict, desired["role"]))


def prove_login(connection: Connection, policy: str) -> None:
    """Log in with the certificate alone, and look at what that gives."""
    cluster = Cluster(dataclasses.replace(connection, token=None))
    name = cluster.active()
    with cluster.login(name) as client:
        policies = api.own_policies(name, client)
    if policy not in policies:
        raise VaultError(
            name,
            f"the operator's login gives {', '.join(policies)}, and not {policy}",
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
