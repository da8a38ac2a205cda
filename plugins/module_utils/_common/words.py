# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Times, durations and sizes as people read them. Pure."""

from __future__ import annotations

import datetime
import typing as t

UTC = datetime.timezone.utc
_DURATIONS = ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))
_SIZES = ("B", "KiB", "MiB", "GiB", "TiB")


def epoch(text: str) -> float:
    """Seconds since 1970 of an ISO 8601 time; one without a zone is in UTC."""
    when = datetime.datetime.fromisoformat(text)
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()


def iso(seconds: float) -> str:
    return datetime.datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def time(text: str | None) -> str:
    """2026-11-25T06:00:04Z -> 2026-11-25 06:00 UTC"""
    return f"{text[:16].replace('T', ' ')} UTC" if text else "unknown"


def duration(seconds: float, most: int = 2) -> str:
    """The biggest units that say something: '3 hours 12 minutes', '2 days'."""
    left = round(abs(seconds))
    parts: list[str] = []
    for size, unit in _DURATIONS:
        count, left = divmod(left, size)
        if count or (unit == "second" and not parts):
            parts.append(many(count, unit))
        elif parts:
            break
        if len(parts) == most:
            break
    return " ".join(parts)


def ago(seconds: float, most: int = 2) -> str:
    return f"{duration(seconds, most)} ago" if seconds >= 0 else f"in {duration(seconds, most)}"


def unit_of(biggest: float) -> tuple[float, str]:
    """What to divide bytes by so that the biggest of them is a small number."""
    power = 0
    while biggest >= 1024 ** (power + 1) and power < len(_SIZES) - 1:
        power += 1
    return float(1024**power), _SIZES[power]


def time_unit(longest: float) -> tuple[float, str]:
    """What to divide seconds by for a plot, and what they are then."""
    for seconds, unit, most in ((1, "seconds", 300), (60, "minutes", 3 * 3600), (3600, "hours", 3 * 86400)):
        if longest <= most:
            return float(seconds), unit
    return 86400.0, "days"


def size(count: float) -> str:
    divisor, unit = unit_of(count)
    return f"{count / divisor:.1f} {unit}" if divisor > 1 else f"{count:.0f} {unit}"


def many(count: int, thing: str) -> str:
    return f"{count} {thing}" if abs(count) == 1 else f"{count} {thing}s"


def sentence(text: str) -> str:
    return text if text.endswith((".", "?", "!")) else f"{text}."


def one_line(text: t.Any) -> str:
    return " ".join(str(text).split())
