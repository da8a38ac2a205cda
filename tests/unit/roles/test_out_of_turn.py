"""What the role does to a node out of turn, by how the node stands: nothing that runs is restarted or reloaded."""

from __future__ import annotations

import itertools

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from kit.templates import ROLE, trusted

REASONS = ["/etc/vault.d/vault.hcl is newer than the process"]
STANDINGS = ["empty", "uninitialized", "stopped", "serving", "other"]


def tasks(name):
    return yaml.safe_load((ROLE / "tasks" / name).read_text())


def started(standing, restart=(), reload=()):
    """The state that systemd is told, or None where it is not asked."""
    now = {"restart_reasons": list(restart), "reload_reasons": list(reload), "service": {"exists": True}}
    known = {"vault_server_standing": standing, "__vault_server_now": now}
    templar = Templar(loader=DataLoader(), variables={name: trusted(value) for name, value in known.items()})
    (start,) = [task for task in tasks("main.yml") if "ansible.builtin.include_tasks" in task]
    if templar.template(trusted(f"{{{{ {start['when']} }}}}")) is not True:
        return None
    unit = tasks("start.yml")[0]["block"][0]["ansible.builtin.systemd_service"]
    return templar.template(trusted(unit["state"]))


def test_nothing_else_in_it_touches_the_unit():
    modules = [
        set(task) & {"ansible.builtin.import_tasks", "ansible.builtin.include_tasks"} for task in tasks("main.yml")
    ]
    assert all(modules)
    for name in ("configure.yml", "compare.yml"):
        units = [
            task["ansible.builtin.systemd_service"]["name"] for task in tasks(name) if "systemd" in str(task.keys())
        ]
        assert set(units) <= {"vaultops-logrotate.timer"}


@pytest.mark.parametrize("reasons", [[], REASONS])
def test_a_node_without_a_process_is_started_and_never_restarted(reasons):
    assert [started(standing, reasons) for standing in ("empty", "stopped")] == ["started", "started"]


def test_only_a_node_that_said_itself_that_it_holds_nothing_is_restarted():
    every = itertools.product(STANDINGS, ([], REASONS))
    assert {one for one, why in every if started(one, why) == "restarted"} == {"uninitialized"}
    assert started("uninitialized") == "started"
    assert started("uninitialized", reload=["/etc/vault.d/reload.hcl is newer"]) == "restarted"


def test_a_node_that_runs_is_left_alone():
    assert {started(standing, REASONS) for standing in ("serving", "other")} == {None}


def test_unless_somebody_says_more_a_node_is_one_that_nobody_knows_about():
    assert yaml.safe_load((ROLE / "defaults" / "main.yml").read_text())["vault_server_standing"] == "other"
