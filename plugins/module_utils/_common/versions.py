# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Versions as numbers: the one place where text becomes one. Pure.

What a version brings is said in product.py.
"""

from __future__ import annotations

import re
import typing as t

Number = tuple[int, int, int]
# The first version of each line that has something; the last one stands for all later lines.
Firsts = tuple[Number, ...]
# Matched whole: '$' would let a newline through.
_VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?", re.ASCII)


class NoVersionError(ValueError):
    """A text that names no version: that of a server which hides its own is empty."""


def number(version: str) -> Number:
    """1.21.1, 1.21.1+ent.hsm, 1.21.1-rc1 -> (1, 21, 1): a candidate has what its release has."""
    found = _VERSION.fullmatch(version)
    if not found:
        raise NoVersionError(f"'{version}' is no version. One has three numbers, such as 1.21.1.")
    return int(found[1]), int(found[2]), int(found[3])


def is_one(version: str) -> bool:
    return _VERSION.fullmatch(version) is not None


def is_release(version: str) -> bool:
    """Whether that is a version's three numbers and nothing else."""
    return is_one(version) and version == text(number(version))


def edition(version: str) -> str:
    """1.21.1 -> '', 1.21.1+ent.hsm -> 'ent.hsm'"""
    return version.partition("+")[2]


def text(version: Number) -> str:
    return ".".join(map(str, version))


def has(version: Number, since: t.Sequence[Number]) -> bool:
    """Whether *version* has what came with these versions, each the first of its line, the last the first of all later lines."""
    return bool(since) and (
        version >= since[-1] or any(version[:2] == first[:2] and version >= first for first in since)
    )


def crosses(before: Number, after: Number, since: t.Sequence[Number]) -> bool:
    return not has(before, since) and has(after, since)
