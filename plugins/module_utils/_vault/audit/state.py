# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which audit devices are missing, and which can't be brought in line. Pure."""

from __future__ import annotations

import typing as t

Devices = dict[str, dict[str, t.Any]]


def wanted(devices: Devices) -> Devices:
    """Vault keeps every option as a string."""
    return {
        path.strip("/"): {
            "type": device["type"],
            "options": {name: _text(value) for name, value in (device.get("options") or {}).items()},
        }
        for path, device in devices.items()
    }


def missing(current: Devices, desired: Devices) -> Devices:
    return {path: device for path, device in desired.items() if path not in current}


def conflicts(current: Devices, desired: Devices, exactly: bool = False) -> list[str]:
    """Devices that exist with other settings: a server can't change one, only drop it and its HMAC key.

    *exactly*: options that nobody named count as well.
    """
    return [
        f"{path} is {_describe(current[path])}, not {_describe(device)}"
        for path, device in desired.items()
        if path in current
        and (
            current[path]["type"] != device["type"]
            or any(current[path]["options"].get(name) != value for name, value in device["options"].items())
            or (exactly and set(current[path]["options"]) != set(device["options"]))
        )
    ]


def _text(value: t.Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _describe(device: dict[str, t.Any]) -> str:
    options = ", ".join(f"{name}={value}" for name, value in sorted(device["options"].items()))
    return f"{device['type']} ({options})"
