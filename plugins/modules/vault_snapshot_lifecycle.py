#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Have S3 remove snapshots that were superseded, and only those."""

from __future__ import annotations

DOCUMENTATION = r"""
module: vault_snapshot_lifecycle
short_description: Have S3 remove snapshots that a newer snapshot has superseded
version_added: 1.0.0
description:
  - Writes two rules into a bucket's lifecycle, and keeps rules with other ids.
  - Warns of a rule of another id that would expire snapshots by their age alone.
  - "V(vault-snapshots) expires objects below the prefix that carry the tag C(vaultops-superseded=true), in current and old
    versions. The backup tool sets the tag when a newer snapshot is complete. The last good snapshot has no such tag, and stays
    however old it is."
  - "V(vault-snapshots-leftovers) removes uploads below the same prefix that were not finished within two days, and delete
    markers without older versions."
  - Needs C(s3:GetLifecycleConfiguration) and C(s3:PutLifecycleConfiguration) on the bucket.
author: vaultops maintainers (@vaultops)
options:
  bucket:
    description: Name of the bucket.
    type: str
    required: true
  prefix:
    description: What the snapshots' keys begin with. Slashes at its ends make no difference. An empty prefix is the whole bucket.
    type: str
    default: snapshots
  days:
    description: Age in days at which a superseded snapshot expires. Its version is removed as many days later.
    type: int
    required: true
extends_documentation_fragment:
  - vaultops.cluster.aws
  - vaultops.cluster.attributes
  - vaultops.cluster.attributes.change
"""

EXAMPLES = r"""
- name: Keep superseded snapshots for a month
  vaultops.cluster.vault_snapshot_lifecycle:
    bucket: example-vault-snapshots
    prefix: snapshots
    days: 30
    region: eu-central-1
"""

RETURN = r"""
rules:
  description: All rules of the bucket's lifecycle, as S3 spells them; in check mode as they would be.
  returned: success
  type: list
  elements: dict
"""

import typing as t

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ..module_utils._aws.errors import cure
from ..module_utils._aws.module import run_aws_module, s3_config
from ..module_utils._common.errors import Problem
from ..module_utils._snapshot import lifecycle as lifecycle_state
from ..module_utils._snapshot import lifecycle_api


def run(module: AnsibleAWSModule) -> dict[str, t.Any]:
    params = module.params
    problem = lifecycle_state.problem(params["days"])
    if problem:
        raise Problem(problem)
    client = module.client("s3", retry_decorator=lifecycle_api.RETRY, config=s3_config(params["endpoint_url"]))
    found = lifecycle_api.read(client, params["bucket"])
    if found is None and not module.check_mode:
        raise Problem(f"there is no bucket {params['bucket']}", cure("NoSuchBucket"))
    # In check mode, a bucket that is still to be made has no rules.
    before = found or {"rules": [], "beside": {}}
    after = {**before, "rules": lifecycle_state.plan(before["rules"], params["prefix"], params["days"])}
    for warning in lifecycle_state.warnings(after["rules"], params["prefix"]):
        module.warn(warning)
    changed = after != before
    if changed and not module.check_mode:
        lifecycle_api.write(client, params["bucket"], after)
    diff = {"before": {"rules": before["rules"]}, "after": {"rules": after["rules"]}}
    return {"changed": changed, "rules": after["rules"], "diff": diff}


OPTIONS: dict[str, t.Any] = {
    "bucket": {"type": "str", "required": True},
    "prefix": {"type": "str", "default": "snapshots"},
    "days": {"type": "int", "required": True},
}


def main() -> None:
    run_aws_module(run, OPTIONS, "S3")


if __name__ == "__main__":
    main()
