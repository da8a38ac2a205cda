"""What meta/runtime.yml says of plugins, against the plugins and what site.yml calls."""

from __future__ import annotations

import pytest
import yaml
from ansible_collections.vaultops.cluster.plugins.plugin_utils import aws_modules
from kit.paths import ROOT

ROUTED = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text())["plugin_routing"]["modules"]
INPUTS: dict = {}
for _section in yaml.safe_load((ROOT / "roles" / "vault_inputs" / "meta" / "inputs.yml").read_text())[
    "argument_specs"
].values():
    INPUTS |= _section["options"]
PREFIX = "vaultops.cluster."
# By whom the read path of site.yml calls modules on the controller: a file of tasks, and all that it brings in.
READS = [ROOT / "roles" / "vault_site" / "tasks" / "read.yml"]


def tasks_in(items):
    for item in items:
        if isinstance(item, dict):
            yield item
            for part in ("block", "rescue", "always"):
                yield from tasks_in(item.get(part, []))


def called(collection):
    """Modules of a collection that the roles call."""
    return {
        name.removeprefix(f"{collection}.")
        for path in ROOT.glob("roles/*/tasks/**/*.yml")
        for task in tasks_in(yaml.safe_load(path.read_text()) or [])
        for name in task
        if name.startswith(f"{collection}.")
    }


def brought_in(path, task):
    for kind in ("import_role", "include_role"):
        role = task.get(f"ansible.builtin.{kind}")
        if role:
            name = role["name"].removeprefix(PREFIX)
            yield ROOT / "roles" / name / "tasks" / f"{role.get('tasks_from', 'main')}.yml"
    for kind in ("import_tasks", "include_tasks"):
        name = task.get(f"ansible.builtin.{kind}")
        if name:
            # Named by an input: one file for each of its choices.
            choices = INPUTS.get(name.removeprefix("{{ ").removesuffix(" }}.yml"), {}).get("choices")
            yield from (path.with_name(f"{choice}.yml") for choice in choices or [name.removesuffix(".yml")])


def on_controller():
    """Modules of this collection that tasks of the read path delegate to localhost."""
    waiting, seen, found = list(READS), set(), set()
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        for task in tasks_in(yaml.safe_load(path.read_text())):
            waiting += brought_in(path, task)
            if task.get("delegate_to") == "localhost":
                found |= {name.removeprefix(PREFIX) for name in task if name.startswith(PREFIX)}
    return found


@pytest.mark.parametrize("name", sorted(ROUTED))
def test_what_is_routed_is_there(name):
    assert (ROOT / "plugins" / "modules" / f"{name}.py").is_file()
    assert ROUTED[name] == {"action_plugin": "vaultops.cluster.on_controller"}
    assert (ROOT / "plugins" / "action" / "on_controller.py").is_file()


def test_what_a_run_that_only_reads_asks_the_controller_is_asked_in_its_own_process():
    assert {"vault_status_info", "vault_cluster_info", "kms_key"} <= on_controller()
    assert on_controller() <= set(ROUTED)


@pytest.mark.parametrize("collection", aws_modules.MODULES)
def test_of_the_collections_of_aws_the_modules_that_are_called_are_run_so_too(collection):
    assert called(collection) == set(aws_modules.MODULES[collection])
