"""The EC2 inventory as it is shipped, against a stand-in: who carries the tag is seen, and is no node by that alone."""

from __future__ import annotations

import json
import os
import subprocess

import boto3
import pytest
from kit.paths import ROOT
from labkit.settings import REGION

NAMES = ("vault-1", "vault-2", "vault-3")
# As a play's preflight asks it.
PLAY = """
- hosts: vault
  gather_facts: false
  tasks:
    - ansible.builtin.assert:
        that: problems | length == 0
        fail_msg: "{{ problems | join(' ') }}"
      vars:
        problems: "{{ groups['vault'] | map('extract', hostvars) | list
          | vaultops.cluster.inventory_problems(vault_ec2_instances, 'vault-prod-node') }}"
      run_once: true
"""


@pytest.fixture
def account(aws, tmp_path):
    """An account with the three nodes of a cluster, a launcher of more of them, and the play."""
    ec2 = boto3.client("ec2", region_name=REGION, endpoint_url=aws)
    iam = boto3.client("iam", region_name=REGION, endpoint_url=aws)
    subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    for profile in ("vault-prod-node", "somebody"):
        iam.create_instance_profile(InstanceProfileName=profile)

    def launch(name: str, profile: str | None = "vault-prod-node") -> None:
        tags = [{"Key": "Name", "Value": name}, {"Key": "vault-cluster", "Value": "prod"}]
        ec2.run_instances(
            ImageId="ami-12c6146b",
            MinCount=1,
            MaxCount=1,
            SubnetId=subnet,
            TagSpecifications=[{"ResourceType": "instance", "Tags": tags}],
            **({"IamInstanceProfile": {"Name": profile}} if profile else {}),
        )

    def ask() -> subprocess.CompletedProcess[str]:
        play = tmp_path / "play.yml"
        play.write_text(PLAY)
        wanted = json.dumps({"vault_ec2_instances": [{"name": name, "subnet_id": subnet} for name in NAMES]})
        command = ["ansible-playbook", "-i", str(ROOT / "inventories/ec2/vault.aws_ec2.yml"), str(play), "-e", wanted]
        environment = {**os.environ, "AWS_ENDPOINT_URL": aws, "ANSIBLE_FORCE_COLOR": "0"}
        return subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)

    for name in NAMES:
        launch(name)
    return launch, ask


@pytest.mark.parametrize(
    ("name", "profile", "says"),
    [
        ("vault-2", "vault-prod-node", "2 running instances carry the cluster's tag and the name vault-2"),
        ("vault-4", "vault-prod-node", "vault_ec2_instances does not list it"),
        ("vault-4", None, "vault_ec2_instances does not list it"),
    ],
)
def test_an_instance_with_the_tag_is_refused(account, name, profile, says):
    launch, ask = account
    asked = ask()
    assert asked.returncode == 0, asked.stdout
    launch(name, profile)
    asked = ask()
    assert asked.returncode == 2, asked.stdout
    assert says in " ".join(asked.stdout.split() + asked.stderr.split())
