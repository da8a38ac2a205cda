"""The play beside a plain shell script that does the same work, and a run with nothing to do beside pings of the same nodes.

Prints a table, and ends with 1 when a figure is missed. Snapshots are on, but where the play is compared with the script, which
takes none.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import typing as t
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]

from kit.memory import peak_of
from labkit.settings import MIRROR_PORT, REGION, Lab, inventory_version

DEPLOY_AT_MOST = 1.4
PINGS_AT_MOST = 5.0
SECONDS_A_NODE_AT_MOST = 0.3
LOG_LEVEL_SECONDS_AT_MOST = 10.0
MIB_AT_MOST = 300
SIZES = (3, 5, 7)
RUNS = 5
RUN_SECONDS = 300


@dataclass
class Site:
    """A lab of so many nodes, and an inventory of them."""

    lab: Lab
    inventory: Path

    @property
    def environment(self) -> dict[str, str]:
        count = str(self.lab.node_count)
        return {**os.environ, "VAULTOPS_LAB": self.lab.name, "VAULTOPS_LAB_NODES": count, "ANSIBLE_FORCE_COLOR": "0"}

    def make(self) -> None:
        for command in ("down", "up"):
            subprocess.run([sys.executable, "tests/lab/lab.py", command], cwd=ROOT, env=self.environment, check=True)

    def play(self, *options: str, snapshots: bool = True) -> tuple[float, str]:
        bucket = self.lab.bucket if snapshots else ""
        return self.timed(
            "ansible-playbook", "-i", str(self.inventory), "site.yml", "-e", f"vault_snapshot_bucket={bucket}", *options
        )

    def ping(self) -> float:
        return self.timed("ansible", "-i", str(self.inventory), "vault", "-m", "ansible.builtin.ping")[0]

    def nothing(self) -> float:
        seconds, output = self.play()
        if output.count("changed=0") != self.lab.node_count + 1:
            sys.exit(f"a second run changed something:\n{output}")
        return seconds

    def timed(self, *command: str) -> tuple[float, str]:
        begun = time.monotonic()
        done = subprocess.run(
            command, cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False, timeout=RUN_SECONDS
        )
        if done.returncode != 0:
            sys.exit(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
        return time.monotonic() - begun, done.stdout


def site_of(count: int, folder: Path) -> Site:
    """The inventory has plain values, as those that people write or have from AWS: the lab's own is made of lookups."""
    lab = Lab("test", count)
    inventory = folder / f"of-{count}.yml"
    hosts = {node.hostname: {"vault_address": node.address, "ansible_host": node.container} for node in lab.nodes}
    settings = {
        "ansible_connection": "community.docker.docker",
        "ansible_python_interpreter": "/usr/bin/python3",
        "vault_version": inventory_version(),
        "vault_cluster_name": lab.name,
        "vault_aws_region": REGION,
        "vault_aws_endpoint_url": lab.aws_url,
        "vault_release_mirror": f"http://{lab.gateway}:{MIRROR_PORT}",
        "vault_release_signing_key": "{{ lookup('ansible.builtin.url', vault_release_mirror ~ '/lab-signing-key.asc', "
        "split_lines=false) }}",
        "vault_custody_sink": "secretsmanager",
    }
    inventory.write_text(json.dumps({"all": {"children": {"vault": {"hosts": hosts, "vars": settings}}}}))
    return Site(lab, inventory)


class Row(t.NamedTuple):
    what: str
    seen: float
    at_most: float | None = None
    unit: str = "s"

    def __str__(self) -> str:
        most = "" if self.at_most is None else f"{self.at_most:10.1f}{self.unit}"
        return f"{self.what:46}{self.seen:9.2f}{self.unit}{most}"


def deploy(site: Site) -> list[Row]:
    work = site.lab.state / "bench"
    site.make()
    shutil.rmtree(work, ignore_errors=True)
    script, _ = site.timed("bash", "tests/bench/deploy.sh", "test-", site.lab.gateway.rpartition(".")[0], str(work))
    site.make()
    play, _ = site.play(snapshots=False)
    ratio = Row("play / script", play / script, DEPLOY_AT_MOST, "x")
    return [Row("shell script, empty nodes", script), Row("play, empty nodes", play), ratio]


def nothing_to_do(site: Site) -> tuple[float, float]:
    """Medians of the play and of a ping, in turns."""
    pairs = [(site.nothing(), site.ping()) for _run in range(RUNS)]
    plays, pings = zip(*pairs, strict=True)
    return statistics.median(plays), statistics.median(pings)


def main() -> int:
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        sites = [site_of(count, Path(folder)) for count in SIZES]
        rows += deploy(sites[0])
        medians = {}
        for site in sites:
            count = site.lab.node_count
            if count > SIZES[0]:
                site.make()
            seconds, _ = site.play()
            rows.append(Row(f"{count} nodes: play that brings snapshots, too", seconds))
            medians[count], ping = nothing_to_do(site)
            rows.append(Row(f"{count} nodes: ping", ping))
            rows.append(Row(f"{count} nodes: play, nothing to do", medians[count]))
            if count == SIZES[0]:
                rows.append(Row("play with nothing to do / ping", medians[count] / ping, PINGS_AT_MOST, "x"))
                changed, _ = site.play("-e", "vault_server_log_level=debug")
                rows.append(Row("play, another log level", changed, LOG_LEVEL_SECONDS_AT_MOST))
        grown = (medians[SIZES[-1]] - medians[SIZES[0]]) / (SIZES[-1] - SIZES[0])
        rows.append(Row("nothing to do, for each further node", grown, SECONDS_A_NODE_AT_MOST))
        last = sites[-1]
        play = [
            "ansible-playbook",
            "-i",
            str(last.inventory),
            "site.yml",
            "-e",
            f"vault_snapshot_bucket={last.lab.bucket}",
        ]
        rows.append(Row(f"memory, {SIZES[-1]} nodes", peak_of(play, ROOT, last.environment), MIB_AT_MOST, "M"))
        subprocess.run([sys.executable, "tests/lab/lab.py", "down"], cwd=ROOT, env=last.environment, check=True)
    print(f"{'':46}{'seen':>10}{'at most':>11}")
    print(*rows, sep="\n")
    return int(any(row.at_most is not None and row.seen > row.at_most for row in rows))


if __name__ == "__main__":
    sys.exit(main())
