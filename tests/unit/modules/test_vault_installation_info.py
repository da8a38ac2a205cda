"""The unit and the configuration that a node's Vault has, with a stand-in for systemctl."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._node import installation
from ansible_collections.vaultops.cluster.plugins.modules import vault_installation_info

OURS = "# Made by vaultops.cluster. Changes made here are overwritten.\n"
PARTS = {"unit", "drop_ins", "configs", "environment_files", "manager_environment", "foreign"}


@pytest.fixture
def installed(node_with, tmp_path, run_module, monkeypatch):
    """Runs the module on a node with these unit files; returns what it says, and what systemctl was asked."""
    monkeypatch.setattr(installation, "CONFIG", [str(tmp_path / "etc" / "vault.hcl")])

    def run(unit=None, drop_ins=(), check=False, fails="", manager="", **options):
        asked = tmp_path / "asked"
        shown = f"FragmentPath={unit or ''}\nDropInPaths={' '.join(map(str, drop_ins))}\n"
        (tmp_path / "shown").write_text(shown)
        (tmp_path / "manager").write_text(f"Environment={manager}\n" if manager else "")
        # Without a unit's name, the properties are the manager's own.
        shown = f'case "$2" in --*) cat {tmp_path / "manager"};; *) cat {tmp_path / "shown"};; esac'
        end = f"echo '{fails}' >&2; exit 1" if fails else shown
        node_with(systemctl=f'echo "$*" >{asked}\n{end}')
        return run_module(vault_installation_info, check, **options), asked.read_text().split()

    return run


def written(path: Path, text: str) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return path


@pytest.fixture
def by_hand(tmp_path):
    """What somebody set up: a unit with a drop-in, a configuration in a directory, and an environment file."""
    etc = tmp_path / "etc"
    return {
        "unit": written(etc / "vault.service", f"[Service]\nExecStart=/usr/bin/vault server -config={etc / 'vault'}\n"),
        "drop_in": written(etc / "override.conf", f"[Service]\nEnvironmentFile=-{etc / 'vault.env'}\n"),
        "config": written(etc / "vault" / "one.hcl", 'storage "raft" {}\n'),
        "other": written(etc / "vault" / "notes.txt", "not read"),
        "environment": written(etc / "vault.env", "# who\nAWS_SECRET_ACCESS_KEY=hunter2\nVAULT_API_ADDR = x\n"),
    }


@pytest.mark.parametrize("check", [False, True])
def test_everything_that_vault_is_run_by_is_told_by_path(installed, by_hand, check):
    said, asked = installed(by_hand["unit"], [by_hand["drop_in"]], check)
    assert said["changed"] is False
    assert set(said["installation"]) == PARTS
    found = said["installation"]
    for part, name in (("unit", "unit"), ("drop_ins", "drop_in"), ("configs", "config")):
        assert found[part] == {str(by_hand[name]): by_hand[name].read_text()}
    assert sorted(found["foreign"]) == sorted(str(by_hand[name]) for name in ("unit", "drop_in", "config"))
    assert asked[:2] == ["show", "vault"]


def test_of_a_variable_only_what_is_known_to_be_no_secret_is_told(installed, by_hand):
    by_hand["environment"].write_text(
        "# who\nAWS_SECRET_ACCESS_KEY=hunter2\nVAULT_API_ADDR = 'https://x'\nVAULT_CLUSTER_ADDR=https://me:hunter2@x\nHTTPS_PROXY=hunter2\n"
    )
    said, _asked = installed(
        by_hand["unit"], [by_hand["drop_in"]], manager='AWS_REGION=eu-west-1 "OTHER=hunter2 and more"'
    )
    assert said["installation"]["environment_files"] == {
        str(by_hand["environment"]): {
            "AWS_SECRET_ACCESS_KEY": "",
            "VAULT_API_ADDR": "https://x",
            "VAULT_CLUSTER_ADDR": "",
            "HTTPS_PROXY": "",
        }
    }
    assert said["installation"]["manager_environment"] == {"AWS_REGION": "eu-west-1", "OTHER": ""}
    assert "hunter2" not in json.dumps(said)


def test_a_pattern_of_environment_files_is_every_file_that_fits(installed, by_hand, tmp_path):
    etc = tmp_path / "etc"
    written(etc / "more.env", "TZ=UTC\n")
    by_hand["drop_in"].write_text(f"[Service]\nEnvironmentFile=-{etc}/*.env\nEnvironmentFile=-{etc}/none\n")
    said, _asked = installed(by_hand["unit"], [by_hand["drop_in"]])
    assert list(said["installation"]["environment_files"]) == [str(etc / "more.env"), str(etc / "vault.env")]


def test_what_the_collection_made_or_what_says_nothing_is_nobody_elses(installed, by_hand):
    by_hand["unit"].write_text(OURS + by_hand["unit"].read_text())
    by_hand["config"].write_text(OURS)
    by_hand["drop_in"].write_text("\n")
    said, _asked = installed(by_hand["unit"], [by_hand["drop_in"]])
    assert said["installation"]["foreign"] == []


def test_what_the_collection_would_replace_is_told_even_when_no_command_names_it(installed, by_hand, tmp_path):
    usual = written(tmp_path / "etc" / "vault.hcl", "ui = true\n")
    said, _asked = installed(by_hand["unit"])
    assert set(said["installation"]["configs"]) == {str(by_hand["config"]), str(usual)}


def test_a_node_without_any_of_it_is_told_as_such(installed):
    said, asked = installed(service="vault-old")
    assert said["installation"] == {**dict.fromkeys(PARTS - {"foreign"}, {}), "foreign": []}
    assert asked[:2] == ["show", "vault-old"]


def test_a_file_that_can_not_be_read_is_named_and_why(installed, tmp_path):
    lost = tmp_path / "lost.service"
    said, _asked = installed(lost)
    assert said["msg"] == (
        f"{lost} is part of how Vault is run here, and can't be read (No such file or directory). "
        "What is not known can't be taken over."
    )


def test_a_node_without_systemd_is_told_what_nodes_need(installed):
    said, _asked = installed(fails="System has not been booted with systemd as init system")
    assert said["msg"] == (
        "systemd does not answer: System has not been booted with systemd as init system. The nodes must run systemd."
    )


def test_a_node_without_systemctl_is_told_what_nodes_need(run_module, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "The nodes must run systemd" in run_module(vault_installation_info)["msg"]
