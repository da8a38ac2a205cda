"""Whose record the load balancer's name is."""

from __future__ import annotations

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._aws import alias_record
from ansible_collections.vaultops.cluster.plugins.module_utils._common.errors import Problem

NAME = "vault.prod.internal"
THERE = "vault-prod-0123456789abcdef.elb.eu-central-1.amazonaws.com"


def alias(target, **more):
    return {"Name": f"{NAME}.", "Type": "A", "AliasTarget": {"DNSName": target}, **more}


@pytest.mark.parametrize(
    "target",
    [
        THERE,
        f"{THERE}.",
        f"dualstack.{THERE.upper()}.",
        "vault-prod-1.elb.eu-central-1.amazonaws.com.cn.",
    ],
)
def test_an_alias_of_a_load_balancer_of_this_name_is_its_own(target):
    alias_record.check_own([alias(target)], "vault-prod", "eu-central-1")


def test_letters_of_a_cluster_s_name_may_be_large_and_those_of_a_record_are_not():
    alias_record.check_own([alias(THERE)], "vault-Prod", "eu-central-1")


@pytest.mark.parametrize(
    "record",
    [
        alias(THERE.replace("prod-", "prod-eu-")),
        alias(THERE.replace("prod", "staging")),
        alias(THERE.replace("central", "west")),
        alias(f"x.{THERE}"),
        alias(f"{THERE}.example.com"),
        alias(THERE, Type="AAAA"),
        alias(THERE, SetIdentifier="one of several"),
        {"Name": f"{NAME}.", "Type": "A", "ResourceRecords": [{"Value": "10.0.0.1"}]},
        {"Name": f"{NAME}.", "Type": "CNAME", "ResourceRecords": [{"Value": THERE}]},
    ],
)
def test_what_leads_elsewhere_is_not(record):
    with pytest.raises(
        Problem, match=rf"The {record['Type']} record {NAME} leads elsewhere .*Remove the record by hand"
    ):
        alias_record.check_own([alias(THERE), record], "vault-prod", "eu-central-1")


def test_other_names_and_other_kinds_of_records_are_nobodys_business():
    others = [alias(THERE, Name="z.prod.internal."), {"Name": f"{NAME}.", "Type": "TXT", "ResourceRecords": []}]
    assert alias_record.of(others, NAME) == []
    assert alias_record.of([alias(THERE, Name="VAULT.prod.internal.")], NAME) != []


@pytest.mark.parametrize(
    ("records", "target", "leads"),
    [
        ([alias(f"{THERE}.")], THERE, True),
        ([alias(THERE.replace("0123", "4567"))], THERE, False),
        ([], THERE, False),
    ],
)
def test_a_load_balancer_that_was_made_anew_has_another_name(records, target, leads):
    assert alias_record.leads_there(records, {"dns_name": target, "zone_id": "Z1"}) is leads


def test_a_zone_without_a_load_balancer_is_refused():
    assert alias_record.problems(True, "Z1") == alias_record.problems(False, "") == []
    (said,) = alias_record.problems(False, "Z1")
    assert "vault_load_balancer_zone_id is Z1, and vault_load_balancer is false" in said
