# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Compare the audit devices with those that are wanted."""

from __future__ import annotations

import typing as t

from ..errors import VaultError
from . import api, state
from .state import Devices

SPEC: dict[str, t.Any] = {
    "devices": {"type": "dict", "required": True},
    "declared": {"type": "bool", "default": False},
}


def look(name: str, client: t.Any, devices: Devices, declared: bool) -> tuple[Devices, Devices]:
    """What is there, and what is missing. A server that has them declared takes no option more or less than it has."""
    desired = state.wanted(devices)
    before = api.read_devices(name, client)
    conflicts = state.conflicts(before, desired, exactly=declared)
    if conflicts:
        raise VaultError(
            "audit devices",
            "; ".join(conflicts),
            "Give the new settings another path, and take the old device out of the inventory, which disables it."
            if declared
            else "Give the new settings another path, and disable the old device by hand when it is not needed.",
        )
    return before, state.missing(before, desired)


def result(before: Devices, missing: Devices) -> dict[str, t.Any]:
    after = {**before, **missing}
    return {"changed": bool(missing), "devices": after, "diff": {"before": before, "after": after}}
