"""What the machine of a drill may reach: nothing that nobody has said, and not everything unless somebody has confirmed it."""

from __future__ import annotations

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._aws import drill_egress

NARROW = {"proto": "tcp", "ports": [443], "cidr_ip": "10.0.5.0/24"}


def test_an_inventory_that_does_not_say_it_is_told_the_input_what_is_needed_and_an_example():
    (said,) = drill_egress.problems([])
    assert said.startswith("vault_drill_machine is true, and vault_ec2_drill_egress does not say")
    for word in ("KMS", "STS", "ssmmessages", "vault_release_mirror", "packages", "cidr_ip: 10.0.5.0/24"):
        assert word in said


@pytest.mark.parametrize(
    "rule",
    [
        {"cidr_ip": "10.0.5.0/24"},
        {"cidr_ip": ["10.0.5.0/24", "10.0.6.10/24"]},
        {"cidr_ipv6": "fd00::/8"},
        {"ip_prefix": "pl-1"},
        {"group_id": "sg-1"},
        {"cidr_ip": "0.0.0.0/1"},
    ],
)
def test_what_leads_somewhere_is_taken(rule):
    assert drill_egress.problems([{"proto": "tcp", "ports": [443], **rule}]) == []


@pytest.mark.parametrize(
    ("rules", "network"),
    [
        ([{"cidr_ip": "0.0.0.0/0"}], "0.0.0.0/0"),
        ([NARROW, {"cidr_ip": "10.0.0.0/0"}], "0.0.0.0/0"),
        ([{"cidr_ip": ["10.0.5.0/24", ["0.0.0.0/0"]]}], "0.0.0.0/0"),
        ([{"cidr_ip": "0.0.0.0/1"}, {"cidr_ip": "128.0.0.0/1"}], "0.0.0.0/0"),
        ([NARROW, {"cidr_ipv6": "::/0"}], "::/0"),
    ],
)
def test_every_address_wants_to_be_confirmed_by_its_name(rules, network):
    (said,) = drill_egress.problems(rules)
    assert f"lets the machine of a drill out to {network}" in said
    assert f"vault_ec2_confirm_drill_egress: '{network}'" in said
    assert drill_egress.problems(rules, network) == drill_egress.problems(rules, f"x, {network}") == []
    # Another one that was confirmed is not this one, and stays confirmed.
    other = "::/0" if network == "0.0.0.0/0" else "0.0.0.0/0"
    (said,) = drill_egress.problems(rules, other)
    assert f"vault_ec2_confirm_drill_egress: '{','.join(sorted([network, other]))}'" in said


def test_what_is_no_network_is_left_to_aws():
    assert drill_egress.problems([{"cidr_ip": "nonsense"}]) == []


ENDPOINTS = {"proto": "tcp", "ports": [443], "cidr_ip": ["10.0.5.7/24"], "ip_prefix": "pl-1"}


@pytest.mark.parametrize(
    ("egress", "rules", "more"),
    [
        (["0.0.0.0/0"], [ENDPOINTS], "0.0.0.0/0"),
        (["0.0.0.0/0"], [{"cidr_ip": "0.0.0.0/0"}], ""),
        # What an earlier inventory said, or somebody has added.
        (["10.0.0.0/8", "10.0.5.0/24"], [ENDPOINTS], "10.0.0.0/8"),
        (["10.0.5.0/24", "pl-1", "pl-2", "sg-1"], [ENDPOINTS], "pl-2, sg-1"),
        (["10.0.5.0/24", "pl-1"], [ENDPOINTS], ""),
        (["sg-1"], [{"group_id": ["sg-1"]}], ""),
        (["sg-1", "::/0"], [{"group_name": "endpoints"}], "::/0"),
        ([], [ENDPOINTS], ""),
    ],
)
def test_a_group_that_lets_out_to_more_than_the_inventory_says_gets_no_machine(egress, rules, more):
    said = drill_egress.group_problems([{"name": "vault-prod-drill", "id": "sg-1", "egress": egress}], rules)
    assert len(said) == bool(more)
    if more:
        assert said[0].startswith(
            "The security group vault-prod-drill (sg-1) lets the machine of a drill out to " + more + ","
        )
        assert "Run playbooks/provision.yml" in said[0]
