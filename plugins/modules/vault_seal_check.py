#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Prove from a node that its role can use the unseal key."""

from __future__ import annotations

DOCUMENTATION = r"""
module: vault_seal_check
short_description: Prove from a node that its role may use the unseal key
version_added: 1.0.0
description:
  - Describes the key, encrypts with it and decrypts again, from the node, as the node's own instance role.
  - "A cluster that is initialised while one of these permissions is missing is lost: it can't unseal, and recovery keys can't
    unseal a cluster with auto-unseal."
  - Needs nothing on the node but Python and the instance metadata service (IMDSv2).
author: vaultops maintainers (@vaultops)
options:
  key_id:
    description: Id, ARN or alias of the key.
    type: str
    required: true
  region:
    description: AWS region of the key.
    type: str
    required: true
  endpoint_url:
    description: URL of KMS, where it is not the region's public one.
    type: str
  patience:
    description:
      - For how many seconds the module asks again where KMS refuses access, or does not know the key. A policy or an alias that
        was changed a moment ago takes some seconds to count.
    type: int
    default: 0
extends_documentation_fragment:
  - vaultops.cluster.attributes
  - vaultops.cluster.attributes.info
"""

EXAMPLES = r"""
- name: The node can unseal
  vaultops.cluster.vault_seal_check:
    key_id: alias/vault-unseal
    region: eu-central-1
"""

RETURN = r"""
key_arn:
  description: ARN of the key.
  returned: success
  type: str
key_state:
  description: State of the key, V(Enabled).
  returned: success
  type: str
"""

import typing as t

from ..module_utils._common.module import run_module
from ..module_utils._node.kms import Kms, verify
from ..module_utils._node.metadata import role_credentials


def run(params: dict[str, t.Any], _check_mode: bool) -> dict[str, t.Any]:
    kms = Kms(params["region"], params["endpoint_url"], role_credentials(), params["patience"])
    return {"changed": False, **verify(kms, params["key_id"])}


OPTIONS: dict[str, t.Any] = {
    "key_id": {"type": "str", "required": True},
    "region": {"type": "str", "required": True},
    "endpoint_url": {"type": "str"},
    "patience": {"type": "int", "default": 0},
}


def main() -> None:
    run_module(run, OPTIONS)


if __name__ == "__main__":
    main()
