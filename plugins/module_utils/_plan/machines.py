# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Why a machine is not ready to become a node, each with its cure, and what is worth knowing of it. Pure."""

from __future__ import annotations

import typing as t

from .._node import selinux, systems

Machine = t.Mapping[str, t.Any]


def problems(machine: Machine, node: str) -> list[str]:
    found = []
    if machine["missing"]:
        names = ", ".join(program.replace("|", " or ") for program in machine["missing"])
        found.append(f"{node} lacks {names}. {systems.cure(machine['missing'], machine['family'])}.")
    closed = machine["firewall"]["closed"]
    if closed:
        zone = machine["firewall"]["zone"]
        ports = " ".join(f"--add-port={port}/tcp" for port in closed)
        found.append(
            f"firewalld runs on {node}, and its zone {zone} keeps TCP {_and(closed)} closed, so nodes could not "
            f"join. As root: firewall-cmd --permanent --zone={zone} {ports} && firewall-cmd --reload. Or open the ports to "
            "some addresses alone, by a rich rule of that zone."
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
    unsure = machine["firewall"]["unsure"]
    if unsure:
        lines.append(
            f"firewalld runs on {node}, and its zone {machine['firewall']['zone']} keeps TCP {_and(unsure)} closed. Whether "
            f"{_and(machine['firewall']['because'])} let the other nodes in can't be told by this run: see to it."
        )
    return lines


def _and(items: t.Sequence[object]) -> str:
    return " and ".join(map(str, items))
