"""The lab's bridge network, and the refusal to use one that isn't the lab's."""

import ipaddress
import json
import pathlib
import socket
import struct

from .docker import attempt, docker, inspect, labels
from .say import LabError, say
from .settings import LABEL, STATE_LABEL, Lab


def check(lab: Lab) -> bool:
    """True when the lab's own network is there, False when it can be made; anything else is an error."""
    ours = inspect("network", lab.network).get(lab.network)
    if ours is None:
        _refuse_overlap(lab)
        return False
    if labels(ours).get(LABEL) != lab.name:
        raise LabError(
            f"the docker network {lab.network} is somebody else's",
            f"it doesn't carry the label {lab.label}, so this lab didn't make it",
            f"if nothing needs it: `docker network rm {lab.network}`, then run this again",
        )
    check_home(lab)
    subnets = _subnets(ours)
    if subnets != [lab.subnet]:
        raise LabError(
            f"the docker network {lab.network} has the wrong subnet",
            f"it has {', '.join(subnets)} and the lab needs {lab.subnet}",
            f"`{lab.clean_command}`, then run this again",
        )
    return True


def check_home(lab: Lab) -> None:
    """Two cache folders would each take the other's nodes for their own, without the keys those nodes need."""
    ours = inspect("network", lab.network).get(lab.network, {})
    home = labels(ours).get(STATE_LABEL, str(lab.state))
    if home != str(lab.state):
        raise LabError(
            f"the lab {lab.name} is up already, for another cache folder",
            f"its state is in {home}, and this command's would be in {lab.state}",
            f"use that one: XDG_CACHE_HOME={pathlib.Path(home).parent.parent} (or take that lab down with it first)",
        )


def create(lab: Lab) -> None:
    say(f"making the network {lab.network} ({lab.subnet})")
    bridge = ("--opt", f"com.docker.network.bridge.name=vo-{lab.name}")
    addresses = ("--subnet", lab.subnet, "--gateway", lab.gateway)
    marks = ("--label", lab.label, "--label", f"{STATE_LABEL}={lab.state}")
    docker("network", "create", *marks, *bridge, *addresses, lab.network)


def remove(lab: Lab) -> bool:
    ids = docker("network", "ls", "--quiet", "--filter", f"label={lab.label}").split()
    for network in ids:
        docker("network", "rm", network)
    return bool(ids)


def _refuse_overlap(lab: Lab) -> None:
    wanted = ipaddress.ip_network(lab.subnet)
    networks = json.loads(attempt("network", "inspect", *docker("network", "ls", "--quiet").split()).stdout or "[]")
    for item in networks:
        for subnet in _subnets(item):
            if ipaddress.ip_network(subnet).version == 4 and wanted.overlaps(ipaddress.ip_network(subnet)):
                raise LabError(
                    f"the subnet {lab.subnet} is taken by the docker network {item['Name']}",
                    f"{item['Name']} has {subnet} and isn't this lab's",
                    f"if nothing needs it: `docker network rm {item['Name']}`, then run this again",
                )
    for interface, route in _routes():
        if wanted.overlaps(route):
            raise LabError(
                f"the subnet {lab.subnet} overlaps this host's route to {route}",
                f"{route} is reached by {interface}; the lab would draw that traffic to itself",
                "run the lab on a host that doesn't use these addresses (VAULTOPS_LAB chooses between two subnets)",
            )


def _subnets(item: dict) -> list[str]:
    return [entry["Subnet"] for entry in item.get("IPAM", {}).get("Config") or [] if entry.get("Subnet")]


def _routes() -> list[tuple[str, ipaddress.IPv4Network]]:
    """The host's IPv4 routes but for the default one, which overlaps everything."""
    found = []
    for line in pathlib.Path("/proc/net/route").read_text().splitlines()[1:]:
        fields = line.split()
        target, mask = (socket.inet_ntoa(struct.pack("=L", int(fields[n], 16))) for n in (1, 7))
        if mask != "0.0.0.0":
            found.append((fields[0], ipaddress.IPv4Network(f"{target}/{mask}", strict=False)))
    return found
