"""The data in awx/config: complete, of one piece, in the modules' own words, and without a secret."""

from __future__ import annotations

import re
import typing as t

import pytest
import yaml
from dateutil import rrule
from kit.awx import MODULES, NODE, data, module_of, module_options, raw
from kit.paths import ROOT

generate = module_of("awx/generate.py", "awx_generate")
KNOWN = generate.options()
ALL = sorted(path.stem for path in (ROOT / "playbooks").glob("*.yml"))
PLAYBOOKS = [name for name in ALL if name not in generate.LOCAL]
DATA = data()
TEMPLATES = DATA["controller_templates"]
BY_NAME = {one["name"]: one for one in TEMPLATES}
(UPGRADE,) = DATA["controller_workflows"]
NODES = {node["identifier"]: node for node in UPGRADE["simplified_workflow_nodes"]}
# What a list of infra.aap_configuration has beside the options of the module.
NOT_OPTIONS = {"simplified_workflow_nodes"}
ITEMS = [(name, item) for name in MODULES for item in DATA[name]]
TYPES = {"str": str, "int": int, "bool": bool, "list": list, "dict": dict}
# Words by which something secret is given, not asked for.
SECRET = re.compile(r"pass(word|phrase)|secret|token|private_key|ssh_key|authorize", re.IGNORECASE)


def test_every_list_has_something_in_it():
    assert all(DATA[name] for name in MODULES)


@pytest.mark.parametrize("name", PLAYBOOKS)
def test_every_playbook_has_a_template_and_one_for_its_plan(name):
    own = [one for one in TEMPLATES if one["playbook"] == f"playbooks/{name}.yml"]
    assert [(one["job_type"], one["diff_mode"]) for one in own] == [("run", False), ("check", True)]
    assert own[1]["name"] == f"{own[0]['name']} (plan)"


def test_what_is_no_job_asks_for_a_path_or_for_what_people_hold():
    for name in set(generate.LOCAL) & set(ALL):
        asks = [KNOWN[one]["type"] for one in generate.asked(name)]
        assert "path" in asks or "VAULT_UNSEAL_KEYS" in generate.header(name)["Preconditions"]


def test_no_template_is_of_anything_else():
    assert {one["playbook"] for one in TEMPLATES} == {f"playbooks/{name}.yml" for name in PLAYBOOKS}
    assert len(BY_NAME) == len(TEMPLATES)


@pytest.mark.parametrize("template", TEMPLATES, ids=list(BY_NAME))
def test_a_template_runs_once_at_a_time_quietly_and_not_for_ever(template):
    assert template["allow_simultaneous"] is False
    assert template["verbosity"] == 0
    assert 0 < template["timeout"] <= 7200
    # Otherwise a typed word could be given past the survey, and nobody would have been asked.
    assert [key for key, value in template.items() if key.startswith("ask_") and value] == []


def test_the_workflow_runs_once_at_a_time():
    assert (UPGRADE["allow_simultaneous"], UPGRADE["ask_variables_on_launch"]) == (False, False)


@pytest.mark.parametrize(("name", "item"), ITEMS, ids=[f"{name}-{item['name']}" for name, item in ITEMS])
def test_an_item_is_made_of_the_modules_own_options(name, item):
    known = module_options()[MODULES[name]]
    for key, value in item.items():
        if key not in NOT_OPTIONS:
            assert key in known
            assert isinstance(value, TYPES[known[key]["type"]])
            assert value in known[key].get("choices", [value])


@pytest.mark.parametrize("node", NODES.values(), ids=list(NODES))
def test_a_step_is_made_of_the_modules_own_options(node):
    assert set(node) <= set(module_options()[NODE])


@pytest.mark.parametrize("path", sorted((ROOT / "awx" / "tasks").glob("*.yml")), ids=lambda path: path.stem)
def test_a_task_gives_a_module_all_that_the_data_has(path):
    for task in yaml.safe_load(path.read_text()):
        module = next(key for key in task if key.startswith("awx.awx."))
        options = task[module]
        assert set(options) <= set(module_options()[module.split(".")[-1]])
        source = re.search(r"\w+", task["loop"].strip("{ "))[0]
        if module.split(".")[-1] != NODE:
            there = {key for item in DATA[source] for key in item}
            assert set(options) >= there - NOT_OPTIONS
            # What not every item has is left out where it has none.
            common = set.intersection(*(set(item) for item in DATA[source]))
            assert all("default(omit)" in options[key] for key in set(options) - common)


def test_what_is_named_exists():
    names = {name: {one["name"] for one in DATA[name]} for name in MODULES}
    types = {*names["controller_credential_types"], "Amazon Web Services", "Machine"}
    for template in TEMPLATES:
        assert template["organization"] in names["aap_organizations"]
        assert template["project"] in names["controller_projects"]
        assert template["inventory"] in names["controller_inventories"]
        assert template["execution_environment"] in names["controller_execution_environments"]
        assert set(template["credentials"]) <= names["controller_credentials"]
    assert {one["credential_type"] for one in DATA["controller_credentials"]} <= types
    (source,) = DATA["controller_inventory_sources"]
    assert (ROOT / source["source_path"]).exists()
    assert source["source_project"] in names["controller_projects"]
    assert {one["unified_job_template"] for one in DATA["controller_schedules"]} <= set(BY_NAME)


def test_a_second_cluster_in_the_same_awx_shares_no_name():
    names = [item["name"] for name in MODULES if name != "aap_organizations" for item in raw()[name]]
    assert [name for name in names if not name.startswith("{{ awx_prefix }}")] == []


# --- the workflow


def test_the_plan_is_approved_between_a_backup_and_the_upgrade():
    step, walked = "status", []
    while step:
        walked.append(step)
        step = next(iter(NODES[step]["success_nodes"]), None)
    assert walked == list(NODES)
    assert [name for name in walked if name != "failover_check"] == [
        "status",
        "backup",
        "plan",
        "approval",
        "rolling_upgrade",
        "status_again",
    ]
    assert BY_NAME[NODES["plan"]["unified_job_template"]]["job_type"] == "check"
    assert BY_NAME[NODES["rolling_upgrade"]["unified_job_template"]]["job_type"] == "run"
    assert BY_NAME[NODES["plan"]["unified_job_template"]]["playbook"] == "playbooks/rolling_upgrade.yml"
    assert 0 < NODES["approval"]["approval_node"]["timeout"] <= 86400


def test_no_step_follows_a_failure():
    assert [node for node in NODES.values() if set(node) & {"failure_nodes", "always_nodes"}] == []


def test_every_step_names_a_template_or_is_the_approval():
    assert [name for name, node in NODES.items() if "approval_node" in node] == ["approval"]
    assert {node["unified_job_template"] for node in NODES.values() if "approval_node" not in node} <= set(BY_NAME)


# --- schedules


@pytest.mark.parametrize("schedule", DATA["controller_schedules"], ids=lambda one: one["name"])
def test_a_schedule_is_one_that_awx_understands_and_asks_nobody(schedule):
    begins, rule = re.fullmatch(r"DTSTART:(\d{8}T\d{6}Z) RRULE:(\S+)", schedule["rrule"]).groups()
    assert "INTERVAL=" in rule and not re.search(r"BYDAY=[+-]?\d|COUNT=|UNTIL=", rule)
    first, second = rrule.rrulestr(f"DTSTART:{begins}\nRRULE:{rule}")[:2]
    assert 1 <= (second - first).days <= 31
    questions = BY_NAME[schedule["unified_job_template"]].get("survey_spec", {"spec": []})["spec"]
    assert [one["variable"] for one in questions if one["required"]] == []
    assert "extra_data" not in schedule


def test_nothing_that_destroys_and_nothing_that_restarts_is_scheduled():
    assert {one["unified_job_template"] for one in DATA["controller_schedules"]} == {
        "Vault status",
        "Vault restore (plan)",
        "Vault custody check",
        "Vault rotate certificates",
        "Vault restore drill",
    }


def test_what_changes_a_cluster_is_only_scheduled_by_somebodys_word():
    assert {name for name, on in DATA["awx_schedules"].items() if on} == {"status", "backup_check", "custody_check"}


# --- secrets


def leaves(value: t.Any, at: tuple[str, ...] = ()) -> t.Iterator[tuple[tuple[str, ...], t.Any]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, (*at, str(key)))
    elif isinstance(value, list):
        for inner in value:
            yield from leaves(inner, at)
    else:
        yield at, value


def test_nothing_in_the_data_is_a_secret():
    assert [item for item in DATA["controller_credentials"] if "inputs" in item] == []
    for at, value in leaves(DATA):
        assert "-----BEGIN" not in str(value) and not re.search(r"\b(AKIA|ASIA|hvs\.)\w", str(value))
        if SECRET.search(at[-1]) and at[-1] != "vault_custody_secret":
            # A credential type says that a field is secret, and which variable takes it.
            assert value is True or re.fullmatch(r"\{\{ \w+ \}\}", str(value)), at


@pytest.mark.parametrize("kind", DATA["controller_credential_types"], ids=lambda one: one["name"])
def test_a_credential_becomes_variables_that_something_reads(kind):
    fields = {field["id"] for field in kind["inputs"]["fields"]}
    given = kind["injectors"]
    assert set(kind["inputs"]["required"]) == fields
    for name in given.get("extra_vars", {}):
        assert name in KNOWN or name == "ansible_aws_ssm_bucket_name"
    assert set(given.get("env", {})) <= {"VAULT_TOKEN"}
    used = " ".join(str(value) for _at, value in leaves(given))
    assert all(re.search(rf"\{{\{{ {field} \}}\}}", used) for field in fields)
    # A key in PEM lies in a file of the job's, and a variable names it.
    for name, value in given.get("extra_vars", {}).items():
        if name.endswith("_file"):
            assert f"template.{re.fullmatch(r'{{ tower.filename.(.*) }}', value)[1]}" in given["file"]
            assert str(KNOWN[name]["type"]) == "path"
    assert [field["id"] for field in kind["inputs"]["fields"] if field.get("secret")] == [
        field for field in ("key", "token") if field in fields
    ]
