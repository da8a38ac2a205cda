# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""IAM principals by their ARNs, in the one form in which Vault compares them, and the STS that knows them. Pure."""

from __future__ import annotations

import re
import typing as t

from .errors import Problem

# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
_ARN = re.compile(
    r"arn:(?P<partition>aws[a-z-]*):(?P<service>iam|sts)::(?P<account>\d{12}):(?P<kind>user|role|assumed-role)/(?P<rest>.+)",
    re.ASCII,
)
_NAME = re.compile(r"[\w+=,.@-]{1,64}", re.ASCII)


def sts_url(region: str | None, url: str | None = None) -> str:
    """The region's own STS, whose network path is the region's; or *url*, for a stand-in."""
    suffix = ".cn" if str(region).startswith("cn-") else ""
    return (url or f"https://sts.{region}.amazonaws.com{suffix}").rstrip("/")


def principal(arn: str) -> str:
    """The ARN of the user or role, without path and session: a role that was assumed has lost its path, so nobody's is compared.

    Names are unique within an account, whatever the path.
    """
    found = _ARN.fullmatch(str(arn))
    if found:
        parts = found["rest"].split("/")
        assumed = found["kind"] == "assumed-role"
        name = parts[0] if assumed else parts[-1]
        if _NAME.fullmatch(name) and (len(parts) == 2 or not assumed):
            kind = "role" if assumed else found["kind"]
            return f"arn:{found['partition']}:iam::{found['account']}:{kind}/{name}"
    raise Problem(
        f"'{arn}' is not the ARN of an IAM user or role",
        "Give one such as arn:aws:iam::123456789012:role/NAME; an account, its root, a group and a pattern can't log in.",
    )


def principals(arns: t.Iterable[str]) -> list[str]:
    return sorted({principal(arn) for arn in arns})


def problems(arns: t.Mapping[str, t.Iterable[str]]) -> list[str]:
    """What is wrong with the ARNs of each input, by the input's name."""
    found = []
    for name, given in arns.items():
        for arn in given:
            try:
                principal(arn)
            except Problem as problem:
                found.append(f"{name}: {problem}")
    return found
