"""Who holds on to the unseal key: nobody is locked out, and what KMS would refuse is said before it is asked."""

from __future__ import annotations

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._aws import administrators as who

ACCOUNT = "111122223333"
ADMIN = f"arn:aws:iam::{ACCOUNT}:role/admin"
ROOT = f"arn:aws:iam::{ACCOUNT}:root"
SSO = "AWSReservedSSO_Admin_0123456789abcdef"
SSO_ROLE = f"arn:aws:iam::{ACCOUNT}:role/aws-reserved/sso.amazonaws.com/eu-central-1/{SSO}"
SSO_SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/{SSO}/ada@example.com"


def looked_up(arns=None, missing=(), unread=()) -> who.LookedUp:
    return {"arns": arns or {}, "missing": list(missing), "unread": list(unread)}


@pytest.mark.parametrize(
    ("arn", "name"),
    [
        (ADMIN, "admin"),
        (SSO_ROLE, SSO),
        (SSO_SESSION, SSO),
        (f"arn:aws-cn:iam::{ACCOUNT}:role/a/b/c", "c"),
        (f"arn:aws:iam::{ACCOUNT}:user/ops/ada", None),
        (f"arn:aws:sts::{ACCOUNT}:federated-user/ada", None),
        (ROOT, None),
        (ACCOUNT, None),
        ("arn:aws:iam::444455556666:role/admin", None),
        ("*", None),
    ],
)
def test_only_roles_of_the_account_are_looked_up(arn, name):
    assert who.role_name(arn, ACCOUNT) == name


@pytest.mark.parametrize(
    ("administrators", "caller"),
    [
        ([ADMIN], ADMIN),
        ([ADMIN], f"arn:aws:sts::{ACCOUNT}:assumed-role/admin/someone@example.com"),
        ([SSO_ROLE], SSO_SESSION),
        ([SSO_SESSION], SSO_SESSION),
        ([f"arn:aws:sts::{ACCOUNT}:assumed-role/{SSO}/somebody-else"], SSO_SESSION),
        ([ROOT], f"arn:aws:iam::{ACCOUNT}:user/ada"),
        ([ACCOUNT], f"arn:aws:iam::{ACCOUNT}:user/ada"),
        ([f"arn:aws:iam::{ACCOUNT}:user/ops/ada"], f"arn:aws:iam::{ACCOUNT}:user/ops/ada"),
    ],
)
def test_an_administrator_is_not_locked_out(administrators, caller):
    assert who.lockout_problems(administrators, caller) == []


@pytest.mark.parametrize(
    ("administrators", "caller"),
    [
        ([], ADMIN),
        ([ADMIN], f"arn:aws:iam::{ACCOUNT}:user/admin"),
        ([ADMIN], f"arn:aws:sts::{ACCOUNT}:assumed-role/other/admin"),
        ([ADMIN], "arn:aws:iam::444455556666:role/admin"),
        (["arn:aws:iam::444455556666:root"], f"arn:aws:iam::{ACCOUNT}:user/ada"),
    ],
)
def test_a_policy_that_locks_the_caller_out_is_refused(administrators, caller):
    (problem,) = who.lockout_problems(administrators, caller)
    assert "vault_kms_administrators" in problem
    assert who.identity_of(caller) in problem


def test_who_would_lock_itself_out_is_named_as_a_policy_can_name_it():
    for administrators in ([], [ADMIN]):
        (problem,) = who.lockout_problems(administrators, SSO_SESSION, looked_up({SSO_SESSION: SSO_ROLE}))
        assert f" {SSO_ROLE}" in problem
    unread = looked_up({SSO_SESSION: who.identity_of(SSO_SESSION)}, unread=[SSO_SESSION])
    (problem,) = who.lockout_problems([ADMIN], SSO_SESSION, unread)
    assert "with the role's path before its name" in problem


def test_a_role_that_is_not_there_is_said_with_the_input_that_names_it():
    gone = f"arn:aws:iam::{ACCOUNT}:role/gone"
    (problem,) = who.lockout_problems([ADMIN, gone], ADMIN, looked_up(missing=[gone]), restorers=[ADMIN, gone])
    assert problem.startswith(
        f"vault_kms_administrators and vault_restore_principals name {gone}, and the account has no"
    )
    (problem,) = who.lockout_problems([ADMIN], ADMIN, looked_up(missing=[gone]), restorers=[gone])
    assert problem.startswith(f"vault_restore_principals names {gone}, ")


@pytest.mark.parametrize(
    ("administrators", "break_glass", "lines"),
    [
        ([ADMIN], False, 1),
        ([SSO_SESSION, SSO_ROLE], False, 1),
        ([ADMIN], True, 1),
        ([SSO_SESSION, SSO_ROLE], True, 1),
        ([ADMIN, SSO_ROLE], True, 0),
        ([ROOT], True, 0),
        ([ADMIN, SSO_ROLE], False, 0),
        ([ROOT], False, 0),
        ([ACCOUNT], False, 0),
    ],
)
def test_a_single_administrator_without_root_is_named(administrators, break_glass, lines):
    found = looked_up({SSO_SESSION: SSO_ROLE, SSO_ROLE: SSO_ROLE, ADMIN: ADMIN})
    said = who.hold_words(administrators, found, ADMIN, break_glass)
    assert len(said) == lines
    assert all("has one administrator" in line and "vault_kms_break_glass" in line for line in said)
    # An organisation may keep root out, which nobody in the account can see.
    assert all(("a service control policy may deny the root user" in line) == break_glass for line in said)
    assert all("Name a second administrator" in line for line in said)


def test_what_could_not_be_looked_up_is_said_of_those_in_the_policy_alone():
    other = f"arn:aws:iam::{ACCOUNT}:role/restore"
    found = looked_up({}, unread=[ADMIN, other, SSO_SESSION])
    said = who.hold_words([ADMIN, SSO_ROLE], found, SSO_SESSION, True, [other])
    assert [line.split(" ")[0] for line in said] == [ADMIN, other]
