"""iam_policies.yml without credentials: what it writes for people who have none yet."""

from __future__ import annotations

import json
import os
import subprocess
import typing as t

import pytest
import yaml
from kit.paths import ROOT

PEOPLE = {
    "vault_cluster_name": "prod",
    "vault_aws_region": "cn-north-1",
    "vault_version": "1.21.1",
    "vault_aws_account": "111122223333",
    "vault_ssm": True,
    "vault_kms_key_alias": "prod-unseal",
}
NODES = {"vault-1": {"ansible_aws_ssm_bucket_name": "example-transfer"}}


@pytest.fixture
def run(tmp_path):
    def run(hosts: dict[str, t.Any], *arguments: str, **variables: t.Any) -> subprocess.CompletedProcess[str]:
        nodes = {"vault": {"hosts": hosts}} if hosts else {}
        inventory = {
            "all": {"children": nodes, "vars": {**PEOPLE, "vault_output_dir": str(tmp_path / "out"), **variables}}
        }
        (tmp_path / "hosts.yml").write_text(yaml.safe_dump(inventory))
        environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        command = ["ansible-playbook", "-i", str(tmp_path / "hosts.yml"), "playbooks/iam_policies.yml", *arguments]
        nowhere = {"AWS_EC2_METADATA_DISABLED": "true", "HOME": str(tmp_path)}
        return subprocess.run(
            command,
            cwd=ROOT,
            env={**environment, **nowhere},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    return run


def test_how_the_nodes_are_reached_is_what_the_hosts_say(run, tmp_path):
    done = run(NODES)
    assert done.returncode == 0, done.stdout
    assert "no host says through which bucket" not in done.stdout
    written = {path.stem: json.loads(path.read_text()) for path in (tmp_path / "out" / "policies").iterdir()}
    assert set(written) == {
        f"prod-{name}"
        for name in (
            *("provision", "provision-machines", "site", "status", "backup", "custody", "restore", "move_seal_key"),
            *("decommission", "decommission-drill"),
            "renew",
        )
    }
    bucket = ["arn:aws-cn:s3:::example-transfer/*"]
    assert {name for name in written for one in written[name]["Statement"] if one["Resource"] == bucket} == {
        "prod-site",
        "prod-backup",
        "prod-restore",
    }
    # An alias may be named without what all aliases begin with.
    assert '"kms:ResourceAliases": ["alias/prod-unseal"]' in json.dumps(written["prod-status"])


def test_who_launches_is_allowed_the_key_of_volumes_and_an_alias_is_refused(run, tmp_path):
    alias = "arn:aws-cn:kms:cn-north-1:111122223333:alias/volumes"
    done = run(NODES, vault_ec2_ebs_key_arn=alias)
    assert done.returncode != 0 and not (tmp_path / "out").exists()
    assert f"vault_ec2_ebs_key_arn is {alias}, and it has to be the ARN of a key" in " ".join(done.stdout.split())

    key = alias.replace("alias/volumes", "key/1234abcd-12ab-34cd-56ef-1234567890ab")
    done = run(NODES, vault_ec2_ebs_key_arn=key, vault_drill_machine=True)
    assert done.returncode == 0, done.stdout
    written = {path.stem: path.read_text() for path in (tmp_path / "out" / "policies").iterdir()}
    assert {name for name, text in written.items() if key in text} == {"prod-provision-volumes", "prod-drill"}
    assert '"kms:ViaService": "ec2.cn-north-1.amazonaws.com.cn"' in written["prod-provision-volumes"]


def test_what_is_not_known_is_said_and_without_a_directory_the_policies_are_shown(run, tmp_path):
    done = run({}, vault_output_dir="")
    assert done.returncode == 0, done.stdout
    said = " ".join(done.stdout.split())
    assert "no host says through which bucket Ansible sends files" in said
    assert "SSM-SessionManagerRunShell" not in said
    assert '"arn:aws-cn:iam::111122223333:role/vault-prod-node"' in said and "document/AWS-StartSSHSession" in said
    assert not (tmp_path / "out").exists()


def test_a_policy_that_aws_would_not_take_is_refused_and_nothing_is_written(run, tmp_path):
    subnets = [{"name": f"vault-{number}", "subnet_id": f"subnet-{number:017d}"} for number in range(90)]
    done = run(NODES, vault_ec2_instances=subnets)
    assert done.returncode != 0
    said = " ".join(done.stdout.split())
    assert "The policy provision-machines has " in said and "and AWS takes 6144. Split its statements" in said
    assert not (tmp_path / "out").exists()
