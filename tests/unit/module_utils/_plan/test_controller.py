"""What is said where the controller lacks something."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import yaml
from ansible_collections.vaultops.cluster.plugins.module_utils._plan import controller
from ansible_collections.vaultops.cluster.plugins.plugin_utils import controller as filters
from kit.paths import ROOT

REQUIREMENTS = ROOT / "meta" / "requirements.txt"


@pytest.mark.parametrize(
    ("version", "says"),
    [
        (None, ["hvac>=2.3.0 (not installed)"]),
        ("2.2.9", ["hvac>=2.3.0 (installed: 2.2.9)"]),
        ("2.3.0", []),
        ("3.0.0rc1", []),
    ],
)
def test_what_is_missing_or_too_old_is_named(version, says):
    assert controller.lacking(["hvac>=2.3.0"], {"hvac": version}.get) == says


def test_each_kind_has_its_cure():
    text = controller.problem(["hvac (not installed)"], ["amazon.aws"], "/usr/bin/python3", "/c/meta/requirements.txt")
    assert "/usr/bin/python3 -m pip install -r /c/meta/requirements.txt." in text
    assert "ansible-galaxy collection install amazon.aws." in text
    assert controller.problem([], [], "/usr/bin/python3", "/c/meta/requirements.txt") == ""


def test_the_collections_are_those_that_an_installation_brings():
    assert set(filters.COLLECTIONS) == set(yaml.safe_load((ROOT / "galaxy.yml").read_text())["dependencies"])


def test_nothing_is_missing_here():
    assert filters.missing_on_controller(str(REQUIREMENTS)) == ""


def test_a_package_and_a_collection_that_are_nowhere_are_missed(tmp_path, monkeypatch):
    (tmp_path / "requirements.txt").write_text("no-such-package>=1.0\nhvac>=2.3.0\n")
    monkeypatch.setattr(filters, "COLLECTIONS", ("no_such.collection", "ansible.nothing"))
    text = filters.missing_on_controller(str(tmp_path / "requirements.txt"))
    assert "lacks no-such-package>=1.0 (not installed)." in text
    assert f"-r {tmp_path / 'requirements.txt'}." in text
    assert "no_such.collection" in text
    assert "hvac" not in text


def test_a_playbook_says_so_before_a_host_is_asked(tmp_path):
    """A Python path that hides a package: its metadata is what is looked for."""
    hidden = tmp_path / "sitecustomize.py"
    hidden.write_text(
        "import importlib.metadata as m\nknown = m.version\n"
        "def version(name):\n    if name == 'hvac':\n        raise m.PackageNotFoundError(name)\n    return known(name)\n"
        "m.version = version\n"
    )
    (tmp_path / "hosts.yml").write_text("{all: {children: {vault: {hosts: {vault-1: {ansible_host: 127.0.0.1}}}}}}")
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}"}
    command = [sys.executable, "-m", "ansible", "playbook", "-i", str(tmp_path / "hosts.yml"), "playbooks/backup.yml"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=60)
    said = " ".join(done.stdout.split())
    assert done.returncode != 0
    assert "lacks hvac>=2.3.0 (not installed)" in said, said
    assert "vault-1" not in said
