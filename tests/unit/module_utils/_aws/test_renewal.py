"""Instances that another one replaces: when they leave, and when they may be stopped and terminated."""

from __future__ import annotations

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._aws import renewal

WANTED = [
    {"name": "vault-4", "subnet_id": "subnet-1", "replaces": "vault-1"},
    {"name": "vault-5", "subnet_id": "subnet-2", "replaces": "vault-2"},
    {"name": "vault-3", "subnet_id": "subnet-3"},
]


def hosts(*numbers):
    return [{"name": f"vault-{number}", "node_id": f"id-{number}"} for number in numbers]


def instance(number, state="running"):
    return {
        "instance_id": f"i-{number}",
        "private_ip_address": f"10.0.0.{number}",
        "state": {"name": state},
        "tags": {"Name": f"vault-{number}"},
    }


def peer(node_id, number):
    return {"node_id": node_id, "address": f"10.0.0.{number}:8201"}


def retire(found, peers, terminate=False):
    return renewal.retire(WANTED, found, peers, terminate, "prod")


@pytest.mark.parametrize(
    ("there", "leaving"),
    [((1, 2, 3), []), ((1, 2, 3, 4), ["id-1"]), ((1, 2, 3, 4, 5), ["id-1", "id-2"]), ((3, 4, 5), [])],
)
def test_a_node_leaves_once_the_one_in_its_place_is_there(there, leaving):
    assert renewal.leaving(WANTED, hosts(*there)) == leaving


PEERS = [peer("vault-3", 3), peer("vault-4", 4), peer("vault-5", 5)]


def test_what_is_no_peer_any_more_is_stopped_and_nothing_else():
    plan = retire([instance(number) for number in (1, 2, 3, 4, 5, 9)], PEERS)
    assert (plan["stop"], plan["terminate"]) == (["i-1", "i-2"], [])
    assert "vault-1 (i-1) is stopped. To terminate it, with its data: -e vault_renew_terminate=prod" in plan["words"]


@pytest.mark.parametrize("still", [peer("vault-1", 77), peer("another-id", 1)])
@pytest.mark.parametrize("terminate", [True, False])
def test_a_peer_by_its_name_or_by_its_address_stays(still, terminate):
    plan = retire([instance(1), instance(2)], [*PEERS, still], terminate)
    assert "i-1" not in plan["stop"] + plan["terminate"]
    assert "vault-1 (i-1) is a peer of the cluster, and stays." in plan["words"]
    assert "i-2" in plan["stop"] + plan["terminate"]


def test_what_is_stopped_stays_so_until_the_name_is_typed():
    found = [instance(1, "stopped"), instance(2, "stopping")]
    plan = retire(found, PEERS)
    assert plan["stop"] == plan["terminate"] == []
    assert "vault-1 (i-1) is stopped already. To terminate it" in plan["words"][0]
    assert retire(found, PEERS, terminate=True)["terminate"] == ["i-1", "i-2"]


def test_an_address_in_brackets_is_an_address():
    six = {**instance(1), "private_ip_address": "fd00::1"}
    assert retire([six], [{"node_id": "x", "address": "[fd00::1]:8201"}])["stop"] == []
