# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The record of values that a restore has to bring back. Pure."""

from __future__ import annotations

import json
import typing as t

from . import manifest

RECORD = "canaries.json"
SKEW_SECONDS = 10


class Canary(t.TypedDict):
    written: str  # UTC, ISO 8601, by the controller's clock
    value: str
    sure: bool  # whether Vault is known to have taken it


def parse(text: str | bytes) -> list[Canary]:
    """Raises ValueError, and nothing else."""
    try:
        found = json.loads(text)
        if not isinstance(found, list):
            raise TypeError
        return [Canary(written=one["written"], value=one["value"], sure=one["sure"]) for one in found]
    except (TypeError, KeyError, RecursionError) as error:
        raise ValueError("it is no record of canaries") from error


def dump(canaries: list[Canary]) -> bytes:
    return json.dumps(canaries, indent=1).encode()


def merged(one: list[Canary], other: list[Canary]) -> list[Canary]:
    """Of two records of a cluster, each value once, oldest first."""
    found: dict[str, Canary] = {}
    for canary in [*one, *other]:
        known = found.get(canary["value"], canary)
        found[canary["value"]] = {**canary, "sure": canary["sure"] or known["sure"]}
    return sorted(found.values(), key=lambda canary: canary["written"])


def expected(known: list[Canary], before: str) -> Canary | None:
    """The newest that must be in a snapshot that was begun then, by a clock that may differ from this one's."""
    latest = moved(before, -SKEW_SECONDS)
    earlier = [canary for canary in known if canary["sure"] and canary["written"] < latest]
    return max(earlier, key=lambda canary: canary["written"]) if earlier else None


def moved(moment: str, seconds: int) -> str:
    return manifest.moment(manifest.epoch(moment) + seconds)


def recorded(known: list[Canary], value: str | None) -> Canary | None:
    return next((canary for canary in known if canary["value"] == value), None)
