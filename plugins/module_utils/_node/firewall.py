# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What firewalld lets in, by its own answer. Where it does not run, it keeps nothing out."""

from __future__ import annotations

import subprocess
import typing as t

from .._common.errors import Problem
from . import firewall_rules as rules
from . import interfaces, programs

PROGRAM = "firewall-cmd"
TIMEOUT_SECONDS = 30
# What firewall-cmd exits with (firewall-cmd(1), exit codes).
_NOT_RUNNING = 252
_NO_ZONE = 2
_NO_OPTION = 2


class Firewall(t.TypedDict):
    runs: bool
    zones: list[str]  # whose rules were judged
    interfaces: list[str]  # with the node's address; none where all active zones were judged
    every_address: bool  # whether all addresses of the interfaces are known, or only the first of each
    family: str  # of the node's address: ipv4 or ipv6
    closed: list[int]
    unsure: list[int]  # ports that its zones keep closed, and that something else may open
    because: list[str]  # what that is


def look(address: str, ports: t.Sequence[int]) -> Firewall:
    """Which of the *ports* firewalld keeps closed at the node's *address*."""
    found: Firewall = {
        "runs": False,
        "zones": [],
        "interfaces": [],
        "every_address": True,
        "family": "ipv4",
        "closed": [],
        "unsure": [],
        "because": [],
    }
    program = programs.find(PROGRAM)
    if program is None or not _runs(program):
        return found
    addresses, listed = interfaces.resolved(address), interfaces.listed()
    has_it = interfaces.having(addresses, interfaces.first_ones() if listed is None else listed)
    default, active = _said(program, "--get-default-zone"), rules.names(_said(program, "--get-active-zones"))
    judged = list(dict.fromkeys([_zone_of(program, one) or default for one in has_it] or [default, *active]))
    texts = [_said(program, f"--info-zone={name}") for name in judged]
    # A zone of sources goes before that of the interface. The controller does not know from where peers are seen.
    others = [_said(program, f"--info-zone={name}") for name in active if name not in judged]
    closed = _closed(program, [*texts, *(one for one in others if rules.fields(one).get("sources"))], ports)
    because = _others_that_open(program, closed) if closed else []
    return {
        "runs": True,
        "zones": judged,
        "interfaces": has_it,
        "every_address": listed is not None,
        "family": "ipv6" if addresses and all(":" in one for one in addresses) else "ipv4",
        "closed": [] if because else closed,
        "unsure": closed if because else [],
        "because": because,
    }


def _closed(program: str, texts: t.Sequence[str], ports: t.Sequence[int]) -> list[int]:
    """Those that neither one of these zones and policies opens, nor a service that one of them leads to."""
    known: dict[str, str] = {}
    asked = {name for text in texts for name in rules.services(text)}
    while asked:
        said = {name: _said(program, f"--info-service={name}") for name in sorted(asked)}
        known |= said
        asked = {name for text in said.values() for name in rules.services(text)} - set(known)
    return [port for port in ports if not any(rules.lets_in(one, port) for one in (*texts, *known.values()))]


def _others_that_open(program: str, ports: t.Sequence[int]) -> list[str]:
    """What may open the ports beside zones. From where policies and direct rules let in what is not followed here."""
    found = []
    for name in rules.names(_known(program, "--get-active-policies")):
        policy = _said(program, f"--info-policy={name}")
        if rules.for_the_machine(policy) and _closed(program, [policy], ports) != list(ports):
            found.append(f"the policy {name}")
    direct = [_known(program, "--direct", f"--get-all-{kind}") for kind in ("rules", "passthroughs")]
    return found + (["direct rules"] if any(map(rules.about_input, direct)) else [])


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


def _said(program: str, *question: str) -> str:
    done = _call(program, *question)
    if done.returncode != 0:
        raise _silent(done)
    return done.stdout.rstrip()


def _known(program: str, *question: str) -> str:
    """Of what an older or a newer firewalld does not know it has nothing."""
    done = _call(program, *question)
    if done.returncode == _NO_OPTION:
        return ""
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
