"""The rulebook: valid, and it only looks, takes a snapshot, and tells."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path

import jsonschema
import pytest
import yaml
from ansible_rulebook.condition_parser import parse_condition
from kit.awx import data
from kit.paths import ROOT

FOLDER = ROOT / "extensions" / "eda" / "rulebooks"
BOOKS = {path.stem: yaml.safe_load(path.read_text()) for path in FOLDER.glob("*.yml")}
RULES = [(name, rule) for name, book in BOOKS.items() for ruleset in book for rule in ruleset["rules"]]
SCHEMA = Path(importlib.util.find_spec("ansible_rulebook").origin).parent / "schema" / "ruleset_schema.json"
# run_playbook and run_module would work past AWX, and past its surveys.
ALLOWED_ACTIONS = {"run_job_template", "debug", "print_event", "none"}
ALLOWED_TEMPLATES = {"Vault status", "Vault backup"}
ALERTS = set(re.findall(r"alert: (\w+)", (ROOT / "docs" / "monitoring" / "vault.rules.yml").read_text()))


def test_there_is_a_rulebook():
    assert set(BOOKS) == {"vault_alerts"}


@pytest.mark.parametrize("name", BOOKS)
def test_a_rulebook_is_valid(name):
    jsonschema.validate(BOOKS[name], json.loads(SCHEMA.read_text()))


@pytest.mark.parametrize(("name", "rule"), RULES, ids=[rule["name"] for _name, rule in RULES])
def test_a_condition_can_be_read(name, rule):
    assert parse_condition(rule["condition"])


@pytest.mark.parametrize(("name", "rule"), RULES, ids=[rule["name"] for _name, rule in RULES])
def test_a_rule_only_looks_takes_a_snapshot_or_tells(name, rule):
    actions = rule.get("actions", [rule.get("action")])
    for action in actions:
        assert set(action) <= ALLOWED_ACTIONS
        template = action.get("run_job_template")
        if template:
            named = template["name"].replace("{{ awx_prefix | default('Vault') }}", "Vault")
            assert named in ALLOWED_TEMPLATES
            assert named in {one["name"] for one in data()["controller_templates"]}
            # A template that is asked for nothing takes nothing, and an event has its sender's headers in it.
            assert "job_args" not in template and template["include_events"] is False
            (found,) = [one for one in data()["controller_templates"] if one["name"] == named]
            assert "survey_spec" not in found


@pytest.mark.parametrize(("name", "rule"), RULES, ids=[rule["name"] for _name, rule in RULES])
def test_many_alerts_make_few_jobs(name, rule):
    assert re.fullmatch(r"\d+ minutes", rule["throttle"]["once_within"])


def test_alerts_are_those_of_the_monitoring():
    named = set(
        re.findall(r'"(Vault\w+)"', json.dumps([rule["condition"] for _name, rule in RULES]).replace('\\"', '"'))
    )
    assert named - ALERTS == set()
    assert all(alert.startswith("Vault") for alert in ALERTS)


@pytest.mark.parametrize("name", BOOKS)
def test_whoever_sends_an_alert_knows_a_word(name):
    sources = [source for ruleset in BOOKS[name] for source in ruleset["sources"]]
    assert all(re.fullmatch(r"\{\{ \w+ \}\}", source["ansible.eda.webhook"]["token"]) for source in sources)
