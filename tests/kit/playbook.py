"""A play that a test makes, run by the ansible-playbook beside this Python, with the checkout's settings."""

from __future__ import annotations

import os
import subprocess
import sys
import typing as t
from pathlib import Path

import yaml
from kit.paths import ROOT

TIMEOUT_SECONDS = 300


def run_play(
    folder: Path, play: dict[str, t.Any], *arguments: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    """*folder*: where the play is written, and what *arguments* are relative to; *environment*: variables of the process."""
    (folder / "play.yml").write_text(yaml.safe_dump([play], sort_keys=False))
    return run_playbook(folder, *arguments, "play.yml", **environment)


def run_playbook(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """*arguments*: what ansible-playbook is given, relative to *folder*."""
    return subprocess.run(
        [str(Path(sys.executable).parent / "ansible-playbook"), *arguments],
        capture_output=True,
        check=False,
        text=True,
        cwd=folder,
        env={
            **os.environ,
            "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
            "ANSIBLE_FORCE_COLOR": "0",
            **environment,
        },
        timeout=TIMEOUT_SECONDS,
    )


def in_line(done: subprocess.CompletedProcess[t.Any]) -> str:
    """All that was said, in one line; 'failed' before it where it failed."""
    said = " ".join((done.stdout + done.stderr).split())
    return said if done.returncode == 0 else f"failed {said}"
