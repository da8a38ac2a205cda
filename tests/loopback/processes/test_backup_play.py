"""What backup.yml says of nodes without the tool, and of a unit that has not run; the nodes are this machine."""

from __future__ import annotations

import json
import os
import sys
import typing as t
from pathlib import Path

import pytest
import yaml
from kit.paths import ROOT
from kit.playbook import in_line, run_play, run_playbook

NODES = ("vault-1", "vault-2", "vault-3")
INPUTS = {
    "vault_cluster_name": "prod",
    "vault_version": "1.21.1",
    "vault_aws_region": "eu-central-1",
    "vault_aws_endpoint_url": "http://127.0.0.1:9",
    "vault_join": "static",
    "vault_login_method": "cert",
    "vault_snapshot_bucket": "b-1",
}
OTHERS = "systemd[1]: Reached target Multi-User System."


class Nodes:
    """*units*: where each node has its unit, as <name>.service."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.units = folder, folder / "units"
        self.units.mkdir()
        local = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
        hosts = {name: {**local, "vault_address": f"127.0.0.{n}"} for n, name in enumerate(NODES, 1)}
        inventory = {"all": {"children": {"vault": {"hosts": hosts, "vars": INPUTS}}}}
        (folder / "hosts.yml").write_text(yaml.safe_dump(inventory))

    def have(self, *names: str) -> None:
        for name in names:
            (self.units / f"{name}.service").write_text("")

    def arguments(self, **variables: t.Any) -> list[str]:
        units = {"__vault_backup_unit_file": f"{self.units}/{{{{ inventory_hostname }}}}.service"}
        return ["-i", "hosts.yml", "-e", json.dumps({**units, **variables})]

    def back_up(self, *more: str, **variables: t.Any) -> str:
        playbook = str(ROOT / "playbooks" / "backup.yml")
        return in_line(run_playbook(self.folder, *self.arguments(**variables), *more, playbook))

    def run(self, entry: str, **variables: t.Any) -> str:
        role = {"name": "vaultops.cluster.vault_backup", "tasks_from": entry}
        play = {"hosts": "vault", "gather_facts": False, "tasks": [{"ansible.builtin.import_role": role}]}
        return in_line(run_play(self.folder, play, *self.arguments(**variables)))


@pytest.fixture
def nodes(tmp_path):
    return Nodes(tmp_path)


@pytest.mark.parametrize("more", [(), ("--check",)], ids=["run", "check"])
@pytest.mark.parametrize(
    ("have", "says"),
    [
        ((), "vault-1, vault-2, vault-3 have no tool that takes snapshots."),
        (("vault-1", "vault-3"), "vault-2 has no tool that takes snapshots."),
    ],
)
def test_before_anything_is_done_nodes_without_the_tool_are_named(nodes, have, says, more):
    nodes.have(*have)
    said = nodes.back_up(*more)
    assert said.startswith("failed")
    assert f"{says} Run playbooks/site.yml, which sets it up. Nothing was done." in said
    assert (
        said.count("changed=0") == len(("localhost", *NODES))
        and "Canary" not in said
        and "No snapshot was taken" not in said
    )


def test_who_wants_no_snapshots_is_told_what_to_set(nodes):
    said = nodes.back_up(vault_snapshot_bucket="", vault_backup=False)
    assert (
        "no tool that takes snapshots. Set vault_snapshot_bucket, or vault_backup to true. Run playbooks/site.yml"
        in said
    )


def test_nodes_that_have_it_go_on(nodes):
    nodes.have(*NODES)
    assert not nodes.run("tool").startswith("failed")


@pytest.mark.parametrize(
    ("have", "says"),
    [
        (
            ("vault-3",),
            "and vault-1, vault-2 have no tool that takes snapshots. Run playbooks/site.yml, which sets it up;",
        ),
        (("vault-1",), "and vault-2 has no tool that takes snapshots. Run playbooks/site.yml, which sets it up;"),
        (("vault-1", "vault-2"), None),
    ],
)
def test_before_a_change_only_the_nodes_that_serve_have_to_have_it(nodes, have, says):
    nodes.have(*have)
    states = {"vault-1": "active", "vault-2": "standby", "vault-3": "sealed"}
    answered = [{"name": name, "state": state} for name, state in states.items()]
    said = nodes.run("ready", vault_backup_answered=answered)
    assert said.startswith("failed") is (says is not None), said
    assert says is None or f"The cluster's data is saved before it is changed, {says}" in said, said


@pytest.mark.parametrize("invocation", ["", "0a1b"])
def test_only_what_a_run_has_said_is_read(nodes, monkeypatch, invocation):
    """The stand-in for journalctl has a line for whoever asks for nothing, as the journal has."""
    tools = nodes.folder / "bin"
    tools.mkdir()
    scripts = {
        "systemctl": f'[ "$1" = show ] && echo "{invocation}" || exit 5',
        "journalctl": f'case "$*" in *_ID=0a1b*_ID=0a1b) echo of-that-run;; *) echo "{OTHERS}";; esac',
    }
    for name, script in scripts.items():
        (tools / name).write_text(f"#!/bin/sh\n{script}\n")
        (tools / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tools), prepend=os.pathsep)
    said = nodes.run("run")
    assert said.startswith("failed") and OTHERS not in said
    reason = "of-that-run" if invocation else "systemd knows of no run of vault-backup.service."
    assert f"No snapshot was taken on vault-2; those from before are as they were. {reason}" in said
