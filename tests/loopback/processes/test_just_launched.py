"""Who is waited for before a run reads anything: instances in their first minutes, and nobody else."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import datetime, timedelta, timezone

import pytest
import yaml
from kit.paths import ROOT

# As in every playbook, something comes before it: before the first play nobody knows any host's variables.
PLAYS = f"""
- hosts: localhost
  gather_facts: false
- ansible.builtin.import_playbook: {ROOT}/playbooks/plays/reach.yml
"""


@pytest.fixture
def run(tmp_path):
    def run(minutes: int, ends: int, *arguments: str) -> subprocess.CompletedProcess[str]:
        launched = datetime.now(timezone.utc) - timedelta(minutes=minutes)
        here = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
        host = {**here, "aws_launch_time": launched.isoformat(), "aws_instance_id": "i-1"}
        inventory = {"vault": {"hosts": {"vault-1": host, "by-hand": here}}}
        (tmp_path / "hosts.yml").write_text(yaml.safe_dump(inventory))
        (tmp_path / "cloud-init").write_text(
            f'#!/bin/sh\necho "$@" >>{tmp_path}/asked\necho "status: ended"\nexit {ends}\n'
        )
        (tmp_path / "cloud-init").chmod(0o755)
        (tmp_path / "play.yml").write_text(PLAYS)
        return subprocess.run(
            ["ansible-playbook", "-i", str(tmp_path / "hosts.yml"), str(tmp_path / "play.yml"), *arguments],
            cwd=ROOT,
            env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "ANSIBLE_FORCE_COLOR": "0"},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    return run


@pytest.mark.parametrize(("ends", "arguments"), [(0, []), (2, ["--check"])])
def test_a_young_instance_is_waited_for_until_its_first_boot_has_ended(run, tmp_path, ends, arguments):
    done = run(1, ends, *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "asked").read_text() == "status --wait\n"
    assert "by-hand" not in done.stdout


def test_nobody_waits_for_an_instance_that_is_there(run, tmp_path):
    done = run(20, 1)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "no hosts matched" in done.stdout
    assert not (tmp_path / "asked").exists()


def test_a_first_boot_that_failed_stops_the_run_and_says_where_to_look(run):
    done = run(1, 1)
    assert done.returncode != 0
    said = " ".join(done.stdout.replace('",', "").split())
    for words in (
        "its first boot did not end well: status: ended",
        "/var/log/cloud-init-output.log",
        "--instance-id i-1",
    ):
        assert words in said, said
