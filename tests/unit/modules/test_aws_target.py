"""Nodes are taken out of a load balancer and put back, against moto. What moto does not play is played by a proxy before it: how
healthy a target is, and how long it drains."""

from __future__ import annotations

import boto3
import pytest
import yaml
from ansible_collections.vaultops.cluster.plugins.module_utils._aws import targets, targets_api
from ansible_collections.vaultops.cluster.plugins.modules import aws_target

REGION = "eu-central-1"
TAG = {"Key": "vault-cluster", "Value": "prod"}
ADDRESSES = {"vault-1": "10.0.1.10", "vault-2": "10.0.1.11", "vault-3": "10.0.1.12"}


@pytest.fixture
def elb(aws):
    return boto3.client("elbv2", REGION, endpoint_url=aws)


@pytest.fixture
def account(aws, elb):
    """Three instances, and a target group that has them; returns its ARN and the instances' ids by name."""
    ec2 = boto3.client("ec2", REGION, endpoint_url=aws)
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
    tags = [{"ResourceType": "instance", "Tags": [TAG]}]
    ids = {}
    for name, address in ADDRESSES.items():
        (made,) = ec2.run_instances(
            ImageId="ami-12c6146b",
            MinCount=1,
            MaxCount=1,
            SubnetId=subnet,
            PrivateIpAddress=address,
            TagSpecifications=tags,
        )["Instances"]
        ids[name] = made["InstanceId"]
    arn = group_of(elb, vpc, "vault-prod", [TAG])
    balancer = elb.create_load_balancer(Name="vault-prod", Subnets=[subnet], Type="network")["LoadBalancers"][0]
    elb.create_listener(
        LoadBalancerArn=balancer["LoadBalancerArn"],
        Protocol="TCP",
        Port=8200,
        DefaultActions=[{"Type": "forward", "TargetGroupArn": arn}],
    )
    elb.register_targets(TargetGroupArn=arn, Targets=[{"Id": one, "Port": 8200} for one in ids.values()])
    yield arn, ids
    elb.delete_load_balancer(LoadBalancerArn=balancer["LoadBalancerArn"])
    elb.delete_target_group(TargetGroupArn=arn)
    ec2.terminate_instances(InstanceIds=[*ids.values()])


def group_of(elb, vpc, name, tags):
    (made,) = elb.create_target_group(
        Name=name, Protocol="TCP", Port=8200, VpcId=vpc, TargetType="instance", Tags=tags
    )["TargetGroups"]
    return made["TargetGroupArn"]


@pytest.fixture
def target(aws, run_module):
    def call(state, check=False, **more):
        options = {"state": state, "group": "vault-prod", "tag_key": "vault-cluster", "tag_value": "prod"}
        options |= {"addresses": ADDRESSES, "region": REGION, "endpoint_url": aws, "wait_timeout": 1}
        return run_module(aws_target, check, **{**options, **more})

    return call


def registered(elb, account):
    arn, ids = account
    found = elb.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
    names = {instance_id: name for name, instance_id in ids.items()}
    return sorted(names[one["Target"]["Id"]] for one in found)


def test_a_node_is_taken_out_and_put_back(elb, account, target):
    said = target("out", nodes=["vault-2"])
    assert (said["changed"], said["targets"]["vault-2"]) == (True, "none"), said
    assert registered(elb, account) == ["vault-1", "vault-3"]
    assert target("out", nodes=["vault-2"])["changed"] is False
    said = target("in", nodes=["vault-2"])
    assert (said["changed"], said["targets"]) == (True, dict.fromkeys(ADDRESSES, "healthy"))
    assert target("in", nodes=["vault-2"])["changed"] is False
    assert set(said) - {"invocation", "changed"} == set(yaml.safe_load(aws_target.RETURN))


def test_what_a_run_left_out_that_was_killed_is_put_back_before_another_goes(elb, account, target):
    target("out", nodes=["vault-2"])
    assert target("out", nodes=["vault-1"])["changed"]
    assert registered(elb, account) == ["vault-2", "vault-3"]


def test_all_that_serve_are_put_in_where_none_is_named(elb, account, target):
    target("out", nodes=["vault-2", "vault-3"])
    said = target("read")
    assert (said["changed"], said["targets"]["vault-3"], said["targets"]["vault-1"]) == (False, "none", "healthy")
    assert target("in")["changed"]
    assert registered(elb, account) == list(ADDRESSES)


@pytest.mark.parametrize("state", ["out", "in"])
def test_check_mode_says_it_and_changes_nothing(elb, account, target, state):
    if state == "in":
        target("out", nodes=["vault-2"])
    before = registered(elb, account)
    assert target(state, check=True, nodes=["vault-2"])["changed"] is True
    assert registered(elb, account) == before


def test_the_last_one_is_never_taken_out(elb, account, target):
    said = target("out")
    assert said["msg"] == "vault-1, vault-2, vault-3: no other node would be a target. Nothing was taken out."
    assert registered(elb, account) == list(ADDRESSES)


def test_a_group_that_is_somebody_elses_is_left_alone(elb, account, target):
    elb.add_tags(ResourceArns=[account[0]], Tags=[{"Key": "vault-cluster", "Value": "test"}])
    said = target("out", nodes=["vault-2"])
    assert said["msg"].startswith(
        "there is no target group vault-prod of this cluster (by the tag vault-cluster=prod)."
    )
    assert registered(elb, account) == list(ADDRESSES)
    assert target("out", group="vault-none")["msg"].startswith("there is no target group vault-none of this cluster")


def test_a_node_that_is_no_instance_is_named(account, target):
    said = target("out", addresses={**ADDRESSES, "vault-2": "10.0.9.9"}, nodes=["vault-1"])
    assert said["msg"].startswith(
        "vault-2: not exactly one running instance with the cluster's tag has the address 10.0.9.9."
    )


def sick(monkeypatch, account, **states):
    """What moto does not play: the load balancer's own view."""
    real = targets_api.health
    names = {instance_id: name for name, instance_id in account[1].items()}

    def seen(client, arn):
        found = real(client, arn)
        for one in found:
            name = names[one["Target"]["Id"]].replace("-", "_")
            one["TargetHealth"]["State"] = states.get(name, one["TargetHealth"]["State"])
        return found

    monkeypatch.setattr(targets_api, "health", seen)


def test_a_node_stays_while_another_gets_no_request(elb, account, target, monkeypatch):
    sick(monkeypatch, account, vault_3="unhealthy")
    said = target("out", nodes=["vault-1"])
    assert said["msg"].startswith(
        "the target group vault-prod: after 1 s vault-3 is unhealthy. Look at the health checks"
    )
    assert registered(elb, account) == list(ADDRESSES)


def test_who_is_put_back_has_to_become_healthy(elb, account, target, monkeypatch):
    target("out", nodes=["vault-1"])
    sick(monkeypatch, account, vault_1="initial")
    assert "after 1 s vault-1 is initial" in target("in", nodes=["vault-1"])["msg"]
    assert target("in", nodes=["vault-1"], wait=False)["changed"] is False
    assert registered(elb, account) == list(ADDRESSES)


@pytest.mark.parametrize(
    ("instances", "fails"),
    [
        ([{"PrivateIpAddress": "10.0.1.10", "InstanceId": "i-1"}], False),
        ([{"PrivateIpAddress": "10.0.1.10", "InstanceId": name} for name in ("i-1", "i-2")], True),
        ([{"InstanceId": "i-1"}], True),
    ],
)
def test_a_node_is_one_instance(instances, fails):
    if fails:
        with pytest.raises(targets.Problem):
            targets.ids(instances, {"vault-1": "10.0.1.10"})
    else:
        assert targets.ids(instances, {"vault-1": "10.0.1.10"}) == {"vault-1": "i-1"}


def test_a_target_on_another_port_is_none():
    health = [{"Target": {"Id": "i-1", "Port": 8201}, "TargetHealth": {"State": "healthy"}}]
    assert targets.states(health, {"vault-1": "i-1"}, 8200) == {"vault-1": "none"}
    assert targets.not_healthy({"vault-1": "none"}, ["vault-1"]) == "vault-1 is no target"
