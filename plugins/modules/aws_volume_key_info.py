#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""See which key new volumes are encrypted with, and which keys volumes that are there have."""

from __future__ import annotations

DOCUMENTATION = r"""
module: aws_volume_key_info
short_description: Read the key that new EBS volumes are encrypted with
version_added: 1.0.0
description:
  - Reads the key that is asked for or, without one, which key is the account's default for EBS in the region.
  - Reads with which keys the volumes of instances are encrypted.
  - For a key, needs C(kms:DescribeKey) on it. For the default, C(ec2:GetEbsDefaultKmsKeyId) and C(kms:ListAliases). For
    instances, C(ec2:DescribeVolumes). What one of these three would tell is null where it is not allowed.
author: vaultops maintainers (@vaultops)
options:
  key_arn:
    description: ARN of a KMS key. Empty, the account's default is looked at; not given, neither is.
    type: str
  instances:
    description: Ids of instances whose volumes are looked at.
    type: list
    elements: str
    default: []
extends_documentation_fragment:
  - vaultops.cluster.aws
  - vaultops.cluster.attributes
  - vaultops.cluster.attributes.info
"""

EXAMPLES = r"""
- name: Look at the key of new volumes
  vaultops.cluster.aws_volume_key_info:
    key_arn: arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab
    region: eu-central-1
  register: found
"""

RETURN = r"""
key:
  description: The key that was asked for. Null where there is none, or none was asked for.
  returned: success
  type: dict
  contains:
    arn: {description: Its ARN., type: str}
    state: {description: "Its state as KMS names it, such as V(Enabled).", type: str}
    usage: {description: "What it is for, such as V(ENCRYPT_DECRYPT).", type: str}
    spec: {description: "Its kind, such as V(SYMMETRIC_DEFAULT).", type: str}
default:
  description: The account's default key, as AWS names it. Null where a key was asked for, or this identity may not see it.
  returned: success
  type: str
default_is_own:
  description: Whether that is AWS's own key for EBS. Null where this identity may not see it.
  returned: success
  type: bool
volumes:
  description: By id of an instance, ARNs of the keys of its volumes. Null where this identity may not see them.
  returned: success
  type: dict
"""

import typing as t

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ..module_utils._aws import kms_api
from ..module_utils._aws import volume_key_api as api
from ..module_utils._aws.errors import translate_errors
from ..module_utils._aws.module import run_aws_module
from ..module_utils._aws.volume_key import OWN_ALIAS, Seen


def run(module: AnsibleAWSModule) -> dict[str, t.Any]:
    arn, instances = module.params["key_arn"], module.params["instances"]
    ec2 = module.client("ec2", retry_decorator=kms_api.RETRY)
    kms = module.client("kms", retry_decorator=kms_api.RETRY)
    seen: Seen = {"key": None, "default": None, "default_is_own": None, "volumes": {}}
    if arn:
        with translate_errors(module.region, "kms"):
            seen["key"] = api.key(kms, arn)
    elif arn is not None:
        seen["default"] = api.default_key(ec2)
        seen["default_is_own"] = _is_own(module, kms, seen["default"])
    if instances:
        seen["volumes"] = api.volume_keys(ec2, instances)
    return {"changed": False, **seen}


def _is_own(module: AnsibleAWSModule, kms: t.Any, default: str | None) -> bool | None:
    """AWS names its own key by the alias, or by the ARN of what the alias leads to."""
    if default is None or default.endswith(OWN_ALIAS):
        return None if default is None else True
    with translate_errors(module.region, "kms"):
        return api.leads_to(kms, OWN_ALIAS, default)


OPTIONS: dict[str, t.Any] = {
    "key_arn": {"type": "str", "no_log": False},
    "instances": {"type": "list", "elements": "str", "default": []},
}


def main() -> None:
    run_aws_module(run, OPTIONS, "EC2")


if __name__ == "__main__":
    main()
