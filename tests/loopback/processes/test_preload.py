"""What forks of a run need is loaded before the fork, and a library that is missing is somebody else's to name."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import pytest
from kit.paths import ROOT

ASK = """import json, sys
from ansible.plugins.loader import init_plugin_loader
{hide}
init_plugin_loader()
from ansible_collections.vaultops.cluster.plugins.plugin_utils import preload
print(json.dumps(sorted(sys.modules)))
"""


def run(*hidden):
    hide = f"sys.modules.update(dict.fromkeys({hidden!r}))"
    done = subprocess.run(
        [sys.executable, "-c", ASK.format(hide=hide)],
        capture_output=True,
        text=True,
        env=os.environ,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done


def loaded(*hidden):
    return set(json.loads(run(*hidden).stdout.splitlines()[-1]))


@pytest.mark.parametrize("hidden", ["hvac", "boto3", "botocore", "cryptography"])
def test_a_library_that_is_missing_breaks_nothing(hidden):
    assert "ansible_collections.vaultops.cluster.plugins.plugin_utils.preload" in loaded(hidden)


def test_what_forks_would_load_each_for_itself_is_there():
    names = loaded()
    assert {"hvac", "boto3", "ansible.plugins.action.set_fact", "ansible.plugins.connection.local"} <= names
    # A name that is nowhere would be passed over like a library that is missing.
    listed = re.search(r"MODULES = \(\n(.*?)\n\)", (ROOT / "plugins/plugin_utils/preload.py").read_text(), re.DOTALL)
    assert listed
    wanted = set(re.findall(r'"([\w.]+)"', listed.group(1)))
    assert wanted
    assert {f"ansible_collections.vaultops.cluster.plugins.{name}" for name in wanted} <= names


def test_a_connection_is_loaded_where_it_is_installed_and_not_missed_where_it_is_not():
    connection = "ansible_collections.community.docker.plugins.connection.docker"
    assert connection in loaded()
    without = run("ansible_collections.community.docker")
    assert connection not in without.stdout
    assert "WARNING" not in without.stderr + without.stdout
