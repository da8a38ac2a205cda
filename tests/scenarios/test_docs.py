"""The commands that README.md and docs show for the lab end well, as they are written.

They are for the demo, which 'make demo' brings up: somebody who reads them has no other lab.
"""

from __future__ import annotations

import os
import subprocess

import pytest
from kit import docs
from kit.paths import ROOT
from labkit.settings import Lab

RUN_SECONDS = 600


@pytest.fixture(scope="module")
def demo() -> dict[str, str]:
    lab = Lab("demo", 3)
    addresses = subprocess.run(["ip", "-o", "address"], capture_output=True, text=True, check=True).stdout
    if f" {lab.gateway}/" not in addresses:
        pytest.fail(f"the demo's network {lab.subnet} is not there, and nothing was sent: run 'make demo' first")
    return {**os.environ, "VAULTOPS_LAB": lab.name, "ANSIBLE_FORCE_COLOR": "0"}


@pytest.mark.parametrize("block", docs.for_the_lab(), ids=lambda block: f"{block.page.relative_to(ROOT)}:{block.line}")
def test_the_commands_end_well(demo, block):
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block.text],
        cwd=ROOT,
        env=demo,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=RUN_SECONDS,
    )
    assert done.returncode == 0, done.stdout
