"""The pattern, by the specification of Ansible patterns 1.0."""

from __future__ import annotations

import json
import re

import pytest
import yaml
from kit.awx import data, module_of
from kit.awx_standin import survey_problems
from kit.paths import ROOT

generate = module_of("awx/generate.py", "awx_generate")
(HOME,) = (ROOT / "extensions" / "patterns").iterdir()
PATTERN = json.loads((HOME / "meta" / "pattern.json").read_text())
RESOURCES = PATTERN["aap_resources"]
TEMPLATES = RESOURCES["controller_job_templates"]
MAY_BE_ASKED = {"ask_credential_on_launch", "ask_inventory_on_launch", "ask_verbosity_on_launch"}


def test_the_definition_has_what_it_must():
    wanted = {"schema_version", "name", "title", "description", "short_description", "aap_resources"}
    assert set(PATTERN) == wanted | {"tags"}
    assert PATTERN["name"] == HOME.name and re.fullmatch(r"[a-z0-9_]{1,64}", HOME.name)
    assert len(PATTERN["title"]) <= 64
    assert not PATTERN["short_description"].endswith(".")
    assert set(RESOURCES["controller_project"]) == {"name", "description"}
    assert {"name", "description", "image_name"} <= set(RESOURCES["controller_execution_environment"])
    assert (HOME / "README.md").exists()


def test_one_template_is_the_first():
    assert [one["name"] for one in TEMPLATES if one["primary"]] == ["Vault site"]


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda one: one["name"])
def test_a_template_is_made_of_what_a_pattern_knows(template):
    required = {"name", "description", "playbook"}
    assert required <= set(template)
    assert set(template) <= required | {"primary", "execution_environment", "labels", "survey"} | MAY_BE_ASKED
    assert template["execution_environment"] == RESOURCES["controller_execution_environment"]["name"]
    assert set(template["labels"]) <= set(RESOURCES["controller_labels"])
    # What a user has to bring besides variables.
    assert template["ask_inventory_on_launch"] is template["ask_credential_on_launch"] is True


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda one: one["name"])
def test_a_playbook_is_there_with_its_argument_spec(template):
    (play,) = yaml.safe_load((HOME / "playbooks" / template["playbook"]).read_text())
    name = template["playbook"].removesuffix(".yml")
    assert play["ansible.builtin.import_playbook"] == f"vaultops.cluster.{name}"
    assert (ROOT / "playbooks" / f"{name}.yml").exists()
    (spec,) = yaml.safe_load((HOME / "playbooks" / f"{name}.meta.yml").read_text())["argument_specs"].values()
    asked = {one["variable"] for one in template.get("survey", {"spec": []})["spec"]}
    assert set(spec["options"]) == asked <= set(generate.asked(name))


@pytest.mark.parametrize("template", [one for one in TEMPLATES if "survey" in one], ids=lambda one: one["name"])
def test_a_survey_is_that_of_awx_with_words_as_defaults(template):
    (same,) = [
        one
        for one in data()["controller_templates"]
        if one["playbook"] == f"playbooks/{template['playbook']}" and one["job_type"] == "run"
    ]
    keys = ("variable", "type", "required", "question_description")
    assert [[one[key] for key in keys] for one in template["survey"]["spec"]] == [
        [one[key] for key in keys] for one in same["survey_spec"]["spec"]
    ]
    assert template["survey"]["name"] and template["survey"]["description"]
    assert all(isinstance(one.get("default", ""), str) for one in template["survey"]["spec"])
    texts = [one for one in template["survey"]["spec"] if one["type"] != "integer"]
    assert not texts or survey_problems({**template["survey"], "spec": texts}) == []


def test_the_readme_lists_what_the_pattern_makes():
    readme = (HOME / "README.md").read_text()
    assert all(f"| {one['name']}{' (primary)' if one['primary'] else ''} |" in readme for one in TEMPLATES)
