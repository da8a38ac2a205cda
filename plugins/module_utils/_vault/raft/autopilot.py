# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Compare autopilot's settings with those that are wanted."""

from __future__ import annotations

import typing as t

from ..errors import VaultError
from . import api
from .state import autopilot_changes, autopilot_problem

SPEC: dict[str, t.Any] = {
    "cleanup_dead_servers": {"type": "bool"},
    "dead_server_last_contact_threshold": {"type": "str"},
    "last_contact_threshold": {"type": "str"},
    "max_trailing_logs": {"type": "int"},
    "min_quorum": {"type": "int"},
    "server_stabilization_time": {"type": "str"},
}


def look(name: str, client: t.Any, settings: t.Mapping[str, t.Any]) -> tuple[dict[str, t.Any], dict[str, t.Any]]:
    """What they are, and what they are to be. Settings that are None stay what they are."""
    before = api.read_autopilot_config(name, client)
    after = {**before, **autopilot_changes(before, {setting: settings[setting] for setting in SPEC})}
    problem = autopilot_problem(after)
    if problem:
        raise VaultError("autopilot", problem)
    return before, after


def result(before: dict[str, t.Any], after: dict[str, t.Any]) -> dict[str, t.Any]:
    return {"changed": before != after, "autopilot": after, "diff": {"before": before, "after": after}}
