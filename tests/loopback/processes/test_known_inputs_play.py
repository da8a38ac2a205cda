"""The first play of every playbook: what nobody understands in an inventory is named there."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import yaml
from kit.playbook import in_line, run_play

SECRET = "hunter2-x9"


def run(folder: Path, *arguments: str, **own: t.Any) -> str:
    """What the first play of each playbook says; 'failed' before it where it failed."""
    hosts = {f"vault-{n}": {"vault_address": f"10.0.1.{n}"} for n in (1, 2, 3)}
    hosts["vault-2"] |= own
    (folder / "hosts.yml").write_text(yaml.safe_dump({"all": {"children": {"vault": {"hosts": hosts}}}}))
    role = {"name": "vaultops.cluster.vault_cluster", "tasks_from": "inventory"}
    tasks = [{"ansible.builtin.import_role": role}]
    play = {"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": tasks}
    return in_line(run_play(folder, play, "-i", "hosts.yml", *arguments))


def test_the_first_play_names_the_host_and_the_nearest_input(tmp_path):
    said = run(tmp_path, vault_snapshot_bukket=SECRET, vault_kms_manage=SECRET)
    assert said.startswith("failed")
    assert "vault-2: the variable vault_snapshot_bukket is no input of this collection." in said
    assert "The nearest one is vault_snapshot_bucket" in said
    assert "vault-2: the variable vault_kms_manage has a value that can't be read as bool." in said
    assert SECRET not in said


def test_it_sees_what_is_given_on_the_command_line(tmp_path):
    said = run(tmp_path, "-vvv", "-e", json.dumps({"vault_tls_renew_dayz": 3}))
    assert "All hosts: the variable vault_tls_renew_dayz is no input" in said
    assert "The nearest one is vault_tls_renew_days" in said


def test_templates_that_nobody_can_fill_in_here_do_no_harm(tmp_path):
    own = {
        "vault_kms_manage": "{{ known_later }}",
        "vault_rejoin": ["{{ known_later }}"],
        "vault_restore": "{{ known_later }}",
    }
    said = run(tmp_path, **own, vault_db_password=SECRET, vault_other_variables=["vault_db_*"])
    assert not said.startswith("failed"), said
