"""What a fault is, and the list of them."""

from __future__ import annotations

import dataclasses
import inspect
import typing as t

if t.TYPE_CHECKING:
    from .cluster import Cluster

Steps = t.Generator[None, None, None]
Injects = t.Callable[["Cluster"], Steps]


@dataclasses.dataclass(frozen=True)
class Fault:
    """*steps* injects the fault up to its yield, and undoes it after that, whatever happens in between."""

    name: str
    sentence: str
    steps: Injects
    says: str  # part of a finding of status.yml while it lasts; empty: there need be none
    hold_seconds: float  # how long it lasts at least
    gap_seconds: float  # how long nobody may write at most, all clients together
    heal_seconds: float  # how long after the fault every voter is healthy again, at most
    by_itself: str  # what happens without anybody
    to_do: str  # what somebody has to do
    stand_in: str  # what stands for the fault, where this machine can't have the real one


FAULTS: dict[str, Fault] = {}


def fault(
    says: str = "",
    hold: float = 0,
    gap: float = 1.0,
    heal: float = 60,
    by_itself: str = "Nothing is noticed.",
    to_do: str = "Nothing.",
    stand_in: str = "",
) -> t.Callable[[Injects], Injects]:
    def add(steps: Injects) -> Injects:
        sentence = (inspect.getdoc(steps) or "").splitlines()[0]
        FAULTS[steps.__name__] = Fault(
            steps.__name__, sentence, steps, says, hold, gap, heal, by_itself, to_do, stand_in
        )
        return steps

    return add


# What can't be injected here, and why; the tests that stand for it.
NOT_INJECTED = {
    "clock_off": (
        "The clock of one node is 10 s off.",
        "Containers share the clock of their host. tests/unit/modules/test_vault_node_info.py has a node whose clock differs.",
    ),
    "network_delayed": (
        "Each packet takes 200 ms.",
        "The kernel has no netem. network_lossy drops 5 % of the packets, which is the other half of that fault.",
    ),
}
