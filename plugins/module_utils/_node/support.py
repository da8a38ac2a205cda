# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What somebody who helps wants to see of a node, without its secrets."""

from __future__ import annotations

import contextlib
import functools
import os
import platform
import subprocess
import typing as t

from .._common.errors import Problem
from . import journal, redact, selinux, service

STATE = (
    "LoadState",
    "ActiveState",
    "SubState",
    "Result",
    "MainPID",
    "ExecMainStartTimestamp",
    "ExecMainStatus",
    "NRestarts",
    "MemoryCurrent",
    "MemoryMax",
    "TasksCurrent",
    "LimitNOFILE",
    "DropInPaths",
)
MEMORY = ("MemTotal", "MemAvailable", "SwapTotal", "SwapFree")
UNITS = ("vault", "vault-backup")


def collect(configs: t.Sequence[str], folders: t.Sequence[str], lines: int, proc: str = "/proc") -> dict[str, str]:
    """By name. What can't be read is there with the reason."""
    known: list[str] = []
    files: dict[str, str] = {}
    for path in configs:
        files[f"config/{os.path.basename(path)}"] = _hidden(functools.partial(_read, path), redact.configuration, known)
    for name in UNITS:
        files[f"{name}.unit"] = _hidden(functools.partial(_run, "systemctl", "cat", name), _unit, known)
        files[f"{name}.state"] = _told(functools.partial(service.show, STATE, name))
        known += _environment(name, proc)
    for name in UNITS:
        files[f"{name}.journal"] = _told(functools.partial(_journal, name, lines))
    files["machine"] = _machine(proc)
    files["disks"] = "".join(_disk(folder) for folder in folders)
    # Last: a secret may be in what was read before it was known.
    return {name: redact.text(said, known) for name, said in files.items()}


def _told(read: t.Callable[[], str]) -> str:
    try:
        return read()
    except Problem as error:
        return f"{error}\n"
    except OSError as error:
        return f"It can't be read ({error.strerror}).\n"


def _hidden(read: t.Callable[[], str], hide: t.Callable[[str], tuple[str, list[str]]], known: list[str]) -> str:
    try:
        shown, hidden = hide(read())
    except (Problem, OSError) as error:
        return f"It can't be read ({getattr(error, 'strerror', None) or error}).\n"
    known += hidden
    return shown


def _unit(said: str) -> tuple[str, list[str]]:
    shown, hidden = redact.unit(said)
    for path in redact.environment_files(said):
        # One that can't be read gives nothing to the service either.
        with contextlib.suppress(OSError):
            hidden += redact.environment_file(_read(path))
    return shown, hidden


def _journal(name: str, lines: int) -> str:
    return "".join(f"{line}\n" for line in journal.last_words(name, lines))


def _read(path: str) -> str:
    with open(path, encoding="utf-8", errors="replace") as stream:
        return stream.read()


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode != 0:
        raise Problem(f"'{' '.join(command)}' ended with {done.returncode}")
    return done.stdout


def _environment(name: str, proc: str) -> list[str]:
    """Values that the process was started with: they may be in files that its unit only names."""
    try:
        pid = service.properties_in(service.show(("MainPID",), name)).get("MainPID", "0")
        if pid in ("", "0"):
            return []
        variables = _read(os.path.join(proc, pid, "environ")).split("\0")
    except (Problem, OSError):
        return []
    return [
        value
        for variable in variables
        for name_of, _equals, value in [variable.partition("=")]
        if name_of not in ("PATH", "LANG", "USER", "LOGNAME", "SHELL", "HOME", "NOTIFY_SOCKET", "INVOCATION_ID")
    ]


def _machine(proc: str) -> str:
    system = dict(
        line.split("=", 1) for line in _told(lambda: _read("/etc/os-release")).splitlines() if line.count("=") == 1
    )
    memory = [
        line
        for line in _told(lambda: _read(os.path.join(proc, "meminfo"))).splitlines()
        if line.split(":")[0] in MEMORY
    ]
    load = _told(lambda: _read(os.path.join(proc, "loadavg"))).strip()
    binary = "/usr/local/bin/bao" if os.path.lexists("/usr/local/bin/bao") else "/usr/local/bin/vault"
    version = _told(lambda: _run(binary, "version")).strip()
    head = [
        f"system: {system.get('PRETTY_NAME', 'unknown').strip(chr(34))}",
        f"kernel: {platform.release()} {platform.machine()}",
        f"python: {platform.python_version()}",
        f"SELinux: {selinux.mode()}",
        f"vault: {version}",
        f"load: {load}",
    ]
    return "".join(f"{line}\n" for line in [*head, *memory])


def _disk(folder: str) -> str:
    try:
        there = os.statvfs(folder)
    except OSError as error:
        return f"{folder}: it can't be read ({error.strerror})\n"
    size, free = there.f_blocks * there.f_frsize, there.f_bavail * there.f_frsize
    used = 100 * (size - free) // size if size else 0
    return f"{folder}: {size >> 20} MiB, {free >> 20} MiB free for Vault, {used} % used, {there.f_favail} inodes free\n"
