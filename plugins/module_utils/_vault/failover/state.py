# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a fail-over was like, from what the controller saw of each node, and whether that is within the limits. Pure.

All times are of one clock, the controller's monotonic one.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass


@dataclass
class Seen:
    """Of one node: when it said that it is the active one, and when it acknowledged a write. None: never."""

    first_active: float | None = None
    last_active: float | None = None
    first_ack: float | None = None
    last_ack: float | None = None
    acks: int = 0


class Outage(t.TypedDict):
    leader: str | None
    leader_seconds: float | None  # from the old leader's last word to the new one's first
    write_seconds: float | None  # between the last write that the old one acknowledged and the new one's first


class Measured(Outage):
    stopped: str
    acknowledged: int  # writes, before the stop
    lost: bool | None  # whether the last of them is gone; None: that could not be read
    unsealed_seconds: float | None  # from the start to the node's own word that it serves
    rejoined_seconds: float | None  # from the start to a healthy voter that has caught up
    problem: str | None


class Limits(t.TypedDict):
    leader_seconds: float
    write_seconds: float
    rejoin_seconds: float


class Report(Measured):
    result: str  # passed, failed
    problems: list[str]
    kind: str
    limits: Limits
    cluster: str
    vault_version: str | None
    finished_at: str  # UTC, ISO 8601


def new_leader(seen: t.Mapping[str, Seen], stopped: str) -> str | None:
    """The first of the others that was active after the stopped one had its last word."""
    before = seen[stopped].last_active or 0.0
    later = [(one.first_active, name) for name, one in seen.items() if name != stopped and one.first_active is not None]
    return min(((at, name) for at, name in later if at > before), default=(0.0, None))[1]


def outage(seen: t.Mapping[str, Seen], stopped: str) -> Outage:
    leader = new_leader(seen, stopped)
    if leader is None:
        return {"leader": None, "leader_seconds": None, "write_seconds": None}
    acks = [one.first_ack for name, one in seen.items() if name != stopped and one.first_ack is not None]
    return {
        "leader": leader,
        "leader_seconds": _between(seen[stopped].last_active, seen[leader].first_active),
        "write_seconds": _between(seen[stopped].last_ack, min(acks, default=None)),
    }


def _between(begin: float | None, end: float | None) -> float | None:
    return None if begin is None or end is None else round(end - begin, 3)


def problems(measured: Measured, limits: Limits) -> list[str]:
    """Why the check has failed, one sentence each."""
    found = [measured["problem"]] if measured["problem"] else []
    found += [
        f"{what} took {measured[name]:g} s, and the limit is {limits[name]:g} s (vault_failover_{name})."  # type: ignore[literal-required]
        for name, what in (("leader_seconds", "A new leader"), ("write_seconds", "The first acknowledged write"))
        if measured[name] is not None and measured[name] > limits[name]  # type: ignore[literal-required]
    ]
    back, limit = measured["rejoined_seconds"], limits["rejoin_seconds"]
    if back is not None and back > limit:
        found.append(
            f"{measured['stopped']} took {back:g} s to be a healthy voter again, and the limit is {limit:g} s "
            "(vault_failover_rejoin_seconds)."
        )
    if measured["lost"]:
        found.append(f"A write that {measured['stopped']} had acknowledged is not there any more.")
    return found


def report(measured: Measured, limits: Limits, about: t.Mapping[str, t.Any]) -> Report:
    """*about*: kind, cluster, vault_version and finished_at."""
    found = problems(measured, limits)
    return {
        "result": "failed" if found else "passed",
        "problems": found,
        "kind": about["kind"],
        **{name: measured[name] for name in Measured.__annotations__},  # type: ignore[literal-required,typeddict-item]
        "limits": limits,
        "cluster": about["cluster"],
        "vault_version": about["vault_version"],
        "finished_at": about["finished_at"],
    }


def words(made: Report) -> list[str]:
    """The report for people, without what is wrong."""
    how = {"graceful": "was stopped", "crash": "was killed"}[made["kind"]]
    said = [
        f"{made['stopped']}, the active node, {how}. It had acknowledged {made['acknowledged']} writes of this check."
    ]
    if made["leader"]:
        said.append(f"{made['leader']} was the active node after {_seconds(made['leader_seconds'])}.")
    if made["write_seconds"] is not None:
        kept = {False: "No acknowledged write was lost.", True: "", None: "Whether one was lost could not be read."}
        said.append(
            f"The first write was acknowledged after {_seconds(made['write_seconds'])}. {kept[made['lost']]}".rstrip()
        )
    if made["unsealed_seconds"] is not None:
        said.append(
            f"{made['stopped']} was started again, and was unsealed after {_seconds(made['unsealed_seconds'])}."
        )
    if made["rejoined_seconds"] is not None:
        said.append(f"{made['stopped']} was a healthy voter again after {_seconds(made['rejoined_seconds'])}.")
    return said


def _seconds(value: float | None) -> str:
    return "an unknown time" if value is None else f"{value:.2f} s"
