"""By which ARNs policies can name principals, against moto."""

from __future__ import annotations

import json

import boto3
import pytest
from ansible_collections.vaultops.cluster.plugins.modules import aws_principal_info
from kit.fault_proxy import Answer, FaultProxy, Rule

REGION = "eu-central-1"
ACCOUNT = "123456789012"
TRUST = json.dumps({"Version": "2012-10-17", "Statement": []})
NAME = "AWSReservedSSO_Admin_0123456789abcdef"
PATH = "/aws-reserved/sso.amazonaws.com/eu-central-1/"
ROLE = f"arn:aws:iam::{ACCOUNT}:role{PATH}{NAME}"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/{NAME}/ada@example.com"
WITHOUT_PATH = f"arn:aws:iam::{ACCOUNT}:role/{NAME}"


@pytest.fixture
def look(aws, run_module):
    boto3.client("iam", REGION, endpoint_url=aws).create_role(RoleName=NAME, Path=PATH, AssumeRolePolicyDocument=TRUST)

    def call(arns, rules=(), check=False):
        with FaultProxy(("127.0.0.1", 0), aws, list(rules)) as proxy:
            asked = {"arns": arns, "account": ACCOUNT, "region": REGION, "endpoint_url": proxy.url}
            return run_module(aws_principal_info, check, **asked), proxy.calls

    return call


def test_a_session_and_a_name_without_its_path_are_the_role_that_iam_knows_by_one_call(look):
    found, calls = look([SESSION, WITHOUT_PATH, ROLE], check=True)
    assert found["arns"] == dict.fromkeys([SESSION, WITHOUT_PATH, ROLE], ROLE)
    assert (found["changed"], found["missing"], found["unread"]) == (False, [], [])
    assert calls == ["GetRole"]


def test_what_is_no_role_of_the_account_is_not_asked_for(look):
    given = [ACCOUNT, f"arn:aws:iam::{ACCOUNT}:user/ops/ada", "arn:aws:iam::444455556666:role/restore"]
    found, calls = look(given)
    assert found["arns"] == {arn: arn for arn in given}
    assert calls == []


def test_a_role_that_is_not_there_is_missing_and_one_that_may_not_be_seen_is_not(look):
    gone = f"arn:aws:iam::{ACCOUNT}:role/gone"
    found, _calls = look([gone, SESSION])
    assert (found["missing"], found["unread"]) == ([gone], [])
    denied = Rule("GetRole", Answer("AccessDenied", "no", 403), every=True)
    found, _calls = look([gone, SESSION], [denied])
    assert (found["missing"], found["unread"]) == ([], [gone, SESSION])
    assert found["arns"] == {gone: gone, SESSION: WITHOUT_PATH}


def test_any_other_refusal_ends_with_its_cause(look):
    found, _calls = look([SESSION], [Rule("GetRole", Answer("ExpiredToken", "no", 403), every=True)])
    assert found["failed"]
    assert "iam:GetRole was refused in eu-central-1: ExpiredToken" in found["msg"]
