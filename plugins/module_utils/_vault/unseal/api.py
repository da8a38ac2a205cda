# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Calls about the seal of one node, one function each. None of them takes a login: the keys are what counts."""

from __future__ import annotations

import typing as t

from ..client import call, content
from .state import Seal

SEAL_STATUS, UNSEAL = "/v1/sys/seal-status", "/v1/sys/unseal"


def read(where: str, client: t.Any) -> Seal:
    return _seal(content(where, call(where, lambda: client.adapter.get(SEAL_STATUS))))


def forget(where: str, client: t.Any) -> None:
    """Keys that a sealed node was given before: with one of somebody else's beside them, right ones would not open it."""
    call(where, lambda: client.adapter.put(UNSEAL, json={"reset": True}))


def give(where: str, client: t.Any, key: str) -> Seal:
    """One key, to a node whose configuration names another kind of seal than what it has stored."""
    body = {"key": key, "migrate": True}
    return _seal(content(where, call(where, lambda: client.adapter.put(UNSEAL, json=body))))


def _seal(answer: dict[str, t.Any]) -> Seal:
    return {
        "type": str(answer.get("type") or ""),
        "sealed": bool(answer.get("sealed", True)),
        "migrating": bool(answer.get("migration")),
        "threshold": int(answer.get("t") or 0),
        "shares": int(answer.get("n") or 0),
    }
