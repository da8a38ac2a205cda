"""What a run hands to the jobs after it in a workflow of AWX: what it says anyway, and nothing where there is no AWX."""

from __future__ import annotations

import json
import re
import typing as t

import pytest
import yaml
from kit.paths import ROOT
from kit.playbook import run_play

PLAN = ROOT / "playbooks" / "tasks" / "plan.yml"
SITE = ROOT / "roles" / "vault_site"
STATUS = ROOT / "roles" / "vault_status" / "tasks" / "show.yml"
MODULE = "ansible.builtin.set_stats"
# In a workflow an artifact is a variable of each job that follows: no name may be an input's, or mistaken for one.
ARTIFACTS = {"vaultops_custody", "vaultops_failover", "vaultops_plan", "vaultops_status"}


def tasks_of(path: t.Any) -> list[dict[str, t.Any]]:
    return yaml.safe_load(path.read_text())


def artifacts() -> t.Iterator[tuple[str, dict[str, t.Any]]]:
    for path in [*(ROOT / "playbooks").rglob("*.yml"), *(ROOT / "roles").rglob("tasks/*.yml")]:
        if MODULE in path.read_text():
            for task in tasks_of(path):
                if MODULE in task:
                    yield str(path.relative_to(ROOT)), task


def test_artifacts_come_from_where_the_same_is_said():
    assert dict(artifacts()).keys() == {
        "playbooks/tasks/plan.yml",
        "roles/vault_cluster/tasks/custody_check.yml",
        "roles/vault_failover/tasks/check.yml",
        "roles/vault_site/tasks/plan.yml",
        "roles/vault_status/tasks/show.yml",
    }


def test_an_artifact_is_no_input_and_says_once_what_is_said_anyway():
    for _path, task in artifacts():
        assert set(task[MODULE]) == {"data"} and set(task[MODULE]["data"]) <= ARTIFACTS
        assert not any(name.startswith("vault_") for name in task[MODULE]["data"])
        assert task["run_once"] is True
    (said,) = [task for task in tasks_of(PLAN) if "ansible.builtin.debug" in task]
    (kept,) = [task for task in tasks_of(PLAN) if MODULE in task]
    assert kept[MODULE]["data"]["vaultops_plan"] == said["ansible.builtin.debug"]["msg"]
    (said,) = tasks_of(SITE / "tasks" / "show_plan.yml")
    (kept,) = [task for task in tasks_of(SITE / "tasks" / "plan.yml") if MODULE in task]
    assert kept[MODULE]["data"]["vaultops_plan"] == said["ansible.builtin.debug"]["msg"]
    # All of it is in the text of the status too, which has no secret in it.
    (kept,) = [task for task in tasks_of(STATUS) if MODULE in task]
    used = set(re.findall(r"__vault_status_document\.(\w+)", str(kept)))
    assert used == {"cluster", "findings"}


def run(folder: t.Any, task_file: t.Any, variables: dict[str, t.Any], *options: str) -> dict[str, t.Any]:
    play = {
        "hosts": "localhost",
        "gather_facts": False,
        "vars": variables,
        "tasks": [{"name": "Tasks", "ansible.builtin.import_tasks": str(task_file)}],
    }
    done = run_play(folder, play, *options, ANSIBLE_SHOW_CUSTOM_STATS="true")
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.partition("\tRUN: ")[2])


@pytest.mark.parametrize("options", [(), ("--check",)], ids=["run", "check"])
def test_the_plan_is_an_artifact(tmp_path, options):
    plan = {"lines": ["vault-2 first", "vault-1 last"], "changes": True}
    assert run(tmp_path, PLAN, {"vault_plan": plan}, *options) == {"vaultops_plan": plan["lines"]}


@pytest.mark.parametrize(
    ("findings", "level"),
    [([], "good"), ([{"level": "notice", "text": "A."}, {"level": "unknown", "text": "B."}], "notice")],
    ids=["nothing", "two"],
)
def test_the_level_of_the_status_is_that_of_the_worst_finding(tmp_path, findings, level):
    (task,) = [task for task in tasks_of(STATUS) if MODULE in task]
    (tmp_path / "stats.yml").write_text(yaml.safe_dump([task]))
    document = {"cluster": {"state": "live"}, "findings": findings}
    said = run(tmp_path, tmp_path / "stats.yml", {"__vault_status_document": document})
    texts = [one["text"] for one in findings]
    assert said == {"vaultops_status": {"state": "live", "level": level, "findings": texts}}
