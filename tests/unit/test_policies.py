"""Policies: a golden file for each combination, and nothing wider than AWS makes it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._aws import policies

GOLDEN = Path(__file__).parents[1] / "golden" / "policies"
KEY = "arn:aws:kms:eu-central-1:111122223333:key/mrk-1"
REPLICA = "arn:aws:kms:eu-west-1:111122223333:key/mrk-1"
ADMIN = "arn:aws:iam::111122223333:role/admin"
PLAIN: policies.Site = {
    "partition": "aws",
    "account": "111122223333",
    "region": "eu-central-1",
    "cluster": "prod",
    "key_arns": [KEY],
    "auto_join": False,
    "bucket": "",
    "prefix": "vault/prod",
    "secret": "vault/prod/recovery",
}
AUTO_JOIN: policies.Site = {**PLAIN, "auto_join": True}
SNAPSHOTS: policies.Site = {**PLAIN, "bucket": "example-snapshots"}
EVERYTHING: policies.Site = {**SNAPSHOTS, "auto_join": True, "key_arns": [KEY, REPLICA]}
COMBINATIONS = {
    "node_static": policies.node_policy(PLAIN),
    "node_auto_join": policies.node_policy(AUTO_JOIN),
    "node_snapshots": policies.node_policy(SNAPSHOTS),
    "node_everything": policies.node_policy(EVERYTHING),
    "init": policies.init_policy(PLAIN),
    "bucket": policies.bucket_policy(SNAPSHOTS),
    "key_plain": policies.key_policy(PLAIN, [ADMIN], "vault-prod-node"),
    "key_everything": policies.key_policy(EVERYTHING, [ADMIN], "vault-prod-node", custody_in_file=True),
}
# What AWS itself gives no resources to: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html
WITHOUT_RESOURCES = {"ec2:DescribeInstances"}


@pytest.mark.parametrize("name", COMBINATIONS)
def test_policy_is_the_golden_one(name):
    assert COMBINATIONS[name] == json.loads((GOLDEN / f"{name}.json").read_text())


def test_every_golden_file_is_compared():
    assert {path.stem for path in GOLDEN.glob("*.json")} == set(COMBINATIONS)


@pytest.mark.parametrize("name", COMBINATIONS)
def test_nothing_is_wider_than_aws_makes_it(name):
    for statement in COMBINATIONS[name]["Statement"]:
        if statement["Effect"] == "Deny":
            continue
        assert not [action for action in statement["Action"] if "*" in action], statement
        # In a key's policy "*" is the key.
        if "*" in statement["Resource"] and not name.startswith("key_"):
            assert set(statement["Action"]) <= WITHOUT_RESOURCES, statement
            assert statement["Condition"]
        assert statement.get("Principal") != "*"


def test_administrators_can_not_read_what_the_key_encrypted():
    use = {"kms:Encrypt", "kms:Decrypt", "kms:ReEncryptFrom", "kms:GenerateDataKey", "kms:CreateGrant"}
    assert not use & set(policies.ADMINISTER_KEY)


def test_other_partitions_have_other_arns():
    for document in (policies.node_policy({**EVERYTHING, "partition": "aws-cn", "key_arns": []}),):
        assert "arn:aws:" not in json.dumps(document)


@pytest.mark.parametrize(
    ("administrators", "caller"),
    [
        ([ADMIN], ADMIN),
        ([ADMIN], "arn:aws:sts::111122223333:assumed-role/admin/someone@example.com"),
        (
            ["arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Admin_0123456789abcdef"],
            "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Admin_0123456789abcdef/someone",
        ),
        (["arn:aws:iam::111122223333:root"], "arn:aws:iam::111122223333:user/ada"),
        (["111122223333"], "arn:aws:iam::111122223333:user/ada"),
        (["arn:aws:iam::111122223333:user/ops/ada"], "arn:aws:iam::111122223333:user/ops/ada"),
    ],
)
def test_an_administrator_is_not_locked_out(administrators, caller):
    assert policies.lockout_problems(administrators, caller) == []


@pytest.mark.parametrize(
    ("administrators", "caller"),
    [
        ([], ADMIN),
        ([ADMIN], "arn:aws:iam::111122223333:user/admin"),
        ([ADMIN], "arn:aws:sts::111122223333:assumed-role/other/admin"),
        ([ADMIN], "arn:aws:iam::444455556666:role/admin"),
        (["arn:aws:iam::444455556666:root"], "arn:aws:iam::111122223333:user/ada"),
    ],
)
def test_a_policy_that_locks_the_caller_out_is_refused(administrators, caller):
    (problem,) = policies.lockout_problems(administrators, caller)
    assert "vault_kms_administrators" in problem
    assert policies.identity_of(caller) in problem
