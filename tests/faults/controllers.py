"""The controller dies in the middle of a run, or is not alone."""

from __future__ import annotations

import itertools
import random
import re
import subprocess
import time
import typing as t

from kit.bench import end_family, finished, holder_named

from .cluster import Cluster
from .fault import Steps, fault

KILLS = 10
RESUMES = "What was begun stays as it is. The next run names who had the lease, and finishes the work."

# What each playbook needs so that it has something to do each time.
RUNS: dict[str, t.Callable[[str, int], list[str]]] = {
    "site.yml": lambda _name, turn: ["-e", f"vault_server_log_level={'debug' if turn % 2 else 'info'}"],
    "playbooks/rolling_restart.yml": lambda _name, _turn: [],
    "playbooks/rotate_certificates.yml": lambda _name, _turn: [],
    "playbooks/rekey.yml": lambda name, _turn: ["-e", f"vault_rekey_confirm={name} vault_rekey_age_hours=0"],
    "playbooks/failover_check.yml": lambda name, _turn: ["-e", f"vault_failover_confirm={name}"],
}
# Which one stops a node, and goes on with a whole cluster alone: the node's own timer has to have started Vault again.
TIMER = {"playbooks/failover_check.yml": 180.0}
seed = random.SystemRandom().randrange(10**6)


def killed(cluster: Cluster, playbook: str) -> Steps:
    moments = random.Random(seed)  # noqa: S311
    print(f"{playbook}: seed {seed}", flush=True)
    begun = time.monotonic()
    finish(cluster, playbook, 0)
    whole = time.monotonic() - begun
    for turn in range(1, KILLS + 1):
        process = started(cluster, playbook, turn)
        try:
            process.wait(moments.uniform(1, whole))
        except subprocess.TimeoutExpired:
            end_family(process.pid)
        process.communicate()
        if playbook in TIMER and not cluster.wait_whole(TIMER[playbook]):
            raise SystemExit(f"nothing on the node started Vault again within {TIMER[playbook]:.0f} s (seed {seed})")
        finish(cluster, playbook, turn)
    yield


def started(cluster: Cluster, playbook: str, turn: int) -> subprocess.Popen[str]:
    return cluster.bench.start_play(*RUNS[playbook](cluster.bench.lab.name, turn), playbook=playbook)


def finish(cluster: Cluster, playbook: str, turn: int) -> None:
    """The next run is refused where the one before had the lease, and finishes when that is said."""
    arguments = RUNS[playbook](cluster.bench.lab.name, turn)
    code, output = cluster.bench.play(*arguments, playbook=playbook)
    if code:
        code, output = cluster.bench.play_refused(output, *arguments, playbook=playbook)
    if code:
        raise SystemExit(f"{playbook} did not finish what was begun (seed {seed}): {output}")


@fault(gap=2, heal=60, by_itself=RESUMES, to_do="Run it again.")
def controller_killed_in_site(cluster: Cluster) -> Steps:
    """site.yml is killed at ten random moments."""
    yield from killed(cluster, "site.yml")


@fault(gap=3, heal=60, by_itself=RESUMES, to_do="Run it again.")
def controller_killed_in_rolling_restart(cluster: Cluster) -> Steps:
    """rolling_restart.yml is killed at ten random moments."""
    yield from killed(cluster, "playbooks/rolling_restart.yml")


@fault(gap=2, heal=60, by_itself=RESUMES, to_do="Run it again.")
def controller_killed_in_rotate_certificates(cluster: Cluster) -> Steps:
    """rotate_certificates.yml is killed at ten random moments."""
    yield from killed(cluster, "playbooks/rotate_certificates.yml")


@fault(gap=1, heal=60, by_itself=f"{RESUMES} Custody holds keys that count at every moment.", to_do="Run it again.")
def controller_killed_in_rekey(cluster: Cluster) -> Steps:
    """rekey.yml is killed at ten random moments."""
    yield from killed(cluster, "playbooks/rekey.yml")


@fault(
    gap=3,
    heal=60,
    by_itself=f"{RESUMES} A timer on the node starts Vault.",
    to_do="Run it again once every node serves.",
)
def controller_killed_in_failover_check(cluster: Cluster) -> Steps:
    """failover_check.yml is killed at ten random moments."""
    yield from killed(cluster, "playbooks/failover_check.yml")


@fault(
    gap=3,
    heal=60,
    by_itself="One of the two changes the cluster. The other one is told who is at work, and changes nothing. Two that ask "
    "at the same moment may both be refused.",
    to_do="Run again what was refused.",
)
def two_controllers(cluster: Cluster) -> Steps:
    """Each pair of playbooks that change the cluster is started at once."""
    for turn, pair in enumerate(itertools.combinations_with_replacement(RUNS, 2), start=1):
        processes = [started(cluster, playbook, turn) for playbook in pair]
        ended = [finished(process) for process in processes]
        refused = [(output, other) for (code, output), other in zip(ended, reversed(pair), strict=True) if code]
        for output, other in refused:
            # Where the other one has ended meanwhile, or has had one node alone, what was read before may not hold.
            if "another run has had the lease of the cluster" not in output:
                holder_named(output, other)
            assert not re.search(r"\bchanged=[1-9]", output), output
        print(f"{' and '.join(pair)}: {len(refused)} of two were refused", flush=True)
    yield
