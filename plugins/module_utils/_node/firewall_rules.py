# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What answers of firewalld mean for a TCP port: whether somebody at least is let in. Pure.

What would keep some of these out again is not asked: who is refused nevertheless knows why, having written that rule.
"""

from __future__ import annotations

import re
import typing as t

# A word of a rich rule; one with a value is a detail of the word without a value before it.
_WORD = re.compile(r'([\w-]+)(?:="([^"]*)")?')
# What a rich rule may be about. One that is about none of these is about everything that its source sends.
_ELEMENTS = {
    "port",
    "service",
    "protocol",
    "source-port",
    "icmp-block",
    "icmp-type",
    "masquerade",
    "forward-port",
    "tcp-mss-clamp",
}
_TCP = {"tcp", "6"}


def names(said: str) -> list[str]:
    """Of the answers of --get-active-zones and --get-active-policies: lines that are not indented, perhaps with '(default)'."""
    return [line.split()[0] for line in said.splitlines() if line and not line[0].isspace()]


def fields(said: str) -> dict[str, str]:
    """What --info-zone, --info-policy and --info-service say, by name; rich rules are the lines below theirs."""
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


def services(said: str) -> set[str]:
    """Those that a zone or a policy lets in, and those that a service includes."""
    about = fields(said)
    ruled = {details["name"] for element, details in map(_accepted, _rules(about)) if element == "service"}
    return ruled | {name for field in ("services", "includes") for name in about.get(field, "").split()}


def lets_in(said: str, port: int) -> bool:
    """Whether a zone, a policy or a service by itself has this port open, the services apart that it names."""
    about = fields(said)
    if about.get("target") == "ACCEPT" or _TCP & set(about.get("protocols", "").split()):
        return True
    if any(_is_in(port, *one.split("/")) for one in about.get("ports", "").split()):
        return True
    # Whoever sends from one of these ports reaches every port.
    if any(one.split("/")[1] in _TCP for one in about.get("source-ports", "").split()):
        return True
    return any(_rule_lets_in(rule, port) for rule in _rules(about))


def for_the_machine(policy: str) -> bool:
    """Whether a policy is about what comes to the machine itself."""
    return "HOST" in fields(policy).get("egress-zones", "").split()


def about_input(direct: str) -> bool:
    """Whether one of the rules and passthroughs of the direct interface is about what comes to the machine itself."""
    return any(word.startswith("IN") for word in direct.split())


def _rules(about: t.Mapping[str, str]) -> list[str]:
    return [line for line in about.get("rich rules", "").splitlines() if line.strip()]


def _accepted(rule: str) -> tuple[str | None, dict[str, str]]:
    """What a rich rule accepts, with its details: an empty word for everything, None for nothing."""
    element, last, accepts = "", "", False
    details: dict[str, str] = {}
    for match in _WORD.finditer(rule):
        word, value = match.groups()
        if value is None:
            last = word
            accepts = accepts or word == "accept"
            element = word if word in _ELEMENTS else element
        elif last == element:
            details[word] = value
    return (element if accepts else None), details


def _rule_lets_in(rule: str, port: int) -> bool:
    element, details = _accepted(rule)
    if element == "port":
        return _is_in(port, details["port"], details["protocol"])
    if element == "protocol":
        return details["value"] in _TCP
    if element == "source-port":
        return details["protocol"] in _TCP
    return element == ""


def _is_in(port: int, numbers: str, protocol: str) -> bool:
    """*numbers*: one port, or the first and the last of some."""
    first, _hyphen, last = numbers.partition("-")
    return protocol in _TCP and int(first) <= port <= int(last or first)
