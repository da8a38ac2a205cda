"""The policies that iam_policies.yml writes, beside what provision.yml and decommission.yml really ask of AWS: all of it is
allowed, and nothing is allowed that nobody asks for.

The stand-in here holds nobody to a policy, and that of test_restricted.py not to all of it. So each request is written down, and
decided afterwards: by kit/iam.py, and by the simulator, which also asks the policies of the key and the bucket as they are in the
account.
"""

from __future__ import annotations

import json
import typing as t

import pytest
from kit import aws_calls, iam
from kit import simulated as simulations
from kit.account import ACCOUNT, EVERYTHING, NOTHING_ALLOWED, SNAPSHOTS, Account, Run, count
from kit.fault_proxy import Answer, Rule
from labkit.settings import REGION

FILES = "example-transfer"
SESSIONS = {"vault_ssm": True, "vault_ssm_bucket": FILES}
THEIRS = json.dumps(NOTHING_ALLOWED)
TRUST = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
TRUSTED = json.dumps({"Version": "2012-10-17", "Statement": [TRUST]})
BOUNDARY, PATH = "arn:aws:iam::aws:policy/PowerUserAccess", "/company/"
CLUSTER = aws_calls.Cluster(ACCOUNT, "prod", "alias/vault-unseal", "alias/vault-test-ca", REGION, BOUNDARY, PATH)
IMAGE = "resolve:ssm:/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"
PARAMETER, SECRET = "/vaultops/test/ca", "vault/test/recovery"
# What the inventory of these runs does not switch on, and whose role IAM is asked for.
RESTORER = f"arn:aws:iam::{ACCOUNT}:role/restore"
WITH: dict[str, t.Any] = {
    **SESSIONS,
    "vault_iam_path": PATH,
    "vault_iam_permissions_boundary": BOUNDARY,
    "vault_ec2_image_id": IMAGE,
    "vault_ec2_egress": [{"proto": "tcp", "ports": [443], "cidr_ip": "0.0.0.0/0"}],
    "vault_alarms": True,
    "vault_drill_machine": True,
    "vault_ec2_drill_egress": [{"proto": "tcp", "ports": [443], "cidr_ip": "10.0.5.0/24"}],
    "vault_alarms_subscriptions": [{"protocol": "email", "endpoint": "ops@example.com"}],
    "vault_restore_principals": [RESTORER],
}
OF_DRILLS = ("instance profile", "policy on the role", "role", "security group")
PROVISIONS = ("provision", "provision-machines", "provision-drill")
REMOVES = ("decommission", "decommission-drill")
# Asked for, and not needed: the module goes on where it is refused, as it is in these runs.
REFUSED = "ListAccountAliases"
# Allowed, and asked for in no run here.
SELDOM = {
    "provision": {
        "iam:CreateServiceLinkedRole": "AWS itself makes these roles, on behalf of who makes the first balancer",
    },
    "provision-machines": {
        "ec2:UpdateSecurityGroupRuleDescriptionsEgress": "where a rule is right and its description is not",
        "ec2:UpdateSecurityGroupRuleDescriptionsIngress": "as of the others",
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
    output = {**WITH, "vault_output_dir": str(account.folder / "output")}
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
    made = account.run(playbook, *arguments, rules=[denied], variables=WITH)
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
    account.client("iam").create_role(RoleName="restore", Path="/team/", AssumeRolePolicyDocument=TRUSTED)
    first = run(account, "provision")
    # The alarms' topic has a key of its own, and there is that role.
    more = {kind: number + (kind in ("key", "alias", "role")) for kind, number in {**EVERYTHING, "bucket": 2}.items()}
    # So are there for the machines of drills.
    more = {kind: number + (kind in OF_DRILLS) for kind, number in more.items()}
    assert count(account.made()) == more
    drift(account)
    second = run(account, "provision")
    assert second.changed
    assert f"The bucket {SNAPSHOTS}: the bucket would be tagged with " in second.output
    for kind, found in tagged(account).items():
        names = {one.get("Key") or one["TagKey"]: one.get("Value") or one["TagValue"] for one in found}
        # What others have tagged stays, and what was taken away is back.
        assert (names["Owner"], names["Service"]) == ("ada", "vault"), kind
    return [first, second]


def tagged(account: Account) -> dict[str, list[dict[str, str]]]:
    """Tags of each thing that the drift tags."""
    iam_, kms, s3 = (account.client(service) for service in ("iam", "kms", "s3"))
    made: dict[str, list[dict[str, str]]] = {"bucket": s3.get_bucket_tagging(Bucket=SNAPSHOTS)["TagSet"]}
    for name in ("vault-node", "vault-prod-drill"):
        made[f"role {name}"] = iam_.list_role_tags(RoleName=name)["Tags"]
        made[f"profile {name}"] = iam_.get_instance_profile(InstanceProfileName=name)["InstanceProfile"]["Tags"]
    policy = f"arn:aws:iam::{ACCOUNT}:policy{PATH}vault-prod-init"
    made["policy"] = iam_.get_policy(PolicyArn=policy)["Policy"]["Tags"]
    key = kms.describe_key(KeyId=CLUSTER.alias)["KeyMetadata"]["KeyId"]
    made["key"] = kms.list_resource_tags(KeyId=key)["Tags"]
    return made


def drift(account: Account) -> None:
    iam_, kms, ec2, elb = (account.client(service) for service in ("iam", "kms", "ec2", "elbv2"))
    tag = [{"Key": "Owner", "Value": "ada"}]
    policy = f"arn:aws:iam::{ACCOUNT}:policy{PATH}vault-prod-init"
    topic = f"arn:aws:sns:{REGION}:{ACCOUNT}:vault-prod-alarms"
    account.client("sns").untag_resource(ResourceArn=topic, TagKeys=["Service"])
    account.client("sns").set_topic_attributes(TopicArn=topic, AttributeName="KmsMasterKeyId", AttributeValue="alias/x")
    rule = f"arn:aws:events:{REGION}:{ACCOUNT}:rule/vault-prod-keys"
    account.client("events").untag_resource(ResourceARN=rule, TagKeys=["Service"])
    watch = account.client("cloudwatch")
    alarm = watch.describe_alarms(AlarmNamePrefix="vault-prod-alarm-vault-1")["MetricAlarms"][0]
    watch.untag_resource(ResourceARN=alarm["AlarmArn"], TagKeys=["Service"])
    of_nobody = {name: alarm[name] for name in ("MetricName", "Namespace", "Period", "Statistic", "Threshold")}
    watch.put_metric_alarm(
        AlarmName="vault-prod-alarm-gone",
        EvaluationPeriods=1,
        ComparisonOperator=alarm["ComparisonOperator"],
        Tags=[{"Key": "vault-cluster", "Value": "prod"}],
        **of_nobody,
    )
    for name in ("vault-node", "vault-prod-drill"):
        role = {"RoleName": name}
        iam_.update_assume_role_policy(PolicyDocument=TRUSTED, **role)
        iam_.update_role(Description="theirs", **role)
        iam_.delete_role_permissions_boundary(**role)
        iam_.put_role_policy(PolicyName="vault", PolicyDocument=THEIRS, **role)
        iam_.tag_role(Tags=tag, **role)
        iam_.tag_instance_profile(InstanceProfileName=name, Tags=tag)
        iam_.untag_role(TagKeys=["Service"], **role)
        iam_.untag_instance_profile(InstanceProfileName=name, TagKeys=["Service"])
    iam_.tag_policy(PolicyArn=policy, Tags=tag)
    iam_.untag_policy(PolicyArn=policy, TagKeys=["Service"])
    iam_.create_policy_version(PolicyArn=policy, PolicyDocument=THEIRS, SetAsDefault=True)
    iam_.delete_policy_version(PolicyArn=policy, VersionId="v1")
    key = {"KeyId": kms.describe_key(KeyId=CLUSTER.alias)["KeyMetadata"]["KeyId"]}
    kms.update_key_description(Description="theirs", **key)
    kms.tag_resource(Tags=[{"TagKey": "Owner", "TagValue": "ada"}], **key)
    account.client("s3").put_bucket_tagging(
        Bucket=SNAPSHOTS,
        Tagging={"TagSet": [*tag, *(one for one in tagged(account)["bucket"] if one["Key"] != "Service")]},
    )
    kms.untag_resource(TagKeys=["Service"], **key)
    kms.put_key_policy(PolicyName="default", Policy=THEIRS, **key)
    named = ec2.describe_security_groups(Filters=[{"Name": "group-name", "Values": ["vault-prod"]}])
    group = named["SecurityGroups"][0]["GroupId"]
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
    policy = f"arn:aws:iam::{ACCOUNT}:policy{PATH}vault-prod-init"
    iam_.create_role(RoleName="platform", AssumeRolePolicyDocument=TRUSTED)
    iam_.attach_role_policy(RoleName="platform", PolicyArn=policy)
    iam_.create_policy_version(PolicyArn=policy, PolicyDocument=THEIRS, SetAsDefault=False)
    gone = run(account, "decommission", "-e", "vault_decommission=prod")
    assert kms.describe_key(KeyId=made["KeyId"])["KeyMetadata"]["KeyState"] == "PendingDeletion"
    return [gone]


def test_who_provisions_is_allowed_all_that_is_asked_for(policies, provisioned):
    assert refused([policies[name] for name in PROVISIONS], provisioned) == set()


def simulated(account: Account, policies: t.Sequence[iam.Document], runs: t.Iterable[Run]) -> list[t.Any]:
    """What the simulator refuses."""
    return simulations.refused(account.client, CLUSTER, SNAPSHOTS, policies, set(asked(runs)))


def test_the_simulator_allows_all_that_provisioning_asks_for(account, policies, provisioned):
    assert simulated(account, [policies[name] for name in PROVISIONS], provisioned) == []
    # Half of it is not enough, so it was asked.
    missing = {one.action for one, _why in simulated(account, [policies["provision"]], provisioned)}
    assert {"ec2:RunInstances", "elasticloadbalancing:CreateLoadBalancer"} <= missing
    other = [one for name in PROVISIONS[1:] for one in policies[name]["Statement"]]
    assert missing <= {action for statement in other for action in statement["Action"]}


def test_the_simulator_allows_all_that_removing_asks_for(account, policies, removed):
    assert simulated(account, [policies[name] for name in REMOVES], removed) == []


@pytest.mark.parametrize("name", PROVISIONS)
def test_who_provisions_is_allowed_nothing_that_nobody_asks_for(policies, provisioned, name):
    assert unused(policies[name], provisioned) == set(SELDOM.get(name, ()))


def test_who_removes_is_allowed_all_that_is_asked_for(policies, removed):
    assert refused([policies[name] for name in REMOVES], removed) == set()


def test_who_removes_is_allowed_nothing_that_nobody_asks_for(policies, removed):
    assert unused(policies["decommission"], removed) == set(SELDOM["decommission"])
    assert unused(policies["decommission-drill"], removed) == set()


def test_a_request_for_what_is_anothers_is_refused(policies, provisioned):
    """The same requests, of a cluster of another name: what is known by its name or its tag is not this cluster's."""
    other = aws_calls.Cluster(ACCOUNT, "staging", "alias/payroll", "alias/payroll-ca", REGION, "", PATH)
    both = [policies[name] for name in PROVISIONS]
    requests = [request for one in provisioned for request in one.requests]
    by_tag = {
        "ec2:ModifyInstanceAttribute",
        "ec2:AuthorizeSecurityGroupIngress",
        "kms:PutKeyPolicy",
        "kms:TagResource",
        # By the boundary, which another role has not.
        "iam:PutRolePolicy",
    }
    seen = {
        each.action
        for request in requests
        for each in aws_calls.asked(request, other)
        if each.action in by_tag and not iam.allows(both, each)
    }
    assert seen == by_tag
    assert SNAPSHOTS in json.dumps(policies["provision"])
