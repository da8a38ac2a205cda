# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether two values of a setting mean the same to Vault, which takes 60, "60" and "1m" for one time. Pure."""

from __future__ import annotations

import json
import re
import typing as t

from . import server_settings
from .adoption_settings import STANZAS, Keys

_UNITS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1, "m": 60, "h": 3600, "d": 86400}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ns|us|ms|s|m|h|d)")
# Switches that are on where nothing is said.
_ON = (
    "listener.tcp.x_forwarded_for_reject_not_authorized",
    "listener.tcp.x_forwarded_for_reject_not_present",
)
_LEVELS = {"err": "error", "warning": "warn"}


def normal(keys: Keys, value: t.Any) -> str:
    """One text for all ways to write a value."""
    kind = _kind(keys)
    if isinstance(value, list):
        return json.dumps([normal((), item) for item in value])
    text = str(value).strip()
    if kind == "list":
        return json.dumps([one.strip() for one in text.split(",") if one.strip()])
    if kind == "duration":
        return _seconds(text)
    if kind == "number":
        return text
    if keys == ("log_level",):
        return _LEVELS.get(text.lower(), text.lower())
    text = {"True": "true", "TRUE": "true", "False": "false", "FALSE": "false", "1": "true", "0": "false"}.get(
        text, text
    )
    return text.rstrip("/") if text.startswith("/") else text


def says_nothing(keys: Keys, value: t.Any) -> bool:
    """Whether Vault would do the same without the setting. A number that is zero often means 'without a limit'."""
    nothing = {"true", ""} if ".".join(keys) in _ON else {"false", "", "[]"}
    return normal(keys, value) in nothing


def _seconds(text: str) -> str:
    if text.isdigit():
        return f"{float(text):.12g}"
    parts = _PART.findall(text)
    if not parts or "".join(map("".join, parts)) != text:
        return text
    return f"{sum(float(count) * _UNITS[unit] for count, unit in parts):.12g}"


def _kind(keys: Keys) -> str:
    if not keys:
        return ""
    if keys[0] == "telemetry":
        return "" if re.match(r"(disable|enable|add)_|filter_default", keys[-1]) else "number"
    stanza, prefix = next((one, at) for one, at in STANZAS.items() if keys[: len(at)] == at)
    known = server_settings.STANZAS[stanza].settings.get(keys[len(prefix)]) if len(keys) > len(prefix) else None
    if known and known.inside and len(keys) > len(prefix) + 1:
        known = known.inside.get(keys[-1])
    return known.kind if known else ""
