# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What runs on a node, and whether it is what lies on its disk."""

from __future__ import annotations

import datetime
import os
import re
import ssl
import subprocess
import typing as t

from .errors import NodeError

PROPERTIES = ("LoadState", "ActiveState", "SubState", "MainPID", "ExecMainStartTimestamp", "NRestarts")
RELEASE = re.compile(r"/releases/([^/]+)/vault$")


def read_unit(name: str) -> dict[str, t.Any]:
    """systemd's view of the service; *started* in seconds since the epoch, or None."""
    command = ["systemctl", "show", name, "--timestamp=us+utc", "--property", ",".join(PROPERTIES)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise NodeError(f"systemd does not answer: {done.stderr.strip()}", "The nodes must run systemd.")
    values = dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)
    pid = int(values.get("MainPID") or 0)
    return {
        "exists": values.get("LoadState") == "loaded",
        "active_state": values.get("ActiveState", "unknown"),
        "sub_state": values.get("SubState", "unknown"),
        "main_pid": pid or None,
        "restarts": int(values.get("NRestarts") or 0),
        "started": _epoch(values.get("ExecMainStartTimestamp", "")) if pid else None,
    }


def _epoch(timestamp: str) -> float | None:
    """'Tue 2026-11-24 12:05:40.123456 UTC' -> seconds since the epoch."""
    match = re.search(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+) UTC", timestamp)
    if not match:
        return None
    moment = datetime.datetime.strptime(match.group(1), "%Y-%m-%d %H:%M:%S.%f")
    return moment.replace(tzinfo=datetime.timezone.utc).timestamp()


def running_release(pid: int | None) -> str | None:
    """The version whose binary the process was started from."""
    if pid is None:
        return None
    try:
        match = RELEASE.search(os.readlink(f"/proc/{pid}/exe").removesuffix(" (deleted)"))
    except OSError:
        return None
    return match.group(1) if match else None


def restart_reasons(started: float | None, running: str | None, current: str | None, paths: list[str]) -> list[str]:
    """Why the process is older than what it should run. Judged from now, not from what a run remembers.

    A *running* release of None is one that was not laid down here: its files tell whether it is old.
    """
    if started is None:
        return []
    reasons = [f"{path} is newer than the process" for path in paths if _changed(path) > started]
    if running != current and running is not None:
        reasons.append(f"the process runs {running}, and {current} is switched on")
    return reasons


def _changed(path: str) -> float:
    try:
        return os.lstat(path).st_mtime
    except FileNotFoundError:
        return 0.0


def certificate_is_stale(address: tuple[str, int], path: str) -> bool:
    """Whether the listener serves another certificate than the file holds. False when nothing listens."""
    try:
        with open(path, encoding="ascii") as stream:
            leaf = re.search(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", stream.read(), re.DOTALL)
        served = ssl.get_server_certificate(address, timeout=5)
    except (FileNotFoundError, OSError):
        return False
    return leaf is not None and ssl.PEM_cert_to_DER_cert(leaf.group(0)) != ssl.PEM_cert_to_DER_cert(served)
