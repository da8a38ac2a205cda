"""Host-side processes of the lab: started detached, remembered by pid file, never mistaken for somebody else's."""

import dataclasses
import json
import os
import pathlib
import signal
import subprocess

from .say import LabError, wait_until


@dataclasses.dataclass(frozen=True)
class Identity:
    """A pid alone is reused by the kernel; with its start time and command line it names one process."""

    pid: int
    started: str
    cmdline: list[str]


def identity(pid: int) -> Identity | None:
    proc = pathlib.Path("/proc") / str(pid)
    try:
        stat = (proc / "stat").read_text()
        cmdline = (proc / "cmdline").read_bytes().decode(errors="replace").split("\0")[:-1]
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()  # the name before it may hold spaces
    if fields[0] == "Z":
        return None
    return Identity(pid, fields[19], cmdline)


def recorded(pid_file: pathlib.Path) -> Identity | None:
    """The process that the pid file is about, if it is still that process."""
    try:
        then = Identity(**json.loads(pid_file.read_text()))
    except (OSError, ValueError, TypeError):
        return None
    return then if identity(then.pid) == then else None


def start(name: str, argv: list[str], state: pathlib.Path, env: dict[str, str]) -> Identity:
    """Start a server that outlives this command, its output in a log beside its pid file."""
    with open(log_file(name, state), "ab") as log:
        child = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=env, cwd=state, start_new_session=True
        )
    # Between fork and exec the child still shows our own command line.
    wait_until(lambda: (found := identity(child.pid)) is None or found.cmdline == argv, 5, 0.01)
    found = identity(child.pid)
    if found is None:
        raise died(name, state)
    pid_file(name, state).write_text(json.dumps(dataclasses.asdict(found)))
    return found


def stop(name: str, state: pathlib.Path) -> bool:
    """Stop the recorded process and forget it. A pid that is by now another process is left alone."""
    path = pid_file(name, state)
    running = recorded(path)
    if running:
        os.kill(running.pid, signal.SIGTERM)
        if not wait_until(lambda: recorded(path) is None, 5, 0.05):
            os.kill(running.pid, signal.SIGKILL)
            wait_until(lambda: recorded(path) is None, 5, 0.05)
    path.unlink(missing_ok=True)
    return running is not None


def died(name: str, state: pathlib.Path) -> LabError:
    log = log_file(name, state)
    return LabError(
        f"the lab's {name} server stopped right after its start",
        f"its last words: {tail(log)}",
        f"read {log}, put right what it names, and run `make lab` again",
    )


def tail(log: pathlib.Path, size: int = 600) -> str:
    try:
        return log.read_bytes()[-size:].decode(errors="replace").strip() or "(nothing)"
    except OSError:
        return "(no log)"


def pid_file(name: str, state: pathlib.Path) -> pathlib.Path:
    return state / f"{name}.pid"


def log_file(name: str, state: pathlib.Path) -> pathlib.Path:
    return state / f"{name}.log"
