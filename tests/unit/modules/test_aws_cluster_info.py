"""What of an account has a cluster's names or its tag, each kind of thing, against moto. Buckets are in test_ownership.py."""

from __future__ import annotations

import json
import typing as t

import boto3
import pytest
import yaml
from ansible_collections.vaultops.cluster.plugins.modules import aws_cluster_info
from kit.fault_proxy import Answer, FaultProxy, Rule

REGION = "eu-central-1"
FIELDS = set(yaml.safe_load(aws_cluster_info.RETURN)["things"]["contains"])
OURS = {"vault-cluster": "prod"}
THEIRS = {"vault-cluster": "test"}
TRUST = json.dumps({"Version": "2012-10-17", "Statement": []})
POLICY = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "kms:*", "Resource": "*"}]})


def tag_list(tags):
    return [{"Key": key, "Value": value} for key, value in tags.items()]


@pytest.fixture(scope="module")
def made_once():
    """A client takes longer to make than all that is asked of it."""
    return {}


@pytest.fixture
def client(aws, made_once):
    def of(service):
        if service not in made_once:
            made_once[service] = boto3.client(service, REGION, endpoint_url=aws)
        return made_once[service]

    return of


@pytest.fixture
def look(aws, run_module):
    def call(check=False, **more):
        asked = {"tag_key": "vault-cluster", "tag_value": "prod", "region": REGION, "endpoint_url": aws}
        return run_module(aws_cluster_info, check, **{**asked, **more})

    return call


@pytest.fixture
def network(client):
    """A VPC with a subnet."""
    ec2 = client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
    return vpc, subnet


def make(kind: str, client: t.Any, tags: dict[str, str]) -> dict[str, str]:
    """One thing of this kind; returns what to ask for and what its id is."""
    if kind == "secret":
        made = client("secretsmanager").create_secret(Name="vault/prod", SecretString="hunter2", Tags=tag_list(tags))
        return {"asked": "vault/prod", "name": "vault/prod", "id": made["ARN"]}
    iam = client("iam")
    if kind == "role":
        made = iam.create_role(RoleName="vault-prod", AssumeRolePolicyDocument=TRUST, Tags=tag_list(tags))["Role"]
        return {"asked": "vault-prod", "name": "vault-prod", "id": made["Arn"]}
    if kind == "instance_profile":
        made = iam.create_instance_profile(InstanceProfileName="vault-prod", Tags=tag_list(tags))["InstanceProfile"]
        return {"asked": "vault-prod", "name": "vault-prod", "id": made["Arn"]}
    made = iam.create_policy(PolicyName="vault-prod", PolicyDocument=POLICY, Tags=tag_list(tags))["Policy"]
    return {"asked": made["Arn"], "name": "vault-prod", "id": made["Arn"]}


@pytest.mark.parametrize(("tags", "check"), [(OURS, False), (THEIRS, True), ({}, False)])
@pytest.mark.parametrize("kind", ["role", "instance_profile", "managed_policy", "secret"])
def test_a_thing_with_the_clusters_name_is_told_with_whatever_tags_it_has(look, client, kind, tags, check):
    made = make(kind, client, tags)
    said = look(check, **{kind: made["asked"]})
    assert said["changed"] is False
    (thing,) = said["things"]
    assert set(thing) == FIELDS
    assert thing == {
        "kind": kind,
        "name": made["name"],
        "id": made["id"],
        "tags": tags,
        "named": True,
        "empty": False,
        "bare": False,
        "type": "",
        "vpc_id": "",
        "egress": [],
        "groups": [],
        "zones": {},
        "targets": [],
        "replicas": [],
        "primary": "",
    }
    assert "hunter2" not in json.dumps(said)


def test_a_secret_is_told_with_its_copies_and_a_copy_with_its_primary(look, aws):
    here, there = (boto3.client("secretsmanager", region, endpoint_url=aws) for region in (REGION, "eu-west-1"))
    copies = [{"Region": region} for region in ("eu-west-1", "eu-north-1")]
    here.create_secret(Name="vault/prod", SecretString="hunter2", AddReplicaRegions=copies)
    (secret,) = look(secret="vault/prod")["things"]
    assert (secret["replicas"], secret["primary"]) == (["eu-north-1", "eu-west-1"], "")
    (copy,) = look(secret="vault/prod", region="eu-west-1")["things"]
    assert (copy["replicas"], copy["primary"]) == ([], REGION)
    here.remove_regions_from_replication(SecretId="vault/prod", RemoveReplicaRegions=["eu-west-1", "eu-north-1"])
    (alone,) = look(secret="vault/prod")["things"]
    assert (alone["replicas"], alone["primary"]) == ([], "")


def test_what_does_not_exist_is_not_told_and_nothing_is_made(look, client):
    names = dict.fromkeys(
        ("role", "instance_profile", "secret", "security_group", "load_balancer", "target_group"), "none"
    )
    said = look(**names, managed_policy="arn:aws:iam::123456789012:policy/none")
    assert (said["changed"], said["things"]) == (False, [])
    assert look()["things"] == []
    assert client("iam").list_roles()["Roles"] == []


@pytest.mark.parametrize(("denied", "tags"), [(False, THEIRS), (True, None)])
def test_a_policy_of_that_name_is_found_under_any_path(aws, look, client, denied, tags):
    """As whoever would change the policy finds it: by the name."""
    made = client("iam").create_policy(
        PolicyName="Vault-prod", Path="/theirs/", PolicyDocument=POLICY, Tags=tag_list(THEIRS)
    )["Policy"]
    client("iam").create_policy(PolicyName="vault-prod-2", PolicyDocument=POLICY)
    wanted = "arn:aws:iam::123456789012:policy/company/vault-prod"
    rules = [Rule("GetPolicy", Answer("AccessDenied", "no", 403), nth=2)] if denied else []
    with FaultProxy(("127.0.0.1", 0), aws, rules) as proxy:
        (thing,) = look(managed_policy=wanted, endpoint_url=proxy.url)["things"]
    assert (thing["kind"], thing["name"], thing["id"], thing["tags"]) == (
        "managed_policy",
        "Vault-prod",
        made["Arn"],
        tags,
    )


def test_a_secret_that_is_being_deleted_is_no_thing_any_more(look, client):
    make("secret", client, OURS)
    client("secretsmanager").delete_secret(SecretId="vault/prod", RecoveryWindowInDays=7)
    assert look(secret="vault/prod")["things"] == []


def test_security_groups_are_found_by_name_in_every_vpc_and_by_tag(look, client, network):
    ec2 = client("ec2")
    other = ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    made = {}
    for name, vpc, tags in (
        ("vault-prod", network[0], OURS),
        ("vault-prod", other, {}),
        ("left-over", other, OURS),
        ("of-others", other, THEIRS),
    ):
        group = ec2.create_security_group(GroupName=name, Description="x", VpcId=vpc)["GroupId"]
        made[(name, vpc)] = group
        if tags:
            ec2.create_tags(Resources=[group], Tags=tag_list(tags))
    found = {thing["id"]: thing for thing in look(security_group="vault-prod")["things"]}
    assert {one: (thing["named"], thing["vpc_id"], thing["tags"]) for one, thing in found.items()} == {
        made[("vault-prod", network[0])]: (True, network[0], OURS),
        made[("vault-prod", other)]: (True, other, {}),
        made[("left-over", other)]: (False, other, OURS),
    }


def test_a_security_group_is_told_with_the_networks_that_it_lets_out_to(look, client, network):
    ec2 = client("ec2")
    group = ec2.create_security_group(GroupName="vault-prod", Description="x", VpcId=network[0])["GroupId"]
    (new,) = look(security_group="vault-prod")["things"]
    # As AWS makes each new one.
    assert new["egress"] == ["0.0.0.0/0"]
    everything = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    ec2.revoke_security_group_egress(GroupId=group, IpPermissions=[everything])
    six = {"Ipv6Ranges": [{"CidrIpv6": "::/0"}], "IpRanges": [{"CidrIp": "10.0.5.0/24"}]}
    rule = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, **six}
    ec2.authorize_security_group_egress(GroupId=group, IpPermissions=[rule])
    (changed,) = look(security_group="vault-prod")["things"]
    assert changed["egress"] == ["10.0.5.0/24", "::/0"]


def test_load_balancers_are_told_with_their_type(look, client, network):
    elb = client("elbv2")
    for name, tags in (("vault-prod", THEIRS), ("left-over", OURS), ("of-others", THEIRS)):
        made = elb.create_load_balancer(Name=name, Subnets=[network[1]], Type="network", Tags=tag_list(tags))
        assert made["LoadBalancers"]
    (named,) = look(load_balancer="vault-prod")["things"]
    assert (named["name"], named["type"], named["named"], named["tags"]) == ("vault-prod", "network", True, THEIRS)
    found = look(load_balancer="vault-prod", tagged=["load_balancer"])["things"]
    assert {thing["name"]: thing["named"] for thing in found} == {"vault-prod": True, "left-over": False}
    assert (named["groups"], list(named["zones"].values())) == ([], [network[1]])


def test_of_a_target_group_it_is_told_whether_anything_is_in_it(look, client, network):
    elb, ec2 = client("elbv2"), client("ec2")
    arns = {}
    for name in ("full", "bare"):
        made = elb.create_target_group(Name=name, Protocol="TCP", Port=8200, VpcId=network[0], Tags=tag_list(OURS))
        arns[name] = made["TargetGroups"][0]["TargetGroupArn"]
    image = ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
    instance = ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1, SubnetId=network[1])["Instances"][0][
        "InstanceId"
    ]
    elb.register_targets(TargetGroupArn=arns["full"], Targets=[{"Id": instance}])
    found = {thing["name"]: thing for thing in look(tagged=["target_group"])["things"]}
    assert {name: thing["targets"] for name, thing in found.items()} == {"full": [instance], "bare": []}
    assert {name: (thing["id"], thing["named"], thing["empty"], thing["bare"]) for name, thing in found.items()} == {
        "full": (arns["full"], False, False, False),
        "bare": (arns["bare"], False, True, True),
    }


def test_several_kinds_are_told_together(look, client):
    asked = {kind: make(kind, client, OURS)["asked"] for kind in ("role", "instance_profile", "secret")}
    assert [thing["kind"] for thing in look(**asked)["things"]] == ["role", "instance_profile", "secret"]


# --- what AWS refuses


@pytest.fixture
def refused(aws, look):
    """Looks while AWS refuses this operation."""

    def call(operation, code, status=400, **asked):
        with FaultProxy(("127.0.0.1", 0), aws, [Rule(operation, Answer(code, "no", status), every=True)]) as proxy:
            return look(endpoint_url=proxy.url, **asked)

    return call


@pytest.mark.parametrize(
    ("operation", "code", "asked", "service"),
    [
        ("GetRole", "AccessDenied", {"role": "vault-prod"}, "iam"),
        ("GetInstanceProfile", "AccessDenied", {"instance_profile": "vault-prod"}, "iam"),
        ("GetPolicy", "AccessDenied", {"managed_policy": "arn:aws:iam::123456789012:policy/x"}, "iam"),
        ("DescribeSecurityGroups", "UnauthorizedOperation", {"security_group": "vault-prod"}, "ec2"),
        ("DescribeLoadBalancers", "AccessDenied", {"load_balancer": "vault-prod"}, "elbv2"),
        ("DescribeTargetGroups", "AccessDenied", {"target_group": "vault-prod"}, "elbv2"),
        ("GET /", "AccessDenied", {"bucket": "snapshots"}, "s3"),
    ],
)
def test_what_may_not_be_looked_at_is_an_error_and_not_an_absence(refused, operation, code, asked, service):
    said = refused(operation, code, 403, **asked)
    assert said["failed"]
    assert said["msg"].startswith(f"{service}:")
    assert f"was refused in {REGION}: {code}: no." in said["msg"]
    assert "Allow it in the policy of the identity that runs this" in said["msg"]


def test_a_secret_that_may_not_be_looked_at_is_one_without_known_tags(refused, client):
    make("secret", client, OURS)
    (thing,) = refused("DescribeSecret", "AccessDeniedException", secret="vault/prod")["things"]
    assert (thing["name"], thing["tags"], thing["named"]) == ("vault/prod", None, True)


def test_an_endpoint_that_does_not_answer_is_named(look, monkeypatch):
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    said = look(role="vault-prod", endpoint_url="http://127.0.0.1:1")
    assert said["msg"].startswith(f"iam can't be reached in {REGION} (")
    assert "Check the region's name, the endpoint and the way out." in said["msg"]


def test_without_credentials_it_says_what_to_do(look, monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    said = look(role="vault-prod")
    assert said["msg"].startswith(f"no AWS credentials were found for iam in {REGION}.")
    assert "Log in to AWS again" in said["msg"]
