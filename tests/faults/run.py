"""Inject one fault while clients write, and write down what happened."""

from __future__ import annotations

import dataclasses
import time
import typing as t

from kit.changes import clients
from kit.login import as_admin
from kit.probe import tidy
from kit.probe.report import Report

from .cluster import Cluster
from .fault import Fault

NOTICE_SECONDS = 90
MOST_SECONDS = 3000
BEFORE_SECONDS = AFTER_SECONDS = 2.0


@dataclasses.dataclass
class Row:
    name: str
    problems: list[str]
    gap_seconds: float
    healed_seconds: float | None  # since the fault was over; None: it was not
    noticed_seconds: float | None  # since it was injected, until status.yml had said so
    findings: list[str]
    status_code: int | None
    acknowledged: int
    lost: int
    begun: float  # both since the first write
    over: float
    acked: list[float]  # how many writes were acknowledged in each half second


def run(fault: Fault, cluster: Cluster) -> Row:
    cluster.settle()
    problems: list[str] = []
    steps = fault.steps(cluster)
    probe = clients(cluster.bench, MOST_SECONDS)
    looks = Looks(cluster, fault)
    healed = False
    try:
        with probe:
            time.sleep(BEFORE_SECONDS)
            begun = probe.elapsed
            next(steps)
            if fault.says:
                looks.until_said()
            time.sleep(max(0.0, begun + fault.hold_seconds - probe.elapsed))
            next(steps, None)
            over = probe.elapsed
            healed = cluster.wait_whole(fault.heal_seconds)
            whole = probe.elapsed
            time.sleep(AFTER_SECONDS)
    finally:
        # What the fault undoes is undone also where this ends early.
        steps.close()
    report = probe.report()
    tidy(as_admin(cluster.bench))
    if not healed:
        problems.append(f"not whole {fault.heal_seconds:.0f} s after the fault")
    if fault.says and looks.noticed is None:
        problems.append(f"status.yml did not say '{fault.says}'")
    problems += judged(report, fault)
    return Row(
        name=fault.name,
        problems=problems,
        gap_seconds=report.longest_gap_seconds,
        healed_seconds=whole - over if healed else None,
        noticed_seconds=looks.noticed,
        findings=looks.findings,
        status_code=looks.code,
        acknowledged=report.acknowledged,
        lost=len(report.lost),
        begun=begun,
        over=over,
        acked=per_half_second(report),
    )


def judged(report: Report, fault: Fault) -> t.Iterator[str]:
    if report.lost:
        yield f"{len(report.lost)} acknowledged writes are lost"
    if not report.complete:
        yield "the clients did not write to the end"
    if report.longest_gap_seconds > fault.gap_seconds:
        yield f"nobody could write for {report.longest_gap_seconds:.1f} s, at most {fault.gap_seconds:.1f} s was expected"


class Looks:
    """Looks of status.yml at the cluster while the fault lasts."""

    def __init__(self, cluster: Cluster, fault: Fault) -> None:
        self._cluster, self._says = cluster, fault.says
        self.noticed: float | None = None
        self.findings: list[str] = []
        self.code: int | None = None

    def until_said(self) -> None:
        begun = time.monotonic()
        while self.noticed is None and time.monotonic() < begun + NOTICE_SECONDS:
            self.code, document = self._cluster.status()
            self.findings = [one["text"] for one in document["findings"] if one["level"] == "problem"]
            if any(self._says in text for text in self.findings):
                self.noticed = time.monotonic() - begun


def per_half_second(report: Report) -> list[float]:
    times = report.acked_at()
    counts = [0.0] * (int(report.seconds * 2) + 1)
    for moment in times:
        counts[int(moment * 2)] += 1
    return counts
