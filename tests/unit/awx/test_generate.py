"""What awx/generate.py makes of playbooks and specs, and that its files are what it makes today."""

from __future__ import annotations

import shutil

import pytest
from kit.awx import module_of
from kit.paths import ROOT

generate = module_of("awx/generate.py", "awx_generate")
NAMES = generate.playbooks()
KNOWN = generate.options()
MADE = generate.files()


@pytest.mark.parametrize("path", MADE, ids=lambda path: path.name)
def test_the_files_are_current(path):
    assert path.read_text() == MADE[path], "run 'make docs'"


def test_nothing_is_left_of_a_playbook_that_is_no_more():
    assert set((ROOT / "extensions" / "patterns").rglob("playbooks/*")) <= set(MADE)


@pytest.mark.parametrize("name", NAMES)
def test_a_header_says_what_a_playbook_is_for(name):
    header = generate.header(name)
    assert header["Purpose"].endswith(".") and header["Usage"].startswith("ansible-playbook ")


@pytest.mark.parametrize("name", NAMES)
def test_a_survey_asks_for_known_inputs_alone(name):
    assert [one for one in generate.asked(name) if one not in KNOWN] == []


def test_who_takes_the_lease_is_known_by_what_a_playbook_imports():
    lease = {name for name in NAMES if generate.takes_lease(name)}
    assert lease >= {"decommission", "provision", "replace_node", "restore", "rolling_upgrade", "site"}
    assert lease & {"backup", "restore_drill", "status"} == set()


@pytest.fixture
def copy(tmp_path):
    """Of this repository what is read."""
    for folder in ("playbooks", "roles", "inventories"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    return tmp_path


def test_a_new_playbook_needs_nothing_but_its_header(copy):
    (copy / "playbooks" / "failover_check.yml").write_text(
        "---\n# Purpose        Stop the active node,\n#                and see another one serve.\n"
        "# Usage          ansible-playbook playbooks/failover_check.yml -e vault_decommission_days=7\n\n- hosts: vault\n"
    )
    run, plan = [one for one in generate.templates(copy)["controller_templates"] if "failover" in one["playbook"]]
    assert run["description"] == "Stop the active node, and see another one serve."
    assert (run["job_type"], plan["job_type"]) == ("run", "check")
    (question,) = run["survey_spec"]["spec"]
    assert (question["variable"], question["type"], question["default"]) == ("vault_decommission_days", "integer", 30)
    steps = [name for name, _node in generate.steps(copy)]
    assert steps[steps.index("rolling_upgrade") :] == ["rolling_upgrade", "failover_check", "status_again"]
    (workflow,) = generate.workflows(copy)["controller_workflows"]
    following = {node["identifier"]: node["success_nodes"] for node in workflow["simplified_workflow_nodes"]}
    assert (following["rolling_upgrade"], following["failover_check"]) == (["failover_check"], ["status_again"])


def test_a_survey_asks_for_what_the_header_shows_then_for_the_rest(copy):
    path = copy / "playbooks" / "restore.yml"
    path.write_text(
        "---\n# Purpose        Restore.\n# Usage          ansible-playbook x [-e vault_restore=NAME]\n"
        "#                Else -e vault_restore_confirm=NAME -e vault_ca_file=PATH\n"
        "- ansible.builtin.import_playbook: plays/give_back.yml\n  vars: {x: -e vault_leaving=}\n"
    )
    assert generate.asked("restore", copy) == [
        "vault_restore",
        "vault_restore_confirm",
        "vault_ca_file",
        "vault_restore_any_key",
        "vault_lease_take_over",
    ]
    variables = [one["variable"] for one in generate.survey("restore", copy)["spec"]]
    assert variables == [one for one in generate.asked("restore", copy) if one != "vault_ca_file"]


def test_a_change_of_a_spec_is_a_change_of_the_survey(copy):
    path = copy / "roles" / "vault_inputs" / "meta" / "inputs.yml"
    before = generate.templates(copy)
    path.write_text(path.read_text().replace('choices: ["", begin, switch, finish]', 'choices: ["", begin, end]'))
    assert generate.templates(copy) != before


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        ({"type": "str", "default": ""}, {"type": "text", "default": "", "min": 0, "max": 1024}),
        ({"type": "raw", "default": []}, {"type": "text", "min": 0, "max": 1024}),
        ({"type": "str", "default": "{{ a }}-x"}, {"type": "text", "min": 0, "max": 1024}),
        (
            {"type": "bool", "default": False},
            {"type": "multiplechoice", "choices": ["true", "false"], "default": "false"},
        ),
        ({"type": "bool"}, {"type": "multiplechoice", "choices": ["true", "false"]}),
        ({"type": "int", "default": 0}, {"type": "integer", "default": 0}),
        ({"type": "float", "default": 0.5}, {"type": "float", "default": 0.5}),
        (
            {"type": "str", "choices": ["", "a", "b"], "default": ""},
            {"type": "multiplechoice", "choices": ["a", "b"], "default": ""},
        ),
        ({"type": "str", "required": True}, {"type": "text", "default": "offered", "min": 0, "max": 1024}),
    ],
    ids=str,
)
def test_a_type_becomes_a_question(option, expected):
    made = generate.question("vault_x_y", {**option, "description": "One V(x)."}, {"vault_x_y": "offered"})
    assert made == {
        "question_name": "X y",
        "question_description": "One x.",
        "required": bool(option.get("required")),
        "variable": "vault_x_y",
        **expected,
    }


@pytest.mark.parametrize("kind", ["list", "dict", "path"])
def test_what_no_survey_can_ask_for_is_not_asked(kind):
    assert generate.question("vault_x", {"type": kind, "description": "."}, {}) is None
