# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Audit device calls, one function each."""

from __future__ import annotations

import typing as t

from ..client import call, data


def read_devices(where: str, client: t.Any) -> dict[str, dict[str, t.Any]]:
    """Path without the trailing slash -> type and options."""
    found = data(where, call(where, lambda: client.adapter.get("/v1/sys/audit")))
    return {
        path.rstrip("/"): {"type": device["type"], "options": dict(device.get("options") or {})}
        for path, device in found.items()
    }


def enable_device(where: str, client: t.Any, path: str, device: dict[str, t.Any]) -> None:
    call(where, lambda: client.adapter.put(f"/v1/sys/audit/{path}", json=device))


def ask_what_is_audited(where: str, client: t.Any) -> None:
    """A request that Vault takes from everybody, and writes to its audit devices before it answers."""
    call(where, lambda: client.adapter.get("/v1/sys/internal/ui/mounts"))
