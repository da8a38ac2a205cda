"""What the role does to a node, by how the node stands: nothing that runs is restarted or reloaded out of turn."""

from __future__ import annotations

import itertools

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from test_templates import ROLE, trusted

REASONS = ["/etc/vault.d/vault.hcl is newer than the process"]
STANDINGS = ["empty", "uninitialized", "stopped", "serving", "other"]


def tasks(name):
    return yaml.safe_load((ROLE / "tasks" / name).read_text())


def done(standing, restart=(), reload=(), active="vault-2", check=False, paths=()):
    """The module and what it is given, of each task behind the laying down that is not skipped."""
    names = [
        "__vault_server_needs_reload",
        "__vault_server_no_restart",
        "__vault_server_group",
        "__vault_server_waits_for",
    ]
    names.append("__vault_server_needs_restart")
    role = yaml.safe_load((ROLE / "vars" / "main.yml").read_text())
    now = {"restart_reasons": list(restart), "reload_reasons": list(reload), "service": {"exists": True}}
    known = {
        **{name: role[name] for name in names},
        "inventory_hostname": "vault-1",
        "ansible_check_mode": check,
        "vault_server_standing": standing,
        "vault_server_active_node": active,
        "__vault_server_now": now,
        "__vault_server_laid_down": {"paths": list(paths), "changed": bool(paths)},
    }
    templar = Templar(loader=DataLoader(), variables={name: trusted(value) for name, value in known.items()})
    found = {}
    for task in tasks("main.yml")[3:]:
        if templar.evaluate_conditional(trusted(str(task["when"]))):
            if "ansible.builtin.include_tasks" in task:
                start = tasks("start.yml")[0]["block"][0]["ansible.builtin.systemd_service"]
                found["start"] = templar.template(trusted(start["state"]))
            elif "ansible.builtin.group_by" in task:
                found["group"] = templar.template(trusted(task["ansible.builtin.group_by"]["key"]))
            else:
                found["said"] = templar.template(trusted(task["ansible.builtin.debug"]["msg"]))
    return found


def test_a_node_that_serves_waits_for_its_turn():
    assert done("serving") == {}
    assert done("serving", restart=REASONS) == {"group": "vault_restart_first"}
    assert done("serving", restart=REASONS, active="vault-1") == {"group": "vault_restart_last"}
    assert done("serving", reload=REASONS) == {"group": "vault_reload"}
    assert done("serving", restart=REASONS, reload=REASONS) == {"group": "vault_restart_first"}


@pytest.mark.parametrize(
    ("path", "group"),
    [
        ("/etc/vault.d/vault.hcl", "vault_restart_first"),
        ("/etc/vault.d/reload.hcl", "vault_reload"),
        ("/etc/logrotate.d/vault", None),
    ],
)
def test_in_check_mode_what_would_change_decides(path, group):
    assert done("serving", check=True, paths=[path]).get("group") == group


def test_a_node_without_a_process_is_started_and_never_restarted():
    for standing, reasons in itertools.product(["empty", "stopped"], [[], REASONS]):
        assert done(standing, restart=reasons) == {"start": "started"}


def test_only_a_node_that_said_itself_that_it_holds_nothing_is_restarted():
    assert done("uninitialized") == {"start": "started"}
    assert done("uninitialized", restart=REASONS) == {"start": "restarted"}
    restarted = {
        standing
        for standing, restart, reload in itertools.product(STANDINGS, [[], REASONS], [[], REASONS])
        if done(standing, restart, reload).get("start") == "restarted"
    }
    assert restarted == {"uninitialized"}


def test_a_node_that_nobody_knows_about_is_left_alone_and_that_is_said():
    assert done("other") == {}
    said = done("other", restart=REASONS)
    assert list(said) == ["said"]
    assert REASONS[0] in said["said"]
    assert "vault-1" in said["said"]
    said = done("other", check=True, paths=["/etc/vault.d/vault.hcl"])["said"]
    assert "/etc/vault.d/vault.hcl would change" in said


def test_unless_somebody_says_more_a_node_is_one_that_nobody_knows_about():
    assert yaml.safe_load((ROLE / "defaults" / "main.yml").read_text())["vault_server_standing"] == "other"
