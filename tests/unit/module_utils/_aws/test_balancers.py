"""Where a load balancer is, and where it sends requests."""

from __future__ import annotations

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._aws import balancers
from ansible_collections.vaultops.cluster.plugins.module_utils._aws.instances import load_balancer_problems

SUBNETS = [{"subnet_id": f"subnet-{zone}{number}", "availability_zone": zone} for zone in "abc" for number in (1, 2)]
WANTED = [
    {"name": f"vault-{number}", "subnet_id": f"subnet-{where}"}
    for number, where in enumerate(("a1", "b1", "c1", "a2", "b2"), 1)
]


def instance(name: str, state: str = "running"):
    return {"instance_id": name, "state": {"name": state}}


def balancer(groups=("sg-1",), zones=None):
    return {"kind": "load_balancer", "name": "vault-prod", "groups": [*groups], "zones": zones or {}}


def targets(*ids):
    return {"kind": "target_group", "name": "vault-prod", "targets": [*ids]}


def plan(instances=(), its=(), groups=()):
    return balancers.plan(WANTED, SUBNETS, instances, its, groups)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("vault-prod", None),
        ("vault-" + "n" * 26, None),
        (
            "vault-" + "n" * 27,
            "has 33 characters, and AWS takes 32. Take a vault_cluster_name of 26 characters at most",
        ),
        ("vault-prod_2", "AWS takes letters, digits and hyphens between them"),
        ("vault-prod-", "AWS takes letters, digits and hyphens between them"),
        ("internal-vault", "AWS takes letters, digits and hyphens between them"),
    ],
)
def test_a_name_that_aws_would_not_take_is_refused_before_anything_is_made(name, says):
    found = load_balancer_problems(True, "tls12", name)
    assert [says in problem for problem in found] == ([True] if says else [])
    assert load_balancer_problems(False, "tls12", name) == []
    assert len(load_balancer_problems(True, "tls13", name)) == len(found) + 1


def test_one_subnet_a_zone():
    assert plan()["subnets"] == ["subnet-a1", "subnet-b1", "subnet-c1"]


def test_the_subnets_that_it_has_stay():
    """Also one where no instance of the inventory is any more, and one in a zone that the inventory does not have."""
    has = balancer(zones={"c": "subnet-c2", "a": "subnet-left", "d": "subnet-elsewhere"})
    assert plan(its=[has])["subnets"] == ["subnet-c2", "subnet-left", "subnet-elsewhere", "subnet-b1"]


def test_no_stopped_instance_becomes_a_target_and_none_that_is_one_is_taken_out():
    states = ("running", "pending", "stopping", "stopped", "shutting-down", "terminated")
    there = [instance(state, state) for state in states]
    assert plan(there)["targets"] == ["running"]
    assert plan(there, groups=[targets(*states)])["targets"] == ["pending", "running", "stopped", "stopping"]


@pytest.mark.parametrize(
    ("its", "grouped", "said"), [([], True, 0), ([balancer()], True, 0), ([balancer(groups=())], False, 1)]
)
def test_a_load_balancer_without_a_group_can_not_get_one(its, grouped, said):
    made = plan(its=its)
    assert (made["grouped"], len(made["said"])) == (grouped, said)
    assert all("delete the load balancer and run provision.yml again" in one for one in made["said"])
