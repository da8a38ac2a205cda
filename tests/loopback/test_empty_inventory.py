"""A run that finds nothing to do it to is no success: a schedule would do nothing for ever, and nobody would know."""

from __future__ import annotations

import subprocess

import pytest
import yaml
from kit.bench import ROOT

# The others are about AWS, run on localhost, and need no node.
PLAYBOOKS = sorted(
    path
    for path in (ROOT / "playbooks").glob("*.yml")
    if path.stem not in ("provision", "decommission", "iam_policies")
)
INVENTORIES = {
    "nothing": {},
    "another group": {"all": {"children": {"vaults": {"hosts": {"vault-1": {}}}}}},
    "an empty group": {"all": {"children": {"vault": {"hosts": {}}}}},
}


def run(*arguments):
    done = subprocess.run(["ansible-playbook", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=120)
    return done.returncode, " ".join((done.stdout + done.stderr).split())


@pytest.mark.parametrize("hosts", INVENTORIES.values(), ids=INVENTORIES)
@pytest.mark.parametrize("playbook", PLAYBOOKS, ids=lambda path: path.stem)
def test_no_playbook_ends_well_where_it_finds_no_host(tmp_path, playbook, hosts):
    inventory = tmp_path / "hosts.yml"
    inventory.write_text(yaml.safe_dump(hosts))
    code, said = run("-i", str(inventory), str(playbook))
    assert code != 0, said
    assert "has no host in the group vault" in said


def test_a_drill_without_a_machine_is_no_drill(tmp_path):
    inventory = tmp_path / "hosts.yml"
    inventory.write_text(yaml.safe_dump({"all": {"children": {"vault": {"hosts": {"vault-1": {}}}}}}))
    code, said = run("-i", str(inventory), str(ROOT / "playbooks/restore_drill.yml"))
    assert code != 0, said
    assert "no host in the group vault_drill," in said


def test_an_ec2_inventory_that_cannot_be_read_is_no_empty_account(tmp_path):
    source = tmp_path / "vault.aws_ec2.yml"
    source.write_text("plugin: amazon.aws.aws_ec2\nregions: [eu-central-1]\nendpoint_url: http://127.0.0.1:9\n")
    code, said = run("-i", str(source), str(ROOT / "playbooks/backup.yml"))
    assert code != 0, said
    assert "where the AWS session has expired" in said


# Each, with what is said of it; the last two leave Ansible no task at all.
LEAVE_OUT = {
    "--skip-tags always": "--skip-tags always: ",
    "--tags tsl --skip-tags always": "--tags tsl: ",
    "--tags tls --skip-tags tls,always": "--",
    "--skip-tags always,all": "--skip-tags all,always: ",
}


@pytest.mark.parametrize("arguments", LEAVE_OUT)
@pytest.mark.parametrize("playbook", sorted((ROOT / "playbooks").glob("*.yml")), ids=lambda path: path.stem)
def test_what_is_always_looked_at_cannot_be_skipped(tmp_path, playbook, arguments):
    """Neither the first checks, nor the name that is typed before a cluster is removed."""
    inventory = tmp_path / "hosts.yml"
    inventory.write_text("all: {}\n")
    code, said = run("-i", str(inventory), str(playbook), *arguments.split())
    assert code != 0, said
    assert LEAVE_OUT[arguments] in said and ("this playbook can be limited" in said or "need each other" in said), said
