# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the page of the restore drills shows of them: figures, levels, plots. Pure."""

from __future__ import annotations

import typing as t

from .._common import words
from .._snapshot import taken_by
from . import levels, limits, plot
from .levels import Part, Tile

SHOWN = 10  # in the table
TIMES = {"rpo_seconds": "Lost at most", "rto_seconds": "Restored within"}
MEANING = {
    "rpo_seconds": "RPO: how old the snapshot was when the drill began",
    "rto_seconds": "RTO: from fetching the snapshot to the proof that it serves",
}


class Row(t.NamedTuple):
    drill: Part
    level: str
    restored_within: float | None


class View(t.TypedDict):
    name: str  # of the cluster
    last: Part
    server: str  # which the last snapshot was of: Vault or OpenBao
    level: str  # of the last one
    tiles: list[Tile]
    figures: list[plot.Figure]
    newest: list[Row]
    times: dict[str, str]


def view(name: str, drills: t.Sequence[Part], late: limits.Limits | None = None) -> View:
    """*name*: of the cluster; *drills*: what drill.read() returns, at least one."""
    last = drills[-1]
    passed = [one for one in drills if _passed(one) and None not in (one["rpo_seconds"], one["rto_seconds"])]
    return {
        "name": name,
        "last": last,
        "server": taken_by.name(last["vault_version"] or ""),
        "level": _level(last),
        "tiles": _tiles(last, late or limits.DEFAULTS),
        "figures": [_figure(field, passed) for field in TIMES] if passed else [],
        "newest": [Row(one, _level(one), _restored_within(one)) for one in reversed(drills[-SHOWN:])],
        "times": TIMES,
    }


def _passed(drill: Part) -> bool:
    return bool(drill["result"] == "passed")


def _level(drill: Part) -> str:
    return levels.level(_passed(drill))


def duration(seconds: float | None) -> str:
    return "unknown" if seconds is None else words.duration(seconds)


def _restored_within(drill: Part) -> float | None:
    """How long it took until it failed is no time of a restore."""
    return drill["rto_seconds"] if _passed(drill) else None


def _tiles(last: Part, late: limits.Limits) -> list[Tile]:
    lost, took = last["rpo_seconds"], _restored_within(last)
    recent = None if lost is None else lost <= late["snapshot_seconds"]
    found = levels.level(bool(last["canary_of"]), "notice") if _passed(last) else "unknown"
    return [
        Tile(TIMES["rpo_seconds"], levels.level(recent), duration(lost)),
        Tile(TIMES["rto_seconds"], levels.level(None if took is None else True), duration(took)),
        Tile("Value from before", found, {"ok": "found", "notice": "none was written"}.get(found, "unknown")),
    ]


def _figure(field: str, passed: t.Sequence[Part]) -> plot.Figure:
    divisor, unit = words.time_unit(max(one[field] for one in passed))
    curve = [(words.epoch(one["finished_at"]), one[field] / divisor) for one in passed]
    said = [f"{words.time(one['finished_at'])}: {words.duration(one[field])}" for one in passed]
    drawn = plot.draw(f"{TIMES[field]}, by drill", unit, curve, said)
    return plot.Figure(TIMES[field], f"{MEANING[field]}. One dot each drill that passed", drawn)
