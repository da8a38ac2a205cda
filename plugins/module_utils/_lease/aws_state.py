# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who has a cluster's lease, by what Systems Manager's Parameter Store keeps of it. Pure.

Each change of the lease is a parameter of its own, numbered one higher than the one that it follows. AWS makes a parameter once:
of those that follow the same one, a single one succeeds. So giving it back is one more change too; were it a removal, numbers
would come again, and with them a change that was decided by what was there before.
"""

from __future__ import annotations

import json
import typing as t

from .nodes import described

PREFIX = "/vaultops"


class Lease(t.TypedDict):
    cluster: str
    holder: str
    who: str
    job: str
    playbook: str
    since: float
    seconds: float  # how long it lasts from then on that AWS made the parameter
    released: bool


class Kept(t.NamedTuple):
    generation: int
    lease: Lease
    at: float  # when AWS made it, by AWS's clock


class Decision(t.NamedTuple):
    granted: bool
    after: Lease | None  # what is to follow, or None where nothing changes


def path(cluster: str) -> str:
    return f"{PREFIX}/{cluster}/lease"


def name(cluster: str, generation: int) -> str:
    return f"{path(cluster)}/{generation:010d}"


def newest(cluster: str, found: t.Mapping[str, tuple[str, float]]) -> Kept | None:
    """*found* are parameters by name: content, and when it was made. A ValueError names one that is no lease."""
    kept = [_parsed(cluster, one, content, at) for one, (content, at) in found.items()]
    return max(kept, default=None, key=lambda one: one.generation)


def outdated(cluster: str, found: t.Iterable[str], generation: int) -> list[str]:
    """What nobody needs any more. The one before is left: AWS may show a reader what was there a moment ago."""
    return sorted(one for one in found if one < name(cluster, generation - 1))


def decide(state: str, found: Kept | None, claim: Lease, now: float, take_over: str = "") -> Decision:
    had = found.lease if found and not found.lease["released"] else None
    ours = had is not None and had["holder"] == claim["holder"]
    if state == "released":
        return Decision(ours, {**claim, "since": had["since"], "released": True} if had and ours else None)
    if had and ours:
        return Decision(True, {**claim, "since": had["since"]})
    if state == "renewed":
        return Decision(False, None)
    free = had is None or expires(found) <= now or (take_over != "" and had["who"] in take_over.split(","))
    return Decision(free, claim if free else None)


def expires(kept: Kept | None) -> float:
    return kept.at + kept.lease["seconds"] if kept else 0.0


def shown(kept: Kept | None) -> dict[str, t.Any] | None:
    """What people want to know of it, or None where nobody has it."""
    if kept is None or kept.lease["released"]:
        return None
    return {
        "who": kept.lease["who"],
        "job": kept.lease["job"],
        "playbook": kept.lease["playbook"],
        "since": kept.lease["since"],
        "expires": expires(kept),
    }


def refusal(cluster: str, kept: Kept | None) -> tuple[str, str]:
    """Cause and cure."""
    lease = shown(kept)
    if lease is None:
        return (
            f"this run has no lease of the cluster {cluster} any more",
            "Another run may have been at work. Begin again.",
        )
    return (
        f"{described(lease)} has the lease of the cluster {cluster} in AWS",
        "Wait until that run has ended or the lease has run out. If it is certain that the run is dead, "
        f"-e vault_lease_take_over={lease['who']} takes its lease.",
    )


def _parsed(cluster: str, one: str, content: str, at: float) -> Kept:
    problem = f"the parameter {one} is not a lease of the cluster {cluster}"
    number = one.rpartition("/")[2]
    try:
        lease = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ValueError(problem) from error
    fits = isinstance(lease, dict) and all(
        type(lease.get(field)) in kinds
        for field, kinds in {
            **dict.fromkeys(("cluster", "holder", "who", "job", "playbook"), (str,)),
            **dict.fromkeys(("since", "seconds"), (int, float)),
            "released": (bool,),
        }.items()
    )
    if not fits or lease["cluster"] != cluster or not (number.isascii() and number.isdigit()):
        raise ValueError(problem)
    return Kept(int(number), t.cast(Lease, lease), at)
