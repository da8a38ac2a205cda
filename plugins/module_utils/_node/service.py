# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What runs on a node, and whether it is what lies on its disk."""

from __future__ import annotations

import datetime
import os
import re
import subprocess
import typing as t

from .._common import product
from .._common.errors import Problem
from .._common.product import Product

PROPERTIES = (
    "LoadState",
    "ActiveState",
    "SubState",
    "MainPID",
    "ExecMainStartTimestamp",
    "NRestarts",
    "ExecReload",
    "ExecStart",
    "ActiveEnterTimestamp",
    "StateChangeTimestamp",
)
RELEASE = re.compile(r"/releases/([^/]+)/(vault|bao)$")


def show(properties: t.Iterable[str], *names: str) -> str:
    """What 'systemctl show' says of the units, with an empty line between them; times in UTC."""
    command = ["systemctl", "show", *names, "--timestamp=us+utc", "--property", ",".join(properties)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise Problem(f"systemctl can't be run ({error.strerror})", "The nodes must run systemd.") from error
    if done.returncode != 0:
        raise Problem(f"systemd does not answer: {done.stderr.strip()}", "The nodes must run systemd.")
    return done.stdout


def properties_in(text: str) -> dict[str, str]:
    """The properties of one unit, by name."""
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)


def read_unit(name: str) -> dict[str, t.Any]:
    """systemd's view of the service; *started* and *reloaded* in seconds since the epoch, or None."""
    values = properties_in(show(PROPERTIES, name))
    pid = int(values.get("MainPID") or 0)
    return {
        "exists": values.get("LoadState") == "loaded",
        "active_state": values.get("ActiveState", "unknown"),
        "sub_state": values.get("SubState", "unknown"),
        "main_pid": pid or None,
        "restarts": int(values.get("NRestarts") or 0),
        "started": _epoch(values.get("ExecMainStartTimestamp", "")) if pid else None,
        "exec_start": values.get("ExecStart", ""),
        "reloaded": _reloaded(values) if pid else None,
    }


def _reloaded(values: t.Mapping[str, str]) -> float | None:
    """A daemon-reload forgets when the unit's own reload ran; that its state changed since it became active it remembers."""
    reloaded = _epoch(values.get("ExecReload", "").partition("start_time=")[2].partition("]")[0])
    if reloaded or values.get("ActiveState") != "active":
        return reloaded
    entered, changed = (_epoch(values.get(f"{name}Timestamp", "")) for name in ("ActiveEnter", "StateChange"))
    return changed if entered and changed and changed > entered else None


def _epoch(timestamp: str) -> float | None:
    """'Tue 2026-11-24 12:05:40.123456 UTC' -> seconds since the epoch."""
    match = re.search(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+) UTC", timestamp)
    if not match:
        return None
    moment = datetime.datetime.strptime(match.group(1), "%Y-%m-%d %H:%M:%S.%f")
    return moment.replace(tzinfo=datetime.timezone.utc).timestamp()


def running_release(pid: int | None) -> str | None:
    """The version whose binary the process was started from."""
    found = _running(pid)
    return found.group(1) if found else None


def running_server(pid: int | None) -> Product | None:
    """None where nothing runs, or something that was not installed here."""
    return _server(_running(pid))


def linked_server(binary: str) -> Product | None:
    """What a link leads to, or None where that is nothing that was installed here."""
    return _server(RELEASE.search(os.path.realpath(binary)))


def _server(release: re.Match[str] | None) -> Product | None:
    if not release:
        return None
    return product.told(release.group(1), product.OPENBAO if release.group(2) == "bao" else product.VAULT)


def _running(pid: int | None) -> re.Match[str] | None:
    if pid is None:
        return None
    try:
        return RELEASE.search(os.readlink(f"/proc/{pid}/exe").removesuffix(" (deleted)"))
    except OSError:
        return None


def restart_reasons(started: float | None, running: str | None, current: str | None, paths: list[str]) -> list[str]:
    """Why the process is older than what it should run. Judged from now, not from what a run remembers.

    A *running* release of None is one that was not installed here: its files tell whether it is old.
    """
    if started is None:
        return []
    reasons = [f"{path} is newer than the process" for path in paths if _changed(path) > started]
    if running != current and running is not None:
        reasons.append(f"the process runs {running}, and {current} is switched on")
    return reasons


def reload_reasons(started: float | None, reloaded: float | None, paths: list[str]) -> list[str]:
    """Why the process should read anew what a reload brings into effect."""
    if started is None:
        return []
    read = max(started, reloaded or 0.0)
    return [f"{path} is newer than what the process has read" for path in paths if _changed(path) > read]


def signal_reload(name: str) -> None:
    done = subprocess.run(["systemctl", "reload", name], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Problem(f"The service {name} can't be reloaded ({done.stderr.strip()})")


def _changed(path: str) -> float:
    try:
        return os.lstat(path).st_mtime
    except FileNotFoundError:
        return 0.0
