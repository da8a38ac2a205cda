"""Who of others uses a security group that a removal would delete, and what to do about it."""

from __future__ import annotations

import json
import shlex

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._aws import group_users

GOING = [{"id": "sg-1", "name": "vault-prod"}, {"id": "sg-2", "name": "vault-prod-drill"}]


def rule(group="sg-1", **changes):
    pairs = [{"group_id": group, "user_id": "111122223333"}, {"group_id": "sg-8", "user_id": "111122223333"}]
    return {"ip_protocol": "tcp", "from_port": 443, "to_port": 443, "user_id_group_pairs": pairs, **changes}


def group(ingress=(), egress=(), identifier="sg-9"):
    named = {"group_id": identifier, "group_name": "endpoints"}
    return {**named, "ip_permissions": list(ingress), "ip_permissions_egress": list(egress)}


def interface(group_id="sg-1", name="vault-prod", **changes):
    groups = [{"group_id": group_id, "group_name": name}, {"group_id": "sg-7", "group_name": "other"}]
    return {"network_interface_id": "eni-1", "description": "", "groups": groups, "requester_managed": False, **changes}


def problems(groups=(), interfaces=()):
    return group_users.problems(GOING, groups, interfaces, ["i-1"], "vault-prod", "eu-central-1")


def test_what_nobody_uses_can_go():
    assert problems() == []


def test_rules_between_the_groups_that_go_are_no_problem():
    assert problems([group([rule()], [rule("sg-2")], identifier="sg-2")]) == []


def test_a_group_that_says_nothing_of_those_is_no_problem():
    assert problems([group([rule("sg-8")])]) == []


@pytest.mark.parametrize(
    ("found", "command", "does"),
    [
        (group([rule()]), "ingress", "lets in from vault-prod (sg-1)"),
        (group(egress=[rule("sg-2")]), "egress", "lets out to vault-prod-drill (sg-2)"),
    ],
)
def test_a_rule_of_others_is_named_with_the_command_that_takes_it_away_alone(found, command, does):
    said, end = problems([found, found])
    assert f"security group endpoints (sg-9) {does}" in said and end == "Nothing was removed."
    words = shlex.split(said.partition("Take the rule away: ")[2])
    assert words[:7] == [*f"aws ec2 revoke-security-group-{command} --region eu-central-1 --group-id sg-9".split()]
    target = "sg-1" if command == "ingress" else "sg-2"
    assert json.loads(words[words.index("--ip-permissions") + 1]) == [
        {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "UserIdGroupPairs": [{"GroupId": target}]}
    ]


def test_a_rule_for_every_protocol_has_no_ports():
    said, _end = problems([group([{"ip_protocol": "-1", "user_id_group_pairs": [{"group_id": "sg-1"}]}])])
    assert '[{"IpProtocol":"-1","UserIdGroupPairs":[{"GroupId":"sg-1"}]}]' in said


@pytest.mark.parametrize(
    "changes",
    [
        {"attachment": {"instance_id": "i-1", "device_index": 0, "delete_on_termination": False}},
        {"attachment": {"instance_id": "i-1", "device_index": 1, "delete_on_termination": True}},
        {"description": "ELB net/vault-prod/50dc6c495c0c9188"},
        {"groups": [{"group_id": "sg-8", "group_name": "other"}]},
    ],
)
def test_interfaces_that_go_with_the_cluster_and_those_in_other_groups_are_no_problem(changes):
    assert problems(interfaces=[interface(**changes)]) == []


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"description": "their batch job"}, "The network interface eni-1 (their batch job) is in"),
        ({"attachment": {"instance_id": "i-2", "device_index": 0}}, "eni-1 (i-2) is in the security group vault-prod"),
        ({"attachment": {"instance_id": "i-1", "device_index": 1}}, "eni-1 (i-1) is in the security group vault-prod"),
        ({"description": "ELB net/vault-prod-2/50dc"}, "eni-1 (ELB net/vault-prod-2/50dc) is in"),
        ({}, "--network-interface-id eni-1 --groups sg-7 ."),
        ({"groups": [{"group_id": "sg-1", "group_name": "vault-prod"}]}, "--groups GROUP ."),
        ({"requester_managed": True}, "A service of AWS keeps it"),
    ],
)
def test_an_interface_that_stays_is_named_with_what_to_do(changes, says):
    said, end = problems(interfaces=[interface(**changes)])
    assert says in said and end == "Nothing was removed."
