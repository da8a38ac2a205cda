"""On other ports than the usual ones nothing is left of these, whatever is rendered and planned."""

from __future__ import annotations

import re

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from ansible_collections.vaultops.cluster.plugins.module_utils._backup import config
from ansible_collections.vaultops.cluster.plugins.module_utils._plan import inputs
from kit.paths import ROOT
from kit.templates import BASE, INPUTS, by_filters, render, trusted

PORTS = {"vault_api_port": 9200, "vault_cluster_port": 9201}
USUAL = re.compile(r"\b820[01]\b")
HOSTS = {f"vault-{n}": {"vault_address": f"10.0.1.{n}", **PORTS} for n in (1, 2, 3)}
NODES = inputs.nodes(list(HOSTS), HOSTS)
GIVEN = {**BASE, **PORTS, "vault_nodes": NODES, "vault_node": NODES[0], "vault_hosts": NODES}
COMMENT = re.compile(r"(^|\s)#.*|\{#.*?#\}", re.MULTILINE)


def test_no_role_and_no_playbook_names_a_port_of_vaults():
    found = set()
    for folder in ("roles", "playbooks"):
        for path in (ROOT / folder).rglob("*"):
            if path.suffix in (".yml", ".j2", ".json", ".py") and "meta" not in path.parts and path != INPUTS:
                found |= {f"{path}: {one}" for one in USUAL.findall(COMMENT.sub("", path.read_text()))}
    assert found == set()
    assert len(USUAL.findall(INPUTS.read_text())) == 2


@pytest.mark.parametrize("join", ["aws", "static"])
def test_the_configuration(join):
    found = render("vault.hcl.j2", {**GIVEN, "vault_join": join})
    assert not USUAL.search(found)
    said = ["0.0.0.0:9200", "0.0.0.0:9201", "https://10.0.1.1:9200", "https://10.0.1.1:9201"]
    said += ["auto_join_port        = 9200"] if join == "aws" else ["https://10.0.1.2:9200", "https://10.0.1.3:9200"]
    assert [one for one in said if one not in found] == []


def value(role, name, extra=None, **given):
    paths = [INPUTS, *(ROOT / "roles" / role / part / "main.yml" for part in ("defaults", "vars"))]
    known = {one: text for path in paths for one, text in trusted(yaml.safe_load(path.read_text())).items()}
    known |= {**(trusted(extra or {})), **GIVEN, **given}
    return Templar(loader=DataLoader(), variables={**known, **by_filters(known)}).template(trusted(f"{{{{ {name} }}}}"))


@pytest.mark.parametrize(
    ("name", "parse"), [("__vault_backup_config", config.parse), ("__vault_backup_probe_config", config.parse_probe)]
)
def test_the_tool_on_the_nodes(name, parse):
    seen = {
        "vault_backup_seen": {"python": "3.11", "machine": "x86_64"},
        "__vault_backup_release": "/opt/vault-backup/0a1b",
    }
    seen |= {"__vault_backup_key": {"kms_keys": [{"arn": "arn:aws:kms:eu-central-1:123456789012:key/5ea1"}]}}
    found = parse(value("vault_backup", name, vault_snapshot_bucket="b-1", **seen))
    assert found.vault.address == "https://10.0.1.1:9200"


def test_who_may_reach_the_nodes():
    (task,) = yaml.safe_load((ROOT / "roles/vault_ec2/tasks/security_group.yml").read_text())[:1]
    rules = value(
        "vault_ec2",
        "__vault_ec2_rules",
        task["vars"],
        vault_client_cidrs=["10.0.0.0/16"],
        vault_client_security_groups=["sg-1"],
        vault_ssh_cidrs=["10.9.0.0/16"],
        vault_load_balancer=True,
        __vault_ec2_balancing={"grouped": False},
        vault_ec2_subnets={"subnets": [{"cidr_block": "10.0.1.0/24"}]},
    )
    assert [sorted(map(int, rule["ports"])) for rule in rules] == [[9200, 9201], [9200], [9200], [22], [9200]]
