"""Changes of a live cluster beside plain shell scripts, in one run, while clients write.

Prints a table, and ends with 1 when a figure is missed or a write was lost.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
import typing as t
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent

from kit.bench import Bench
from kit.changes import NEW, OLD, clients, make_cluster
from kit.login import identities

SCRIPT_SECONDS = 120


@dataclass
class Row:
    what: str
    seconds: float
    gap: float
    seconds_at_most: float | None = None
    gap_at_most: float | None = None

    @property
    def missed(self) -> bool:
        return any(
            most is not None and seen > most
            for seen, most in ((self.seconds, self.seconds_at_most), (self.gap, self.gap_at_most))
        )

    def __str__(self) -> str:
        most = [f"{most:7.1f}s" if most is not None else " " * 8 for most in (self.seconds_at_most, self.gap_at_most)]
        return f"{self.what:28}{self.seconds:7.1f}s{most[0]}{self.gap:8.2f}s{most[1]}"


def measured(bench: Bench, what: str, change: t.Callable[[], object], *at_most: float) -> Row:
    with clients(bench) as probe:
        time.sleep(2)  # what they see before and after is part of the picture
        begun = time.monotonic()
        change()
        seconds = time.monotonic() - begun
        time.sleep(2)
    report = probe.report()
    if not report.complete or report.lost:
        sys.exit(f"{what}: {report.text()}")
    return Row(what, seconds, report.longest_gap_seconds, *at_most)


def script(name: str, *arguments: str) -> None:
    subprocess.run(["bash", str(HERE / name), *arguments], check=True, timeout=SCRIPT_SECONDS)


def play(bench: Bench, name: str) -> None:
    code, output = bench.play(playbook=f"playbooks/{name}.yml")
    if code:
        sys.exit(output)


def main() -> int:
    bench = Bench(Path(tempfile.mkdtemp()))
    bench.lab_command("down")
    bench.lab_command("up")
    network = bench.lab.gateway.rpartition(".")[0]
    rows = []
    make_cluster(bench, vault_version=OLD)
    ca = str(identities(bench.lab) / "ca.crt")
    rows.append(measured(bench, "upgrade, script", lambda: script("upgrade.sh", "test-", network, NEW, ca)))
    make_cluster(bench, vault_version=OLD)
    rows.append(measured(bench, "upgrade, play", lambda: play(bench, "rolling_upgrade"), 60.0, 1.0))
    rows.append(measured(bench, "nothing", lambda: time.sleep(10)))
    rows.append(
        measured(
            bench,
            "certificates, script",
            lambda: script("certificates.sh", "test-", network, "test", bench.lab.aws_url),
        )
    )
    rows.append(measured(bench, "certificates, play", lambda: play(bench, "rotate_certificates"), 60.0, 0.2))
    bench.lab_command("down")

    print(f"{'':28}{'whole':>8}{'at most':>8}{'gap':>9}{'at most':>8}")
    for row in rows:
        print(row)
    return int(any(row.missed for row in rows))


if __name__ == "__main__":
    sys.exit(main())
