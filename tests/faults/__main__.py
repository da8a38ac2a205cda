"""Run faults by name, or all of them."""

from __future__ import annotations

import argparse
import importlib
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from ansible_collections.vaultops.cluster.plugins.module_utils._vault.errors import VaultError
from kit.bench import Bench
from kit.paths import ROOT
from kit.probe import ProbeError

from . import controllers, record
from .cluster import Cluster
from .fault import FAULTS, NOT_INJECTED
from .run import Row, run

for part in ("aws", "certificates", "disks", "network", "processes"):
    importlib.import_module(f"faults.{part}")

PAGE = ROOT / "docs" / "faults.md"
BEGIN, END = "<!-- measured: begin -->\n", "<!-- measured: end -->"


def main() -> int:
    parser = argparse.ArgumentParser(prog="faults", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--list", action="store_true", help="the names, and no more")
    parser.add_argument("--keep-cluster", action="store_true", help="the cluster that is there, and not a new one")
    parser.add_argument("--seed", type=int, help="of the moments at which controllers are killed")
    parser.add_argument("--results", type=Path, default=ROOT / "build" / "faults")
    parser.add_argument("--write-docs", action="store_true", help="put what was measured into docs/faults.md")
    options = parser.parse_args()
    if unknown := sorted(set(options.names) - set(FAULTS)):
        parser.error(f"there is no fault {', '.join(unknown)}; --list has them all")
    if options.list:
        print("\n".join(f"{fault.name:42} {fault.sentence}" for fault in FAULTS.values()))
        return 0
    if options.seed is not None:
        controllers.seed = options.seed
    rows = measured(options.names or list(FAULTS), options.keep_cluster, options.results)
    for what, why in NOT_INJECTED.values():
        print(f"not injected here: {what} {why}")
    if options.write_docs:
        write_docs(record.read(options.results))
    return 1 if any(row.problems for row in rows) else 0


def measured(names: list[str], keep: bool, results: Path) -> list[Row]:
    rows: list[Row] = []
    failed: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        if not keep:
            bench.lab_command("down")
            bench.lab_command("up")
            code, output = bench.play()
            if code:
                raise SystemExit(output)
        cluster = Cluster(bench)
        for name in names:
            begun = time.monotonic()
            try:
                rows.append(run(FAULTS[name], cluster))
            except (SystemExit, AssertionError, VaultError, ProbeError, subprocess.CalledProcessError) as error:
                # What it was about is told, and the others have their turn.
                print(f"{name}: {error}", flush=True)
                failed.append(name)
                continue
            print(f"{record.line(rows[-1])}  ({time.monotonic() - begun:.0f} s)", flush=True)
            record.write(record.together(record.read(results), rows), results)
    if failed:
        raise SystemExit(f"not measured: {', '.join(failed)}")
    return rows


def write_docs(rows: list[Row]) -> None:
    before, _begin, rest = PAGE.read_text().partition(BEGIN)
    after = rest.partition(END)[2]
    PAGE.write_text(f"{before}{BEGIN}\n{record.table(rows)}\n\n{END}{after}")


if __name__ == "__main__":
    sys.exit(main())
