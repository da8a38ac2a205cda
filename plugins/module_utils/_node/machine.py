# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What kind of machine a node is, and what it lacks of what a node needs."""

from __future__ import annotations

import platform
import re
import subprocess
import typing as t

from . import firewall, programs, selinux, systems


class Machine(t.TypedDict):
    name: str  # as the system calls itself
    family: str
    known: bool  # among the systems of docs/nodes.md
    python: str  # that runs Ansible's modules
    systemd: int  # 0 where systemctl does not say
    selinux: str
    missing: list[str]
    firewall: firewall.Firewall


def look(purposes: t.Iterable[str], address: str, ports: t.Sequence[int]) -> Machine:
    variables = programs.os_release()
    wanted = [program for purpose in purposes for program in systems.PROGRAMS[purpose]]
    return {
        "name": variables.get("PRETTY_NAME") or variables.get("ID", ""),
        "family": systems.family(variables),
        "known": systems.known(variables) is not None,
        "python": ".".join(platform.python_version_tuple()[:2]),
        "systemd": systemd_version(),
        "selinux": selinux.mode(),
        "missing": programs.missing(wanted),
        "firewall": firewall.look(address, ports),
    }


def systemd_version() -> int:
    try:
        done = subprocess.run(["systemctl", "--version"], capture_output=True, text=True, check=False)
    except OSError:
        return 0
    match = re.match(r"systemd (\d+)", done.stdout)
    return int(match.group(1)) if match else 0
