# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the last restore drill has shown, and those before it, as one HTML page that needs nothing besides itself. Pure."""

from __future__ import annotations

import typing as t

from .._common import words
from .findings import SNAPSHOT_SECONDS
from .markup import Safe, tag
from .parts import cell, facts, figure, header, level_of, section, table, tiles, whole
from .svg import icon, plot

Part = t.Mapping[str, t.Any]

SHOWN = 10  # in the table
TIMES = {"rpo_seconds": "Lost at most", "rto_seconds": "Restored within"}
MEANING = {
    "rpo_seconds": "RPO: how old the snapshot was when the drill began",
    "rto_seconds": "RTO: from fetching the snapshot to the proof that it serves",
}


def page(name: str, drills: t.Sequence[Part]) -> str:
    """*name*: of the cluster; *drills*: what drill.read() returns, at least one."""
    last = drills[-1]
    result = last["result"] or "no result"
    passed = [one for one in drills if _passed(one) and None not in (one["rpo_seconds"], one["rto_seconds"])]
    return whole(
        f"Restore drill of {name}: {result}",
        header(f"Restore drill of {name}", _level(last), result, f"Ended {words.time(last['ended'])}"),
        _tiles(last),
        section("What was restored", facts(_known(last))),
        section("Every drill", _plots(passed), _drills(drills)),
        tag("footer", "Written by playbooks/restore_drill.yml from the reports beside it, one a drill."),
    )


def _passed(drill: Part) -> bool:
    return bool(drill["result"] == "passed")


def _level(drill: Part) -> str:
    return level_of(_passed(drill))


def duration(seconds: float | None) -> str:
    return "unknown" if seconds is None else words.duration(seconds)


def _restored_within(drill: Part) -> float | None:
    """How long it took until it failed is no time of a restore."""
    return drill["rto_seconds"] if _passed(drill) else None


def _tiles(last: Part) -> Safe:
    lost = last["rpo_seconds"]
    recent = None if lost is None else lost <= SNAPSHOT_SECONDS
    took = _restored_within(last)
    found = level_of(bool(last["canary_of"]), "notice") if _passed(last) else "unknown"
    return tiles(
        [
            (TIMES["rpo_seconds"], level_of(recent), duration(lost)),
            (TIMES["rto_seconds"], level_of(None if took is None else True), duration(took)),
            ("Value from before", found, {"ok": "found", "notice": "none was written"}.get(found, "unknown")),
        ]
    )


def _known(last: Part) -> list[tuple[str, str]]:
    return [
        ("Snapshot", last["snapshot"] or "none could be fetched"),
        ("Vault", last["vault_version"] or ""),
        ("Found the value of", words.time(last["canary_of"]) if last["canary_of"] else ""),
        ("Problem", last["problem"] or ""),
    ]


def _plots(passed: t.Sequence[Part]) -> Safe:
    if not passed:
        return tag("p", "None has passed yet.", class_="soft")
    shown = []
    for field, title in TIMES.items():
        divisor, unit = words.time_unit(max(one[field] for one in passed))
        curve = [(words.epoch(one["ended"]), one[field] / divisor) for one in passed]
        dots = [
            (*at, f"{words.time(one['ended'])}: {words.duration(one[field])}")
            for at, one in zip(curve, passed, strict=True)
        ]
        drawn = plot(f"{title}, by drill", unit, curve, dots)
        shown.append(figure(title, f"{MEANING[field]}. One dot each drill that passed", drawn))
    return tag("div", *shown, class_="plots")


def _drills(drills: t.Sequence[Part]) -> Safe:
    rows = [
        tag(
            "tr",
            tag("th", words.time(one["ended"]), tag("small", one["snapshot"] or "no snapshot"), scope="row"),
            cell("Result", icon(_level(one)), f" {one['result'] or 'none'}"),
            cell(TIMES["rpo_seconds"], duration(one["rpo_seconds"])),
            cell(TIMES["rto_seconds"], duration(_restored_within(one))),
            cell("Vault", one["vault_version"] or "unknown"),
        )
        for one in reversed(drills[-SHOWN:])
    ]
    return table(("Ended", "Result", *TIMES.values(), "Vault"), rows)
