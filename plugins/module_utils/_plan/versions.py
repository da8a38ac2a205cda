# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Versions of Vault as numbers, and whether one has what others brought. Pure."""

from __future__ import annotations

import typing as t

Number = tuple[int, int, int]


def plain(version: str) -> str:
    """Without the edition, and without what tells a candidate from a release."""
    return version.split("+")[0].split("-")[0]


def number(version: str) -> Number:
    """1.21.1, 1.21.1+ent -> (1, 21, 1)"""
    major, minor, patch = plain(version).split(".")
    return int(major), int(minor), int(patch)


def text(version: Number) -> str:
    return ".".join(map(str, version))


def has(version: Number, since: t.Sequence[Number]) -> bool:
    """Whether *version* has what came with these versions, each the first of its line, the last the first of all later lines."""
    return version >= since[-1] or any(version[:2] == first[:2] and version >= first for first in since)


def crosses(before: Number, after: Number, since: t.Sequence[Number]) -> bool:
    return not has(before, since) and has(after, since)
