"""A node that can't be reached ends no play where that may be.

In a play with any_errors_fatal, Ansible lets ignore_unreachable keep such a host, and ends the play for every host all the same;
where the task, or what holds it, says 'any_errors_fatal: false', the play goes on.
"""

from __future__ import annotations

import copy
import os
import re
import sys
import typing as t

import pytest
import yaml
from kit.paths import ROOT
from kit.playbook import in_line, run_play

LOCAL = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
INPUTS = {"vault_cluster_name": "prod", "vault_aws_region": "eu-central-1", "vault_version": "1.21.1"}
KEYWORDS = ("ignore_unreachable", "any_errors_fatal")
PING: dict[str, t.Any] = {"ansible.builtin.ping": {}}


@pytest.fixture
def play(tmp_path):
    """Runs tasks in a play as the playbooks have them, on vault-1, which is here, and on vault-2, which SSH does not reach."""
    no_way = tmp_path / "no_way"
    no_way.write_text("#!/bin/sh\nexit 255\n")
    no_way.chmod(0o755)
    # Asked for any unit, it knows none.
    systemctl = tmp_path / "bin/systemctl"
    systemctl.parent.mkdir()
    systemctl.write_text("#!/bin/sh\necho LoadState=not-found\n")
    systemctl.chmod(0o755)
    hosts = {
        "vault-1": {**LOCAL, "vault_address": "10.0.1.10"},
        "vault-2": {"ansible_connection": "ssh", "ansible_ssh_executable": str(no_way), "vault_address": "10.0.1.11"},
    }

    def play(tasks: list[t.Any], going: tuple[str, ...] = (), **more: t.Any) -> str:
        groups = {"vault": {"hosts": hosts}, "vault_going": {"hosts": dict.fromkeys(going, {})}}
        inventory = {"all": {"children": groups, "vars": {**INPUTS, **more}}}
        (tmp_path / "hosts.yml").write_text(yaml.safe_dump(inventory))
        book = {"hosts": "vault", "gather_facts": False, "any_errors_fatal": True, "tasks": tasks}
        path = f"{systemctl.parent}:{os.environ['PATH']}"
        return in_line(run_play(tmp_path, {**book, "environment": {"PATH": path}}, "-i", "hosts.yml"))

    return play


def ignoring(tasks: t.Any) -> t.Iterator[dict[str, t.Any]]:
    for task in tasks or []:
        applied = (task.get("ansible.builtin.include_tasks") or {}) if "ansible.builtin.include_tasks" in task else {}
        if task.get("ignore_unreachable") or (isinstance(applied, dict) and "ignore_unreachable" in str(applied)):
            yield task
        for part in ("block", "rescue", "always"):
            yield from ignoring(task.get(part))


def found() -> dict[str, dict[str, t.Any]]:
    files = [*(ROOT / "roles").glob("*/tasks/*.yml"), *(ROOT / "playbooks/tasks").rglob("*.yml")]
    return {
        f"{path.relative_to(ROOT)}, {task['name']}": task
        for path in sorted(files)
        for task in ignoring(yaml.safe_load(path.read_text()))
    }


def asks(task: dict[str, t.Any]) -> dict[str, t.Any]:
    """In the place of the task one that only asks whether there is somebody, with the same words to Ansible."""
    words = {word: task[word] for word in KEYWORDS if word in task}
    included = task.get("ansible.builtin.include_tasks")
    if isinstance(included, dict):
        return {"ansible.builtin.include_tasks": {**included, "file": "ask.yml"}, **words}
    return {"block": [copy.deepcopy(PING)], **words}


def test_wherever_a_node_may_be_away_the_play_goes_on(play, tmp_path):
    (tmp_path / "ask.yml").write_text(yaml.safe_dump([PING]))
    tasks = found()
    assert len(tasks) >= 13
    passed = [{"ansible.builtin.debug": {"msg": f"<{name}>"}} for name in tasks]
    said = play([one for task, after in zip(tasks.values(), passed, strict=True) for one in (asks(task), after)])
    assert [name for name in tasks if f"<{name}>" not in said] == []
    assert not said.startswith("failed")


def test_a_play_whose_every_task_takes_it_does_not_end_for_all_hosts():
    books = [*(ROOT / "playbooks").glob("*.yml"), *(ROOT / "playbooks/plays").glob("*.yml")]
    plays = [one for book in books for one in yaml.safe_load(book.read_text()) if one.get("ignore_unreachable")]
    assert len(plays) == 2
    assert not any(one.get("any_errors_fatal") for one in plays)


def test_a_dead_node_that_leaves_is_passed_over_when_vault_is_stopped(play):
    stop = {"ansible.builtin.include_tasks": str(ROOT / "playbooks/tasks/replace_node/stop.yml")}
    inputs = {"ansible.builtin.import_role": {"name": "vaultops.cluster.vault_inputs"}}
    said = play([inputs, stop], going=("vault-2",))
    assert "Stop Vault, and do not start it at boot" in said
    assert not said.startswith("failed"), said


REFUSE = {"ansible.builtin.import_role": {"name": "vaultops.cluster.vault_tls", "tasks_from": "revoke"}}


def test_certificates_are_refused_though_a_dead_node_that_leaves_can_not_say_which_it_has(play, tmp_path):
    said = play([REFUSE], vault_leaving="vault-2", vault_node_tls_dir=str(tmp_path))
    # There is no Vault to be told; but the run has come that far.
    assert re.search(r"TASK \[[^]]*What was replaced or withdrawn does not log in any more", said), said


def test_nothing_is_refused_where_a_node_that_stays_can_not_say_it(play, tmp_path):
    said = play([REFUSE], vault_node_tls_dir=str(tmp_path))
    assert "vault-2 did not say which certificates were replaced there" in said, said
    assert "vault-1, vault-2 did not say" not in said
    assert "What was replaced or withdrawn" not in said


def test_a_lost_machine_that_is_not_reached_does_not_end_the_recovery_of_a_quorum(play):
    read = {"ansible.builtin.import_role": {"name": "vaultops.cluster.vault_quorum", "tasks_from": "read"}}
    said = play([read], vault_lost="vault-2", vault_leaving="vault-2")
    assert re.search(r"TASK \[[^]]*Lost nodes, as those that are left see them", said), said


def test_a_machine_for_a_drill_that_is_not_reached_is_named(play):
    preflight = {
        "ansible.builtin.import_role": {"name": "vaultops.cluster.vault_restore", "tasks_from": "drill_preflight"}
    }
    said = play([preflight], vault_server_found={"unreachable": True, "msg": "no way"})
    assert "vault-2 can't be reached: no way" in said, said
