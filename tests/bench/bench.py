"""The play beside a plain shell script that does the same work, on the same nodes, in one run.

Prints a table, and ends with 1 when a figure is missed: deploy at most 2.0 times the script's, no-op at most 12 s.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]

from labkit.settings import Lab

DEPLOY_AT_MOST = 2.0
NO_OP_SECONDS_AT_MOST = 12.0
NO_OP_RUNS = 5
RUN_SECONDS = 300
LAB = Lab("test", 3)
ENVIRONMENT = {**os.environ, "VAULTOPS_LAB": LAB.name, "ANSIBLE_FORCE_COLOR": "0"}
PLAY = ("ansible-playbook", "-i", "inventories/lab", "site.yml")


def fresh_lab() -> None:
    for command in ("down", "up"):
        subprocess.run([sys.executable, "tests/lab/lab.py", command], cwd=ROOT, env=ENVIRONMENT, check=True)


def timed(*command: str) -> tuple[float, str]:
    begun = time.monotonic()
    done = subprocess.run(
        command, cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, check=False, timeout=RUN_SECONDS
    )
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
    return time.monotonic() - begun, done.stdout


def main() -> int:
    work = LAB.state / "bench"
    fresh_lab()
    shutil.rmtree(work, ignore_errors=True)
    script, _ = timed("bash", "tests/bench/deploy.sh", "test-", LAB.gateway.rpartition(".")[0], str(work))
    fresh_lab()
    deploy, _ = timed(*PLAY)
    no_ops = []
    for _run in range(NO_OP_RUNS):
        seconds, output = timed(*PLAY)
        if output.count("changed=0") != 4:
            sys.exit(f"a second run changed something:\n{output}")
        no_ops.append(seconds)
    subprocess.run([sys.executable, "tests/lab/lab.py", "down"], cwd=ROOT, env=ENVIRONMENT, check=True)

    ratio, no_op = deploy / script, statistics.median(no_ops)
    print(f"{'':24}{'seen':>10}{'at most':>10}")
    print(f"{'shell script':24}{script:9.1f}s")
    print(f"{'play, empty nodes':24}{deploy:9.1f}s")
    print(f"{'play / script':24}{ratio:9.2f}x{DEPLOY_AT_MOST:9.1f}x")
    runs = ", ".join(f"{seconds:.1f}" for seconds in no_ops)
    print(f"{'play, nothing to do':24}{no_op:9.1f}s{NO_OP_SECONDS_AT_MOST:9.1f}s   (median of {runs})")
    return int(ratio > DEPLOY_AT_MOST or no_op > NO_OP_SECONDS_AT_MOST)


if __name__ == "__main__":
    sys.exit(main())
