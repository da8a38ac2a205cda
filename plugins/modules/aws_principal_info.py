#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Look up the ARNs by which policies name principals."""

from __future__ import annotations

DOCUMENTATION = r"""
module: aws_principal_info
short_description: Read the ARNs by which policies can name roles and sessions
version_added: 1.0.0
description:
  - A session's ARN, as AWS shows it to who has assumed a role, is no principal that lasts, and it lacks the role's path. So does
    an ARN that was put together from a role's name, as for roles of IAM Identity Center. KMS refuses a policy with either.
  - For each ARN of a role, or of a role's session, in O(account), the module asks IAM for the role's ARN. Every other ARN stays
    as it is.
  - Based on IAM's C(GetRole).
author: vaultops maintainers (@vaultops)
options:
  arns:
    description: ARNs of users, roles, sessions or accounts.
    type: list
    elements: str
    required: true
  account:
    description: Id of the account that is asked. IAM tells nothing of other accounts' roles.
    type: str
    required: true
extends_documentation_fragment:
  - vaultops.cluster.aws
  - vaultops.cluster.attributes
  - vaultops.cluster.attributes.info
"""

EXAMPLES = r"""
- name: Look up the role behind a session
  vaultops.cluster.aws_principal_info:
    arns: ["arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Admin_0123456789abcdef/ada@example.com"]
    account: "111122223333"
    region: eu-central-1
  register: found
"""

RETURN = r"""
arns:
  description: Of every ARN that was given, the one that a policy can name.
  returned: success
  type: dict
  sample:
    arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Admin_0123456789abcdef/ada@example.com: >-
      arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/eu-central-1/AWSReservedSSO_Admin_0123456789abcdef
missing:
  description: Those that were given and whose role the account does not have.
  returned: success
  type: list
  elements: str
unread:
  description: Those whose role this identity may not look up.
  returned: success
  type: list
  elements: str
"""

import typing as t

from ansible_collections.amazon.aws.plugins.module_utils.botocore import is_boto3_error_code
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ..module_utils._aws.administrators import LookedUp, identity_of, role_name
from ..module_utils._aws.module import run_aws_module
from ..module_utils._aws.ownership_api import RETRY, role


def run(module: AnsibleAWSModule) -> dict[str, t.Any]:
    client = module.client("iam", retry_decorator=RETRY)
    given = module.params["arns"]
    found: LookedUp = {"arns": {arn: identity_of(arn) for arn in given}, "missing": [], "unread": []}
    behind: dict[str, list[str]] = {}
    for arn in found["arns"]:
        name = role_name(arn, module.params["account"])
        if name:
            behind.setdefault(name, []).append(arn)
    for name, arns in behind.items():
        try:
            roles = role(client, name)
        except is_boto3_error_code("AccessDenied"):
            found["unread"] += arns
            continue
        found["missing"] += [] if roles else arns
        found["arns"].update({arn: roles[0]["id"] for arn in arns if roles})
    return {"changed": False, **found}


OPTIONS: dict[str, t.Any] = {
    "arns": {"type": "list", "elements": "str", "required": True},
    "account": {"type": "str", "required": True},
}


def main() -> None:
    run_aws_module(run, OPTIONS, "IAM")


if __name__ == "__main__":
    main()
