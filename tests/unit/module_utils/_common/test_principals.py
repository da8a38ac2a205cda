"""IAM principals in the form in which Vault compares them."""

from __future__ import annotations

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._common.errors import Problem
from ansible_collections.vaultops.cluster.plugins.module_utils._common.principals import (
    principal,
    principals,
    problems,
    sts_url,
)

AT = "123456789012"


@pytest.mark.parametrize(
    ("given", "stands_for"),
    [
        (f"arn:aws:iam::{AT}:role/admin", f"arn:aws:iam::{AT}:role/admin"),
        (f"arn:aws:iam::{AT}:user/jo.doe@example.org", f"arn:aws:iam::{AT}:user/jo.doe@example.org"),
        (f"arn:aws:iam::{AT}:role/teams/platform/admin", f"arn:aws:iam::{AT}:role/admin"),
        (f"arn:aws:iam::{AT}:user/people/jo", f"arn:aws:iam::{AT}:user/jo"),
        (f"arn:aws:sts::{AT}:assumed-role/admin/jo@example.org", f"arn:aws:iam::{AT}:role/admin"),
        (
            f"arn:aws:iam::{AT}:role/aws-reserved/sso.amazonaws.com/eu-central-1/AWSReservedSSO_Admin_0123456789abcdef",
            f"arn:aws:iam::{AT}:role/AWSReservedSSO_Admin_0123456789abcdef",
        ),
        (f"arn:aws-us-gov:sts::{AT}:assumed-role/admin/jo", f"arn:aws-us-gov:iam::{AT}:role/admin"),
        (f"arn:aws:sts::{AT}:user/moto", f"arn:aws:iam::{AT}:user/moto"),
    ],
)
def test_a_user_or_role_without_path_and_session(given, stands_for):
    assert principal(given) == stands_for
    assert principal(stands_for) == stands_for


@pytest.mark.parametrize(
    "given",
    [
        "",
        "admin",
        AT,
        f"arn:aws:iam::{AT}:root",
        f"arn:aws:iam::{AT}:*",
        f"arn:aws:iam::{AT}:role/*",
        f"arn:aws:iam::{AT}:role/team-*",
        f"arn:aws:iam::{AT}:role/",
        f"arn:aws:iam::{AT}:group/admins",
        f"arn:aws:iam::{AT}:instance-profile/x",
        f"arn:aws:sts::{AT}:federated-user/jo",
        f"arn:aws:sts::{AT}:assumed-role/admin",
        f"arn:aws:sts::{AT}:assumed-role/admin/a/b",
        "arn:aws:iam::12345:role/admin",
        f"arn:aws:kms::{AT}:role/admin",
        f"arn:aws:iam::{AT}:role/admin\n",
        f" arn:aws:iam::{AT}:role/admin",
        None,
    ],
)
def test_what_can_not_log_in_is_refused_with_itself_in_the_sentence(given):
    with pytest.raises(Problem, match="is not the ARN of an IAM user or role") as refused:
        principal(given)
    assert f"'{given}'" in str(refused.value)


def test_a_list_has_everybody_once():
    role = f"arn:aws:iam::{AT}:role/admin"
    assert principals([f"arn:aws:sts::{AT}:assumed-role/admin/a", role, f"arn:aws:iam::{AT}:role/x/admin"]) == [role]


def test_each_input_is_named_with_what_is_wrong_in_it():
    good = f"arn:aws:iam::{AT}:role/admin"
    found = problems({"vault_admins": [good, "me"], "vault_viewers": ["you"], "vault_operators": []})
    assert [line.partition(" is ")[0] for line in found] == ["vault_admins: 'me'", "vault_viewers: 'you'"]


@pytest.mark.parametrize(
    ("region", "url", "asked"),
    [
        ("eu-central-1", None, "https://sts.eu-central-1.amazonaws.com"),
        ("eu-central-1", "", "https://sts.eu-central-1.amazonaws.com"),
        ("cn-north-1", None, "https://sts.cn-north-1.amazonaws.com.cn"),
        ("eu-central-1", "http://10.0.1.1:5000/", "http://10.0.1.1:5000"),
    ],
)
def test_sts_is_the_regions(region, url, asked):
    assert sts_url(region, url) == asked
