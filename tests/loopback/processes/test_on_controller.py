"""A module that is run on the controller says the same in Ansible's process as in one of its own, and only there is it run so."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import types

import boto3
import pytest
import yaml
from ansible.module_utils import basic
from ansible_collections.vaultops.cluster.plugins.action import on_controller
from kit.backup_stage import SMALL, VaultStandIn, whole
from kit.paths import ROOT

SECRET = "hvs.hunter2-x9"
# Before ansible-core 2.19 every module is a process of its own.
IN_PROCESS = pytest.mark.skipif(
    not on_controller.CAN_RUN_HERE, reason="this ansible-core runs no module in its own process"
)
# Each Python that is started for a module tells so. Without pipelining the module is a file, in which its arguments are.
RECORDER = """import pathlib, sys
for one in sys.orig_argv[1:]:
    if "AnsiballZ" in one and pathlib.Path(one).is_file():
        with open({log!r}, "a") as stream:
            stream.write(pathlib.Path(one).read_text())
"""


@pytest.fixture(scope="module")
def ran(tmp_path_factory, certificates, _moto):
    """Results by name of one run of several tasks, and what modules that were processes were given."""
    folder = tmp_path_factory.mktemp("on_controller")
    (folder / "sitecustomize.py").write_text(RECORDER.format(log=str(folder / "processes")))
    (folder / "processes").write_text("")
    other = folder / "python"
    other.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    other.chmod(0o755)
    with VaultStandIn(certificates, whole(SMALL)) as vault:

        def status(name, **keywords):
            options = {
                "nodes": {"vault-1": vault.address},
                "ca_cert": certificates.path("ca.crt"),
                "timeout": 5 + len(tasks),
            }
            return {"name": name, "vaultops.cluster.vault_status_info": {**options, "retries": 0}, **keywords}

        tasks: list[dict] = []
        tasks.append(status("here"))
        tasks.append(status("delegated", delegate_to="localhost"))
        tasks.append(status("environment", environment={"ONLY_FOR_THIS": "1"}))
        tasks.append(status("interpreter", vars={"ansible_python_interpreter": str(other)}))
        tasks.append(status("async", **{"async": 60, "poll": 1}))
        login = {
            "nodes": {"vault-1": vault.address},
            "ca_cert": certificates.path("ca.crt"),
            "retries": 0,
            "token": SECRET,
        }
        for name, keywords in {"refused here": {}, "refused there": {"environment": {"ONLY_FOR_THIS": "1"}}}.items():
            options = {"cluster_name": "prod", **login, "raft": {"voters": 1, "expected_peers": {}}}
            tasks.append(
                {"name": name, "vaultops.cluster.vault_cluster_info": options, "ignore_errors": True, **keywords}
            )
        key = {"alias": "alias/on-controller", "create": True, "region": "eu-central-1", "endpoint_url": _moto}
        tasks.append({"name": "check mode", "vaultops.cluster.kms_key": key, "check_mode": True})
        tasks.append(
            {
                "name": "no such option",
                "vaultops.cluster.kms_key": {"alias": "alias/x", "aliaz": "x", "region": "x"},
                "ignore_errors": True,
            }
        )
        for number, task in enumerate(tasks):
            task["register"] = f"result_{number}"
        names = {task["name"]: "{{ " + task["register"] + " }}" for task in tasks}
        tasks.append({"ansible.builtin.copy": {"content": "{{ results | to_json }}", "dest": str(folder / "results")}})
        tasks[-1]["vars"] = {"results": names}
        play = {"hosts": "localhost", "gather_facts": False, "tasks": tasks}
        (folder / "play.yml").write_text(yaml.safe_dump([play], sort_keys=False))
        environment = {
            **os.environ,
            "PYTHONPATH": f"{folder}:{os.environ.get('PYTHONPATH', '')}",
            "ANSIBLE_PIPELINING": "false",
            "AWS_ACCESS_KEY_ID": "unit",
            "AWS_SECRET_ACCESS_KEY": "unit",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        done = subprocess.run(
            ["ansible-playbook", "-vvv", str(folder / "play.yml")],
            capture_output=True,
            check=False,
            text=True,
            cwd=folder,
            env={**environment, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_PIPELINING": "false"},
            timeout=180,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    results = json.loads((folder / "results").read_text())
    return types.SimpleNamespace(results=results, processes=(folder / "processes").read_text(), said=done.stdout)


def was_a_process(ran, number):
    """By the timeout that the task alone gave."""
    return f'"timeout": {5 + number}' in ran.processes


@pytest.mark.parametrize(
    ("number", "process"),
    list(enumerate([False, False, True, True, True])),
    ids=["here", "delegated", "environment", "interpreter", "async"],
)
def test_only_what_is_meant_for_this_process_is_run_in_it(ran, number, process):
    assert was_a_process(ran, number) is (process or not on_controller.CAN_RUN_HERE)


def without_own(result):
    """Without what differs between any two tasks."""
    given = dict(result.get("invocation", {}).get("module_args", {}))
    given.pop("timeout", None)
    own = (
        # Ansible before 2.21 marks the answer of a process so.
        "_ansible_parsed",
        "ansible_job_id",
        "started",
        "finished",
        "results_file",
        "stdout",
        "stderr",
        "stdout_lines",
        "stderr_lines",
    )
    # Names the directory that a module was unpacked in.
    own += () if on_controller.CAN_RUN_HERE else ("exception",)
    rest = {name: value for name, value in result.items() if name not in (*own, "invocation")}
    return {**rest, "given": given}


@pytest.mark.parametrize("other", ["delegated", "environment", "interpreter", "async"])
def test_what_it_says_is_the_same(ran, other):
    assert ran.results["here"]["cluster"]["state"] == "live"
    assert without_own(ran.results["here"]) == without_own(ran.results[other])


def test_what_it_refuses_is_the_same_and_shows_no_secret(ran):
    here, there = ran.results["refused here"], ran.results["refused there"]
    assert here["failed"] is True and "vault-1" in here["msg"]
    assert without_own(here) == without_own(there)
    assert SECRET not in json.dumps(ran.results)
    assert SECRET not in ran.said


def test_options_are_checked(ran):
    assert ran.results["no such option"]["failed"] is True
    assert "aliaz" in ran.results["no such option"]["msg"]


def test_check_mode_creates_nothing(ran, _moto):
    assert ran.results["check mode"]["changed"] is True
    client = boto3.client(
        "kms",
        region_name="eu-central-1",
        endpoint_url=_moto,
        aws_access_key_id="unit",
        aws_secret_access_key="unit",
    )
    assert "alias/on-controller" not in [one["AliasName"] for one in client.list_aliases()["Aliases"]]


# --- which task is meant for here

OWN = {"ansible_playbook_python": "/opt/ansible/bin/python"}


def meant_for_here(variables, transport="local", become=None, environment=(), delegate_to=None):
    action = object.__new__(on_controller.ActionModule)
    action._connection = types.SimpleNamespace(transport=transport, become=become)
    action._task = types.SimpleNamespace(environment=list(environment), delegate_to=delegate_to)
    action._templar = types.SimpleNamespace(template=lambda value: value)
    return action._is_meant_for_here(variables)


@pytest.mark.parametrize(
    ("task", "meant"),
    [
        ({}, True),
        ({"transport": "ssh"}, False),
        ({"transport": "community.docker.docker"}, False),
        ({"become": "a become plugin"}, False),
        ({"environment": [{"A": "1"}]}, False),
        ({"environment": ["{{ proxy }}"]}, False),
        ({"environment": [{}, None]}, True),
    ],
)
def test_another_machine_user_or_environment_is_not_here(task, meant):
    assert meant_for_here(OWN, **task) is meant


@pytest.mark.parametrize(
    ("interpreter", "meant"),
    [
        (None, True),
        (sys.executable, True),
        ("/opt/ansible/bin/python", True),
        ("/usr/bin/python3.9", False),
        ("auto_silent", False),
    ],
)
def test_another_python_is_not_here_and_that_of_the_host_it_is_delegated_to_counts(interpreter, meant):
    own = {**OWN, "ansible_python_interpreter": interpreter}
    assert meant_for_here(own) is meant
    node = {"ansible_python_interpreter": "/usr/bin/python3.9", "ansible_delegated_vars": {"localhost": own}}
    assert meant_for_here(node, delegate_to="localhost") is meant
    there = {**OWN, "ansible_delegated_vars": {"localhost": {"ansible_python_interpreter": "/usr/bin/python3.9"}}}
    assert meant_for_here(there, delegate_to="localhost") is False


# --- a call


@pytest.fixture
def module(monkeypatch):
    """A module of the test's whose main() is what is given."""

    def put(main):
        name = "ansible_collections.vaultops.cluster.plugins.modules.of_the_test"
        monkeypatch.setitem(sys.modules, name, types.SimpleNamespace(main=main))
        return "vaultops.cluster.of_the_test"

    return put


@IN_PROCESS
def test_an_exception_goes_on_and_leaves_nothing_behind(module, capsys):
    def main():
        print("half an answer")
        raise ValueError("what nobody thought of")

    before = (basic._ANSIBLE_ARGS, basic._ANSIBLE_PROFILE, sys.stdout)
    with pytest.raises(ValueError, match="what nobody thought of"):
        on_controller.run_here(module(main), {})
    assert (basic._ANSIBLE_ARGS, basic._ANSIBLE_PROFILE, sys.stdout) == before
    assert capsys.readouterr().out == ""


@IN_PROCESS
def test_a_module_that_says_nothing_is_an_error(module):
    with pytest.raises(json.JSONDecodeError):
        on_controller.run_here(module(lambda: None), {})


@IN_PROCESS
def test_what_a_secret_option_holds_is_no_part_of_the_answer(module):
    def main():
        own = basic.AnsibleModule(argument_spec={"token": {"type": "str", "no_log": True}})
        own.fail_json(msg=f"{own.params['token']} was refused", of=[own.params["token"]])

    said = on_controller.run_here(module(main), {"token": SECRET})
    assert said["failed"] is True
    assert "was refused" in said["msg"]
    assert SECRET not in json.dumps(said)


@IN_PROCESS
def test_one_call_after_the_other_has_its_own_arguments_and_answer(module):
    def main():
        own = basic.AnsibleModule(argument_spec={"number": {"type": "int"}}, supports_check_mode=True)
        own.exit_json(number=own.params["number"], check=own.check_mode)

    name = module(main)
    for number in (1, 2):
        said = on_controller.run_here(name, {"number": str(number), "_ansible_check_mode": number == 2})
        assert (said["number"], said["check"]) == (number, number == 2)
