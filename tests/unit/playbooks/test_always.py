"""What has to happen after a failure, too. A failure with run_once, in a block without a rescue, takes the other nodes past the
block's 'always': the one that failed is there alone."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
import yaml
from kit.paths import ROOT

Task = dict[str, t.Any]
ROLES, TASKS = ROOT / "roles", ROOT / "playbooks" / "tasks"
FILES = sorted([*TASKS.rglob("*.yml"), *ROLES.glob("*/tasks/*.yml")])
# Who is there alone in any case: the node whose turn it is, by the condition of turn.yml, the machine of a drill, and localhost.
ALONE = {
    "playbooks/tasks/behind_balancer.yml",
    "roles/vault_failover/tasks/check.yml",
    "playbooks/tasks/restore_drill/drill.yml",
    "roles/vault_ec2/tasks/drill_make.yml",
    "roles/vault_seal_adopt/tasks/turn.yml",
    "playbooks/tasks/restore_drill/remove.yml",
    "playbooks/tasks/under_aws_lease.yml",
}


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def blocks_in(tasks: list[Task]) -> t.Iterator[Task]:
    for task in tasks:
        if "block" in task:
            yield task
            for part in ("block", "rescue", "always"):
                yield from blocks_in(task.get(part, []))


def work_of(path: Path, tasks: list[Task]) -> t.Iterator[Task]:
    """The tasks that do something, those of imported files and roles among them."""
    for task in tasks:
        role = task.get("ansible.builtin.import_role") or task.get("ansible.builtin.include_role")
        neighbour = task.get("ansible.builtin.import_tasks")
        if role:
            there = ROLES / role["name"].rpartition(".")[2] / "tasks" / f"{role.get('tasks_from', 'main')}.yml"
        elif neighbour:
            there = path.parent / neighbour
        else:
            yield task
            continue
        yield from work_of(there, yaml.safe_load(there.read_text()))


def on_every_node(path: Path) -> list[str]:
    """What an 'always' without a rescue would do on one node of many."""
    return [
        task["name"]
        for block in blocks_in(yaml.safe_load(path.read_text()))
        if "rescue" not in block
        for task in work_of(path, block.get("always", []))
        if not task.get("run_once")
    ]


@pytest.mark.parametrize("path", [path for path in FILES if name_of(path) not in ALONE], ids=name_of)
def test_what_every_node_has_to_do_after_a_failure_is_reached_by_a_rescue(path):
    assert on_every_node(path) == []


def test_who_is_alone_is_alone():
    turn = yaml.safe_load((TASKS / "turn.yml").read_text())
    work = [task for task in turn if "ansible.builtin.include_tasks" in task]
    assert len(work) == 2 and all("inventory_hostname == vault_turn" in task["when"] for task in work)
    assert {name for name in ALONE if not (ROOT / name).is_file()} == set()
