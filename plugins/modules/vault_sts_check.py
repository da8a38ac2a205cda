#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Prove from a node that STS answers."""

from __future__ import annotations

DOCUMENTATION = r"""
module: vault_sts_check
short_description: Prove from a node that it reaches AWS STS
version_added: 1.0.0
description:
  - Asks STS from the node, as the node's own instance role, who that is.
  - Vault's C(aws) auth method does so at each login of an IAM principal. Without STS nobody logs in by IAM.
  - Needs nothing on the node but Python and the instance metadata service (IMDSv2). Nobody has to be allowed GetCallerIdentity.
author: vaultops maintainers (@vaultops)
options:
  region:
    description: AWS region whose STS is asked.
    type: str
    required: true
  endpoint_url:
    description: URL of STS, where it is not the region's public one.
    type: str
extends_documentation_fragment:
  - vaultops.cluster.attributes
  - vaultops.cluster.attributes.info
"""

EXAMPLES = r"""
- name: IAM principals can log in to the Vault of this node
  vaultops.cluster.vault_sts_check:
    region: eu-central-1
"""

RETURN = r"""
arn:
  description: Who the node is to STS.
  returned: success
  type: str
"""

import typing as t

from ..module_utils._common.module import run_module
from ..module_utils._common.principals import sts_url
from ..module_utils._node.metadata import role_credentials
from ..module_utils._node.sts import caller


def run(params: dict[str, t.Any], _check_mode: bool) -> dict[str, t.Any]:
    region = params["region"]
    return {"changed": False, "arn": caller(sts_url(region, params["endpoint_url"]), region, role_credentials())}


OPTIONS: dict[str, t.Any] = {"region": {"type": "str", "required": True}, "endpoint_url": {"type": "str"}}


def main() -> None:
    run_module(run, OPTIONS)


if __name__ == "__main__":
    main()
