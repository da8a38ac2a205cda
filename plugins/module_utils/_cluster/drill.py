# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a restore drill has shown. Pure."""

from __future__ import annotations

import typing as t

from .._backup.manifest import epoch, moment


class Report(t.TypedDict):
    result: str  # passed, failed
    problem: str | None
    ended: str  # UTC, ISO 8601
    snapshot: str
    raft_index: int
    vault_version: str
    canary_of: str | None  # when the value was written that was found again; None: none had been written yet
    rpo_seconds: int  # between the snapshot's begin and the drill's: what a disaster at that moment would have cost
    rto_seconds: int  # from fetching the snapshot to the proof that it serves


def report(
    manifest: t.Mapping[str, t.Any],
    begun: float,
    ended: float,
    problem: str | None,
    canary: t.Mapping[str, t.Any] | None,
) -> Report:
    """*begun*, *ended*: of the drill, in seconds since the epoch; *canary*: a result of vault_canary."""
    return {
        "result": "failed" if problem else "passed",
        "problem": problem,
        "ended": moment(float(ended)),
        "snapshot": manifest["name"],
        "raft_index": manifest["raft_index"],
        "vault_version": manifest["vault_version"],
        "canary_of": (canary or {}).get("written"),
        "rpo_seconds": round(float(begun) - epoch(manifest["begun"])),
        "rto_seconds": round(float(ended) - float(begun)),
    }
