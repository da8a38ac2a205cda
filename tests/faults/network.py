"""Packets do not arrive."""

from __future__ import annotations

import contextlib
import time

from .cluster import Cluster
from .fault import Steps, fault

STEPS_DOWN = "The node has no majority and steps down; the other two elect a leader. Once it hears them, it follows."


@fault(says="Autopilot calls these peers unhealthy", hold=20, gap=12, heal=60, by_itself=STEPS_DOWN)
def active_partitioned(cluster: Cluster) -> Steps:
    """The active node reaches no other node, while clients reach all of them."""
    with cluster.filtered(cluster.active, *cluster.apart(cluster.active)):
        yield


@fault(
    says="Autopilot calls these peers unhealthy", hold=20, gap=3, heal=60, by_itself="The others serve. It catches up."
)
def standby_partitioned(cluster: Cluster) -> Steps:
    """A standby reaches no other node, while clients reach all of them."""
    with cluster.filtered(cluster.standbys[0], *cluster.apart(cluster.standbys[0])):
        yield


@fault(hold=20, gap=12, heal=60, by_itself=STEPS_DOWN)
def active_deaf(cluster: Cluster) -> Steps:
    """The active node sends to the other nodes, and hears nothing from them."""
    with cluster.filtered(cluster.active, cluster.apart(cluster.active)[0]):
        yield


@fault(
    hold=20,
    gap=12,
    heal=60,
    by_itself="The other two hear no leader and elect one. Once it is heard again, it follows.",
)
def active_mute(cluster: Cluster) -> Steps:
    """The active node hears the other nodes, and nothing that it sends arrives."""
    with cluster.filtered(cluster.active, cluster.apart(cluster.active)[1]):
        yield


@fault(gap=12, heal=90, by_itself="Pre-vote keeps a leader that serves. The node catches up when the link stays.")
def standby_flapping(cluster: Cluster) -> Steps:
    """A standby's link to the other nodes goes away and comes back, eight times in 24 s."""
    for _each in range(8):
        with cluster.filtered(cluster.standbys[0], *cluster.apart(cluster.standbys[0])):
            time.sleep(1.5)
        time.sleep(1.5)
    yield


@fault(hold=20, gap=6, heal=60, by_itself="TCP sends again what was lost. Writes take longer.")
def network_lossy(cluster: Cluster) -> Steps:
    """Of the packets between the nodes 5 % are lost."""
    with contextlib.ExitStack() as stack:
        for name in cluster.nodes:
            lossy = [rule.replace("drop", "numgen random mod 100 '<' 5 drop") for rule in cluster.apart(name)[:1]]
            stack.enter_context(cluster.filtered(name, *lossy))
        yield


@fault(
    hold=10,
    gap=2,
    heal=60,
    by_itself="Nothing is noticed: nodes know each other by address. A name in retry_join is needed at a start only.",
)
def dns_gone(cluster: Cluster) -> Steps:
    """No node resolves a name, and a standby restarts meanwhile."""
    for name in cluster.nodes:
        cluster.sh(name, "cp /etc/resolv.conf /run/resolv.fault; : > /etc/resolv.conf")
    try:
        cluster.sh(cluster.standbys[0], "systemctl restart vault")
        yield
    finally:
        for name in cluster.nodes:
            cluster.sh(name, "cat /run/resolv.fault > /etc/resolv.conf")
