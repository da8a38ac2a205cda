#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Read KMS keys."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kms_key_info
short_description: Read KMS keys
version_added: 1.0.0
description:
  - Reads one key by alias, id or ARN, or all keys of the account in a region.
  - A key that does not exist is an empty list. A key that may not be read is an error. An unreachable KMS is an error too.
  - Based on the API of AWS KMS.
author: vaultops maintainers (@vaultops)
options:
  alias:
    description: Name of an alias, with or without V(alias/).
    type: str
  key_id:
    description: Id or ARN of a key.
    type: str
  tags:
    description: Without O(alias) and O(key_id), only keys that carry all these tags.
    type: dict
extends_documentation_fragment:
  - vaultops.cluster.aws
  - vaultops.cluster.attributes
  - vaultops.cluster.attributes.info
"""

EXAMPLES = r"""
- name: Look at the unseal key
  vaultops.cluster.kms_key_info:
    alias: alias/vault-unseal
    region: eu-central-1
  register: unseal_key

- name: Look at all keys of the service
  vaultops.cluster.kms_key_info:
    tags:
      Service: vault
    region: eu-central-1
"""

RETURN = r"""
kms_keys:
  description: The keys that were found.
  returned: success
  type: list
  elements: dict
  contains:
    key_id:
      description: Id of the key; null in check mode for a key that would be created.
      type: str
    arn:
      description: ARN of the key; null in check mode for a key that would be created.
      type: str
    aliases:
      description: Names of its aliases, with V(alias/).
      type: list
      elements: str
    description:
      description: Its description.
      type: str
    enabled:
      description: Whether it can be used.
      type: bool
    key_state:
      description: Its state as KMS names it, such as V(Enabled), V(Disabled) or V(PendingDeletion).
      type: str
    key_manager:
      description: V(CUSTOMER) or V(AWS).
      type: str
    key_usage:
      description: What it is for, such as V(ENCRYPT_DECRYPT).
      type: str
    key_spec:
      description: Its kind, such as V(SYMMETRIC_DEFAULT).
      type: str
    multi_region:
      description: Whether it can be replicated to other regions.
      type: bool
    rotation_enabled:
      description: Whether KMS rotates its material; null if that may not be read.
      type: bool
    rotation_period_in_days:
      description: Days between rotations; null if KMS does not say.
      type: int
    deletion_date:
      description: When it will be deleted, in ISO 8601; null if it is not going to be.
      type: str
    tags:
      description: Its tags; null if they may not be read.
      type: dict
    policy:
      description: Its policy; null if it may not be read.
      type: dict
"""

import typing as t

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ..module_utils._aws import alias_state, kms_api
from ..module_utils._aws.module import run_aws_module


def run(module: AnsibleAWSModule) -> dict[str, t.Any]:
    params = module.params
    client = module.client("kms", retry_decorator=kms_api.RETRY)
    one = alias_state.full_name(params["alias"]) if params["alias"] else params["key_id"]
    found = [kms_api.read(client, key_id) for key_id in ([one] if one else kms_api.key_ids(client))]
    wanted = (params["tags"] or {}).items()
    return {"changed": False, "kms_keys": [key for key in found if key and wanted <= (key["tags"] or {}).items()]}


OPTIONS: dict[str, t.Any] = {"alias": {"type": "str"}, "key_id": {"type": "str"}, "tags": {"type": "dict"}}


def main() -> None:
    run_aws_module(run, OPTIONS, "KMS", mutually_exclusive=[("alias", "key_id", "tags")])


if __name__ == "__main__":
    main()
