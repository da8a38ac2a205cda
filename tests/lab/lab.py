#!/usr/bin/env python3
"""The lab: a Vault cluster's machines, network and AWS on one Debian host.

`lab.py up|prepare|openbao|down|status`; see README.md.
"""

import argparse
import concurrent.futures
import contextlib
import fcntl
import pathlib
import shutil
import sys
import time
import typing as t

from labkit import aws, binaries, disks, image, metadata, mirror, network, nodes, openbao, servers, ssh
from labkit.docker import ensure_daemon, installed, reachable
from labkit.say import LabError, say
from labkit.settings import Lab, cache, every_lab, from_environment


def up(lab: Lab) -> int:
    """Look at everything first, so that a refusal leaves the host as it was; then make what is missing, in order."""
    begun = time.monotonic()
    ensure_daemon()
    network_there = network.check(lab)
    containers = nodes.check(lab)
    servers.check_ports(lab)
    _refuse_lost_keys(lab)

    node_image, mock = _parts()
    lab.state.mkdir(parents=True, exist_ok=True)
    if not network_there:
        network.create(lab)
    servers.ensure(lab)
    configs = metadata.ensure(lab, aws.ensure(lab))
    nodes.ensure(lab, containers, node_image, mock, configs, ssh.ensure(lab))
    addresses = ", ".join(f"{node.container} {node.address}" for node in lab.nodes)
    say(f"{lab.name} is up: {addresses} ({time.monotonic() - begun:.1f} s)")
    return 0


def prepare(_lab: Lab) -> int:
    """Make what is slow to make and shared by both labs, and bring nothing up."""
    ensure_daemon()
    _parts()
    return 0


def fetch_openbao(_lab: Lab) -> int:
    """The versions that VAULTOPS_LAB_OPENBAO names, for the release mirror: no Docker is needed for that."""
    openbao.ensure()
    return 0


def down(lab: Lab) -> int:
    """Containers and network by label, processes by pid file, then the lab's own state. Caches and dockerd stay."""
    gone = []
    if docker := installed():
        ensure_daemon()  # a stopped daemon still has the lab's containers, as they were
        network.check_home(lab)
        gone += nodes.remove(lab)
        disks.remove(lab)
    gone += servers.stop(lab)
    if docker and network.remove(lab):
        gone.append(lab.network)
    shutil.rmtree(lab.state, ignore_errors=True)
    say(f"{lab.name} is down" + (f"; removed {', '.join(gone)}" if gone else "; there was nothing to remove"))
    return 0


def status(lab: Lab) -> int:
    """One line per part; exit status 3 unless all of them are up."""
    lines = {"docker": "up" if reachable() else "down"}
    lines |= {server.name: "up" if servers.running(lab, server.name) else "down" for server in servers.all_of(lab)}
    if lines["docker"] == "up":
        lines[f"network {lab.network}"] = "up" if network.check(lab) else "down"
        containers = nodes.check(lab)
        for node in lab.nodes:
            state = nodes.system_state(node.container) if node.container in containers else ""
            lines[f"{node.container} {node.address}"] = {"running": "up", "": "down"}.get(state, state)
    for part, state in lines.items():
        print(f"{part:28} {state}")
    return 0 if set(lines.values()) == {"up"} else 3


def _parts() -> tuple[str, pathlib.Path]:
    """The node image's name and the metadata mock, with the release mirror filled.

    The image waits for the network and the disk, the binaries for the processors: both are made at once.
    """
    with concurrent.futures.ThreadPoolExecutor() as beside:
        node_image = beside.submit(image.ensure)
        mock = binaries.metadata_mock()
        mirror.ensure(binaries.vault_binaries())
        openbao.ensure()
    return node_image.result(), mock


def _refuse_lost_keys(lab: Lab) -> None:
    """KMS keys live in the stand-in's memory: a new one looks right and never unseals what the old one sealed."""
    containers = nodes.existing(lab)
    if containers and not servers.running(lab, servers.STAND_IN):
        raise LabError(
            f"the data of {', '.join(sorted(containers))} can't be unsealed any more",
            "the AWS stand-in that held their KMS keys in its memory has ended (a reboot does that too)",
            "start afresh: "
            + ("`make clean-lab`, then `make demo`" if lab.name == "demo" else f"`{lab.clean_command}`"),
        )


@contextlib.contextmanager
def _alone() -> t.Iterator[None]:
    """Two labs share the image and the binaries: one command at a time makes them."""
    cache().mkdir(parents=True, exist_ok=True, mode=0o700)
    with open(cache() / "lab.lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another lab command is at work; waiting for it to end")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    commands: dict[str, t.Callable[[Lab], int]] = {
        "up": up,
        "prepare": prepare,
        "openbao": fetch_openbao,
        "down": down,
        "status": status,
    }
    parser.add_argument("command", choices=commands)
    parser.add_argument("--all", action="store_true", help="every lab, not only the one that VAULTOPS_LAB names")
    asked = parser.parse_args()
    try:
        labs = every_lab() if asked.all else [from_environment()]
        with contextlib.nullcontext() if asked.command == "status" else _alone():
            return max([commands[asked.command](lab) for lab in labs])
    except LabError as error:
        say(f"error: {error}")
        return 1


if __name__ == "__main__":
    sys.exit(main())
