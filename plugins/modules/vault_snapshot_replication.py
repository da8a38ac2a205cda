#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Have S3 copy snapshots to a bucket in another region."""

from __future__ import annotations

DOCUMENTATION = r"""
module: vault_snapshot_replication
short_description: Have S3 copy snapshots to a bucket in another region
version_added: 1.0.0
description:
  - Writes rules into a bucket's replication, and keeps rules with other ids.
  - S3 then copies what is added from now on, with its tags and its retention. What was there before is not copied. Delete markers
    are not copied.
  - Fails where rules of other ids use another role, since S3 takes one role for all rules of a bucket.
  - Needs C(s3:GetReplicationConfiguration) and C(s3:PutReplicationConfiguration) on the bucket, and C(iam:PassRole) for the role.
author: vaultops maintainers (@vaultops)
options:
  bucket:
    description: Name of the bucket that is copied. Its versioning must be enabled.
    type: str
    required: true
  role:
    description: ARN of the role that S3 takes on.
    type: str
    required: true
  target:
    description: ARN of the bucket that S3 copies to. Its versioning must be enabled.
    type: str
    required: true
  key_arn:
    description: ARN of the KMS key that encrypts the copies, in the region of O(target).
    type: str
    required: true
  names:
    description: What the keys of copied objects begin with, by the id of the rule.
    type: dict
    required: true
extends_documentation_fragment:
  - vaultops.cluster.aws
  - vaultops.cluster.attributes
  - vaultops.cluster.attributes.change
"""

EXAMPLES = r"""
- name: Have the snapshots in a second region, too
  vaultops.cluster.vault_snapshot_replication:
    bucket: example-vault-snapshots
    role: arn:aws:iam::123456789012:role/vault-prod-replication
    target: arn:aws:s3:::example-vault-snapshots-eu-west-1
    key_arn: arn:aws:kms:eu-west-1:123456789012:key/mrk-11111111222233334444555555555555
    names: {vault-snapshots: snapshots/prod_}
    region: eu-central-1
"""

RETURN = r"""
rules:
  description: All rules of the bucket's replication, as S3 spells them; in check mode as they would be.
  returned: success
  type: list
  elements: dict
"""

import typing as t

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ..module_utils._aws.errors import cure
from ..module_utils._aws.module import run_aws_module, s3_config
from ..module_utils._common.errors import Problem
from ..module_utils._snapshot import lifecycle_api, replication, replication_api


def run(module: AnsibleAWSModule) -> dict[str, t.Any]:
    params = module.params
    bucket, role = params["bucket"], params["role"]
    client = module.client("s3", retry_decorator=lifecycle_api.RETRY, config=s3_config(params["endpoint_url"]))
    before = found(client, bucket, module.check_mode)
    problem = replication.problem(before, role, params["names"], bucket)
    if problem:
        raise Problem(problem)
    rules = replication.wanted(params["names"], params["target"], params["key_arn"])
    after = replication.plan(before, role, rules)
    changed = after != before
    if changed and not module.check_mode:
        replication_api.write(client, bucket, after)
    return {"changed": changed, "rules": after["rules"], "diff": {"before": before or {}, "after": after}}


def found(client: t.Any, bucket: str, check_mode: bool) -> replication.Configuration | None:
    try:
        return replication_api.read(client, bucket)
    except replication_api.NoBucket:
        # In check mode, a bucket that is still to be made replicates nothing.
        if check_mode:
            return None
        raise Problem(f"there is no bucket {bucket}", cure("NoSuchBucket")) from None


OPTIONS: dict[str, t.Any] = {
    "bucket": {"type": "str", "required": True},
    "role": {"type": "str", "required": True},
    "target": {"type": "str", "required": True},
    "key_arn": {"type": "str", "required": True, "no_log": False},
    "names": {"type": "dict", "required": True},
}


def main() -> None:
    run_aws_module(run, OPTIONS, "S3")


if __name__ == "__main__":
    main()
