"""How long a cluster of three takes for a new leader, on a settled cluster: so many runs of each kind, and a table.

    python tests/bench/failover.py run FILE --kind crash --multiplier 1 --runs 20 [--seconds 480]
    python tests/bench/failover.py show FILE [--plot PICTURE.svg]

'run' adds to FILE until it holds so many runs of that kind, or until the time is over: begin it again to go on. It wants the test
lab's cluster, or makes it. 'show' prints the table, and ends with 1 when a figure is missed.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
import typing as t
from pathlib import Path

from ansible_collections.vaultops.cluster.plugins.module_utils._vault.failover.watch import Watch
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.status.api import read_nodes
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.status.state import classify
from kit.bench import Bench
from kit.login import as_operator

RUNS_AT_MOST = 100
LEADER_SECONDS = 60.0
REJOIN_SECONDS = 120.0
STOPS = {"graceful": "systemctl stop vault", "crash": "systemctl kill --signal=SIGKILL vault; systemctl stop vault"}
# Kind and multiplier: seconds that 95 of 100 fail-overs may take until a write is acknowledged.
TARGETS = {("graceful", 1): 1.0, ("crash", 1): 3.0, ("crash", 5): 12.0}

Run = dict[str, t.Any]


def p95(values: t.Sequence[float]) -> float:
    """The smallest that 95 % of the values are not above."""
    return sorted(values)[max(0, -(-len(values) * 95 // 100) - 1)]


def read(path: Path) -> list[Run]:
    runs: list[Run] = json.loads(path.read_text()) if path.exists() else []
    return runs


def of(runs: t.Sequence[Run], kind: str, multiplier: int) -> list[Run]:
    return [one for one in runs if (one["kind"], one["multiplier"]) == (kind, multiplier)]


def cluster_with(bench: Bench, multiplier: int) -> None:
    """site.yml restarts the nodes one by one where the multiplier is another one, and else changes nothing."""
    bench.lab_command("up")
    code, output = bench.play("-e", f"vault_server_performance_multiplier={multiplier}")
    if code:
        sys.exit(output)


def settled(bench: Bench, multiplier: int) -> None:
    """Vault waits three times as long for a leader after a start, for at most six times the multiplier."""
    deadline = time.monotonic() + REJOIN_SECONDS
    while classify(read_nodes(as_operator(bench)))["state"] != "live":
        if time.monotonic() > deadline:
            sys.exit("the cluster did not come up")
        time.sleep(0.5)
    time.sleep(6 * multiplier + 2)


def once(bench: Bench, kind: str, multiplier: int) -> Run:
    cluster = as_operator(bench)
    leader = cluster.active()
    node = next(node for node in bench.lab.nodes if node.hostname == leader)

    def on_node(script: str) -> None:
        subprocess.run(["docker", "exec", node.container, "sh", "-ec", script], check=True, timeout=90)

    with Watch(cluster, leader) as watch:
        try:
            on_node(STOPS[kind])
            outage = watch.first_write(LEADER_SECONDS)
            lost = watch.lost(outage["leader"]) if outage["leader"] else None
        finally:
            began = time.monotonic()
            on_node("systemctl start --no-block vault")
        peers = {leader: f"{node.address}:8201"}
        unsealed, rejoined, missing = watch.rejoin(leader, peers, began, REJOIN_SECONDS)
    if missing or lost is not False:
        sys.exit(f"{leader}: lost: {lost}; {missing}")
    seconds = {"unsealed_seconds": round(unsealed or 0, 3), "rejoined_seconds": round(rejoined or 0, 3)}
    return {"kind": kind, "multiplier": multiplier, **outage, **seconds}


def run(path: Path, kind: str, multiplier: int, count: int, seconds: float) -> None:
    end = time.monotonic() + seconds
    bench = Bench(Path(tempfile.mkdtemp()))
    cluster_with(bench, multiplier)
    while len(of(read(path), kind, multiplier)) < count and time.monotonic() < end:
        settled(bench, multiplier)
        found = once(bench, kind, multiplier)
        path.write_text(json.dumps([*read(path), found], indent=1) + "\n")
        print(f"{kind}, multiplier {multiplier}: {found['leader_seconds']} s, {found['write_seconds']} s", flush=True)


def table(runs: t.Sequence[Run]) -> tuple[list[str], bool]:
    """And whether every figure is kept."""
    lines = [
        f"{'':24}{'runs':>5}{'leader p50':>12}{'p95':>8}{'write p50':>12}{'p95':>8}{'longest':>9}{'at most':>9}{'back p95':>10}"
    ]
    kept = True
    for (kind, multiplier), most in TARGETS.items():
        these = of(runs, kind, multiplier)
        if not these:
            kept = False
            lines.append(f"{kind}, multiplier {multiplier}: no run")
            continue
        leader, write = ([one[name] for one in these] for name in ("leader_seconds", "write_seconds"))
        back = [one["rejoined_seconds"] for one in these]
        kept = kept and p95(write) <= most
        middle = [sorted(values)[len(values) // 2] for values in (leader, write)]
        lines.append(
            f"{kind + ', multiplier ' + str(multiplier):24}{len(these):5}{middle[0]:11.2f}s{p95(leader):7.2f}s{middle[1]:11.2f}s"
            f"{p95(write):7.2f}s{max(write):8.2f}s{most:8.1f}s{p95(back):9.2f}s"
        )
    return lines, kept


WIDTH, ROW, LEFT, TOP, RIGHT = 760, 62, 190, 78, 30


def picture(runs: t.Sequence[Run]) -> str:
    """A dot for each run, by the seconds without a write; the line is what 95 of 100 may take."""
    longest = max([*TARGETS.values(), *(one["write_seconds"] for one in runs)]) + 1
    height = TOP + ROW * len(TARGETS) + 34

    def x(seconds: float) -> str:
        return f"{LEFT + seconds / longest * (WIDTH - LEFT - RIGHT):.1f}"

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img" '
        'aria-labelledby="title" font-family="sans-serif" font-size="12" fill="#1f2933">',
        '  <title id="title">Seconds without an acknowledged write when the active node goes</title>',
        f'  <rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        '  <text x="20" y="26" font-size="15" font-weight="bold">Seconds without an acknowledged write when the active node '
        "goes</text>",
    ]
    bottom = TOP + ROW * len(TARGETS)
    for second in range(int(longest) + 1):
        parts.append(f'  <path d="M{x(second)},{TOP - 12} V{bottom}" stroke="#e5e7eb"/>')
        parts.append(f'  <text x="{x(second)}" y="{bottom + 18}" text-anchor="middle" fill="#4b5563">{second}</text>')
    for at, ((kind, multiplier), most) in enumerate(TARGETS.items()):
        y = TOP + at * ROW
        write = [one["write_seconds"] for one in of(runs, kind, multiplier)]
        name = {"graceful": "stopped (SIGTERM)", "crash": "killed (SIGKILL)"}[kind]
        parts.append(f'  <text x="20" y="{y + 18}" font-weight="bold">{name}</text>')
        parts.append(f'  <text x="20" y="{y + 34}" fill="#4b5563">multiplier {multiplier}, {len(write)} runs</text>')
        parts.append(f'  <path d="M{x(most)},{y} v40" stroke="#b91c1c" stroke-width="2"/>')
        for number, seconds in enumerate(write):
            parts.append(
                f'  <circle cx="{x(seconds)}" cy="{y + 8 + number % 5 * 6}" r="3.5" fill="#1d4ed8" fill-opacity="0.55"/>'
            )
        if write:
            parts.append(f'  <path d="M{x(p95(write))},{y} v40" stroke="#1f2933" stroke-dasharray="4 3"/>')
    parts.append(
        f'  <text x="{WIDTH - RIGHT}" y="{TOP - 30}" text-anchor="end" fill="#4b5563">dashed: 95 of 100 were faster. red: the '
        "target</text>"
    )
    return "\n".join([*parts, "</svg>", ""])


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="failover", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    measure = commands.add_parser("run")
    measure.add_argument("--kind", choices=[*STOPS], required=True)
    measure.add_argument("--multiplier", type=int, choices=range(1, 11), default=1)
    measure.add_argument("--runs", type=int, choices=range(1, RUNS_AT_MOST + 1), default=20, metavar="RUNS")
    measure.add_argument("--seconds", type=float, default=480)
    show = commands.add_parser("show")
    show.add_argument("--plot", type=Path)
    for command in (measure, show):
        command.add_argument("file", type=Path)
    options = parser.parse_args()
    if options.command == "run":
        run(options.file, options.kind, options.multiplier, options.runs, options.seconds)
        return 0
    runs = read(options.file)
    lines, kept = table(runs)
    print("\n".join(lines))
    if options.plot:
        options.plot.write_text(picture(runs))
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
