# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Times as Vault writes them: seconds, days, or hours and what is less than an hour together. Pure."""

from __future__ import annotations

import re
import typing as t

_UNITS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1, "m": 60, "h": 3600, "d": 86400}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ns|us|ms|s|m|h)", re.ASCII)
# Vault takes days alone, and whole ones.
_WHOLE = re.compile(r"(\d+)(d?)", re.ASCII)


def seconds(value: t.Any) -> float | None:
    """None: Vault does not take it for a time. A number is one of seconds."""
    text = str(value).strip() if not isinstance(value, bool) else ""
    whole = _WHOLE.fullmatch(text)
    if whole:
        return float(whole[1]) * _UNITS[whole[2] or "s"]
    parts = _PART.findall(text)
    if not parts or "".join(map("".join, parts)) != text:
        return None
    return sum(float(count) * _UNITS[unit] for count, unit in parts)
