"""Where a judgement about instances turns, and how they are called."""

from __future__ import annotations

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._aws import instances


def wanted(*subnets):
    return [{"name": f"vault-{n}", "subnet_id": f"subnet-{subnet}"} for n, subnet in enumerate(subnets, 1)]


def subnet(name, free=5, zone=None):
    own = {"subnet_id": f"subnet-{name}", "vpc_id": "vpc-1", "available_ip_address_count": free}
    return {**own, "availability_zone": zone or name}


def planned(entries, *subnets, found=(), **options):
    return instances.plan(entries, list(found), list(subnets), "eu-central-1", **options)


def test_a_subnet_with_just_enough_addresses_is_enough():
    entries = wanted("a", "a", "b", "b", "c")
    assert planned(entries, subnet("a", 2), subnet("b", 2), subnet("c", 1))["problems"] == []


def test_a_subnet_with_one_too_few_names_those_that_would_need_it():
    there = [{"instance_id": "i-1", "subnet_id": "subnet-a", "tags": {"Name": "vault-1"}}]
    entries = wanted("a", "a", "a", "b", "c")
    said = planned(entries, subnet("a", 1), subnet("b"), subnet("c"), found=there, may_hold_majority=True)["problems"]
    assert len(said) == 1
    assert said[0].startswith("subnet-a has 1 free addresses, and vault-2, vault-3 would need 2.")


@pytest.mark.parametrize(
    ("zones", "says"),
    [
        ("aabbc", None),
        ("aaabc", "3 of 5 instances would be in a"),
        ("abc", None),
        ("aab", "2 of 3 instances would be in a"),
    ],
)
def test_a_zone_may_hold_less_than_a_majority(zones, says):
    said = planned(wanted(*zones), *[subnet(zone) for zone in sorted(set(zones))])["problems"]
    assert said == [] if says is None else says in said[0]


def test_every_problem_is_said_and_none_replaces_another():
    entries = wanted("a", "a", "b")
    there = [{"instance_id": "i-9", "tags": {"Name": "vault-9"}}]
    said = planned(entries, subnet("a", 0), subnet("b"), found=there)["problems"]
    assert len(said) == 3  # addresses, the zone, the stranger


def shown(state, name="vault-1", **more):
    return [{"instance_id": "i-1", "state": {"name": state}, "tags": {"Name": name}, **more}]


@pytest.mark.parametrize("state", ["stopping", "stopped"])
def test_an_instance_that_stops_will_not_come_up(state):
    found = instances.settled(wanted("a"), [], shown(state))
    assert found["over"] is True
    assert found["problems"] == [f"vault-1 (i-1) is {state}. Start it, or find out why it was stopped."]


@pytest.mark.parametrize("state", ["shutting-down", "terminated"])
def test_one_that_ended_counts_only_if_this_run_launched_it(state):
    assert instances.settled(wanted("a"), [], shown(state)) == {"over": False, "problems": []}
    found = instances.settled(wanted("a"), ["i-1"], shown(state))
    assert found["over"] is True
    assert f"was launched and is {state} already" in found["problems"][0]


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"state_reason": {"message": "No key."}, "state_transition_reason": "Server.Other"}, "already: No key. The"),
        ({"state_transition_reason": "Server.Other"}, "already: Server.Other. The"),
        ({}, "already: AWS gives no reason. The"),
    ],
)
def test_why_it_ended_is_said_as_aws_says_it(more, reason):
    assert reason in instances.settled(wanted("a"), ["i-1"], shown("terminated", **more))["problems"][0]


def test_an_instance_without_a_name_is_called_by_its_id():
    for tags in ({"tags": {}}, {}):
        found = [{"instance_id": "i-7", **tags}]
        said = planned(wanted("a", "b", "c"), subnet("a"), subnet("b"), subnet("c"), found=found)["problems"]
        assert said[0].startswith("i-7 belongs to this cluster by its tags")


def host(name, **more):
    own = {"inventory_hostname": name, "group_names": ["vault"], "aws_instance_id": f"i-{name}"}
    own |= {"aws_subnet_id": "subnet-a", "aws_iam_instance_profile": {"arn": "arn:aws:iam::1:instance-profile/node"}}
    return {**own, **more}


def test_of_each_host_that_is_another_all_is_said():
    entries = wanted("a", "a")
    hosts = [host("vault-1", aws_subnet_id="subnet-x"), host("vault-2", aws_iam_instance_profile=None)]
    assert instances.inventory_problems([host("vault-1"), host("vault-2")], entries, "node") == []
    said = instances.inventory_problems(hosts, entries, "node")
    assert [problem.partition(",")[0] for problem in said] == [
        "vault-1 (i-vault-1) has the subnet subnet-x",
        "vault-2 (i-vault-2) has the instance profile none",
    ]
