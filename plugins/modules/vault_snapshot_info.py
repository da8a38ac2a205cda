#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Read which snapshots of a Vault cluster are in its bucket."""

from __future__ import annotations

DOCUMENTATION = r"""
module: vault_snapshot_info
short_description: List the snapshots of a Vault cluster in its bucket
version_added: 1.0.0
description:
  - Runs on the controller, and reads the manifests that the backup tool writes beside the snapshots, not the snapshots.
  - A manifest that can't be parsed, or whose snapshot is missing, is part of the result and no error. A bucket that may not be
    read is an error.
  - Needs C(s3:ListBucket) on the bucket and C(s3:GetObject) below the prefix, and C(kms:Decrypt) where the bucket
    encrypts with a KMS key.
author: vaultops maintainers (@vaultops)
options:
  bucket:
    description: Name of the bucket.
    type: str
    required: true
  prefix:
    description: What the snapshots' keys begin with, without the last C(/).
    type: str
    default: snapshots
  cluster_name:
    description: Only snapshots of the cluster of this name.
    type: str
  limit:
    description: How many manifests to read at most, the newest ones.
    type: int
    default: 200
extends_documentation_fragment:
  - vaultops.cluster.aws
  - vaultops.cluster.attributes
  - vaultops.cluster.attributes.info
"""

EXAMPLES = r"""
- name: Look at the snapshots
  vaultops.cluster.vault_snapshot_info:
    bucket: example-vault-snapshots
    prefix: snapshots
    region: eu-central-1
  register: backups

- name: Say when the last one was begun
  ansible.builtin.debug:
    msg: "{{ backups.snapshots[-1].started_at }}"
"""

RETURN = r"""
snapshots:
  description: What the manifests say, oldest first.
  returned: success
  type: list
  elements: dict
  contains:
    key:
      description: Key of the manifest in the bucket.
      type: str
    name:
      description: Name of the encrypted snapshot beside it.
      type: str
    cluster_id:
      description: Id of the cluster that it was taken of.
      type: str
    node_name:
      description: The node that took it.
      type: str
    vault_version:
      description: Version of Vault that it comes from.
      type: str
    raft_index:
      description: Raft index that it reaches to.
      type: int
    key_arn:
      description: KMS key that it is encrypted with.
      type: str
    seal_key_arn:
      description: The cluster's unseal key of that time, which a cluster depends on that is restored from it.
      type: str
    plain_bytes:
      description: Size before it was encrypted.
      type: int
    encrypted_bytes:
      description: Size in the bucket.
      type: int
    started_at:
      description: When it was started (ISO 8601, UTC). What was written later may not be in it.
      type: str
    finished_at:
      description: When it was complete (ISO 8601, UTC).
      type: str
    bound:
      description: Whether the manifest carries a seal. It is not opened here, which would need C(kms:Decrypt).
      type: bool
    replication:
      description: How far S3 is with the copy of the manifest, by the bucket's rules of replication, as V(PENDING), V(COMPLETED)
        or V(FAILED). V(REPLICA) of a manifest that is a copy itself, and null where no rule covers it.
      type: str
    age_seconds:
      description: Seconds since it was begun.
      type: int
broken:
  description: Manifests that can't be understood, or whose snapshot is missing or of another size, each with RV(ignore:key)
    and RV(ignore:problem).
  returned: success
  type: list
  elements: dict
future_dated:
  description: Snapshots whose names claim more than five minutes from the future, each with RV(ignore:key), RV(ignore:name)
    and RV(ignore:node_name). They are not read, and are not among RV(snapshots).
  returned: success
  type: list
  elements: dict
left_out:
  description: How many older manifests there are beyond O(limit).
  returned: success
  type: int
"""

import time
import typing as t

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ..module_utils._aws.module import run_aws_module, s3_config
from ..module_utils._common.errors import Problem
from ..module_utils._snapshot import listing as snapshots_state
from ..module_utils._snapshot import listing_api as snapshots_api


def run(module: AnsibleAWSModule) -> dict[str, t.Any]:
    params = module.params
    if params["limit"] < 1:
        raise Problem("limit: it must be 1 or more")
    config = {**snapshots_api.QUICK, **s3_config(params["endpoint_url"])}
    client = module.client("s3", config=config)
    start = snapshots_state.start_of_keys(params["prefix"], params["cluster_name"])
    sizes, now = snapshots_api.sizes(client, params["bucket"], start), time.time()
    found = snapshots_state.sort_out(sizes, params["limit"], now)
    manifests = snapshots_api.read(client, params["bucket"], found.chosen)
    return {"changed": False, **snapshots_state.describe(found, manifests, sizes, now)}


OPTIONS: dict[str, t.Any] = {
    "bucket": {"type": "str", "required": True},
    "prefix": {"type": "str", "default": "snapshots"},
    "cluster_name": {"type": "str"},
    "limit": {"type": "int", "default": 200},
}


def main() -> None:
    run_aws_module(run, OPTIONS, "S3")


if __name__ == "__main__":
    main()
