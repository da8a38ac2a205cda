# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Numbers for monitoring, as a textfile for node_exporter. What an earlier run wrote is kept as far as is asked for."""

from __future__ import annotations

import contextlib
import os
import typing as t

from .._common.samples import Values, metric, parse
from .._snapshot.errors import Exit, Failure


def render(values: Values, told: t.Mapping[str, str]) -> str:
    """*told*: each metric's name, and what it is."""
    lines = []
    for name, text in told.items():
        samples = sorted(sample for sample in values if metric(sample) == name)
        if samples:
            lines += [f"# HELP {name} {text}", f"# TYPE {name} gauge"]
            lines += [f"{sample} {_number(values[sample])}" for sample in samples]
    return "\n".join(lines) + "\n"


def update(path: str, told: t.Mapping[str, str], changes: Values, kept: t.Container[str] | None = None) -> None:
    """Replace the file in one step: node_exporter may read it at any time. *kept*: the metrics that live on where there are no
    *changes* of them; None: all."""
    try:
        before: Values = {}
        with contextlib.suppress(FileNotFoundError), open(path, encoding="utf-8", errors="replace") as old:
            before = parse(old.read(), told if kept is None else kept)
        # Always the same name, so that a killed run leaves one at most; without '.prom' at its end it is not collected.
        partial = f"{path}.partial"
        # What is left there may be another user's: the tool once ran as user vault.
        with contextlib.suppress(FileNotFoundError):
            os.unlink(partial)
        with open(partial, "w", encoding="utf-8") as stream:
            stream.write(render({**before, **changes}, told))
            os.fchmod(stream.fileno(), 0o644)
        os.rename(partial, path)
    except OSError as error:
        raise Failure(
            Exit.DISK, f"the metrics could not be written to {path} ({error.strerror})", "Monitoring sees old ones."
        ) from error


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else f"{value:.3f}"
