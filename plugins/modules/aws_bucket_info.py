#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Read how a bucket is set up."""

from __future__ import annotations

DOCUMENTATION = r"""
module: aws_bucket_info
short_description: Read how a bucket is set up
version_added: 1.0.0
description:
  - Reads where a bucket is, its versioning, encryption, block of public access, policy, lifecycle and tags.
  - What the bucket does not have is empty. A setting that may not be read, or could not be, is an error.
  - M(amazon.aws.s3_bucket_info) shows both alike, so a policy that it could not read would pass for none.
  - Needs C(s3:ListBucket), C(s3:GetBucketVersioning), C(s3:GetEncryptionConfiguration), C(s3:GetBucketPublicAccessBlock),
    C(s3:GetBucketPolicy), C(s3:GetLifecycleConfiguration) and C(s3:GetBucketTagging) on the bucket.
author: vaultops maintainers (@vaultops)
options:
  bucket:
    description: Name of the bucket.
    type: str
    required: true
extends_documentation_fragment:
  - vaultops.cluster.aws
  - vaultops.cluster.attributes
  - vaultops.cluster.attributes.info
"""

EXAMPLES = r"""
- name: Look at the bucket
  vaultops.cluster.aws_bucket_info:
    bucket: example-vault-snapshots
    region: eu-central-1
  register: found
"""

RETURN = r"""
buckets:
  description: The bucket; empty where S3 says that there is none.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name of the bucket.
      type: str
    region:
      description: The region that the bucket is in; empty where the answer does not say it.
      type: str
    versioning:
      description: V(Enabled) or V(Suspended); empty where versioning was never enabled.
      type: str
    encryption:
      description: What new objects are encrypted with, as S3 spells it.
      type: dict
    public_access_block:
      description: What of public access is blocked, as S3 spells it.
      type: dict
    policy:
      description: The bucket's policy.
      type: dict
    rules:
      description: Rules of the bucket's lifecycle, as S3 spells them.
      type: list
      elements: dict
    tags:
      description: The bucket's tags.
      type: dict
"""

import typing as t

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ..module_utils._aws import bucket_api
from ..module_utils._aws.module import run_aws_module, s3_config
from ..module_utils._snapshot import lifecycle_api


def run(module: AnsibleAWSModule) -> dict[str, t.Any]:
    params = module.params
    client = module.client("s3", retry_decorator=lifecycle_api.RETRY, config=s3_config(params["endpoint_url"]))
    found = bucket_api.read(client, params["bucket"])
    return {"changed": False, "buckets": [found] if found else []}


def main() -> None:
    run_aws_module(run, {"bucket": {"type": "str", "required": True}}, "S3")


if __name__ == "__main__":
    main()
