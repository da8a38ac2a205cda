"""With Vault 2.0 and later the run that lets administrators in shuts again what it has opened, whatever fails, and has it proven.

The tasks are the playbook's own, in Ansible. In the place of each entry point of a role is one that notes that it was called, but
for what shuts, whose two steps on a node are noted for each, and for the proof, which asks stand-ins.
"""

from __future__ import annotations

import contextlib
import copy
import typing as t

import pytest
import yaml
from kit.backup_stage import SMALL, VaultStandIn, whole
from kit.paths import ROOT
from kit.playbook import in_line, run_play

TASKS = ROOT / "playbooks" / "tasks" / "regain_admin"
ROLES = ("ansible.builtin.include_role", "ansible.builtin.import_role")
INVENTORY = """\
vault-1
vault-2
[all:vars]
ansible_connection=local
ansible_python_interpreter={{ ansible_playbook_python }}
ansible_ssh_executable={{ inventory_dir }}/no_way
"""
SHUT = ROOT / "roles" / "vault_server" / "tasks" / "shut.yml"
# In the place of what is done on a node; the value is how it is noted.
STEPS = {"ansible.builtin.import_tasks": "write", "ansible.builtin.systemd_service": "reload"}
# What vault_root_token says in check mode, in the first play.
LOOKED = {"step": "make", "held": False, "guarded": True, "opened": False, "lines": ["x"], "changed": True}


@pytest.fixture
def nodes(certificates):
    with contextlib.ExitStack() as stack:
        made = [stack.enter_context(VaultStandIn(certificates, whole(SMALL))) for _node in range(2)]
        for one in made:
            one.recovery.version = "2.2.2"
        yield made


class Run:
    def __init__(self, folder: t.Any, nodes: t.Any, certificates: t.Any) -> None:
        self.folder, self.nodes = folder, nodes
        self.connection = {
            "nodes": {f"vault-{at}": one.address for at, one in enumerate(nodes, 1)},
            "ca_cert": certificates.path("ca.crt"),
            "retries": 0,
            "timeout": 5,
        }
        self.log, self.on_nodes = folder / "log", folder / "on_nodes"
        no_way = folder / "no_way"
        no_way.write_text("#!/bin/sh\nexit 255\n")
        no_way.chmod(0o755)

    def __call__(self, fails: str = "", held: bool = True, away: str = "", **more: t.Any) -> tuple[str, list[str]]:
        """*fails*: an entry point, or a step and a node; *away*: a node that SSH does not reach."""
        self.log.write_text("")
        self.on_nodes.write_text("")
        tasks = self._all(TASKS / "regain.yml", fails, held)
        play = {
            "hosts": "all",
            "gather_facts": False,
            "any_errors_fatal": True,
            "module_defaults": {"vaultops.cluster.vault_guard_info": {**self.connection, "wait_timeout": 0}},
            "vars": {"vault_regain_confirm": "x", "vault_cluster_name": "x", "vault_server_unauthenticated_access": []},
            "tasks": [
                {
                    "ansible.builtin.set_fact": {
                        "vault_cluster_root_token": LOOKED,
                        "vault_cluster_guarded": True,
                        **more,
                    }
                },
                # As under_lease.yml does it, whose end is a failure where something has failed.
                {
                    "block": tasks,
                    "rescue": [{"ansible.builtin.set_fact": {"vault_lease_failed": True}}],
                    "always": [
                        {
                            "ansible.builtin.fail": {"msg": "it went wrong"},
                            "when": "vault_lease_failed | default(false)",
                        }
                    ],
                },
            ],
        }
        inventory = INVENTORY.replace(f"{away}\n", f"{away} ansible_connection=ssh\n", 1) if away else INVENTORY
        (self.folder / "inventory").write_text(inventory)
        said = in_line(run_play(self.folder, play, "-i", "inventory"))
        return said, self.log.read_text().split()

    @property
    def reloaded(self) -> list[str]:
        return sorted(line.split()[1] for line in self.on_nodes.read_text().splitlines() if line.startswith("reload"))

    def _all(self, file: t.Any, fails: str, held: bool) -> list[t.Any]:
        return [self._instead(task, fails, held) for task in yaml.safe_load(file.read_text())]

    def _on_node(self, task: t.Any, fails: str) -> t.Any:
        task = copy.deepcopy(task)
        for part in ("block", "rescue"):
            if part in task:
                task[part] = [self._on_node(one, fails) for one in task[part]]
        module = next((module for module in STEPS if module in task), None)
        if module is None:
            return task
        task.pop(module)
        step = f"{STEPS[module]} {{{{ inventory_hostname }}}}"
        note = f"echo {step} >>{self.on_nodes}; [ '{step}' != '{fails}' ]"
        # The file's own name for what is written is given where it is written.
        return {**task, "ansible.builtin.shell": note, "register": task.get("register", "__vault_server_access")}

    def _instead(self, task: t.Any, fails: str, held: bool) -> t.Any:
        task = copy.deepcopy(task)
        for part in ("block", "rescue", "always"):
            if part in task:
                task[part] = [self._instead(one, fails, held) for one in task[part]]
        if "ansible.builtin.include_tasks" in task:
            file = TASKS / task.pop("ansible.builtin.include_tasks")
            return {**task, "block": self._all(file, fails, held)}
        kind = next((kind for kind in ROLES if kind in task), None)
        if kind is None:
            return task
        entry = task.pop(kind)["tasks_from"]
        task.pop("vars", None)
        if entry == "guards":
            (proof,) = yaml.safe_load((ROOT / "roles" / "vault_server" / "tasks" / "guards.yml").read_text())
            return {**proof, **task}
        if entry == "access":
            entry = "open"
        if entry == "shut":
            noted = {"ansible.builtin.shell": f"echo shut >>{self.log}", "run_once": True}
            return {"block": [noted, *(self._on_node(one, fails) for one in yaml.safe_load(SHUT.read_text()))]}
        note = f"echo {entry} >>{self.log}; {'false' if entry == fails else 'true'}"
        made = {**task, "ansible.builtin.shell": note, "run_once": True}
        if entry != "root_token":
            return made
        # As the entry point: the look of before has decided whether a token is wanted. A result that failed takes the place of
        # the one of before.
        result = {**LOOKED, "held": held, "guarded": False}
        keep = {"ansible.builtin.set_fact": {"vault_cluster_root_token": result}, "run_once": True}
        _make, decide = yaml.safe_load((ROOT / "roles" / "vault_cluster" / "tasks" / "root_token.yml").read_text())
        when = {"when": task["when"]} if "when" in task else {}
        return {"block": [{**made, "register": "vault_cluster_root_token"}, keep, decide], **when}


@pytest.fixture
def run(tmp_path, nodes, certificates):
    return Run(tmp_path, nodes, certificates)


def test_what_was_opened_is_shut_before_the_run_says_how_it_stands(run):
    said, called = run()
    assert not said.startswith("failed"), said
    assert called == ["confirm", "open", "root_token", "operator", "shut", "root_token", "report"]
    assert run.reloaded == ["vault-1", "vault-2"]
    assert all("/v1/sys/generate-root/attempt" in node.calls for node in run.nodes), "each node was asked"


@pytest.mark.parametrize("fails", ["open", "root_token", "operator"])
def test_it_is_shut_and_proven_whatever_fails(run, fails):
    said, called = run(fails=fails)
    assert said.startswith("failed")
    assert called[-1] == "shut"
    assert "report" not in called
    assert all("/v1/sys/generate-root/attempt" in node.calls for node in run.nodes)


def test_a_node_that_stays_open_fails_the_run(run):
    run.nodes[1].recovery.open = {"generate-root"}
    said, called = run()
    assert said.startswith("failed")
    assert "vault-2: it does generate-root for who has no token" in said
    assert "report" not in called


@pytest.mark.parametrize("fails", ["write vault-1", "write vault-2", "reload vault-1", "reload vault-2"])
def test_a_node_where_it_fails_keeps_no_other_from_being_shut(run, fails):
    said, called = run(fails=fails)
    step, node = fails.split()
    (other,) = {"vault-1", "vault-2"} - {node}
    assert said.startswith("failed")
    assert other in run.reloaded
    assert all("/v1/sys/generate-root/attempt" in one.calls for one in run.nodes), (
        "the proof was asked for all the same"
    )
    assert f"{node}: not shut, and not proven to be" in said
    assert "report" not in called


def test_a_node_that_can_not_be_reached_is_named_though_all_answer_as_shut(run):
    """A standby that still has the setting gives the answer of the active node."""
    said, called = run(away="vault-2")
    assert said.startswith("failed")
    assert run.reloaded == ["vault-1"]
    assert all("/v1/sys/generate-root/attempt" in one.calls for one in run.nodes)
    assert "vault-2: not shut, and not proven to be" in said
    assert "report" not in called


def test_what_the_proof_finds_hides_no_node_that_was_not_shut(run):
    run.nodes[0].recovery.open = {"generate-root"}
    said, _called = run(away="vault-2")
    assert "vault-1: it does generate-root for who has no token" in said
    assert "vault-2: not shut, and not proven to be" in said


def test_what_a_killed_run_has_left_is_shut_where_nothing_is_to_be_made(run):
    said, called = run(vault_cluster_root_token={**LOOKED, "step": "nothing", "opened": True}, held=False)
    assert not said.startswith("failed"), said
    assert called == ["confirm", "root_token", "shut", "root_token", "report"]


def test_a_vault_that_never_wanted_a_token_is_left_alone(run):
    said, called = run(vault_cluster_guarded=False)
    assert not said.startswith("failed"), said
    assert called == ["confirm", "root_token", "operator", "root_token", "report"]
    assert not any("generate-root" in call for node in run.nodes for call in node.calls)
