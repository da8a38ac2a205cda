# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether two values of a setting mean the same to Vault, which takes 60, "60" and "1m" for one time. Pure."""

from __future__ import annotations

import json
import re
import typing as t

from . import durations, server_settings
from .adoption_settings import STANZAS, Keys

# Vault's documentation has them on where nothing is said, and its code off: either value says something.
_BOTH = (
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
    nothing = {""} if ".".join(keys) in _BOTH else {"false", "", "[]"}
    return normal(keys, value) in nothing


def _seconds(text: str) -> str:
    found = durations.seconds(text)
    return text if found is None else f"{found:.12g}"


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
