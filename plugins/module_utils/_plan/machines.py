# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Why a machine is not ready to become a node, each with its cure, and what is worth knowing of it. Pure."""

from __future__ import annotations

import typing as t

from .._node import selinux, systems

Machine = t.Mapping[str, t.Any]
PUBLIC = "public"


def problems(machine: Machine, node: str) -> list[str]:
    found = []
    if machine["missing"]:
        names = ", ".join(program.replace("|", " or ") for program in machine["missing"])
        found.append(f"{node} lacks {names}. {systems.cure(machine['missing'], machine['family'])}.")
    firewall = machine["firewall"]
    if firewall["closed"]:
        found.append(
            f"{_kept_closed(firewall, firewall['closed'], node)}, so nodes could not join. {_opened(firewall)}"
        )
    return found


def said(machine: Machine, node: str) -> list[str]:
    """What differs from the machines that this collection is tried on."""
    lines = []
    if not machine["known"]:
        lines.append(
            f"{node} runs {machine['name'] or 'a system without a name'} with systemd {machine['systemd'] or 'unknown'} and "
            f"Python {machine['python']}, which is not among the systems of docs/nodes.md."
        )
    if machine["selinux"] != selinux.DISABLED:
        lines.append(f"SELinux is {machine['selinux']} on {node}: what is written there gets the types of the policy.")
    firewall = machine["firewall"]
    if firewall["unsure"]:
        lines.append(
            f"{_kept_closed(firewall, firewall['unsure'], node)}. Whether {_and(firewall['because'])} let the other nodes in "
            "can't be told by this run: see to it."
        )
    if not firewall["every_address"]:
        lines.append(
            f"{node} has no ip of iproute2 that answers in JSON: which zone of firewalld counts was told by the first IPv4 "
            "address of each interface alone."
        )
    return lines


def _kept_closed(firewall: Machine, ports: t.Sequence[int], node: str) -> str:
    zones = f"zone{'s' if len(firewall['zones']) > 1 else ''} {_and(firewall['zones'])}"
    if firewall["interfaces"]:
        keep = "keep" if len(firewall["zones"]) > 1 else "keeps"
        return f"firewalld runs on {node}, and its {zones} {keep} TCP {_and(ports)} closed"
    return (
        f"firewalld runs on {node}, where no interface has the node's address, and nothing in its active {zones} opens "
        f"TCP {_and(ports)}"
    )


def _opened(firewall: Machine) -> str:
    """The commands. What is open to everybody who reaches the zone is offered last, and for the public zone never."""
    zone, ports = firewall["zones"][0], firewall["closed"]
    begin, end = f"firewall-cmd --permanent --zone={zone}", "&& firewall-cmd --reload"
    rich = " ".join(
        f'--add-rich-rule=\'rule family="{firewall["family"]}" source address="SUBNET" port port="{port}" protocol="tcp" '
        "accept'"
        for port in ports
    )
    said = f"As root, for each subnet of nodes, clients and controllers in the place of SUBNET: {begin} {rich} {end}."
    if zone == PUBLIC:
        return said
    plain = " ".join(f"--add-port={port}/tcp" for port in ports)
    return f"{said} Or, if all who reach the zone {zone} may reach Vault: {begin} {plain} {end}."


def _and(items: t.Sequence[object]) -> str:
    return " and ".join(map(str, items))
