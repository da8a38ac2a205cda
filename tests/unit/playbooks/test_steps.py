"""A playbook orders roles, and does nothing itself."""

from __future__ import annotations

import typing as t

import pytest
import yaml
from kit.paths import ROOT

PLAYBOOKS = ROOT / "playbooks"
NAMES = ("backup", "restore", "restore_drill", "status")
STEPS = {f"ansible.builtin.{kind}" for kind in ("import_role", "include_role", "import_tasks", "include_tasks")}
# With it a play under the lease remembers that it has failed.
REMEMBERS = {"ansible.builtin.set_fact": {"vault_lease_failed": True}}


def own_work(tasks: list[dict[str, t.Any]]) -> t.Iterator[str]:
    for task in tasks:
        if "block" in task:
            yield from own_work([one for part in ("block", "rescue", "always") for one in task.get(part, [])])
        elif not STEPS & set(task) and not REMEMBERS.items() <= task.items():
            yield task["name"]


@pytest.mark.parametrize("name", NAMES)
def test_a_playbook_holds_roles_only(name):
    plays = yaml.safe_load((PLAYBOOKS / f"{name}.yml").read_text())
    assert [found for play in plays for found in own_work(play["tasks"])] == []


def test_work_of_its_own_is_found():
    role = {"name": "a role", "ansible.builtin.import_role": {"name": "x"}}
    work = {"name": "work", "ansible.builtin.command": "true"}
    fact = {"name": "a fact", "ansible.builtin.set_fact": {"x": 1}}
    assert list(own_work([role, {"block": [role], "rescue": [fact], "always": [{"block": [work]}]}])) == [
        "a fact",
        "work",
    ]
