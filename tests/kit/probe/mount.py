"""What the probe needs in the cluster: a place of its own, and a token for it."""

from __future__ import annotations

import time
import typing as t

from ansible_collections.vaultops.cluster.plugins.module_utils._vault.client import Cluster, call
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.errors import VaultError
from kit.login import admin_of

from .safety import ProbeError, require_lab

DESCRIPTION = "The client probe of the tests: it may be removed at any time"
POLICY = 'path "probe/*" { capabilities = ["create", "read", "update"] }'
TOKEN_TTL = "60m"
# Vault deletes the keys one by one before it answers, gives up after 90 s, and goes on when it is asked again.
ANSWER_SECONDS = 100
UNMOUNT_SECONDS = 600


def prepare(cluster: Cluster) -> str:
    """A kv mount (version 1) at probe/, and a token that may write there."""
    require_lab(cluster.connection.nodes.values())
    with admin_of(cluster).login_active() as client:
        if not _is_there(client):
            body: dict[str, t.Any] = {"type": "kv", "description": DESCRIPTION, "options": {"version": "1"}}
            call("probe", lambda: client.adapter.post("/v1/sys/mounts/probe", json=body))
        call("probe", lambda: client.adapter.put("/v1/sys/policies/acl/probe", json={"policy": POLICY}))
        body = {"policies": ["probe"], "ttl": TOKEN_TTL, "no_parent": True, "no_default_policy": True}
        return call("probe", lambda: client.adapter.post("/v1/auth/token/create", json=body))["auth"]["client_token"]


def tidy(cluster: Cluster, token: str | None = None) -> None:
    """Remove the mount with all that was written, the policy, and the token if it is given."""
    require_lab(cluster.connection.nodes.values())
    with admin_of(cluster).login_active() as client:
        if token:
            call("probe", lambda: client.adapter.post("/v1/auth/token/revoke", json={"token": token}))
        _unmount(client)
        call("probe", lambda: client.adapter.delete("/v1/sys/policies/acl/probe"))


def _unmount(client: t.Any) -> None:
    deadline = time.monotonic() + UNMOUNT_SECONDS
    while _is_there(client):
        try:
            call("probe", lambda: client.adapter.delete("/v1/sys/mounts/probe", timeout=ANSWER_SECONDS))
        except VaultError:
            if time.monotonic() > deadline:
                raise
            time.sleep(1)


def _is_there(client: t.Any) -> bool:
    mount = call("probe", lambda: client.adapter.get("/v1/sys/mounts"))["data"].get("probe/")
    if mount and mount["description"] != DESCRIPTION:
        raise ProbeError("the cluster has a mount probe/ that is not the probe's: it is left alone")
    return mount is not None
