"""Alarms by provision.yml and decommission.yml on loopback."""

from __future__ import annotations

import typing as t

import pytest
from kit.account import Account, Run
from kit.fault_proxy import Answer, Rule

ALIAS = "alias/vault-prod-alarms"
ON: dict[str, t.Any] = {
    "vault_alarms": True,
    "vault_alarms_subscriptions": [{"protocol": "email", "endpoint": "ops@example.com"}],
}
NODES = ["vault-1", "vault-2", "vault-3"]


@pytest.fixture
def fresh_account(stand_in: str, tmp_path_factory: pytest.TempPathFactory) -> Account:
    return Account(stand_in, tmp_path_factory.mktemp("account"))


def plan(run: Run) -> str:
    return run.output.partition("TASK [The plan]")[2].partition("TASK [")[0]


def made(account: Account) -> dict[str, list[str]]:
    kms = account.client("kms")
    alarms = account.client("cloudwatch").describe_alarms()["MetricAlarms"]
    return {
        "topics": [one["TopicArn"] for one in account.client("sns").list_topics()["Topics"]],
        "rules": [one["Name"] for one in account.client("events").list_rules()["Rules"]],
        "alarms": sorted(one["AlarmName"] for one in alarms),
        "keys": [one["AliasName"] for one in kms.list_aliases()["Aliases"] if one["AliasName"] == ALIAS],
    }


def test_a_cluster_gets_alarms_when_they_are_switched_on_and_keeps_none_when_it_goes(fresh_account):
    nothing = {"topics": [], "rules": [], "alarms": [], "keys": []}
    first = fresh_account.provision()
    assert first.code == 0, first.output
    assert made(fresh_account) == nothing
    assert not {"DescribeAlarms", "DescribeRule", "GetTopicAttributes"} & set(first.calls)

    would = fresh_account.provision("--check", "--diff", variables=ON)
    assert would.code == 0, would.output
    assert made(fresh_account) == nothing
    for what in (f"key {ALIAS} of the alarms", "topic vault-prod-alarms", "rule vault-prod-keys on the keys"):
        assert f"The {what}: created." in plan(would)
    for name in [*NODES, "targets"]:
        assert f"The alarm vault-prod-alarm-{name}: created." in plan(would)

    # What is refused is said, and the next run goes on.
    denied = Rule("PutRule", Answer("AccessDeniedException", "no", 400), every=True)
    run = fresh_account.provision(variables=ON, rules=[denied])
    assert run.code > 0
    assert "events:PutRule was refused in eu-central-1: AccessDeniedException" in run.said
    assert "Allow it in the policy" in run.said
    run = fresh_account.provision(variables=ON)
    assert run.code == 0, run.output
    there = made(fresh_account)
    assert there["alarms"] == sorted(f"vault-prod-alarm-{name}" for name in [*NODES, "targets"])
    assert [len(there[kind]) for kind in ("topics", "rules", "keys")] == [1, 1, 1]
    again = fresh_account.provision(variables=ON)
    assert (again.code, again.changed) == (0, 0), again.output
    assert "there is no key yet" in plan(again)

    # They go with the cluster, whatever the inventory says by then.
    arguments = ("-e", "vault_decommission=prod")
    would = fresh_account.run("decommission", *arguments, "--check")
    assert would.code == 0, would.output
    assert "The topic vault-prod-alarms: removed." in plan(would)
    assert f"The key of the alarms, {ALIAS}: deletion scheduled" in plan(would)
    assert made(fresh_account) == there
    run = fresh_account.run("decommission", *arguments)
    assert run.code == 0, run.output
    assert {**made(fresh_account), "keys": []} == nothing
    key = fresh_account.client("kms").describe_key(KeyId=ALIAS)["KeyMetadata"]
    assert key["KeyState"] == "PendingDeletion"
    assert run.calls.index("DeleteTopic") > run.calls.index("ScheduleKeyDeletion")
    again = fresh_account.run("decommission", *arguments)
    assert (again.code, again.changed) == (0, 0), again.output
