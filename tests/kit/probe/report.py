"""What a run's acknowledgements and failures mean. Pure."""

from __future__ import annotations

import dataclasses
import itertools
import json
import math
import typing as t

Key = tuple[int, int]  # client, sequence number
Reading = t.Mapping[Key, str | None]  # what each key holds; None: Vault says that there is no such key

SHOWN_GAP_SECONDS = 0.2
SHOWN_LOSSES = 10


class Ack(t.NamedTuple):
    """A write that the cluster acknowledged; *started* is when its first attempt began."""

    client: int
    seq: int
    started: float
    acked: float


class Failure(t.NamedTuple):
    """An attempt that failed."""

    began: float
    ended: float
    node: str


class Gap(t.NamedTuple):
    """A time in which the cluster acknowledged nothing."""

    at: float  # seconds since the start
    seconds: float
    refused: tuple[str, ...]  # nodes at which an attempt failed meanwhile


def value_of(run: str, client: int, seq: int) -> str:
    return f"{run}-{client}-{seq}"


def losses(run: str, acks: t.Iterable[Ack], everything: Reading, some: Reading) -> list[Key]:
    """Acknowledged, and not found as written in either reading. *some* may leave out keys, *everything* may not."""

    def lost(ack: Ack) -> bool:
        key, value = (ack.client, ack.seq), value_of(run, ack.client, ack.seq)
        return everything.get(key) != value or some.get(key, value) != value

    return sorted((ack.client, ack.seq) for ack in acks if lost(ack))


def gaps(start: float, acks: t.Iterable[Ack], failures: t.Sequence[Failure], over: float) -> list[Gap]:
    """Between one acknowledgement and the next, whoever's they are."""
    found = []
    for begin, end in itertools.pairwise(sorted(ack.acked for ack in acks)):
        if end - begin > over:
            # An attempt that timed out may have begun before the gap or ended after it.
            refused = {failure.node for failure in failures if failure.began < end and failure.ended > begin}
            found.append(Gap(begin - start, end - begin, tuple(sorted(refused))))
    return found


def longest_gap(acks: t.Iterable[Ack]) -> float:
    return max((end - begin for begin, end in itertools.pairwise(sorted(ack.acked for ack in acks))), default=0.0)


def longest_client_gap(acks: t.Iterable[Ack]) -> float:
    own: dict[int, list[Ack]] = {}
    for ack in acks:
        own.setdefault(ack.client, []).append(ack)
    return max((longest_gap(some) for some in own.values()), default=0.0)


def percentile(values: t.Iterable[float], percent: float) -> float:
    """By nearest rank: always one of the values. 0 if there are none."""
    ranked = sorted(values)
    if not ranked:
        return 0.0
    return ranked[max(math.ceil(len(ranked) * percent / 100), 1) - 1]


def latency_ms(acks: t.Iterable[Ack]) -> dict[str, float]:
    values = sorted((ack.acked - ack.started) * 1000 for ack in acks)
    return {f"p{percent}": percentile(values, percent) for percent in (50, 95, 99)}


@dataclasses.dataclass(frozen=True)
class Run:
    """What the clients saw."""

    name: str
    clients: int
    start: float
    end: float
    cut_short: bool  # max_seconds was over before the change was
    unanswered: int  # writes that had no acknowledgement when the run ended
    acks: list[Ack]
    failures: list[Failure]
    through: dict[str, int]  # acknowledgements by node
    reasons: dict[str, dict[str, int]]  # failures by node and reason


@dataclasses.dataclass(frozen=True)
class ReadBack:
    """What was found afterwards."""

    active: str
    standbys: list[str]
    seconds: float
    from_active: Reading
    through_standbys: Reading


class Report:
    """The figures of a run."""

    def __init__(self, run: Run, read_back: ReadBack) -> None:
        self._run = run
        self.run = run.name
        self.clients = run.clients
        self.seconds = run.end - run.start
        self.acknowledged = len(run.acks)
        self.acknowledged_through = run.through
        self.attempts_failed = len(run.failures)
        self.failures = run.reasons
        self.unanswered = run.unanswered
        self.cut_short = run.cut_short
        self.lost = losses(run.name, run.acks, read_back.from_active, read_back.through_standbys)
        self.read_from_active = len(read_back.from_active)
        self.read_through_standbys = len(read_back.through_standbys)
        self.active = read_back.active
        self.standbys = read_back.standbys
        self.read_back_seconds = read_back.seconds
        self.longest_gap_seconds = longest_gap(run.acks)
        self.longest_client_gap_seconds = longest_client_gap(run.acks)
        self.silent_end_seconds = run.end - max((ack.acked for ack in run.acks), default=run.start)
        self.latency_ms = latency_ms(run.acks)

    @property
    def complete(self) -> bool:
        """Whether the clients wrote during the whole change, and had every write answered."""
        return self.acknowledged > 0 and not self.cut_short and not self.unanswered

    def gaps_over(self, seconds: float) -> list[Gap]:
        return gaps(self._run.start, self._run.acks, self._run.failures, seconds)

    def acked_at(self) -> list[float]:
        """When writes were acknowledged, in seconds since the start."""
        return [ack.acked - self._run.start for ack in self._run.acks]

    def to_json(self) -> str:
        figures = {name: value for name, value in vars(self).items() if not name.startswith("_")}
        shown = [gap._asdict() for gap in self.gaps_over(SHOWN_GAP_SECONDS)]
        return json.dumps(_rounded({**figures, "complete": self.complete, "gaps": shown}), indent=2)

    def text(self) -> str:
        return "\n".join([*self._writes(), *self._verdict(), *self._times(), *self._failed()])

    def _writes(self) -> list[str]:
        through = ", ".join(f"{node} {count}" for node, count in sorted(self.acknowledged_through.items()))
        lines = [
            f"{self.clients} clients wrote for {self.seconds:.1f} s.",
            f"Acknowledged: {self.acknowledged} writes ({through}).",
        ]
        if self.cut_short:
            lines.append("CUT SHORT: the longest time for a run was over before the change was.")
        if self.unanswered:
            silence = f"the last acknowledgement is {self.silent_end_seconds:.1f} s older"
            lines.append(f"UNANSWERED at the end: {self.unanswered} writes; {silence}.")
        return lines

    def _verdict(self) -> list[str]:
        read = (
            f"Read back in {self.read_back_seconds:.1f} s: {self.read_from_active} from {self.active}, the active node"
            f", and {self.read_through_standbys} through {' and '.join(self.standbys) or 'no standby'}."
        )
        if not self.lost:
            return [read, "Lost: none."]
        some = ", ".join(f"client {client} number {seq}" for client, seq in self.lost[:SHOWN_LOSSES])
        more = ", ..." if len(self.lost) > SHOWN_LOSSES else ""
        return [read, f"LOST: {len(self.lost)} acknowledged writes are missing or different: {some}{more}."]

    def _times(self) -> list[str]:
        latency = ", ".join(f"{name} {value:.1f} ms" for name, value in self.latency_ms.items())
        shown = [
            f"  at {gap.at:.1f} s for {gap.seconds:.2f} s; attempts failed at: {', '.join(gap.refused) or 'no node'}"
            for gap in self.gaps_over(SHOWN_GAP_SECONDS)
        ]
        return [
            f"Longest time without an acknowledgement: {self.longest_gap_seconds:.2f} s for all clients together, "
            f"{self.longest_client_gap_seconds:.2f} s for a single one.",
            f"Times over {SHOWN_GAP_SECONDS} s in which nobody had one:{'' if shown else ' none.'}",
            *shown,
            f"From a write's first attempt to its acknowledgement: {latency}.",
        ]

    def _failed(self) -> list[str]:
        shown = [
            f"  {node}: " + ", ".join(f"{reason} {count}" for reason, count in sorted(reasons.items()))
            for node, reasons in sorted(self.failures.items())
        ]
        return [f"Attempts that failed, and were made again: {self.attempts_failed}", *shown]


def _rounded(value: t.Any) -> t.Any:
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, dict):
        return {name: _rounded(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_rounded(item) for item in value]
    return value
