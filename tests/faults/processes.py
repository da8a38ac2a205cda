"""Vault's own process ends, or stands still."""

from __future__ import annotations

import time

from .cluster import Cluster
from .fault import Steps, fault

YOUNG_SECONDS = 8
# Something in Vault's cgroup takes more than is left, and Vault is the first that the kernel ends for it.
ETER = """
main=$(systemctl show vault -P MainPID)
now=$(systemctl show vault -P MemoryCurrent)
systemctl set-property --runtime vault MemoryMax=$((now + 33554432))
echo 1000 > /proc/$main/oom_score_adj
group=$(sed -n 's/^[0-9]*:memory://p' /proc/$main/cgroup)
(echo 0 > /sys/fs/cgroup/memory$group/cgroup.procs && head -c 512m /dev/zero | tail > /dev/null) || true
"""
ELECTED = "The standbys notice that the leader is silent, and elect another. The unit starts the old one again, which unseals."
STARTED = "The unit starts it again after 5 s, it unseals and catches up."


@fault(gap=6, heal=60, by_itself=ELECTED)
def active_killed(cluster: Cluster) -> Steps:
    """The active node's Vault is killed (SIGKILL)."""
    cluster.signal(cluster.active, "KILL")
    yield


@fault(gap=2, heal=60, by_itself="It hands leadership over before it ends. " + STARTED)
def active_ended(cluster: Cluster) -> Steps:
    """The active node's Vault is ended (SIGTERM)."""
    cluster.signal(cluster.active, "TERM")
    yield


@fault(
    says="does not answer",
    hold=20,
    gap=8,
    heal=60,
    by_itself="The standbys elect another leader. Once it goes on, it follows.",
)
def active_frozen(cluster: Cluster) -> Steps:
    """The active node's Vault stands still (SIGSTOP)."""
    yield from frozen(cluster, cluster.active)


@fault(gap=3, heal=60, by_itself=STARTED)
def standby_killed(cluster: Cluster) -> Steps:
    """A standby's Vault is killed (SIGKILL)."""
    cluster.signal(cluster.standbys[0], "KILL")
    yield


@fault(gap=3, heal=60, by_itself=STARTED)
def standby_ended(cluster: Cluster) -> Steps:
    """A standby's Vault is ended (SIGTERM)."""
    cluster.signal(cluster.standbys[0], "TERM")
    yield


@fault(
    says="does not answer",
    hold=20,
    gap=3,
    heal=60,
    by_itself="Clients go to the other nodes. Once it goes on, it catches up.",
)
def standby_frozen(cluster: Cluster) -> Steps:
    """A standby's Vault stands still (SIGSTOP)."""
    yield from frozen(cluster, cluster.standbys[0])


def frozen(cluster: Cluster, name: str) -> Steps:
    cluster.signal(name, "STOP")
    try:
        yield
    finally:
        cluster.signal(name, "CONT")


@fault(
    says="No node is active: nobody can read or write secrets",
    hold=20,
    gap=120,
    heal=60,
    by_itself="Nothing: one node alone is no majority. Once a second one is back, they elect a leader.",
    to_do="Start one of the two. Where both are lost for good: docs/emergencies.md, The quorum is lost.",
)
def quorum_lost(cluster: Cluster) -> Steps:
    """Two of three nodes are down."""
    down = [cluster.active, cluster.standbys[0]]
    for name in down:
        cluster.sh(name, "systemctl stop vault")
    try:
        yield
    finally:
        for name in down:
            cluster.sh(name, "systemctl start vault")


@fault(gap=90, heal=120, by_itself="Vault starts with each machine, unseals, and a leader is elected.")
def hosts_restarted(cluster: Cluster) -> Steps:
    """All three machines lose power at once, and start again."""
    containers = [node.container for node in cluster.nodes.values()]
    cluster.docker("kill", *containers)
    cluster.docker("start", *containers)
    yield


@fault(
    gap=12,
    heal=90,
    by_itself="The kernel kills Vault, and another node takes over. " + STARTED,
    to_do="Give the node more memory.",
)
def memory_limit(cluster: Cluster) -> Steps:
    """The active node's Vault reaches its limit of memory."""
    name = cluster.active
    cluster.sh(name, ETER)
    try:
        if not cluster.wait(lambda: cluster.youngest() < YOUNG_SECONDS, 20):
            raise SystemExit("the kernel ended nothing")
        yield
    finally:
        cluster.sh(name, "systemctl set-property --runtime vault MemoryMax=infinity")


@fault(
    says="",
    hold=10,
    gap=3,
    heal=60,
    by_itself="The node is slow, and stays leader or is replaced.",
    stand_in="SIGSTOP in turns",
)
def active_slow(cluster: Cluster) -> Steps:
    """The active node's machine is slow: it stands still for 0.3 s of each 0.4 s."""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        cluster.signal(cluster.active, "STOP")
        time.sleep(0.3)
        cluster.signal(cluster.active, "CONT")
        time.sleep(0.1)
    yield
