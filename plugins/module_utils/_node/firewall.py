# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What firewalld lets in, by its own answer. Where it does not run, it keeps nothing out."""

from __future__ import annotations

import fcntl
import re
import socket
import subprocess
import typing as t

from .._common.errors import Problem
from . import programs

PROGRAM = "firewall-cmd"
TIMEOUT_SECONDS = 30
# What firewall-cmd exits with (firewall-cmd(1), exit codes).
_NOT_RUNNING = 252
_NO_ZONE = 2
_SIOCGIFADDR = 0x8915


class Firewall(t.TypedDict):
    runs: bool
    zone: str  # whose rules traffic to the node's address meets
    closed: list[int]


def look(address: str, ports: t.Sequence[int]) -> Firewall:
    """Which of the *ports* firewalld keeps closed at the node's *address*."""
    program = programs.find(PROGRAM)
    if program is None or not _runs(program):
        return {"runs": False, "zone": "", "closed": []}
    interface = _interface(address)
    zone = (_zone_of(program, interface) if interface else "") or _said(program, "--get-default-zone")
    others = [name for name in zones(_said(program, "--get-active-zones")) if name != zone]
    # A zone of sources goes before that of the interface. The controller does not know from where peers are seen.
    asked = [_said(program, f"--info-zone={name}") for name in (zone, *others)]
    counted = [asked[0], *(one for one in asked[1:] if fields(one).get("sources"))]
    services = {name for one in counted for name in fields(one).get("services", "").split()}
    texts = [*counted, *(_said(program, f"--info-service={name}") for name in sorted(services))]
    return {
        "runs": True,
        "zone": zone,
        "closed": [port for port in ports if not any(lets_in(one, port) for one in texts)],
    }


def zones(said: str) -> list[str]:
    """Names in the answer of --get-active-zones: lines that are not indented, each perhaps with '(default)' behind."""
    return [line.split()[0] for line in said.splitlines() if line and not line[0].isspace()]


def fields(said: str) -> dict[str, str]:
    """What --info-zone and --info-service say, by name; rich rules are the lines below theirs."""
    found: dict[str, str] = {}
    last = ""
    for line in said.splitlines():
        match = re.fullmatch(r"\s+([a-z][a-z -]*):\s?(.*)", line)
        if match:
            last = match.group(1)
            found[last] = match.group(2).strip()
        elif last and line.strip():
            found[last] = f"{found[last]}\n{line.strip()}"
    return found


def lets_in(said: str, port: int) -> bool:
    """Whether a zone or a service has this TCP port open, to somebody at least."""
    about = fields(said)
    if about.get("target") == "ACCEPT":
        return True
    opened = [numbers for one in about.get("ports", "").split() for numbers in re.findall(r"^([\d-]+)/tcp$", one)]
    for rule in about.get("rich rules", "").splitlines():
        if "accept" in rule.split():
            opened += re.findall(r'\bport="([\d-]+)" protocol="tcp"', rule)
    return any(_within(port, numbers) for numbers in opened)


def _within(port: int, numbers: str) -> bool:
    """*numbers*: one port, or the first and the last of some."""
    first, _hyphen, last = numbers.partition("-")
    return int(first) <= port <= int(last or first)


def _runs(program: str) -> bool:
    done = _call(program, "--state")
    if done.returncode not in (0, _NOT_RUNNING):
        raise _silent(done)
    return done.returncode == 0


def _zone_of(program: str, interface: str) -> str:
    done = _call(program, f"--get-zone-of-interface={interface}")
    if done.returncode == _NO_ZONE:
        return ""
    if done.returncode != 0:
        raise _silent(done)
    return done.stdout.strip()


def _said(program: str, question: str) -> str:
    done = _call(program, question)
    if done.returncode != 0:
        raise _silent(done)
    return done.stdout.rstrip()


def _call(*command: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Problem(f"{PROGRAM} can't be run ({error})", "See: systemctl status firewalld") from error


def _silent(done: subprocess.CompletedProcess[str]) -> Problem:
    said = (done.stderr or done.stdout).strip() or f"it ended with {done.returncode}"
    return Problem(f"firewalld does not answer ({said})", "See: systemctl status firewalld")


def _interface(address: str) -> str:
    """The interface that has this address of IPv4; empty where none has it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        for _index, name in socket.if_nameindex():
            try:
                answer = fcntl.ioctl(asked.fileno(), _SIOCGIFADDR, name.encode()[:15].ljust(256, b"\0"))
            except OSError:  # it has no such address
                continue
            if socket.inet_ntoa(answer[20:24]) == address:
                return name
    return ""
