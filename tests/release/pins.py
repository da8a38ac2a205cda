"""What a file of pinned requirements names: pure."""

from __future__ import annotations

import dataclasses
import re

_PIN = re.compile(r"(?P<name>[A-Za-z0-9][\w.-]*)(?:\[[^\]]*\])?==(?P<version>[^\s;]+)")


@dataclasses.dataclass(frozen=True)
class Pin:
    name: str
    version: str


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(text: str) -> list[Pin]:
    """A requirement without a version is none: it pins nothing."""
    found = (_PIN.match(line) for line in text.splitlines())
    return [Pin(canonical(one["name"]), one["version"]) for one in found if one]
