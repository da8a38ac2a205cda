"""How much memory a command takes, with all that it starts."""

from __future__ import annotations

import contextlib
import subprocess
import time
import typing as t
from pathlib import Path

PROC = Path("/proc")
PAUSE_SECONDS = 0.1
COMMAND_SECONDS = 300


def peak_of(command: t.Sequence[str], where: Path, environment: t.Mapping[str, str]) -> float:
    """MiB at the highest, of all its processes together. What forks share counts once."""
    until = time.monotonic() + COMMAND_SECONDS
    peak = 0.0
    with subprocess.Popen(command, cwd=where, env=environment, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            if time.monotonic() > until:
                process.kill()
                raise TimeoutError(f"{command[0]} did not end within {COMMAND_SECONDS} s")
            peak = max(peak, sum(map(proportional, family(process.pid))) / 1024)
            time.sleep(PAUSE_SECONDS)
    if process.returncode:
        raise RuntimeError(f"{command[0]} ended with {process.returncode}")
    return peak


def family(pid: int) -> list[int]:
    """The process and all that came of it."""
    found = [pid]
    for parent in found:
        with contextlib.suppress(OSError):
            for task in (PROC / str(parent) / "task").iterdir():
                found += map(int, (task / "children").read_text().split())
    return found


def proportional(pid: int) -> int:
    """KiB of a process, of which what it shares with others counts in part."""
    with contextlib.suppress(OSError):
        for line in (PROC / str(pid) / "smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    return 0
