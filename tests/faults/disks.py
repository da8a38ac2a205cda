"""Disks are full, slow, or not what they were."""

from __future__ import annotations

import contextlib
import os
import time
import typing as t

import requests
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.errors import VaultError
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.raft import api
from kit.login import as_operator
from kit.probe import prepare

from .cluster import AUDIT, DATA, Cluster
from .fault import Steps, fault

SPACE = "Make room, or a larger disk."


NO_SPACE = "no space left on device"
FULL_SECONDS = 90


@contextlib.contextmanager
def filled(cluster: Cluster, name: str, directory: str) -> t.Iterator[None]:
    """Somebody fills the disk, and Vault has noticed."""
    begun = time.time()
    cluster.fill(name, directory)
    # What is free in the database's file is used up first.
    if not cluster.wait(lambda: cluster.logged(name, NO_SPACE, begun) or not write_much(cluster), FULL_SECONDS):
        raise SystemExit(f"Vault on {name} did not notice within {FULL_SECONDS} s that {directory} is full")
    yield
    cluster.sh(name, f"rm -f {directory}/fill")


@fault(
    hold=20,
    gap=30,
    heal=120,
    by_itself="The node can't write its part of Raft. The others are a majority.",
    to_do=SPACE,
)
def raft_disk_full_on_standby(cluster: Cluster) -> Steps:
    """The disk with Raft's data is full on a standby."""
    name = cluster.standbys[0]
    with cluster.small_disk(name, DATA, 8):
        cluster.settle()
        with filled(cluster, name, DATA):
            yield


@fault(hold=20, gap=120, heal=120, by_itself="The leader can't write, and another node takes over.", to_do=SPACE)
def raft_disk_full_on_active(cluster: Cluster) -> Steps:
    """The disk with Raft's data is full on the active node."""
    name = cluster.active
    with cluster.small_disk(name, DATA, 8):
        cluster.settle()
        lead(cluster, name)
        with filled(cluster, name, DATA):
            yield


@fault(hold=10, gap=8, heal=60, by_itself="The other audit device takes each request, so Vault serves.", to_do=SPACE)
def audit_disk_full(cluster: Cluster) -> Steps:
    """The disk with the audit file is full on every node."""
    with contextlib.ExitStack() as stack:
        for name in cluster.nodes:
            stack.enter_context(cluster.small_disk(name, AUDIT, 8))
            cluster.settle()
        for name in cluster.nodes:
            cluster.fill(name, AUDIT)
        with filled(cluster, cluster.active, AUDIT):
            yield
        for name in cluster.nodes:
            cluster.sh(name, f"rm -f {AUDIT}/fill")


@fault(
    gap=2,
    heal=30,
    by_itself="Vault goes on writing to the file that has no name any more.",
    to_do="systemctl reload vault makes the file anew.",
)
def audit_file_deleted(cluster: Cluster) -> Steps:
    """The audit file is deleted on the active node."""
    cluster.sh(cluster.active, f"rm {AUDIT}/audit.log")
    try:
        yield
    finally:
        cluster.sh(cluster.active, "systemctl reload vault")
        if not cluster.wait(lambda: bool(cluster.sh(cluster.active, f"ls {AUDIT}")), 10):
            raise SystemExit("the reload made no audit file")


@fault(
    hold=90,
    gap=120,
    heal=60,
    by_itself="Requests hang once its buffer of 8 MiB is full: a device that blocks is worse than one that fails.",
    to_do="Restart systemd-journald, or Vault on that node: another node takes over.",
)
def journal_blocked(cluster: Cluster) -> Steps:
    """The journal, one of two audit devices, takes nothing on the active node."""
    kill = "systemctl kill --signal={} systemd-journald"
    cluster.sh(cluster.active, kill.format("STOP"))
    try:
        yield
    finally:
        cluster.sh(cluster.active, kill.format("CONT"))


@fault(hold=0, gap=3, heal=120, by_itself="The leader sends it everything.")
def empty_disk_under_the_old_id(cluster: Cluster) -> Steps:
    """A standby comes back with an empty disk, under its old node id."""
    name = cluster.standbys[0]
    cluster.sh(name, f"systemctl stop vault; find {DATA} -mindepth 1 -delete; systemctl start vault")
    yield


@fault(
    hold=0,
    gap=3,
    heal=120,
    by_itself="The leader sends it what it has missed.",
    stand_in="a disk from before some thousand writes",
)
def old_disk(cluster: Cluster) -> Steps:
    """A standby comes back with a disk of long ago."""
    name = cluster.standbys[0]
    cluster.sh(name, f"systemctl stop vault; rm -rf /mnt/old; cp -a {DATA} /mnt/old; systemctl start vault")
    time.sleep(20)
    cluster.sh(
        name,
        f"systemctl stop vault; find {DATA} -mindepth 1 -delete; cp -a /mnt/old/. {DATA}; rm -rf /mnt/old; systemctl start vault",
    )
    yield


def write_much(cluster: Cluster) -> bool:
    """Some MiB, which nobody may have room for; always true."""
    known = as_operator(cluster.bench)
    token = prepare(known)
    url = known.connection.nodes[known.active()]
    for number in range(8):
        body = {"value": os.urandom(300_000).hex()}
        with contextlib.suppress(requests.RequestException):
            requests.put(
                f"{url}/v1/probe/much-{number}",
                json=body,
                headers={"X-Vault-Token": token},
                verify=str(known.connection.ca_cert),
                timeout=5,
            )
    return True


def lead(cluster: Cluster, name: str) -> None:
    """Have the node lead: whoever else does steps down."""
    for _each in range(10):
        active = as_operator(cluster.bench).active()
        if active == name:
            cluster.active, cluster.standbys = name, [other for other in cluster.nodes if other != name]
            return
        # Whoever has stepped down can end no token, and the next leader knows of it later.
        with contextlib.suppress(VaultError), as_operator(cluster.bench).login_active() as client:
            api.step_down(active, client)
        cluster.wait_whole(30)
    raise SystemExit(f"{name} would not lead")
