# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a restore drill has shown. Pure."""

from __future__ import annotations

import json
import typing as t

from .._common import words
from .manifest import epoch, moment

# What older reports call a field.
_BEFORE = {"ended": "finished_at"}
# What is read back of a report.
FIELDS = ("finished_at", "result", "rpo_seconds", "rto_seconds", "snapshot", "vault_version", "canary_of", "problem")


class Report(t.TypedDict):
    result: str  # passed, failed
    problem: str | None
    finished_at: str  # UTC, ISO 8601
    snapshot: str | None  # None, as what follows from it, where none could be fetched
    raft_index: int | None
    vault_version: str | None
    canary_of: str | None  # when the value was written that was found again; None: none had been written yet
    rpo_seconds: (
        int | None
    )  # between the snapshot's begin and the drill's: what a disaster at that moment would have cost
    rto_seconds: int  # from fetching the snapshot to the proof that it serves


def report(
    manifest: t.Mapping[str, t.Any],
    started_at: float,
    finished_at: float,
    problem: str | None,
    canary: t.Mapping[str, t.Any] | None,
) -> Report:
    """*started_at*, *finished_at*: of the drill, in seconds since the epoch; *canary*: a result of vault_canary.

    *manifest*: of the snapshot; empty where none could be fetched.
    """
    return {
        "result": "failed" if problem else "passed",
        "problem": problem.strip() if problem else None,
        "finished_at": moment(float(finished_at)),
        "snapshot": manifest.get("name"),
        "raft_index": manifest.get("raft_index"),
        "vault_version": manifest.get("vault_version"),
        "canary_of": (canary or {}).get("written"),
        "rpo_seconds": round(float(started_at) - epoch(manifest["started_at"])) if manifest else None,
        "rto_seconds": round(float(finished_at) - float(started_at)),
    }


def read(texts: t.Mapping[str, str]) -> tuple[list[dict[str, t.Any]], list[str]]:
    """The FIELDS of each report, oldest first, and in words which could not be read and why.

    *texts* is the text of each report by its name.
    """
    found, unreadable = [], []
    for path, text in sorted(texts.items()):
        try:
            made = json.loads(text)
            if not isinstance(made, dict):
                raise ValueError("it is not an object")
            made = _renamed(made)
            found.append((words.epoch(made["finished_at"]), _fields(made)))
        except (ValueError, KeyError, TypeError) as error:
            unreadable.append(f"{path} can't be read ({words.one_line(error)})")
    return [one for _when, one in sorted(found, key=lambda pair: pair[0])], unreadable


def _renamed(made: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    return {_BEFORE.get(name, name): value for name, value in made.items()}


def _fields(made: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    for name in FIELDS:
        kinds: tuple[type, ...] = (int, float) if name.endswith("_seconds") else (str,)
        if not isinstance(made.get(name), (*kinds, type(None))):
            raise ValueError(f"{name} is {made[name]!r}")
    return {name: made.get(name) for name in FIELDS}
