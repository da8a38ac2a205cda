"""The node containers: Debian with systemd as PID 1, as close to an EC2 instance as a container gets."""

import concurrent.futures
import pathlib
import typing as t

from .docker import attempt, docker, inspect, labels
from .say import LabError, say, wait_until
from .settings import LABEL, Lab, Node

_BOOT_SECONDS = 60
# systemd as PID 1 without --privileged, also where root itself has no CAP_SYS_RESOURCE.
_SYSTEMD = [
    "--cap-add",
    "SYS_ADMIN",
    "--cap-add",
    "NET_ADMIN",
    "--cap-add",
    "IPC_LOCK",
    "--cap-add",
    "SYS_PTRACE",
    "--cap-add",
    "DAC_READ_SEARCH",
    "--security-opt",
    "seccomp=unconfined",
    "--security-opt",
    "apparmor=unconfined",
    "--cgroupns",
    "host",
    "--volume",
    "/sys/fs/cgroup:/sys/fs/cgroup:rw",
    "--tmpfs",
    "/run",
    "--tmpfs",
    "/run/lock",
    "--tmpfs",
    "/tmp",
    # Loop devices, for disks of a node's own: see disks.py.
    "--device-cgroup-rule",
    "b 7:* rmw",
    "--stop-signal",
    "RTMIN+3",
    "--env",
    "container=docker",
]


def check(lab: Lab) -> dict[str, dict[str, t.Any]]:
    """The lab's existing containers; refuses one of the same name that isn't the lab's."""
    found = inspect("container", *(node.container for node in lab.nodes))
    for name, item in found.items():
        if labels(item).get(LABEL) != lab.name:
            raise LabError(
                f"the container {name} is somebody else's",
                f"it doesn't carry the label {lab.label}, so this lab didn't make it",
                f"if nothing needs it: `docker rm -f {name}`, then run this again",
            )
    return found


def existing(lab: Lab) -> list[str]:
    return docker("ps", "--all", "--filter", f"label={lab.label}", "--format", "{{.Names}}").split()


def ensure(
    lab: Lab,
    found: dict[str, dict[str, t.Any]],
    image: str,
    mock: pathlib.Path,
    configs: dict[str, pathlib.Path],
    logins: dict[str, list[str]],
) -> None:
    """*logins*: what a node mounts so that a user can log in to it."""
    missing = [node for node in lab.nodes if node.container not in found]
    stopped = [name for name, item in found.items() if not item["State"]["Running"]]
    if missing:
        say(f"making {', '.join(node.container for node in missing)}")
    if stopped:
        say(f"starting {', '.join(stopped)}")
    with concurrent.futures.ThreadPoolExecutor(len(lab.nodes)) as side_by_side:
        for made in [
            side_by_side.submit(_run, lab, node, image, mock, configs[node.hostname], logins[node.hostname])
            for node in missing
        ]:
            made.result()
        for started in [side_by_side.submit(docker, "start", name) for name in stopped]:
            started.result()
        for booted in [side_by_side.submit(_wait_for_boot, node) for node in lab.nodes]:
            booted.result()


def remove(lab: Lab) -> list[str]:
    names = existing(lab)
    if names:
        docker("rm", "--force", "--volumes", *names)
    return names


def system_state(container: str) -> str:
    """systemd's own word: running, starting, degraded, ..., or "" when the container doesn't answer."""
    return attempt("exec", container, "systemctl", "is-system-running", timeout=20).stdout.strip()


def _run(lab: Lab, node: Node, image: str, mock: pathlib.Path, config: pathlib.Path, login: list[str]) -> None:
    mounts = [
        *login,
        *("--volume", f"{mock}:/usr/local/bin/ec2-metadata-mock:ro"),
        *("--volume", f"{config}:/etc/ec2-metadata.json:ro"),
    ]
    place = ["--network", lab.network, "--ip", node.address, "--hostname", node.hostname]
    name = ["--name", node.container, "--label", lab.label]
    docker("run", "--detach", *name, *place, *_SYSTEMD, *mounts, image, "/lib/systemd/systemd")


def _wait_for_boot(node: Node) -> None:
    state = ""

    def settled() -> bool:
        nonlocal state
        state = system_state(node.container)
        return state in ("running", "degraded")

    wait_until(settled, _BOOT_SECONDS, 0.2)
    # Once the node is in use a unit of Vault's may have failed: that is the tests' business, not the lab's.
    if state == "running" or (state == "degraded" and _metadata_runs(node)):
        return
    failed = attempt("exec", node.container, "systemctl", "--failed", "--plain", "--no-legend").stdout.strip()
    raise LabError(
        f"the node {node.container} didn't boot",
        f"systemd in it says {state or 'nothing'!r} after {_BOOT_SECONDS} s"
        + (f"; failed units: {failed}" if failed else ""),
        f"`docker logs {node.container}` and `docker exec {node.container} journalctl -b` show why",
    )


def _metadata_runs(node: Node) -> bool:
    return attempt("exec", node.container, "systemctl", "is-active", "--quiet", "ec2-metadata.service").returncode == 0
