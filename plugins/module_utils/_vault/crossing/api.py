# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a cluster holds that a newer Vault may take in another way: one function for each request."""

from __future__ import annotations

import typing as t
import urllib.parse

from ..client import call, data

POLICIES, MOUNTS, LOGINS, PLUGINS = "sys/policies/acl", "sys/mounts", "sys/auth", "sys/plugins/catalog"


def list_policies(where: str, client: t.Any) -> list[str]:
    found = data(where, call(where, lambda: client.adapter.get(f"/v1/{POLICIES}?list=true")))
    return [str(name) for name in found["keys"]]


def read_policy(where: str, client: t.Any, name: str) -> str:
    found = data(where, call(where, lambda: client.adapter.get(f"/v1/{POLICIES}/{urllib.parse.quote(name)}")))
    return str(found.get("policy") or "")


def read_mounts(where: str, client: t.Any, path: str) -> dict[str, str]:
    """Path -> type. *path*: sys/mounts or sys/auth."""
    found = data(where, call(where, lambda: client.adapter.get(f"/v1/{path}")))
    return {name: str(mount.get("type")) for name, mount in found.items() if isinstance(mount, dict)}


def read_plugins(where: str, client: t.Any) -> list[dict[str, t.Any]]:
    """Name and type of each that is not built in."""
    found = data(where, call(where, lambda: client.adapter.get(f"/v1/{PLUGINS}")))
    listed = found.get("detailed") or []
    return [{"name": one["name"], "type": one["type"]} for one in listed if not one.get("builtin")]
