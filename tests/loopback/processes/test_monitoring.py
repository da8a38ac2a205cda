"""The alert rules, as Prometheus's own tool judges them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess

import pytest
import yaml
from ansible_collections.vaultops.cluster.plugins.module_utils._backup import archive, metrics, probe
from kit import docs
from kit.paths import ROOT

FOLDER = ROOT / "docs" / "monitoring"
RULES = yaml.safe_load((FOLDER / "vault.rules.yml").read_text())
ALERTS = [rule for group in RULES["groups"] for rule in group["rules"] if "alert" in rule]
NAMES = [rule["alert"] for rule in ALERTS]


def promtool(command, folder, name):
    assert shutil.which("promtool"), "promtool is missing: make setup installs Debian's package prometheus"
    done = subprocess.run(
        ["promtool", command, "rules", name], cwd=folder, capture_output=True, text=True, timeout=180, check=False
    )
    return done.returncode, done.stdout + done.stderr


def test_the_rules_are_valid():
    code, said = promtool("check", FOLDER, "vault.rules.yml")
    assert code == 0, said


def test_each_alert_fires_when_it_should_and_only_then():
    code, said = promtool("test", FOLDER, "vault.rules.test.yml")
    assert code == 0, said


@pytest.mark.parametrize(("name", "expr"), [*((name, "vector(1) > 2") for name in NAMES), (NAMES[-1], "vector(1)")])
def test_an_alert_that_never_fires_or_always_does_is_noticed(tmp_path, name, expr):
    conditions = yaml.safe_load((FOLDER / "vault.rules.test.yml").read_text())
    # By those that name it: they are the ones that expect it, and all of them for each alert would take long.
    conditions["tests"] = [test for test in conditions["tests"] if name in json.dumps(test)]
    (tmp_path / "vault.rules.test.yml").write_text(yaml.safe_dump(conditions))
    broken = yaml.safe_load((FOLDER / "vault.rules.yml").read_text())
    (rule,) = (rule for group in broken["groups"] for rule in group["rules"] if rule.get("alert") == name)
    rule["expr"] = expr
    (tmp_path / "vault.rules.yml").write_text(yaml.safe_dump(broken))
    code, said = promtool("test", tmp_path, "vault.rules.test.yml")
    assert code == 1 and "got:" in said, said


@pytest.mark.parametrize("rule", ALERTS, ids=NAMES)
def test_who_is_called_is_told_what_it_is_and_what_to_do_first(rule):
    assert rule["labels"]["severity"] in ("warning", "critical")
    assert set(rule["annotations"]) == {"summary", "first", "runbook_url"}
    table = [line for line in (FOLDER / "README.md").read_text().splitlines() if line.startswith("| [`Vault")]
    assert [line.split("`")[1] for line in table] == NAMES
    (row,) = (line for line in table if f"`{rule['alert']}`" in line)
    assert row.split(" | ")[:2] == [
        f"| [`{rule['alert']}`](../alerts.md#{rule['alert'].lower()})",
        rule["labels"]["severity"],
    ]


@pytest.mark.parametrize("rule", ALERTS, ids=NAMES)
def test_each_alert_leads_to_its_section_which_says_all_there_is_to_know(rule):
    repository = yaml.safe_load((ROOT / "galaxy.yml").read_text())["repository"]
    path, anchor = rule["annotations"]["runbook_url"].removeprefix(f"{repository}/blob/main/").split("#")
    page = ROOT / path
    assert anchor in docs.page(page).anchors
    section = page.read_text().partition(f"\n## {rule['alert']}\n")[2].partition("\n## ")[0]
    assert anchor == rule["alert"].lower()
    told = dict(re.findall(r"(?ms)^- \*\*([\w ]+):\*\* (.+?)(?=^- \*\*|\Z)", section))
    assert list(told) == ["You see", "It means", "By itself", "You do"]
    assert all(text.strip() for text in told.values())


def test_each_section_is_of_an_alert_in_the_rules_order():
    assert re.findall(r"(?m)^## (\w+)$", (FOLDER.parent / "alerts.md").read_text()) == NAMES


def test_the_backup_tools_metrics_are_those_that_it_writes():
    used = set(re.findall(r"vault_backup_\w+", (FOLDER / "vault.rules.yml").read_text()))
    named = set(re.findall(r"vault_backup_last_\w+", (FOLDER / "README.md").read_text()))
    assert used < set(metrics.HELP)
    assert named == set(metrics.HELP)


def test_the_probe_s_metrics_are_those_that_it_writes():
    used = set(re.findall(r"\bvault_probe_\w+", (FOLDER / "vault.rules.yml").read_text()))
    named = set(re.findall(r"\bvault_probe_\w+", (FOLDER / "README.md").read_text()))
    assert used < set(probe.HELP)
    assert named == set(probe.HELP)


def test_the_archive_s_metrics_are_those_that_it_writes():
    used = set(re.findall(r"vault_audit_archive_\w+", (FOLDER / "vault.rules.yml").read_text()))
    named = set(re.findall(r"\bvault_audit_archive_\w+", (FOLDER / "README.md").read_text()))
    assert used < set(archive.HELP)
    assert named == set(archive.HELP)


def test_the_drills_metric_is_the_one_that_the_role_writes():
    role = FOLDER.parents[1] / "roles" / "vault_backup" / "tasks" / "drill_passed.yml"
    texts = [path.read_text() for path in (role, FOLDER / "vault.rules.yml", FOLDER / "README.md")]
    assert [set(re.findall(r"vault_drill_last\w+", text)) for text in texts] == [
        {"vault_drill_last_success_timestamp_seconds"}
    ] * 3
