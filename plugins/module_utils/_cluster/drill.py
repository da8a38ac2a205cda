# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a restore drill has shown. Pure."""

from __future__ import annotations

import typing as t

from .._backup.manifest import epoch, moment


class Report(t.TypedDict):
    result: str  # passed, failed
    problem: str | None
    ended: str  # UTC, ISO 8601
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
    begun: float,
    ended: float,
    problem: str | None,
    canary: t.Mapping[str, t.Any] | None,
) -> Report:
    """*begun*, *ended*: of the drill, in seconds since the epoch; *canary*: a result of vault_canary.

    *manifest*: of the snapshot; empty where none could be fetched.
    """
    return {
        "result": "failed" if problem else "passed",
        "problem": problem.strip() if problem else None,
        "ended": moment(float(ended)),
        "snapshot": manifest.get("name"),
        "raft_index": manifest.get("raft_index"),
        "vault_version": manifest.get("vault_version"),
        "canary_of": (canary or {}).get("written"),
        "rpo_seconds": round(float(begun) - epoch(manifest["begun"])) if manifest else None,
        "rto_seconds": round(float(ended) - float(begun)),
    }
