# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a textfile for node_exporter says. Pure, and the standard library alone: the tool that writes them runs on the nodes."""

from __future__ import annotations

import contextlib
import math
import re
import typing as t

Values = t.Dict[str, float]  # noqa: UP006  evaluated
_SAMPLE = re.compile(r"^(\w+(?:\{[^}]*\})?) (\S+)$")


def parse(text: str, names: t.Container[str]) -> Values:
    """Its samples of these metrics, labels included. Lines that can't be read are let go."""
    values = {}
    for line in text.splitlines():
        match = _SAMPLE.match(line)
        if match and metric(match.group(1)) in names:
            with contextlib.suppress(ValueError):
                value = float(match.group(2))
                if math.isfinite(value):
                    values[match.group(1)] = value
    return values


def metric(sample: str) -> str:
    """Its name, without labels."""
    return sample.split("{")[0]
