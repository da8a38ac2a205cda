#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Write statements into a bucket's policy, and keep those of others."""

from __future__ import annotations

DOCUMENTATION = r"""
module: aws_bucket_policy
short_description: Write statements into a bucket's policy, and keep those of others
version_added: 1.0.0
description:
  - Reads the bucket's policy, puts the statements of O(policy) in the place of those with the same Sid, and keeps all others.
  - The policy is read right before it is written. A policy that may not be read, or could not be, is an error, and nothing is
    written.
  - Fails where a statement that is kept names a role or a user that was deleted, since S3 takes no such policy.
  - Needs C(s3:GetBucketPolicy) and C(s3:PutBucketPolicy) on the bucket.
author: vaultops maintainers (@vaultops)
options:
  bucket:
    description: Name of the bucket.
    type: str
    required: true
  policy:
    description: The policy. Each of its statements has a Sid.
    type: dict
    required: true
extends_documentation_fragment:
  - vaultops.cluster.aws
  - vaultops.cluster.attributes
  - vaultops.cluster.attributes.change
"""

EXAMPLES = r"""
- name: Refuse what is not TLS, whatever else the policy says
  vaultops.cluster.aws_bucket_policy:
    bucket: example-vault-snapshots
    policy:
      Version: "2012-10-17"
      Statement:
        - Sid: TLSOnly
          Effect: Deny
          Principal: "*"
          Action: s3:*
          Resource: [arn:aws:s3:::example-vault-snapshots, arn:aws:s3:::example-vault-snapshots/*]
          Condition: {Bool: {aws:SecureTransport: "false"}}
    region: eu-central-1
"""

RETURN = r"""
policy:
  description: The bucket's whole policy; in check mode as it would be.
  returned: success
  type: dict
"""

import typing as t

from ansible_collections.amazon.aws.plugins.module_utils.botocore import is_boto3_error_code
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ..module_utils._aws import bucket, bucket_api
from ..module_utils._aws.errors import cure
from ..module_utils._aws.module import run_aws_module, s3_config
from ..module_utils._common.errors import Problem
from ..module_utils._snapshot import lifecycle_api


def run(module: AnsibleAWSModule) -> dict[str, t.Any]:
    name, own = module.params["bucket"], module.params["policy"]
    if bucket.without_sid(own):
        raise Problem(
            "each statement needs a Sid",
            "By their Sids the statements in the bucket's policy are told from those of others.",
        )
    config = s3_config(module.params["endpoint_url"])
    client = module.client("s3", retry_decorator=lifecycle_api.RETRY, config=config)
    before = found(client, name, module.check_mode)
    after = bucket.merged_policy(before, own)
    problems = bucket.deleted_principals(name, before, own)
    if problems:
        raise Problem(" ".join(problems))
    changed = bucket.differ(before, after)
    if changed and not module.check_mode:
        bucket_api.put_policy(client, name, after)
    return {"changed": changed, "policy": after, "diff": {"before": before, "after": after if changed else before}}


def found(client: t.Any, name: str, check_mode: bool) -> dict[str, t.Any]:
    try:
        return bucket_api.policy(client, name)
    except is_boto3_error_code("NoSuchBucket"):
        # In check mode, a bucket that is still to be made has no policy.
        if check_mode:
            return {}
        raise Problem(f"there is no bucket {name}", cure("NoSuchBucket")) from None


OPTIONS: dict[str, t.Any] = {
    "bucket": {"type": "str", "required": True},
    "policy": {"type": "dict", "required": True},
}


def main() -> None:
    run_aws_module(run, OPTIONS, "S3")


if __name__ == "__main__":
    main()
