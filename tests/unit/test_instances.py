"""Which instances are launched, and what stops that."""

from __future__ import annotations

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._aws.instances import plan

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


def test_an_instance_that_was_lost_is_not_recreated_by_the_way():
    refused = planned(found=there(1, 3), was_complete=True)
    assert refused["create"] == []
    assert "vault_ec2_confirm_create=vault-2" in refused["problems"][0]
    assert planned(found=there(1, 3), was_complete=True, confirmed=["vault-2"])["create"] == ["vault-2"]
    assert planned(found=there(1), was_complete=True, confirmed=["vault-2"])["create"] == []


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


def test_two_zones_are_taken_when_the_operator_says_so():
    two = [*SUBNETS[:2], {**SUBNETS[2], "availability_zone": "a"}]
    assert planned(subnets=two, may_hold_majority=True)["problems"] == []


def test_a_fixed_address_is_kept():
    wanted = [{**entry, "private_ip": f"10.0.{n}.10"} for n, entry in enumerate(WANTED, 1)]
    assert planned(wanted=wanted, found=there(1, 2, 3))["problems"] == []
    moved = planned(wanted=[{**wanted[0], "private_ip": "10.0.1.99"}, *wanted[1:]], found=there(1, 2, 3))
    assert "has private_ip 10.0.1.10" in moved["problems"][0]
