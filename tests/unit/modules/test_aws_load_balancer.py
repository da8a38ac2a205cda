"""A network load balancer is made with a security group, and changed only in that it gets further subnets."""

from __future__ import annotations

import boto3
import pytest
from ansible_collections.vaultops.cluster.plugins.modules import aws_load_balancer
from kit.fault_proxy import Answer, FaultProxy, Rule

REGION = "eu-central-1"


@pytest.fixture
def network(aws):
    """Subnet and security group."""
    ec2 = boto3.client("ec2", REGION, endpoint_url=aws)
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
    return subnet, ec2.create_security_group(GroupName="vault-prod", Description="x", VpcId=vpc)["GroupId"]


@pytest.fixture
def balancer(aws, run_module, network):
    def call(check=False, **more):
        subnet, group = network
        options = {
            "name": "vault-prod",
            "security_groups": [group],
            "subnets": [subnet],
            "tags": {"vault-cluster": "prod"},
        }
        return run_module(aws_load_balancer, check, **{**options, "region": REGION, "endpoint_url": aws, **more})

    return call


def described(aws):
    return boto3.client("elbv2", REGION, endpoint_url=aws).describe_load_balancers()["LoadBalancers"]


def test_it_is_made_once_with_group_subnets_and_tags(aws, balancer, network):
    would = balancer(check=True)
    assert (would["changed"], would["arn"], would["security_groups"]) == (True, "", [network[1]])
    assert described(aws) == []

    made = balancer()
    (there,) = described(aws)
    assert (made["changed"], made["arn"], made["security_groups"]) == (True, there["LoadBalancerArn"], [network[1]])
    assert (there["Type"], there["Scheme"], there["SecurityGroups"]) == ("network", "internal", [network[1]])
    assert [zone["SubnetId"] for zone in there["AvailabilityZones"]] == [network[0]]
    elb = boto3.client("elbv2", REGION, endpoint_url=aws)
    (tags,) = elb.describe_tags(ResourceArns=[made["arn"]])["TagDescriptions"]
    assert tags["Tags"] == [{"Key": "vault-cluster", "Value": "prod"}]

    for check in (False, True):
        again = balancer(check=check, security_groups=["sg-of-somebody-else"])
        assert {**made, "changed": False}.items() <= {**again, "invocation": made["invocation"]}.items()
    assert described(aws) == [there]


def test_it_gets_a_subnet_in_another_zone_and_keeps_what_it_has(aws, balancer, network):
    balancer()
    ec2 = boto3.client("ec2", REGION, endpoint_url=aws)
    its = ec2.describe_subnets(SubnetIds=[network[0]])["Subnets"][0]
    zones = {f"{REGION}{letter}" for letter in "abc"} - {its["AvailabilityZone"]}
    where = {"VpcId": its["VpcId"], "AvailabilityZone": min(zones)}
    other = ec2.create_subnet(CidrBlock="10.0.2.0/24", **where)["Subnet"]["SubnetId"]
    for check in (True, False):
        before = described(aws)
        assert balancer(check=check, subnets=[other])["changed"]
        assert (described(aws) == before) is check
    assert {zone["SubnetId"] for zone in described(aws)[0]["AvailabilityZones"]} == {network[0], other}
    assert not balancer(subnets=[other])["changed"]


@pytest.mark.parametrize(
    ("operation", "code", "cure"),
    [
        ("CreateLoadBalancer", "AccessDenied", "Allow it in the policy of the identity that runs this"),
        ("CreateLoadBalancer", "InvalidConfigurationRequest", "compare it with the inventory"),
        ("CreateLoadBalancer", "DuplicateLoadBalancerName", "Run again"),
        ("DescribeLoadBalancers", "AccessDenied", "Allow it in the policy of the identity that runs this"),
    ],
)
def test_what_aws_refuses_is_named_with_the_cure(aws, balancer, operation, code, cure):
    with FaultProxy(("127.0.0.1", 0), aws, [Rule(operation, Answer(code, "no", 400), every=True)]) as proxy:
        said = balancer(endpoint_url=proxy.url)
    assert said["failed"]
    assert f"elbv2:{operation} was refused in {REGION}: {code}: no" in said["msg"]
    assert cure in said["msg"]
    assert described(aws) == []
