# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who looks after a key: by which ARN KMS knows them, and whether anybody is left out who must not be. Pure."""

from __future__ import annotations

import re
import typing as t

_SESSION = re.compile(r"arn:(?P<partition>[\w-]+):sts::(?P<account>\d+):assumed-role/(?P<name>[^/]+)/.+")
_ROLE = re.compile(r"arn:(?P<partition>[\w-]+):iam::(?P<account>\d+):role/(?:.+/)?(?P<name>[^/]+)")


# What is lost with the only administrator. Whether an organisation lets the root user do anything, an account can't be asked.
_NO_GLASS = (
    "vault_kms_break_glass is false: where that identity is deleted, nobody can change the key's policy any more, not even one "
    "of the same name. Name a second administrator, or set vault_kms_break_glass to true."
)
_GLASS = (
    "where that identity is deleted, the account's root user alone can change the key's policy (vault_kms_break_glass). In an "
    "organisation that may be nobody: a service control policy may deny the root user everything, and the root user of a member "
    "account may have no credentials. Name a second administrator: docs/aws.md."
)


class LookedUp(t.TypedDict):
    """What aws_principal_info returns."""

    arns: dict[str, str]  # of every ARN that was given, the one that KMS takes
    missing: list[str]  # those given whose role the account does not have
    unread: list[str]  # those whose role this identity may not look up


NOTHING: LookedUp = {"arns": {}, "missing": [], "unread": []}


def role_name(arn: str, account: str) -> str | None:
    """Name of the role behind a role or its session in that account; None for anything else, which is not looked up."""
    found = _SESSION.fullmatch(arn) or _ROLE.fullmatch(arn)
    return found["name"] if found and found["account"] == account else None


def identity_of(arn: str) -> str:
    """The user or role behind a caller: a session's ARN is no principal that lasts. The path of a session's role is not known."""
    session = _SESSION.fullmatch(arn)
    return f"arn:{session['partition']}:iam::{session['account']}:role/{session['name']}" if session else arn


def lockout_problems(
    administrators: t.Sequence[str],
    caller_arn: str,
    looked_up: LookedUp | None = None,
    restorers: t.Sequence[str] = (),
) -> list[str]:
    """Why these administrators would leave the caller unable to change the key again, or KMS would not take the policy."""
    looked_up = looked_up or NOTHING
    caller = looked_up["arns"].get(caller_arn, identity_of(caller_arn))
    if caller_arn in looked_up["unread"]:
        caller += " (with the role's path before its name, if it has one: this identity may not ask IAM for that, iam:GetRole)"
    return _missing(administrators, restorers, looked_up) + _left_out(administrators, caller_arn, caller)


def _missing(administrators: t.Sequence[str], restorers: t.Sequence[str], looked_up: LookedUp) -> list[str]:
    given = {"vault_kms_administrators": administrators, "vault_restore_principals": restorers}
    found: dict[str, list[str]] = {}
    for name, arns in given.items():
        for arn in arns:
            if arn in looked_up["missing"]:
                found.setdefault(arn, []).append(name)
    return [
        f"{' and '.join(names)} {'name' if len(names) > 1 else 'names'} {arn}, and the account has no such role: KMS takes no "
        "policy that names it. Correct the name, or leave it out. A role that was deleted and made again is found by its name."
        for arn, names in found.items()
    ]


def _left_out(administrators: t.Sequence[str], caller_arn: str, caller: str) -> list[str]:
    who = identity_of(caller_arn)
    if not administrators:
        return [
            "vault_kms_administrators is empty, and a key that nobody may administer can't be mended. "
            f"Name who looks after the key, such as {caller}."
        ]
    # A role's ARN may carry a path that a session's does not, so names are compared.
    plain = {_without_path(identity_of(arn)) for arn in administrators}
    if _without_path(who) in plain or has_root(administrators, *_place(who)):
        return []
    return [
        f"vault_kms_administrators does not name {caller}, which runs this playbook: it would lock itself out of the "
        "key. Add it, or run as one of the administrators."
    ]


def hold_words(
    administrators: t.Sequence[str],
    looked_up: LookedUp,
    caller_arn: str,
    break_glass: bool,
    restorers: t.Sequence[str] = (),
) -> list[str]:
    """What is to be known of who holds on to the key, though nothing is wrong with it yet."""
    found = []
    who = {looked_up["arns"].get(arn, arn) for arn in administrators}
    if len(who) == 1 and not has_root(administrators, *_place(identity_of(caller_arn))):
        found.append(f"The unseal key has one administrator, {min(who)}, and {_GLASS if break_glass else _NO_GLASS}")
    given = [*administrators, *restorers]
    found += [
        f"{arn} stands in the key's policy as it was given: this identity may not look up its path (iam:GetRole)."
        for arn in looked_up["unread"]
        if arn in given
    ]
    return found


def has_root(administrators: t.Sequence[str], partition: str, account: str) -> bool:
    return bool({account, f"arn:{partition}:iam::{account}:root"} & set(administrators))


def _place(arn: str) -> tuple[str, str]:
    partition, account = arn.split(":")[1], arn.split(":")[4]
    return partition, account


def _without_path(arn: str) -> str:
    head, _slash, rest = arn.partition("/")
    return f"{head}/{rest.rpartition('/')[2]}" if rest else head
