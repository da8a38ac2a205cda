# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Stop Vault on this node for a while. The node itself starts it again, should nobody else do so."""

from __future__ import annotations

import subprocess
import typing as t

from .._common.errors import Problem
from . import service, turn

# The timer that starts Vault again, whatever has become of the run.
BACK = "vaultops-back"
ACTIVE = 200


def refusal(
    unit: t.Mapping[str, t.Any], enabled: bool, own: turn.Answer, others: t.Sequence[turn.Answer], voters: int
) -> str:
    """Why Vault must not be stopped here, or nothing. Pure."""
    if not unit["main_pid"]:
        return "the service does not run"
    if not enabled:
        return "the service is not started at boot, so nothing would bring it back after a restart of the machine"
    if own.status != ACTIVE:
        return f"it is not the active node ({own.said()})"
    return turn.obstacle(own, others, voters) or ""


def is_enabled(name: str) -> bool:
    return _systemctl("is-enabled", "--quiet", name).returncode == 0


def arm(name: str, seconds: int, server: str) -> None:
    """From now on the node starts the service in so many seconds, unless somebody has said meanwhile that it is not to run."""
    disarm()
    again = f"systemctl is-enabled --quiet {name} && systemctl start {name}"
    timer = ["--quiet", f"--unit={BACK}", f"--on-active={seconds}", "--timer-property=AccuracySec=1s", "--collect"]
    done = _run("systemd-run", *timer, "/bin/sh", "-c", again)
    if done.returncode != 0:
        raise Problem(
            f"The timer that would start {name} again can't be set ({done.stderr.strip()})",
            f"{server} was not stopped.",
        )


def is_armed() -> bool:
    return _systemctl("is-active", "--quiet", f"{BACK}.timer").returncode == 0


def disarm() -> None:
    if is_armed():
        _required("stop", f"{BACK}.timer")


def stop(name: str, kind: str) -> None:
    """*kind*: graceful by SIGTERM, upon which the leadership is handed over; crash by SIGKILL."""
    if kind == "crash":
        _required("kill", "--signal=SIGKILL", name)
    # After a crash this keeps systemd from starting it again.
    _required("stop", name)


def start(name: str) -> bool:
    """Returns whether it had to be started. Whether it comes up is seen from elsewhere: it may have to wait for KMS."""
    stopped = service.read_unit(name)["active_state"] not in ("active", "activating", "reloading")
    if stopped:
        _required("start", "--no-block", name)
    return stopped


def _required(*command: str) -> None:
    done = _systemctl(*command)
    if done.returncode != 0:
        raise Problem(f"systemctl {' '.join(command)} failed: {done.stderr.strip()}", "Look at the unit on the node.")


def _systemctl(*command: str) -> subprocess.CompletedProcess[str]:
    return _run("systemctl", *command)


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise Problem(f"{command[0]} can't be run ({error.strerror})", "The nodes must run systemd.") from error
