"""The machine of a drill on loopback: made for the drill and terminated after it, whatever becomes of it, and no other is touched.

It never answers here, so that each drill fails; what follows a drill that passes is the same.
"""

from __future__ import annotations

import datetime
import json
import typing as t

import pytest
from kit import aws_calls, iam
from kit.account import ACCOUNT, EVERYTHING, Account, KillAt, Run, count
from kit.fault_proxy import Answer, Rule
from labkit.settings import REGION

NAME = "vault-prod-drill"
TAG, VALUE = "vault-cluster", "prod/drill"
DRILLS: dict[str, t.Any] = {
    "vault_drill_machine": True,
    "vault_snapshot_bucket": "",
    "__vault_ec2_boot_seconds": 2,
}
HOSTS = "all: {children: {vault: {hosts: {vault-1: {}, vault-2: {}, vault-3: {}}}}}\n"
CLUSTER = aws_calls.Cluster(ACCOUNT, "prod", "alias/vault-unseal", "alias/vault-test-ca", REGION, machine=VALUE)
GOING = ("shutting-down", "terminated")


@pytest.fixture(scope="module")
def account(stand_in: str, tmp_path_factory: pytest.TempPathFactory) -> Account:
    """With a cluster in it, before drills had machines of their own."""
    account = Account(stand_in, tmp_path_factory.mktemp("account"))
    # There is no way to the machine, which is said at once.
    (account.folder / "inventory/group_vars/vault_drill.yml").write_text("ansible_ssh_common_args: -o ProxyCommand=false\n")
    run = account.provision(variables={"vault_snapshot_bucket": ""})
    assert run.code == 0, run.output
    return account


def drill(account: Account, *arguments: str, **how: t.Any) -> Run:
    hosts = account.folder / "inventory" / "hosts.yml"
    before = hosts.read_text()
    hosts.write_text(HOSTS)
    try:
        how["variables"] = {**DRILLS, **how.get("variables", {})}
        return account.run("restore_drill", *arguments, **how)
    finally:
        hosts.write_text(before)


def machines(account: Account) -> dict[str, str]:
    """Of drills: the state of each, by its id."""
    found = account.client("ec2").describe_instances(Filters=[{"Name": f"tag:{TAG}", "Values": [VALUE]}])
    return {
        one["InstanceId"]: one["State"]["Name"] for each in found["Reservations"] for one in each["Instances"]
    }


def alive(account: Account) -> list[str]:
    return [name for name, state in machines(account).items() if state not in GOING]


def launch(account: Account, value: str = VALUE) -> str:
    """A machine as a drill that was cut short leaves it."""
    tags = [{"ResourceType": "instance", "Tags": [{"Key": TAG, "Value": value}]}]
    made = account.client("ec2").run_instances(
        ImageId="ami-12c6146b", SubnetId=account.subnet, MinCount=1, MaxCount=1, TagSpecifications=tags
    )
    return made["Instances"][0]["InstanceId"]


def state(account: Account, name: str) -> str:
    found = account.client("ec2").describe_instances(InstanceIds=[name])
    return found["Reservations"][0]["Instances"][0]["State"]["Name"]


# The tests follow each other in one account.


def test_without_what_provision_makes_for_it_there_is_no_machine(account):
    run = drill(account)
    assert run.code != 0
    assert f"The security group {NAME} of this cluster is not in the VPC {account.vpc}" in run.said
    assert "run it with vault_drill_machine: true" in run.said
    assert machines(account) == {}


def test_provision_makes_what_every_drill_uses(account):
    only = {"vault_snapshot_bucket": "", "vault_drill_machine": True}
    would = account.provision("--check", "--diff", variables=only)
    for what in (f"The role {NAME}", f"The instance profile {NAME}", f"The security group {NAME}"):
        assert what in would.output
    run = account.provision(variables=only)
    assert run.code == 0, run.output
    more = {"role": 2, "policy on the role": 2, "instance profile": 2, "security group": 2, "bucket": 0}
    assert count(account.made()) == {**EVERYTHING, **more}
    for arguments in ([], ["--check", "--diff"]):
        again = account.provision(*arguments, variables=only)
        assert (again.code, again.changed) == (0, 0), again.output
    allowed = account.client("iam").get_role_policy(RoleName=NAME, PolicyName="vault")["PolicyDocument"]
    assert {action for one in allowed["Statement"] for action in one["Action"]} == {
        "kms:Encrypt",
        "kms:Decrypt",
        "kms:DescribeKey",
    }
    kms = account.client("kms")
    key = kms.describe_key(KeyId="alias/vault-unseal")["KeyMetadata"]["KeyId"]
    policy = json.loads(kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"])["Statement"]
    (mine,) = (one for one in policy if one["Sid"] == "VaultDrill")
    assert mine["Principal"] == {"AWS": [f"arn:aws:iam::{ACCOUNT}:role/{NAME}"]}
    (group,) = account.client("ec2").describe_security_groups(Filters=[{"Name": "group-name", "Values": [NAME]}])[
        "SecurityGroups"
    ]
    assert {(rule["FromPort"], rule["ToPort"]) for rule in group["IpPermissionsEgress"]} == {(80, 80), (443, 443)}


def test_check_mode_says_what_would_be_made_and_makes_nothing(account):
    run = drill(account, "--check")
    assert run.code == 0, run.output
    assert f"The instance {NAME} would be launched in {account.subnet} (m7i.large" in run.output
    assert "RunInstances" not in run.calls and machines(account) == {}


def test_it_is_made_for_the_drill_and_terminated_though_the_drill_fails(account):
    policies = account.run(
        "iam_policies", variables={**DRILLS, "vault_output_dir": str(account.folder), "vault_aws_account": ACCOUNT}
    )
    assert policies.code == 0, policies.output
    run = drill(account)
    assert run.code != 0
    ((name, at_last),) = machines(account).items()
    assert at_last in GOING
    said = " ".join(run.output.split())
    assert f"{NAME} was launched at" in said and "does not answer within 2 s" in said
    assert "The machine of the drill was terminated." in said
    (request,) = (one for one in run.requests if one.operation == "RunInstances")
    wanted = {"ImageId": "ami-12c6146b", "IamInstanceProfile.Arn": f"arn:aws:iam::{ACCOUNT}:instance-profile/{NAME}"}
    assert {key: request.fields[key] for key in wanted} == wanted
    assert request.fields["MetadataOptions.HttpTokens"] == "required"
    # By the cluster's tag nodes find each other, and inventories find nodes.
    assert "prod" not in request.fields.values() and VALUE in request.fields.values()
    (group,) = (value for key, value in request.fields.items() if "GroupId" in key)
    (found,) = account.client("ec2").describe_security_groups(GroupIds=[group])["SecurityGroups"]
    assert found["GroupName"] == NAME
    # All of that is what the policies for a drill allow, and what is allowed is asked for.
    allowed = [
        json.loads((account.folder / f"policies/prod-{kind}.json").read_text()) for kind in ("restore", "drill")
    ]
    assert {one.action for one in iam.refused(allowed, run.requests, CLUSTER)} == set()
    called = {one.action for request in run.requests for one in aws_calls.asked(request, CLUSTER)}
    assert {action for one in allowed[1]["Statement"] for action in one["Action"]} - called == {
        # Nobody is at the other end here, and the image is given by its id.
    }
    # Terminated after the lease of those who change things in AWS was given back.
    assert run.calls.index("TerminateInstances") > max(
        place for place, call in enumerate(run.calls) if call == "PutParameter"
    )
    assert [one for key, one in run.requests[-1].fields.items() if key.startswith("InstanceId")] in ([], [name])


def test_a_second_run_leaves_the_machine_of_the_first_one_alone_and_ends_one_that_is_too_old(account):
    name, node, other = launch(account), launch(account, "prod"), launch(account, "staging/drill")
    run = drill(account)
    assert run.code != 0 and f"{name} was launched for a drill at" in run.said
    assert alive(account) == [name]
    # By its id, too, nothing is touched that is no drill's.
    run = drill(account, "-e", f"vault_ec2_drill_take={node}")
    assert run.code != 0 and alive(account) == [name]
    run = drill(account, variables={"vault_ec2_drill_minutes": 0})
    assert state(account, name) in GOING and alive(account) == []
    assert (state(account, node), state(account, other)) == ("running", "running")
    assert f"{name}, left by a drill that was cut short: terminated" in run.output
    account.client("ec2").terminate_instances(InstanceIds=[node])


def test_one_that_can_not_be_terminated_is_named(account):
    refused = Answer("UnauthorizedOperation", "User: x is not authorized to perform: ec2:TerminateInstances", 403)
    run = drill(account, rules=[Rule("TerminateInstances", refused, every=True)])
    assert run.code != 0
    (name,) = alive(account)
    said = " ".join(run.output.split())
    assert f"The machine of the drill, {name}, may still run, with all of the cluster's data" in said
    assert "TerminateInstances was refused: UnauthorizedOperation" in said
    assert f"aws ec2 terminate-instances --region {REGION} --instance-ids {name}" in said
    # The next run ends it, where somebody says that no run uses it any more.
    drill(account, "-e", f"vault_ec2_drill_take={name}")
    assert alive(account) == []


def test_no_right_to_launch_is_said_and_nothing_is_left(account):
    denied = Answer("UnauthorizedOperation", "You are not authorized to perform this operation", 403)
    run = drill(account, rules=[Rule("RunInstances", denied, every=True)])
    assert run.code != 0
    assert f"Launch instances: {NAME} ({REGION}): RunInstances was refused: UnauthorizedOperation" in run.said
    assert alive(account) == []


def test_a_run_that_is_killed_leaves_one_that_decommissioning_ends(account):
    killed = drill(account, kill=KillAt("RunInstances"))
    assert killed.was_killed
    (name,) = alive(account)
    named = ("-e", "vault_decommission=prod", "-e", "vault_lease_take_over=" + holder(account))
    would = account.run("decommission", *named[:2], "--check", variables={"vault_snapshot_bucket": ""})
    assert f"{name}: terminated, with what is on it." in would.output, would.output
    run = account.run("decommission", *named, variables={"vault_snapshot_bucket": ""})
    assert run.code == 0, run.output
    assert state(account, name) in GOING
    left = {kind: number for kind, number in count(account.made()).items() if number}
    assert left == {"key": 1, "alias": 1, "instance": 1}  # of another cluster's drill


def holder(account: Account) -> str:
    return account.who
