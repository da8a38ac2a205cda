"""What is said of AWS before it is asked for anything."""

from __future__ import annotations

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._plan import aws_words


@pytest.mark.parametrize(
    ("there", "changed", "line"),
    [
        (False, False, ["The role x: created."]),
        (False, True, ["The role x: created."]),
        (True, True, ["The role x: brought in line."]),
        (True, False, []),
    ],
)
def test_what_is_there_and_does_not_differ_is_not_named(there, changed, line):
    assert aws_words.made([{"what": "The role x", "there": there, "changed": changed}]) == line


@pytest.mark.parametrize(
    ("key", "replica", "region", "lines"),
    [
        ({"steps": []}, {}, "", []),
        ({}, {"skipped": True}, "", []),
        ({"steps": ["create", "policy"]}, {}, "", ["The unseal key alias/k: created."]),
        ({"steps": ["policy", "tags"]}, {}, "", ["The unseal key alias/k: brought in line (policy, tags)."]),
        (
            {"steps": ["create"]},
            {"skipped": True},
            "r-2",
            ["The unseal key alias/k: created.", "The unseal key's replica in r-2: created."],
        ),
        ({"steps": []}, {"steps": ["create"]}, "r-2", ["The unseal key's replica in r-2: created."]),
        ({"steps": []}, {"steps": ["policy"]}, "r-2", ["The unseal key's replica in r-2: brought in line (policy)."]),
        ({"steps": []}, {"steps": []}, "r-2", []),
    ],
)
def test_the_key_and_its_replica(key, replica, region, lines):
    assert aws_words.key("alias/k", key, replica, region) == lines


INSTANCES = [{"name": "vault-1", "subnet_id": "s-1"}, {"name": "vault-2", "subnet_id": "s-2"}]


def machines(*create, complete=True, balanced=False):
    about = {"create": create, "complete": complete, "type": "m", "image": "ami-1", "balanced": balanced}
    return aws_words.machines(INSTANCES, about)


def test_an_instance_that_is_launched_is_said_with_its_place():
    assert machines("vault-2") == ["The instance vault-2: launched in s-2, as m from ami-1."]
    assert machines("vault-2", balanced=True)[1:] == ["The load balancer: vault-2 among its targets."]
    assert machines() == machines(balanced=True) == []


def test_that_all_were_there_is_remembered_once():
    assert ["lost is not launched again" in line for line in machines(complete=False)] == [True]


def test_what_is_said_besides_is_no_step():
    for steps in ([], ["A step."]):
        plain, said = aws_words.provision(steps), aws_words.provision(steps, ["vault-1 has no volumes."])
        assert said == {"changes": bool(steps), "lines": [*plain["lines"], "vault-1 has no volumes."]}


def test_what_provisioning_can_not_know_is_said_either_way():
    nothing, something = aws_words.provision([]), aws_words.provision(["A step."])
    assert nothing["changes"] is False and "by the run alone" in nothing["lines"][0]
    assert (
        something["changes"] is True
        and something["lines"][0] == "A step."
        and "known only then" in something["lines"][1]
    )


def test_what_is_removed_and_what_goes_with_it():
    assert aws_words.removed([{"kind": "role", "name": "r"}, {"kind": "target_group", "name": "g"}]) == [
        "The role r: removed.",
        "The target group g: removed.",
    ]
    assert aws_words.terminated([{"tags": {"Name": "vault-1"}, "instance_id": "i-1"}, {"instance_id": "i-2"}]) == [
        "The instances vault-1, i-2: terminated, with all data on them."
    ]
    assert aws_words.terminated([]) == []


@pytest.mark.parametrize("keep", [False, True])
def test_what_opens_snapshots_stays_where_they_stay(keep):
    buckets = aws_words.removed_buckets([{"name": "b"}], keep)
    keys = aws_words.scheduled(["The unseal key"], 30, keep)
    assert (buckets == [], keys == []) == (keep, keep)
    said = aws_words.removal([*buckets, *keys, "The role r: removed."], keep)
    kept = "Bucket, unseal key, recovery keys, and key and parameter of the private CA stay"
    assert any(f"{kept}, as vault_decommission_keep_snapshots says" in line for line in said["lines"]) is keep
    assert any("30 days ahead" in line for line in said["lines"]) is not keep


def test_an_account_without_anything_of_the_cluster():
    assert aws_words.removal([], False)["lines"] == [
        "Nothing to do: nothing in the account that would be removed carries the cluster's tag."
    ]


def test_the_statements_of_the_keys_policy_that_differ_are_named():
    def statement(sid, principal, **more):
        return {"Sid": sid, "Effect": "Allow", "Principal": {"AWS": principal}, "Action": ["b", "a"], **more}

    before = [statement("Same", "x"), statement("Old", "x"), statement("Other", ["AROA1"])]
    after = [statement("Same", ["x"], Action=["a", "b"]), statement("New", "x"), statement("Other", ["y"])]
    policies = ({"policy": {"Statement": one}} for one in (before, after))
    result = {"steps": ["policy", "tag"], "diff": dict(zip(("before", "after"), policies, strict=True))}
    (said,) = aws_words.key("alias/a", result, {}, "")
    assert said == "The unseal key alias/a: brought in line (policy: New added, Old removed, Other changed, tag)."


@pytest.mark.parametrize("diff", [{}, {"diff": {"before": {"policy": None}, "after": {"policy": None}}}])
def test_a_policy_that_is_not_shown_is_still_said_to_change(diff):
    (said,) = aws_words.key("alias/a", {"steps": ["policy"], **diff}, {}, "")
    assert said == "The unseal key alias/a: brought in line (policy)."
