"""Modules of AWS's collections say the same in Ansible's process as in one of their own, from the first task of a playbook on."""

from __future__ import annotations

import json
import os
import types

import pytest
import yaml
from ansible_collections.vaultops.cluster.plugins.action import on_controller
from kit.playbook import run_play

# Each Python that is started for a module tells for which. Without pipelining the module is a file.
RECORDER = """import pathlib, sys
for one in sys.orig_argv[1:]:
    if "AnsiballZ" in one and pathlib.Path(one).is_file():
        with open({log!r}, "a") as stream:
            stream.write(pathlib.Path(one).stem.removeprefix("AnsiballZ_") + "\\n")
"""
POLICY = {"policy_name": "x", "policy": '{"Version": "2012-10-17", "Statement": []}'}
CASES = {
    "it reads": ("amazon.aws.aws_caller_info", {}),
    "it has another name, too": ("community.aws.ec2_instance_info", {}),
    "it would change something": ("amazon.aws.iam_managed_policy", POLICY),
    "it is refused": ("amazon.aws.iam_policy", {**POLICY, "iam_type": "role", "iam_name": "nobody"}),
    "it is told something unknown": ("community.aws.elb_target_group", {"nane": "x", "state": "present"}),
}
HALVES = ("before", "after")


@pytest.fixture(scope="module")
def ran(tmp_path_factory, _moto):
    """By half and case what a task said, before and after the first task of our playbooks; and which modules were processes."""
    folder = tmp_path_factory.mktemp("aws_modules")
    (folder / "sitecustomize.py").write_text(RECORDER.format(log=str(folder / "processes")))
    (folder / "inventory.yml").write_text(yaml.safe_dump({"all": {"hosts": {"vault-1": {}}}}))
    at = {"region": "eu-central-1", "endpoint_url": _moto, "access_key": "unit", "secret_key": "unit"}
    asked: dict[str, list[dict]] = {
        half: [
            {module: {**options, **at}, "register": f"{half}_{number}", "ignore_errors": True, "check_mode": True}
            for number, (module, options) in enumerate(CASES.values())
        ]
        for half in HALVES
    }
    said = {half: {case: f"{{{{ {half}_{number} }}}}" for number, case in enumerate(CASES)} for half in HALVES}
    keep = {"content": "{{ said | to_json }}", "dest": str(folder / "results")}
    tasks = [
        *asked["before"],
        {"vaultops.cluster.vault_check_inventory": {}},
        *asked["after"],
        {"ansible.builtin.copy": keep, "vars": {"said": said}},
    ]
    play = {"hosts": "localhost", "gather_facts": False, "tasks": tasks}
    path = f"{folder}:{os.environ.get('PYTHONPATH', '')}"
    done = run_play(folder, play, "-i", "inventory.yml", PYTHONPATH=path, ANSIBLE_PIPELINING="false")
    assert done.returncode == 0, done.stdout + done.stderr
    results = json.loads((folder / "results").read_text())
    return types.SimpleNamespace(said=results, processes=(folder / "processes").read_text().split())


@pytest.mark.parametrize("case", CASES)
def test_it_says_the_same(ran, case):
    before, after = ({name: each for name, each in ran.said[half][case].items() if name[0] != "_"} for half in HALVES)
    assert after == before
    assert before["failed"] is (case not in list(CASES)[:3])
    assert before["changed"] is (case == "it would change something")


@pytest.mark.parametrize("case", CASES)
def test_only_before_is_it_a_process_of_its_own(ran, case):
    module = CASES[case][0].rpartition(".")[2]
    assert ran.processes.count(module) == (1 if on_controller.CAN_RUN_HERE else 2)
