"""Which machines of drills are terminated, and when none can be made."""

from __future__ import annotations

import datetime

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._aws import drill_machine

CLUSTER = {"key": "vault-cluster", "value": "prod"}
OWN = {"vault-cluster": "prod/drill"}
NOW = datetime.datetime(2026, 11, 27, 12, 0)
SUBNET = {"subnet_id": "subnet-1", "vpc_id": "vpc-1", "map_public_ip_on_launch": False}
GROUP = {"id": "sg-1", "name": "vault-prod-drill", "vpc_id": "vpc-1"}


def instance(name, minutes=10, state="running", **other):
    launched = (NOW - datetime.timedelta(minutes=minutes)).replace(tzinfo=datetime.timezone.utc)
    return {"instance_id": name, "launch_time": launched.isoformat(), "tags": OWN, "state": {"name": state}, **other}


def left(found, take=""):
    return drill_machine.left_over(found, CLUSTER, NOW, 180, take)


def test_it_has_a_tag_by_which_nobody_takes_it_for_a_node():
    assert drill_machine.tag(CLUSTER) == {"key": "vault-cluster", "value": "prod/drill"}


def test_one_that_no_drill_can_still_be_using_is_terminated():
    plan = left([instance("i-old", 180)])
    assert (plan["terminate"], plan["problems"]) == (["i-old"], [])
    assert plan["words"] == ["i-old, left by a drill that was cut short: terminated, with what is on it."]


def test_one_that_another_run_may_be_using_stops_this_one_which_says_until_when():
    plan = left([instance("i-new", 179)])
    assert plan["terminate"] == []
    (said,) = plan["problems"]
    assert said.startswith("i-new was launched for a drill at 2026-11-27 09:01 UTC")
    assert "A run after 12:01 UTC terminates it" in said and "-e vault_ec2_drill_take=i-new" in said


def test_one_that_somebody_names_is_terminated_at_once_and_no_other():
    plan = left([instance("i-new"), instance("i-other")], take="i-new")
    assert plan["terminate"] == ["i-new"] and plan["problems"][0].startswith("i-other was launched")


@pytest.mark.parametrize("tags", [{}, None, {"vault-cluster": "prod"}, {"vault-cluster": "staging/drill"}])
def test_nothing_without_the_tag_is_touched_not_even_by_its_name(tags):
    found = [instance("i-1", 999, tags=tags)]
    assert left(found, take="i-1")["terminate"] == []
    ending = drill_machine.ending(found, CLUSTER)
    assert ending["terminate"] == []
    assert ending["problems"][0].startswith("i-1 does not carry the tag vault-cluster=prod/drill any more")


@pytest.mark.parametrize("state", drill_machine.GONE)
def test_one_that_is_gone_is_nobodys_business(state):
    found = [instance("i-1", 999, state=state), instance("i-2", 999, state, tags={})]
    empty = {"terminate": [], "words": [], "problems": []}
    assert left(found) == drill_machine.ending(found, CLUSTER) == empty


def test_at_the_end_its_own_is_terminated():
    assert drill_machine.ending([instance("i-1", state="stopped")], CLUSTER)["terminate"] == ["i-1"]


@pytest.mark.parametrize(
    ("subnets", "groups", "hosts", "says"),
    [
        ([], [GROUP], [], "The subnet subnet-1 does not exist here"),
        ([{**SUBNET, "map_public_ip_on_launch": True}], [GROUP], [], "gives each new instance a public address"),
        ([SUBNET], [], [], "run it with vault_drill_machine: true"),
        ([SUBNET], [{**GROUP, "vpc_id": "vpc-2"}], [], "The subnet has to be in the nodes' VPC"),
        ([SUBNET], [GROUP], ["scratch"], "the inventory lists scratch in the group vault_drill"),
    ],
)
def test_why_none_can_be_made(subnets, groups, hosts, says):
    (said,) = drill_machine.problems(subnets, "subnet-1", groups, hosts, "vault-prod-drill")
    assert says in said


@pytest.mark.parametrize("groups", [[GROUP], [{**GROUP, "vpc_id": "vpc-2"}, GROUP]])
def test_nothing_stands_in_the_way(groups):
    assert drill_machine.problems([SUBNET], "subnet-1", groups, [], "vault-prod-drill") == []
