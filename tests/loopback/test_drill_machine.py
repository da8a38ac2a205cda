"""The machine of a drill on loopback: made for the drill and terminated after it, whatever becomes of it. No other is touched.

It never answers here, so that each drill fails; what follows a drill that passes is the same.
"""

from __future__ import annotations

import base64
import json
import typing as t
from email import message_from_string

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._aws import runner_policies
from kit import aws_calls, iam
from kit.account import ACCOUNT, EVERYTHING, Account, KillAt, Run, count
from kit.fault_proxy import Answer, Drop, Rule
from kit.runners import PLAIN
from labkit.settings import REGION

NAME = "vault-prod-drill"
TAG, VALUE = "vault-cluster", "prod/drill"
NO_BUCKET = {"vault_snapshot_bucket": ""}
ENDPOINTS = "10.0.5.0/24"
EGRESS = {"vault_ec2_drill_egress": [{"proto": "tcp", "ports": [443], "cidr_ip": ENDPOINTS}]}
EVERYWHERE = {"vault_ec2_drill_egress": [{"proto": "tcp", "ports": [443], "cidr_ip": "0.0.0.0/0"}]}
CONFIRMED = {"vault_ec2_confirm_drill_egress": "0.0.0.0/0"}
DRILLS: dict[str, t.Any] = {
    **NO_BUCKET,
    **EGRESS,
    "__vault_ec2_boot_seconds": 2,
}
HOSTS = "all: {children: {vault: {hosts: {vault-1: {}, vault-2: {}, vault-3: {}}}}}\n"
CLUSTER = aws_calls.Cluster(ACCOUNT, "prod", "alias/vault-unseal", "alias/vault-test-ca", REGION, machine=VALUE)
GOING = ("shutting-down", "terminated")
EVERYTHING_OUT = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}


@pytest.fixture(scope="module")
def account(stand_in: str, tmp_path_factory: pytest.TempPathFactory) -> Account:
    """With what provision.yml makes for drills, and without a cluster, of which no machine is here."""
    account = Account(stand_in, tmp_path_factory.mktemp("account"))
    # There is no way to the machine, which is said at once.
    (account.folder / "inventory/group_vars/vault_drill.yml").write_text(
        "ansible_ssh_common_args: -o ProxyCommand=false\n"
    )
    iam_, tags = account.client("iam"), [{"Key": "vault-cluster", "Value": "prod"}]
    owned = [*tags, {"Key": "vault-cluster-region", "Value": REGION}]
    trust = {"Version": "2012-10-17", "Statement": []}
    iam_.create_role(RoleName=NAME, AssumeRolePolicyDocument=json.dumps(trust), Tags=owned)
    iam_.create_instance_profile(InstanceProfileName=NAME, Tags=owned)
    iam_.add_role_to_instance_profile(InstanceProfileName=NAME, RoleName=NAME)
    specified = [{"ResourceType": "security-group", "Tags": tags}]
    ec2 = account.client("ec2")
    group = ec2.create_security_group(
        GroupName=NAME, Description="drills", VpcId=account.vpc, TagSpecifications=specified
    )["GroupId"]
    ec2.revoke_security_group_egress(GroupId=group, IpPermissions=[EVERYTHING_OUT])
    return account


def drill(account: Account, *arguments: str, **how: t.Any) -> Run:
    inventory = account.folder / "inventory"
    hosts, everybody = inventory / "hosts.yml", inventory / "group_vars" / "all.yml"
    before = {path: path.read_text() for path in (hosts, everybody)}
    hosts.write_text(HOSTS)
    # Where operators set it: -e would reach what variables of a group do not.
    everybody.write_text(f"{before[everybody]}\nvault_drill_machine: true\n")
    try:
        how["variables"] = {**DRILLS, **how.get("variables", {})}
        return account.run("restore_drill", *arguments, **how)
    finally:
        for path, text in before.items():
            path.write_text(text)


def machines(account: Account) -> dict[str, str]:
    """Of drills: the state of each, by its id."""
    found = account.client("ec2").describe_instances(Filters=[{"Name": f"tag:{TAG}", "Values": [VALUE]}])
    return {one["InstanceId"]: one["State"]["Name"] for each in found["Reservations"] for one in each["Instances"]}


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


def test_check_mode_says_what_would_be_made_and_makes_nothing(account):
    run = drill(account, "--check")
    assert run.code == 0, run.output
    assert f"The instance {NAME} would be launched in {account.subnet} (m7i.large" in run.output
    assert "RunInstances" not in run.calls and machines(account) == {}


def test_a_run_that_makes_no_machine_stops_before_it_writes_into_the_cluster(account):
    run = drill(account, "--limit", "vault")
    assert run.code != 0
    said = " ".join(run.output.split())
    assert "There is no machine for the drill: the group vault_drill is empty" in said
    assert "Write the canary" not in said
    assert machines(account) == {}


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({"vault_ec2_drill_egress": []}, "vault_ec2_drill_egress does not say what the machine of a drill may reach"),
        (EVERYWHERE, "vault_ec2_drill_egress lets the machine of a drill out to 0.0.0.0/0, which is every address"),
    ],
)
def test_nothing_is_made_where_nobody_has_said_what_the_machine_may_reach(account, variables, says):
    for playbook in (drill, Account.provision):
        run = playbook(account, variables={**NO_BUCKET, "vault_drill_machine": True, **variables})
        assert run.code != 0 and says in run.said, run.output
        assert "RunInstances" not in run.calls and "CreateRole" not in run.calls
    assert machines(account) == {}


def test_no_machine_is_launched_into_a_group_that_lets_everything_out(account):
    ec2 = account.client("ec2")
    named = [{"Name": "group-name", "Values": [NAME]}]
    group = ec2.describe_security_groups(Filters=named)["SecurityGroups"][0]["GroupId"]
    ec2.authorize_security_group_egress(GroupId=group, IpPermissions=[EVERYTHING_OUT])
    run = drill(account)
    assert run.code != 0 and machines(account) == {}
    assert f"The security group {NAME} ({group}) lets the machine of a drill out to 0.0.0.0/0, and" in run.said
    would = drill(account, "--check", variables={**EVERYWHERE, **CONFIRMED})
    assert would.code == 0, would.output
    ec2.revoke_security_group_egress(GroupId=group, IpPermissions=[EVERYTHING_OUT])


def test_it_is_made_for_the_drill_and_terminated_though_the_drill_fails(account):
    kind = {"KeyUsage": "ENCRYPT_DECRYPT", "KeySpec": "SYMMETRIC_DEFAULT"}
    key = account.client("kms").create_key(**kind)["KeyMetadata"]["Arn"]
    run = drill(account, variables={"vault_ec2_ebs_key_arn": key})
    assert run.code != 0
    ((name, at_last),) = machines(account).items()
    assert at_last in GOING, run.output
    said = " ".join(run.output.split())
    assert f"{NAME} was launched at" in said and "does not answer within 2 s" in said
    assert "The machine of the drill was terminated." in said
    (request,) = (one for one in run.requests if one.operation == "RunInstances")
    wanted = {"ImageId": "ami-12c6146b", "IamInstanceProfile.Arn": f"arn:aws:iam::{ACCOUNT}:instance-profile/{NAME}"}
    assert {key: request.fields[key] for key in wanted} == wanted
    assert request.fields["MetadataOptions.HttpTokens"] == "required"
    assert [value for name, value in request.fields.items() if name.endswith(".KmsKeyId")] == [key]
    # A run that is killed terminates nothing.
    assert request.fields["InstanceInitiatedShutdownBehavior"] == "terminate"
    boot = message_from_string(base64.b64decode(request.fields["UserData"]).decode())
    timer, own = (part.get_payload(decode=True).decode() for part in boot.get_payload())
    assert "--on-active=180min" in timer and "Installs what a node needs" in own
    # By the cluster's own tag nodes find each other, and inventories find nodes.
    assert "prod" not in request.fields.values() and VALUE in request.fields.values()
    (group,) = (value for key, value in request.fields.items() if "GroupId" in key)
    (found,) = account.client("ec2").describe_security_groups(GroupIds=[group])["SecurityGroups"]
    assert found["GroupName"] == NAME
    (ended,) = (one for one in run.requests if one.operation == "TerminateInstances")
    assert [value for key, value in ended.fields.items() if key.startswith("InstanceId")] == [name]
    # The lease of those who change things in AWS is given back before the drill.
    leases = [place for place, one in enumerate(run.requests) if one.service == "ssm"]
    assert leases and max(leases) < run.requests.index(ended)


def test_the_policies_for_a_drill_allow_all_of_that_and_nothing_that_nobody_asks_for(account):
    run = drill(account)
    mine = {**PLAIN, "account": ACCOUNT, "drill_role": NAME, "drill_subnet": account.subnet}
    policies = runner_policies.runner_policies(mine)
    allowed = [policies["restore"], policies["drill"]]
    # Asked for, and not needed: whoever asks for the caller goes on where the account's alias is refused.
    assert {one.action for one in iam.refused(allowed, run.requests, CLUSTER)} == {"iam:ListAccountAliases"}
    called = {one.action for request in run.requests for one in aws_calls.asked(request, CLUSTER)}
    assert {action for one in allowed[1]["Statement"] for action in one["Action"]} - called <= {
        # Of the lease, where a record of it has to go.
        "ssm:DeleteParameters",
        # Where AWS names the account's default key for volumes by its ARN.
        "kms:ListAliases",
    }


def test_a_second_run_leaves_the_machine_of_the_first_one_alone_and_ends_one_that_is_too_old(account):
    name, node, other = launch(account), launch(account, "prod"), launch(account, "staging/drill")
    # By its id, too, nothing is touched that is no drill's.
    run = drill(account, "-e", f"vault_ec2_drill_take={node}")
    assert run.code != 0 and f"{name} was launched for a drill at" in run.said
    assert alive(account) == [name]
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
    # Before the report, which wants S3 and credentials that still hold.
    assert f"The machine of the drill, {name}, may still run" in said.partition("PLAY [(4/4) Report]")[0]
    assert f"aws ec2 terminate-instances --region {REGION} --instance-ids {name}" in said
    account.client("ec2").terminate_instances(InstanceIds=[name])


def test_one_whose_launch_fails_when_it_is_there_is_terminated(account):
    # AWS has launched the instance, and its answer is lost; what asks again learns that it may not.
    before = machines(account)
    refused = Answer("UnauthorizedOperation", "User: x is not authorized to perform: ec2:RunInstances", 403)
    run = drill(account, rules=[Rule("RunInstances", Drop(forward=True)), Rule("RunInstances", refused, 2, every=True)])
    assert run.code != 0
    (name,) = machines(account).keys() - before.keys()
    assert machines(account)[name] in GOING, run.output
    assert f"Launched for this drill, and terminated now: {name}." in run.output


def test_a_run_that_is_killed_leaves_one_that_decommissioning_ends(account):
    killed = drill(account, kill=KillAt("RunInstances"))
    assert killed.was_killed
    (name,) = alive(account)
    named = ("-e", "vault_decommission=prod", "-e", f"vault_lease_take_over={account.who}")
    run = account.run("decommission", *named, variables=NO_BUCKET)
    assert run.code == 0, run.output
    assert f"{name}: terminated, with what is on it." in run.output
    assert state(account, name) in GOING
    # That of another cluster's drill, and the account's own key of volumes.
    assert {kind: number for kind, number in count(account.made()).items() if number} == {"instance": 1, "key": 1}


def test_provision_makes_what_every_drill_uses(stand_in, tmp_path):
    account = Account(stand_in, tmp_path)
    variables = {**NO_BUCKET, **EGRESS, "vault_drill_machine": True}
    run = account.provision(variables=variables)
    assert run.code == 0, run.output
    for what in (f"The role {NAME}", f"The instance profile {NAME}", f"The security group {NAME}"):
        assert what in run.output
    more = {"role": 2, "policy on the role": 2, "instance profile": 2, "security group": 2, "bucket": 0}
    assert count(account.made()) == {**EVERYTHING, **more}
    again = account.provision(variables=variables)
    assert (again.code, again.changed) == (0, 0), again.output
    allowed = account.client("iam").get_role_policy(RoleName=NAME, PolicyName="vault")["PolicyDocument"]
    use = {"kms:Encrypt", "kms:Decrypt", "kms:DescribeKey"}
    assert {action for one in allowed["Statement"] for action in one["Action"]} == use
    kms = account.client("kms")
    key = kms.describe_key(KeyId="alias/vault-unseal")["KeyMetadata"]["KeyId"]
    policy = json.loads(kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"])["Statement"]
    (mine,) = (one for one in policy if one["Sid"] == "VaultDrill")
    assert mine["Principal"] == {"AWS": [f"arn:aws:iam::{ACCOUNT}:role/{NAME}"]}
    named = [{"Name": "group-name", "Values": [NAME]}]
    (group,) = account.client("ec2").describe_security_groups(Filters=named)["SecurityGroups"]
    (rule,) = group["IpPermissionsEgress"]
    assert (rule["FromPort"], rule["ToPort"], rule["IpRanges"]) == (443, 443, [{"CidrIp": ENDPOINTS}])
