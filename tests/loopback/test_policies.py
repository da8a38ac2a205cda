"""The policies that iam_policies.yml writes, beside what provision.yml and decommission.yml really ask of AWS: all of it is
allowed, and nothing is allowed that nobody asks for.

No stand-in here holds anybody to a policy. So each request is written down, and decided afterwards.
"""

from __future__ import annotations

import json
import typing as t

import pytest
from kit import aws_calls, iam
from kit.account import ACCOUNT, EVERYTHING, NOTHING_ALLOWED, SNAPSHOTS, Account, Run, count
from kit.fault_proxy import Answer, Rule
from labkit.settings import REGION

FILES = "example-transfer"
SESSIONS = {"vault_ssm": True, "vault_ssm_bucket": FILES}
THEIRS = json.dumps(NOTHING_ALLOWED)
TRUST = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
TRUSTED = json.dumps({"Version": "2012-10-17", "Statement": [TRUST]})
CLUSTER = aws_calls.Cluster(ACCOUNT, "prod", "alias/vault-unseal", "alias/vault-test-ca", REGION)
PARAMETER, SECRET = "/vaultops/test/ca", "vault/test/recovery"
# Asked for, and not needed: the module goes on where it is refused, as it is in these runs.
REFUSED = "ListAccountAliases"
# Allowed, and asked for in no run here.
SELDOM = {
    "provision": {
        "iam:CreateServiceLinkedRole": "AWS itself makes these roles, on behalf of who makes the first balancer",
    },
    "provision-machines": {
        "ec2:UpdateSecurityGroupRuleDescriptionsIngress": "where a rule is right and its description is not",
        "elasticloadbalancing:ModifyListener": "where somebody has sent the listener elsewhere",
        "elasticloadbalancing:SetSubnets": "where a node has come in another subnet",
    },
    "decommission": {
        "iam:DetachGroupPolicy": "as from a role",
        "iam:DetachUserPolicy": "as from a role",
    },
}


@pytest.fixture(scope="module")
def account(stand_in: str, tmp_path_factory: pytest.TempPathFactory) -> Account:
    return Account(stand_in, tmp_path_factory.mktemp("account"))


@pytest.fixture(scope="module")
def policies(account: Account) -> dict[str, iam.Document]:
    """As the playbook writes them for the variables of the runs below."""
    output = {**SESSIONS, "vault_output_dir": str(account.folder / "output")}
    would = account.run("iam_policies", "--check", "--diff", variables=output)
    assert would.code == 0, would.output
    assert '+      "Sid": "VaultLease"' in would.output
    assert not (account.folder / "output").exists()
    first = account.run("iam_policies", variables=output)
    assert (first.code, set(first.calls)) == (0, {"GetCallerIdentity", REFUSED}), first.output
    again = account.run("iam_policies", variables={**output, "vault_aws_account": ACCOUNT})
    assert (again.code, again.changed, again.calls) == (0, 0, []), again.output
    paths = (account.folder / "output" / "policies").glob("*.json")
    return {path.stem.removeprefix("prod-"): json.loads(path.read_text()) for path in paths}


def run(account: Account, playbook: str, *arguments: str) -> Run:
    denied = Rule(REFUSED, Answer("AccessDenied", "not authorized", 403), every=True)
    made = account.run(playbook, *arguments, rules=[denied], variables=SESSIONS)
    assert made.code == 0, made.output
    return made


def asked(runs: t.Iterable[Run]) -> list[aws_calls.Asked]:
    return [each for one in runs for request in one.requests for each in aws_calls.asked(request, CLUSTER)]


def unused(policy: iam.Document, runs: t.Iterable[Run]) -> set[str]:
    called = {each.action for each in asked(runs)}
    return {action for statement in policy["Statement"] for action in statement["Action"]} - called


def refused(policies: t.Sequence[iam.Document], runs: t.Iterable[Run]) -> set[str]:
    requests = [request for one in runs for request in one.requests]
    return {each.action for each in iam.refused(policies, requests, CLUSTER)}


@pytest.fixture(scope="module")
def provisioned(account: Account, policies: dict[str, iam.Document]) -> list[Run]:
    """From nothing, and once more after somebody has changed what can be changed."""
    first = run(account, "provision")
    assert count(account.made()) == {**EVERYTHING, "bucket": 2}
    drift(account)
    second = run(account, "provision")
    assert second.changed
    return [first, second]


def drift(account: Account) -> None:
    iam_, kms, ec2, elb = (account.client(service) for service in ("iam", "kms", "ec2", "elbv2"))
    tag, role = [{"Key": "Owner", "Value": "ada"}], {"RoleName": "vault-node"}
    policy = f"arn:aws:iam::{ACCOUNT}:policy/vault-prod-init"
    iam_.update_assume_role_policy(PolicyDocument=TRUSTED, **role)
    iam_.update_role(Description="theirs", **role)
    iam_.attach_role_policy(PolicyArn="arn:aws:iam::aws:policy/ReadOnlyAccess", **role)
    iam_.put_role_policy(PolicyName="vault", PolicyDocument=THEIRS, **role)
    iam_.tag_role(Tags=tag, **role)
    iam_.tag_instance_profile(InstanceProfileName="vault-node", Tags=tag)
    iam_.tag_policy(PolicyArn=policy, Tags=tag)
    iam_.untag_role(TagKeys=["Service"], **role)
    iam_.untag_instance_profile(InstanceProfileName="vault-node", TagKeys=["Service"])
    iam_.untag_policy(PolicyArn=policy, TagKeys=["Service"])
    iam_.create_policy_version(PolicyArn=policy, PolicyDocument=THEIRS, SetAsDefault=True)
    iam_.delete_policy_version(PolicyArn=policy, VersionId="v1")
    key = {"KeyId": kms.describe_key(KeyId=CLUSTER.alias)["KeyMetadata"]["KeyId"]}
    kms.update_key_description(Description="theirs", **key)
    kms.tag_resource(Tags=[{"TagKey": "Owner", "TagValue": "ada"}], **key)
    kms.untag_resource(TagKeys=["Service"], **key)
    kms.put_key_policy(PolicyName="default", Policy=THEIRS, **key)
    (group,) = account.made()["security group"]
    world = [{"CidrIp": "10.9.0.0/16"}]
    rule = {"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, "IpRanges": world}
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule])
    (targets,) = account.made()["target group"]
    target = elb.describe_target_health(TargetGroupArn=targets)["TargetHealthDescriptions"][0]["Target"]
    stranger = ec2.describe_instances(Filters=[{"Name": "subnet-id", "Values": [account.full_subnet]}])
    strange = {"Id": stranger["Reservations"][0]["Instances"][0]["InstanceId"], "Port": 8200}
    elb.deregister_targets(TargetGroupArn=targets, Targets=[target])
    elb.register_targets(TargetGroupArn=targets, Targets=[strange])
    elb.modify_target_group(TargetGroupArn=targets, HealthCheckPath="/")


@pytest.fixture(scope="module")
def removed(account: Account, provisioned: list[Run]) -> list[Run]:
    """With everything there that decommission.yml looks for."""
    tags = [{"Key": "vault-cluster", "Value": "prod"}]
    account.client("secretsmanager").create_secret(Name=SECRET, SecretString="keys", Tags=tags)
    account.client("ssm").put_parameter(Name=PARAMETER, Value="ca", Type="String", Tags=tags)
    kms, iam_ = account.client("kms"), account.client("iam")
    asymmetric = {"KeyUsage": "SIGN_VERIFY", "KeySpec": "ECC_NIST_P384"}
    made = kms.create_key(Tags=[{"TagKey": "vault-cluster", "TagValue": "prod"}], **asymmetric)["KeyMetadata"]
    kms.create_alias(AliasName=CLUSTER.ca_alias, TargetKeyId=made["KeyId"])
    s3 = account.client("s3")
    s3.delete_bucket_policy(Bucket=FILES)  # which lets nobody in without TLS
    s3.put_object(Bucket=FILES, Key="i-1/module.py", Body=b"x")
    policy = f"arn:aws:iam::{ACCOUNT}:policy/vault-prod-init"
    iam_.create_role(RoleName="platform", AssumeRolePolicyDocument=TRUSTED)
    iam_.attach_role_policy(RoleName="platform", PolicyArn=policy)
    iam_.create_policy_version(PolicyArn=policy, PolicyDocument=THEIRS, SetAsDefault=False)
    gone = run(account, "decommission", "-e", "vault_decommission=prod")
    assert kms.describe_key(KeyId=made["KeyId"])["KeyMetadata"]["KeyState"] == "PendingDeletion"
    return [gone]


def test_who_provisions_is_allowed_all_that_is_asked_for(policies, provisioned):
    both = [policies["provision"], policies["provision-machines"]]
    assert refused(both, provisioned) == set()


@pytest.mark.parametrize("name", ["provision", "provision-machines"])
def test_who_provisions_is_allowed_nothing_that_nobody_asks_for(policies, provisioned, name):
    assert unused(policies[name], provisioned) == set(SELDOM[name])


def test_who_removes_is_allowed_all_that_is_asked_for(policies, removed):
    assert refused([policies["decommission"]], removed) == set()


def test_who_removes_is_allowed_nothing_that_nobody_asks_for(policies, removed):
    assert unused(policies["decommission"], removed) == set(SELDOM["decommission"])


def test_a_request_for_what_is_anothers_is_refused(policies, provisioned):
    """The same requests, of a cluster of another name: what is known by its name or its tag is not this cluster's."""
    other = aws_calls.Cluster(ACCOUNT, "staging", "alias/payroll", "alias/payroll-ca", REGION)
    both = [policies["provision"], policies["provision-machines"]]
    requests = [request for one in provisioned for request in one.requests]
    by_tag = {
        "ec2:ModifyInstanceAttribute",
        "ec2:AuthorizeSecurityGroupIngress",
        "kms:PutKeyPolicy",
        "kms:UntagResource",
    }
    seen = {
        each.action
        for request in requests
        for each in aws_calls.asked(request, other)
        if each.action in by_tag and not iam.allows(both, each)
    }
    assert seen == by_tag
    assert SNAPSHOTS in json.dumps(policies["provision"])
