# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What of Vault is on this machine, whoever put it there: processes, a listener, data, a configuration.

A machine is only empty when the machine itself says so: none of this needs Vault to answer.
"""

from __future__ import annotations

import os
import re
import shlex
import socket
import typing as t
import urllib.parse
import urllib.request

from .._common import product, releases
from .._common.product import Flavour
from . import tls

CONNECT_SECONDS = 3
# What is read of a configuration: none of it is a secret.
_SETTINGS = ("cluster_name", "node_id", "kms_key_id", "region", "sha256sum")
_PATH = re.compile(r'(?<![\w-])"?path"?\s*[=:]\s*"([^"\n]+)"')
_PORTS = {"api_port": "address", "cluster_port": "cluster_address"}
# What Raft leaves in its directory, by either of its stores, and what the file storage does.
_TRACES = ("raft/raft.db", "raft/wal", "raft/snapshots", "vault.db", "core")


class Configured(t.TypedDict):
    """Settings of the configuration that the unit names; None where it does not set one."""

    paths: list[str]
    ours: bool  # every file begins with this collection's mark
    cluster_name: str | None
    node_id: str | None
    kms_key_id: str | None
    region: str | None
    sha256sum: str | None  # of a plugin, which OpenBao may have
    api_port: int | None
    cluster_port: int | None
    data: list[str]  # whatever is a path in it: one too many is harmless, it is only looked into


def outside(pids: t.Iterable[int], unit: str, proc: str = "/proc") -> list[int]:
    """Those that systemd does not count as the unit's."""
    return [pid for pid in pids if f"/{unit}.service" not in (_read(os.path.join(proc, str(pid), "cgroup")) or "")]


def processes(proc: str = "/proc") -> list[int]:
    """Process ids of servers, be they Vault's or OpenBao's, under whichever unit, or none."""
    return sorted(_servers(proc))


def flavours(exec_start: str, proc: str = "/proc") -> list[Flavour]:
    """Whose servers are on this machine: those that run, and the one that the unit would start."""
    found = {*_servers(proc).values(), releases.flavour_of(_program(exec_start))}
    return [flavour for flavour in product.FLAVOURS if flavour in found]


def named(exec_start: str) -> str:
    """The server that the unit starts, in words."""
    return product.named(releases.flavour_of(_program(exec_start)))


def _program(exec_start: str) -> str:
    return exec_start.partition("path=")[2].partition(" ;")[0]


def _servers(proc: str) -> dict[int, Flavour]:
    found = {}
    for entry in os.listdir(proc):
        if not entry.isdigit():
            continue
        try:
            with open(os.path.join(proc, entry, "cmdline"), "rb") as stream:
                words = stream.read().split(b"\0")
        except OSError:  # it has ended
            continue
        flavour = releases.flavour_of(words[0].decode(errors="replace"))
        if flavour and b"server" in words[1:]:
            found[int(entry)] = flavour
    return found


def listens(host: str, port: int) -> bool:
    """Whether anything takes a connection there."""
    try:
        socket.create_connection((host, port), timeout=CONNECT_SECONDS).close()
    except OSError:
        return False
    return True


def reaches(host: str, port: int) -> bool:
    """As what asks by HTTP would: where this environment has a proxy for the host, whether anything takes a connection there."""
    proxy = urllib.request.getproxies().get("http" if port == 80 else "https")
    if not proxy or urllib.request.proxy_bypass(host):
        return listens(host, port)
    url = urllib.parse.urlsplit(proxy if "//" in proxy else f"//{proxy}")
    return listens(url.hostname or "", url.port or {"https": 443}.get(url.scheme, 80))


def configuration_paths(exec_start: str) -> list[str]:
    """The files that the unit's command line names with -config, those of a directory one by one."""
    command = exec_start.partition("argv[]=")[2].partition(" ;")[0]
    try:
        words = shlex.split(command)
    except ValueError:
        words = command.split()
    found: list[str] = []
    for number, word in enumerate(words):
        name, separator, value = word.lstrip("-").partition("=")
        if name != "config" or not word.startswith("-"):
            continue
        path = value if separator else "".join(words[number + 1 : number + 2])
        if os.path.isdir(path):
            found += [os.path.join(path, name) for name in sorted(os.listdir(path)) if name.endswith((".hcl", ".json"))]
        elif path:
            found.append(path)
    return found


def texts(paths: t.Iterable[str]) -> dict[str, str]:
    """By path, what can be read of them."""
    return {path: text for path in paths if (text := _read(path)) is not None}


def configured(paths: t.Sequence[str], mark: str) -> Configured:
    found = list(texts(paths).values())
    whole = "\n".join(found)
    return {
        "paths": list(paths),
        "ours": bool(found) and all(text.startswith(mark) for text in found),
        **{name: _setting(whole, name) for name in _SETTINGS},  # type: ignore[typeddict-item]
        **{name: _port(_setting(whole, setting)) for name, setting in _PORTS.items()},  # type: ignore[typeddict-item]
        "data": _PATH.findall(whole),
    }


def holds_data(directories: t.Iterable[str]) -> bool:
    return any(os.path.exists(os.path.join(directory, trace)) for directory in directories for trace in _TRACES)


def trusted(path: str) -> list[str]:
    """SHA-256 of each CA certificate in the file; none where there is no file."""
    return tls.fingerprints(_read(path) or "")


def _read(path: str) -> str | None:
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            return stream.read()
    except OSError:
        return None


def _port(address: str | None) -> int | None:
    """Of HOST:PORT."""
    port = (address or "").rpartition(":")[2]
    return int(port) if port.isdigit() else None


def _setting(text: str, name: str) -> str | None:
    found = re.search(rf'^\s*"?{name}"?\s*[=:]\s*"([^"\n]*)"', text, re.MULTILINE)
    return found.group(1) if found else None
