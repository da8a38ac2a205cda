"""With Vault 2.0 and later the run that lets administrators in shuts again what it has opened, whatever fails, and has it proven.

The tasks are the playbook's own, in Ansible. In the place of each entry point of a role is one that notes that it was called, but
for the proof, which asks stand-ins.
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
"""
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
        self.log = folder / "log"

    def __call__(self, fails: str = "", held: bool = True, **more: t.Any) -> tuple[str, list[str]]:
        self.log.write_text("")
        tasks = [self._instead(task, fails, held) for task in yaml.safe_load((TASKS / "regain.yml").read_text())]
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
        (self.folder / "inventory").write_text(INVENTORY)
        said = in_line(run_play(self.folder, play, "-i", "inventory"))
        return said, self.log.read_text().split()

    def _instead(self, task: t.Any, fails: str, held: bool) -> t.Any:
        task = copy.deepcopy(task)
        for part in ("block", "rescue", "always"):
            if part in task:
                task[part] = [self._instead(one, fails, held) for one in task[part]]
        kind = next((kind for kind in ROLES if kind in task), None)
        if kind is None:
            return task
        entry = task.pop(kind)["tasks_from"]
        own = task.pop("vars", {})
        if entry == "guards":
            (proof,) = yaml.safe_load((ROOT / "roles" / "vault_server" / "tasks" / "guards.yml").read_text())
            return {**proof, **task}
        if entry == "access":
            entry = "open" if own else "shut"
        note = f"echo {entry} >>{self.log}; {'false' if entry == fails else 'true'}"
        made = {**task, "ansible.builtin.shell": note, "run_once": True}
        if entry != "root_token":
            return made
        # As the entry point: a result that failed takes the place of the one of before.
        keep = {"ansible.builtin.set_fact": {"vault_cluster_root_token": {**LOOKED, "held": held}}, "run_once": True}
        when = {"when": task["when"]} if "when" in task else {}
        return {"block": [{**made, "register": "vault_cluster_root_token"}, keep], **when}


@pytest.fixture
def run(tmp_path, nodes, certificates):
    return Run(tmp_path, nodes, certificates)


def test_what_was_opened_is_shut_before_the_run_says_how_it_stands(run):
    said, called = run()
    assert not said.startswith("failed"), said
    assert called == ["confirm", "open", "root_token", "operator", "shut", "root_token", "report"]
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


def test_what_a_killed_run_has_left_is_shut_where_nothing_is_to_be_made(run):
    said, called = run(vault_cluster_root_token={**LOOKED, "step": "nothing", "opened": True}, held=False)
    assert not said.startswith("failed"), said
    assert called == ["confirm", "root_token", "shut", "root_token", "report"]


def test_a_vault_that_never_wanted_a_token_is_left_alone(run):
    said, called = run(vault_cluster_guarded=False)
    assert not said.startswith("failed"), said
    assert called == ["confirm", "root_token", "operator", "root_token", "report"]
    assert not any("generate-root" in call for node in run.nodes for call in node.calls)
