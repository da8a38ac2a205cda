#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Say as which IAM principal this controller logs in."""

from __future__ import annotations

DOCUMENTATION = r"""
module: vault_login_info
short_description: See as which IAM principal this controller logs in to Vault
version_added: 1.0.0
description:
  - Asks AWS STS who the controller's credentials are, as Vault's C(aws) auth method sees it, and compares with O(admins).
  - Vault is not asked, so it may be used before there is one.
author: vaultops maintainers (@vaultops)
options:
  admins:
    description: ARNs of the IAM users and roles that may administer. Empty, it is who runs this.
    type: list
    elements: str
    default: []
extends_documentation_fragment:
  - vaultops.cluster.vault
  - vaultops.cluster.vault.auth
  - vaultops.cluster.attributes
  - vaultops.cluster.attributes.info
"""

EXAMPLES = r"""
- name: See who would administer a cluster that is initialised now
  vaultops.cluster.vault_login_info:
    nodes:
      vault-1: https://10.0.1.10:8200
    auth_method: aws_iam
    region: eu-central-1
  register: who
"""

RETURN = r"""
principal:
  description: ARN of the IAM user or role, without path and session.
  returned: success
  type: str
admits:
  description: Whether it is among O(admins), or these are empty.
  returned: success
  type: bool
"""

import typing as t

from ..module_utils._common.module import run_module
from ..module_utils._common.principals import principals
from ..module_utils._vault import iam
from ..module_utils._vault.client import AUTH_SPEC, CONNECTION_SPEC, HVAC, Connection


def run(params: dict[str, t.Any], _check_mode: bool) -> dict[str, t.Any]:
    who = iam.caller("this controller", Connection.from_params(params))
    admins = principals(params["admins"])
    return {"changed": False, "principal": who, "admits": not admins or who in admins}


OPTIONS: dict[str, t.Any] = {
    **CONNECTION_SPEC,
    **AUTH_SPEC,
    "admins": {"type": "list", "elements": "str", "default": []},
}


def main() -> None:
    run_module(run, OPTIONS, libraries={**HVAC, **iam.BOTO3})


if __name__ == "__main__":
    main()
