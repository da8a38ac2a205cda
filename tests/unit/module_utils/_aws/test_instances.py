"""Which instances are launched, and what stops that."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._aws.instances import (
    group_problems,
    inventory_problems,
    just_launched,
    load_balancer_problems,
    plan,
    remembered,
    settled,
    without_groups,
)

WANTED = [{"name": f"vault-{n}", "subnet_id": f"subnet-{n}"} for n in (1, 2, 3)]
SUBNETS = [
    {"subnet_id": f"subnet-{n}", "vpc_id": "vpc-1", "availability_zone": zone, "available_ip_address_count": 5}
    for n, zone in ((1, "a"), (2, "b"), (3, "c"))
]


def there(*numbers, **changes):
    return [
        {
            "instance_id": f"i-{n}",
            "subnet_id": f"subnet-{n}",
            "private_ip_address": f"10.0.{n}.10",
            "tags": {"Name": f"vault-{n}"},
            **changes,
        }
        for n in numbers
    ]


def planned(wanted=WANTED, found=(), subnets=SUBNETS, **options):
    return plan(wanted, list(found), subnets, "eu-central-1", **options)


@pytest.mark.parametrize(
    ("found", "create"),
    [
        ([], ["vault-1", "vault-2", "vault-3"]),
        (there(1), ["vault-2", "vault-3"]),
        (there(1, 2, 3), []),
    ],
)
def test_what_a_first_run_still_owes_is_launched(found, create):
    assert planned(found=found) == {"create": create, "problems": []}


@pytest.mark.parametrize("were_there", ["vault-1 vault-2 vault-3", "true"])
def test_an_instance_that_was_lost_is_not_recreated_by_the_way(were_there):
    refused = planned(found=there(1, 3), were_there=were_there)
    assert refused["create"] == []
    assert "vault_ec2_confirm_create=vault-2" in refused["problems"][0]
    assert planned(found=there(1, 3), were_there=were_there, confirmed=["vault-2"])["create"] == ["vault-2"]
    assert planned(found=there(1), were_there=were_there, confirmed=["vault-2"])["create"] == []


RENEWED = [
    {"name": "vault-4", "subnet_id": "subnet-1", "replaces": "vault-1"},
    {"name": "vault-5", "subnet_id": "subnet-2", "replaces": "vault-2"},
    {"name": "vault-3", "subnet_id": "subnet-3"},
]


def test_what_another_one_replaces_may_be_there_and_is_not_launched_again():
    assert planned(wanted=RENEWED, found=there(1, 2, 3), were_there="vault-1 vault-2 vault-3") == {
        "create": ["vault-4", "vault-5"],
        "problems": [],
    }
    assert planned(wanted=RENEWED, found=there(3)) == {"create": ["vault-4", "vault-5"], "problems": []}
    strange = planned(wanted=RENEWED, found=[*there(1), {**there(1)[0], "tags": {"Name": "vault-9"}}])
    assert len(strange["problems"]) == 1 and strange["problems"][0].startswith("vault-9 belongs to this cluster")


@pytest.mark.parametrize(
    ("name", "replaces", "said"),
    [
        ("vault-4", "vault-3", "lists vault-3, and says that another"),
        ("vault-6", "vault-2", "2 entries of vault_ec2_instances"),
    ],
)
def test_what_can_t_be_replaced_is_named(name, replaces, said):
    wanted = [{"name": name, "subnet_id": "subnet-1", "replaces": replaces}, *RENEWED[1:]]
    assert [problem for problem in planned(wanted=wanted, found=there(1, 2, 3))["problems"] if said in problem]


def test_a_name_that_never_was_is_no_lost_instance():
    five = [*WANTED, {"name": "vault-4", "subnet_id": "subnet-1"}, {"name": "vault-5", "subnet_id": "subnet-2"}]
    grown = planned(five, there(1, 2, 3), were_there="vault-1 vault-2 vault-3")
    assert grown == {"create": ["vault-4", "vault-5"], "problems": []}
    assert not planned(five, there(1, 3), were_there="vault-1 vault-2 vault-3")["create"]


@pytest.mark.parametrize(
    ("names", "before", "tag"),
    [
        (["b", "a"], "", "a b"),
        (["a", "b"], "true", "a b"),
        (["a", "d"], "a b c", "a b c d"),  # b was replaced, and its name is not free
        (["a" * 100, "b" * 100], "c" * 100, f"{'a' * 100} {'b' * 100}"),
        (["a" * 128, "b" * 128], "", "true"),
    ],
)
def test_what_was_there_is_remembered_in_one_tag(names, before, tag):
    assert remembered([{"name": name} for name in names], before) == tag


@pytest.mark.parametrize(
    ("case", "says"),
    [
        ({"wanted": WANTED[:2]}, "lists 2 instances"),
        ({"wanted": [*WANTED, {"name": "vault-4", "subnet_id": "subnet-1"}]}, "odd number"),
        ({"wanted": [*WANTED[:2], {"name": "vault-1", "subnet_id": "subnet-3"}]}, "vault-1 twice"),
        ({"wanted": [*WANTED[:2], {"name": "vault-3"}]}, "vault-3 lacks a name or a subnet_id"),
        ({"subnets": SUBNETS[:2]}, "subnet-3 does not exist in eu-central-1"),
        ({"subnets": [*SUBNETS[:2], {**SUBNETS[2], "vpc_id": "vpc-2"}]}, "several VPCs (vpc-1, vpc-2)"),
        ({"subnets": [*SUBNETS[:2], {**SUBNETS[2], "available_ip_address_count": 0}]}, "subnet-3 has 0 free addresses"),
        ({"subnets": [*SUBNETS[:2], {**SUBNETS[2], "availability_zone": "a"}]}, "2 of 3 instances would be in a"),
        (
            {"subnets": [*SUBNETS[:2], {**SUBNETS[2], "map_public_ip_on_launch": True}]},
            "subnet-3 gives each new instance a",
        ),
        ({"found": there(1, 1)}, "2 instances of this cluster are named vault-1"),
        ({"found": there(1, 4)}, "vault-4 belongs to this cluster by its tags"),
        ({"found": there(1, subnet_id="subnet-9")}, "has subnet_id subnet-9, and vault_ec2_instances wants subnet-1"),
    ],
)
def test_what_stops_the_launch(case, says):
    result = planned(**case)
    assert result["create"] == []
    assert says in " ".join(result["problems"])


def test_a_full_subnet_does_not_matter_to_an_instance_that_is_there():
    full = [{**subnet, "available_ip_address_count": 0} for subnet in SUBNETS]
    assert planned(found=there(1, 2, 3), subnets=full) == {"create": [], "problems": []}


def test_a_public_subnet_does_not_matter_to_an_instance_that_is_there():
    public = [{**subnet, "map_public_ip_on_launch": True} for subnet in SUBNETS]
    assert planned(found=there(1, 2, 3), subnets=public)["problems"] == []


def shown(**states):
    """Instances in these states, by number, as ec2_instance_info shows them; i-N is named vault-N."""
    return [
        {**each, "state": {"name": state}, "state_reason": {"message": "Client error on launch"}}
        for name, state in states.items()
        for each in there(int(name[1:]))
    ]


LAUNCHED = ["i-1", "i-2", "i-3"]


@pytest.mark.parametrize(
    ("launched", "states", "over", "says"),
    [
        (LAUNCHED, {"i1": "running", "i2": "running", "i3": "running"}, True, None),
        (LAUNCHED, {"i1": "running", "i2": "running", "i3": "pending"}, False, None),
        # Not shown yet.
        (LAUNCHED, {"i1": "running", "i2": "running"}, False, None),
        (LAUNCHED, {}, False, None),
        (
            LAUNCHED,
            {"i1": "running", "i2": "pending", "i3": "shutting-down"},
            True,
            "vault-3 (i-3) was launched and is",
        ),
        (LAUNCHED, {"i1": "running", "i2": "running", "i3": "terminated"}, True, "Client error on launch"),
        # One that an earlier run lost, and AWS shows for an hour.
        (["i-4"], {"i1": "running", "i2": "running", "i3": "terminated"}, False, None),
        ([], {"i1": "running", "i2": "running", "i3": "stopped"}, True, "vault-3 (i-3) is stopped. Start it"),
    ],
)
def test_waiting_is_over_when_all_run_or_one_never_will(launched, states, over, says):
    result = settled(WANTED, launched, shown(**states))
    assert result["over"] is over
    assert (says in " ".join(result["problems"])) if says else result["problems"] == []


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("Client.InternalError", "whoever launches may not use the key of the volumes"),
        ("Client.InternalError", "Set vault_ec2_ebs_key_arn to the key's ARN"),
        # Services spell it in two ways.
        ("Client.InvalidKMSKey.InvalidState", "is not there, is disabled, or waits for its deletion. Enable the key"),
        ("Client.InvalidKmsKey.NotFound", "or name another one in vault_ec2_ebs_key_arn"),
        ("Client.VolumeLimitExceeded", "Ask AWS for a higher quota"),
        ("Client.InvalidSnapshot.NotFound", "Name another image"),
        ("Server.InternalError", "The usual causes are"),
        ("", "The usual causes are"),
    ],
)
def test_why_an_instance_died_on_its_launch_is_told_by_the_code(code, says):
    (third,) = shown(i3="terminated")
    told = settled(WANTED, ["i-3"], [{**third, "state_reason": {"code": code, "message": "Something"}}])["problems"]
    assert len(told) == 1 and says in told[0]
    assert told[0].startswith("vault-3 (i-3) was launched and is terminated already: Something. ")
    assert told[0].endswith("No data was on it, and the next run launches it anew.")


def test_a_lost_namesake_does_not_hide_behind_one_that_runs():
    again = [*shown(i1="running", i2="running", i3="running"), {**shown(i3="terminated")[0], "instance_id": "i-9"}]
    assert settled(WANTED, ["i-3"], again) == {"over": True, "problems": []}


@pytest.mark.parametrize(
    ("load_balancer", "version", "refused"),
    [(True, "tls13", True), (True, "tls12", False), (False, "tls13", False)],
)
def test_health_checks_do_not_speak_tls_1_3(load_balancer, version, refused):
    found = load_balancer_problems(load_balancer, version)
    assert bool(found) is refused
    assert all("vault_tls_min_version: tls12" in problem for problem in found)


def host(number, **changes):
    """A host's variables, as the EC2 inventory sets them."""
    return {
        "inventory_hostname": f"vault-{number}",
        "group_names": ["cluster_prod", f"instance_i_{number}", "vault"],
        "aws_instance_id": f"i-{number}",
        "aws_subnet_id": f"subnet-{number}",
        "aws_private_ip_address": f"10.0.{number}.10",
        "aws_iam_instance_profile": {"arn": "arn:aws:iam::111122223333:instance-profile/vault/node", "id": "AIPA"},
        **changes,
    }


HOSTS = [host(1), host(2), host(3)]


@pytest.mark.parametrize(
    ("hosts", "says"),
    [
        (HOSTS, None),
        ([host(1), host(2), host(3, aws_iam_instance_profile={})], "has the instance profile none"),
        ([host(1), host(2), host(3, aws_iam_instance_profile=None)], "has the instance profile none"),
        ([*HOSTS, host(4)], "vault-4 (i-4) carries the cluster's tag, and vault_ec2_instances does not list it"),
        ([host(1), host(2), host(3, aws_subnet_id="subnet-9")], "has the subnet subnet-9"),
        (
            [host(1), host(2), host(3, group_names=["instance_i_3", "instance_i_9", "vault"])],
            "2 running instances carry the cluster's tag and the name vault-3 (instance_i_3, instance_i_9)",
        ),
        ([host(1), host(2)], "vault-3 of vault_ec2_instances is not among the running instances"),
        ([*HOSTS, {"inventory_hostname": "x", "group_names": ["vault"]}], "x is no instance"),
        # An inventory that was written by hand.
        ([{"inventory_hostname": "x", "group_names": ["vault"]}], None),
    ],
)
def test_who_carries_the_tag_is_no_node_by_that_alone(hosts, says):
    found = inventory_problems(hosts, WANTED, "node")
    assert len(found) == (1 if says else 0), found
    assert not says or says in found[0]


def test_a_fixed_address_is_the_nodes():
    wanted = [*WANTED[:2], {**WANTED[2], "private_ip": "10.0.3.99"}]
    (found,) = inventory_problems(HOSTS, wanted, "node")
    assert "has the address 10.0.3.10" in found


def test_a_node_that_is_down_may_be_missing_where_that_is_said():
    assert inventory_problems(HOSTS[:2], WANTED, "node", all_of_them=False) == []


def test_two_zones_are_taken_when_the_operator_says_so():
    two = [*SUBNETS[:2], {**SUBNETS[2], "availability_zone": "a"}]
    assert planned(subnets=two, may_hold_majority=True)["problems"] == []


def test_a_fixed_address_is_kept():
    wanted = [{**entry, "private_ip": f"10.0.{n}.10"} for n, entry in enumerate(WANTED, 1)]
    assert planned(wanted=wanted, found=there(1, 2, 3))["problems"] == []
    moved = planned(wanted=[{**wanted[0], "private_ip": "10.0.1.99"}, *wanted[1:]], found=there(1, 2, 3))
    assert "has private_ip 10.0.1.10" in moved["problems"][0]


NOW = datetime(2026, 6, 1, 12, 0)


@pytest.mark.parametrize(
    ("launched", "young"),
    [
        ("2026-06-01T11:45:01+00:00", True),
        ("2026-06-01T11:45:00+00:00", False),
        ("2026-06-01T13:50:00+02:00", True),
        (datetime(2026, 6, 1, 11, 50, tzinfo=timezone.utc), True),
        ("2026-05-01T11:50:00+00:00", False),
    ],
)
def test_an_instance_is_waited_for_in_its_first_minutes_alone(launched, young):
    hosts = [{"inventory_hostname": "vault-1", "aws_launch_time": launched}, {"inventory_hostname": "by-hand"}]
    assert just_launched(hosts, NOW) == (["vault-1"] if young else [])


def test_the_other_groups_of_new_instances_are_there_and_in_their_vpc():
    groups = [{"group_id": "sg-1", "vpc_id": "vpc-1"}, {"group_id": "sg-2", "vpc_id": "vpc-2"}]
    assert group_problems(groups[:1], ["sg-1"], "vpc-1") == []
    missing, elsewhere = group_problems(groups, ["sg-1", "sg-2", "sg-3"], "vpc-1")
    assert "names sg-3, which does not exist here" in missing
    assert "names sg-2, which is not in the VPC of the subnets (vpc-1)" in elsewhere


def test_an_instance_that_lacks_a_group_is_named_and_how_to_give_it():
    instances = there(1, 2, security_groups=[{"group_id": "sg-own"}])
    instances[1]["security_groups"] = [{"group_id": "sg-own"}, {"group_id": "sg-1"}]
    assert without_groups(instances, []) == []
    (line,) = without_groups(instances, ["sg-1"])
    assert line.startswith("vault-1: launched without sg-1 of vault_ec2_security_groups")
    assert line.endswith("--instance-id i-1 --groups sg-own sg-1")
