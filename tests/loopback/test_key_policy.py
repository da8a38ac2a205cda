"""The unseal key's own policy, by provision.yml on loopback: who is in it, by which ARN, and what the plan says of it."""

from __future__ import annotations

import json

import pytest
from kit.account import ACCOUNT, Account, count

NAME = "AWSReservedSSO_Admin_0123456789abcdef"
PATH = "/aws-reserved/sso.amazonaws.com/eu-central-1/"
ROLE = f"arn:aws:iam::{ACCOUNT}:role{PATH}{NAME}"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/{NAME}/ada@example.com"
ROOT = f"arn:aws:iam::{ACCOUNT}:root"


@pytest.fixture
def fresh_account(stand_in: str, tmp_path_factory: pytest.TempPathFactory) -> Account:
    return Account(stand_in, tmp_path_factory.mktemp("account"))


def policy(account: Account) -> dict[str, dict]:
    kms = account.client("kms")
    key_id = kms.describe_key(KeyId="alias/vault-unseal")["KeyMetadata"]["KeyId"]
    statements = json.loads(kms.get_key_policy(KeyId=key_id, PolicyName="default")["Policy"])["Statement"]
    return {one["Sid"]: one for one in statements}


def test_the_key_is_never_out_of_everybodys_reach(fresh_account):
    caller = fresh_account.client("sts").get_caller_identity()["Arn"]
    trust = json.dumps({"Version": "2012-10-17", "Statement": []})
    fresh_account.client("iam").create_role(RoleName=NAME, Path=PATH, AssumeRolePolicyDocument=trust)
    alone = {"vault_kms_administrators": [caller], "vault_kms_break_glass": False}

    # A role that is not there is named before anything is made.
    gone = f"arn:aws:iam::{ACCOUNT}:role/gone"
    refused = fresh_account.provision(variables={"vault_kms_administrators": [caller, gone]})
    assert refused.code > 0
    assert f"{gone}, and the account has no such role" in refused.said
    assert not any(number for kind, number in count(fresh_account.made()).items() if kind != "role")

    # As a release made it that knew no such statement.
    first = fresh_account.provision(variables=alone)
    assert first.code == 0, first.output
    assert f"The unseal key has one administrator, {caller}, and vault_kms_break_glass is false" in first.output
    assert "BreakGlass" not in policy(fresh_account)

    # The plan says what comes, and who administers is in the policy as IAM knows them.
    both = {"vault_kms_administrators": [caller, SESSION]}
    would = fresh_account.provision("--check", "--diff", variables=both)
    assert would.code == 0, would.output
    assert "alias/vault-unseal: brought in line (policy: BreakGlass added, Administrators, " in would.output.replace(
        " and", ","
    )
    assert "BreakGlass" not in policy(fresh_account)
    run = fresh_account.provision(variables=both)
    assert run.code == 0, run.output
    assert "has one administrator" not in run.output
    found = policy(fresh_account)
    assert found["BreakGlass"]["Principal"] == {"AWS": [ROOT]}
    assert found["BreakGlass"]["Condition"] == {"StringEquals": {"aws:PrincipalType": "Account"}}
    assert found["Administrators"]["Principal"] == {"AWS": [caller, ROLE]}
    again = fresh_account.provision(variables=both)
    assert (again.code, again.changed) == (0, 0), again.output
