"""Thin calls to the docker command line, and the daemon behind it."""

import json
import os
import pathlib
import shutil
import subprocess
import typing as t

from .process import tail
from .say import LabError, say, wait_until
from .settings import cache


def docker(*arguments: str, timeout: float = 120) -> str:
    done = attempt(*arguments, timeout=timeout)
    if done.returncode:
        raise LabError(
            f"`docker {' '.join(arguments[:2])}` failed",
            done.stderr.strip() or f"exit status {done.returncode}",
            "put right what docker names; `docker info` shows the daemon's own warnings",
        )
    return done.stdout.strip()


def attempt(*arguments: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
    """For calls whose failure is an answer ("is there ...?"), not an error."""
    try:
        return subprocess.run(("docker", *arguments), capture_output=True, text=True, timeout=timeout, check=False)
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(arguments, 124, "", f"no answer within {timeout:.0f} s")


def inspect(kind: str, *names: str) -> dict[str, dict[str, t.Any]]:
    """What exists of `names`, by name without the leading slash that docker puts before a container's."""
    found = json.loads(attempt(kind, "inspect", *names).stdout or "[]") if names else []
    return {item["Name"].lstrip("/"): item for item in found}


def labels(item: dict[str, t.Any]) -> dict[str, str]:
    """Containers keep their labels under Config, networks at the top."""
    return (item.get("Labels") or item.get("Config", {}).get("Labels")) or {}


def reachable() -> bool:
    return attempt("version", "--format", "{{.Server.Version}}", timeout=10).returncode == 0


def installed() -> bool:
    return shutil.which("docker") is not None


def ensure_daemon() -> None:
    if not installed():
        raise LabError("docker isn't installed", "no `docker` on PATH", "run `make setup` as root")
    if reachable():
        return
    if os.geteuid() != 0:
        raise LabError(
            "the docker daemon doesn't answer", "it is stopped or this user may not talk to it", "run as root"
        )
    if os.path.isdir("/run/systemd/system"):
        say("starting docker")
        subprocess.run(["systemctl", "start", "docker"], check=False)
        log, words = "journalctl -u docker", "systemctl start docker didn't bring it up"
    else:
        path = _start_by_hand()
        log, words = str(path), ""
    if not wait_until(reachable, 30, 0.3):
        words = words or tail(pathlib.Path(log))
        raise LabError("the docker daemon didn't come up within 30 s", words, f"read {log}, then run `make lab` again")


def _start_by_hand() -> pathlib.Path:
    """Where PID 1 isn't systemd nothing starts dockerd. It is left running on `down`: others may use it by then."""
    say("starting dockerd by hand (PID 1 isn't systemd)")
    path = cache() / "dockerd.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "ab") as log:
        subprocess.Popen(["dockerd"], stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
    return path
