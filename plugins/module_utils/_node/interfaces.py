# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which of the node's interfaces have an address, by what the node itself makes of a name."""

from __future__ import annotations

import fcntl
import ipaddress
import json
import socket
import subprocess
import typing as t

from . import programs

PROGRAM = "ip"
TIMEOUT_SECONDS = 30
_SIOCGIFADDR = 0x8915

# Of each interface its addresses, without their networks.
Interfaces = t.Mapping[str, t.Collection[str]]


def resolved(address: str) -> list[str]:
    """The addresses of this name, or this address; none where the node does not know the name, or knows it as itself alone."""
    try:
        answers = socket.getaddrinfo(address.strip("[]"), None, type=socket.SOCK_STREAM) if address else []
    except (OSError, UnicodeError):
        return []
    found = dict.fromkeys(str(answer[4][0]).partition("%")[0] for answer in answers)
    return [one for one in found if not ipaddress.ip_address(one).is_loopback]


def having(addresses: t.Collection[str], there: Interfaces) -> list[str]:
    wanted = {ipaddress.ip_address(one) for one in addresses}
    return [name for name, own in there.items() if wanted & {ipaddress.ip_address(one) for one in own}]


def listed() -> Interfaces | None:
    """All of them with all of their addresses, by iproute2; None where it is missing, or too old for JSON."""
    program = programs.find(PROGRAM)
    if program is None:
        return None
    try:
        done = subprocess.run(
            [program, "-json", "addr"], capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False
        )
        said = json.loads(done.stdout) if done.returncode == 0 else None
        return None if said is None else _by_name(said)
    except (OSError, subprocess.TimeoutExpired, ValueError, TypeError, KeyError):
        return None


def _by_name(said: t.Iterable[t.Mapping[str, t.Any]]) -> dict[str, list[str]]:
    return {
        one["ifname"]: [own["local"] for own in one.get("addr_info", ()) if "local" in own]
        for one in said
        if "ifname" in one
    }


def first_ones() -> Interfaces:
    """By the kernel alone: of each interface its first address of IPv4, and no other."""
    found: dict[str, list[str]] = {}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        for _index, name in socket.if_nameindex():
            try:
                answer = fcntl.ioctl(asked.fileno(), _SIOCGIFADDR, name.encode()[:15].ljust(256, b"\0"))
            except OSError:  # it has no such address
                continue
            found[name] = [socket.inet_ntoa(answer[20:24])]
    return found
