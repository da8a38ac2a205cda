# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How the bucket of snapshots differs from what it should be. Pure: check mode has only this, s3_bucket skips itself."""

from __future__ import annotations

import json
import typing as t

from .._snapshot import lifecycle as lifecycle_state
from .policies import PolicyInputs, bucket_policy

PUBLIC_ACCESS = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")


def differences(found: list[dict[str, t.Any]], inputs: PolicyInputs, days: int | str) -> list[str]:
    """What a run would change, in words. *found* is what amazon.aws.s3_bucket_info returns as buckets."""
    # Here: the documentation of a filter is read where amazon.aws is not.
    from ansible_collections.amazon.aws.plugins.module_utils.policy import compare_policies

    bucket = next((entry for entry in found if entry["name"] == inputs["bucket"]), None)
    if bucket is None:
        return [f"{inputs['bucket']} would be created in {inputs['region']}"]
    said = []
    if bucket.get("bucket_versioning", {}).get("Status") != "Enabled":
        said.append("versioning would be enabled")
    key = _key(bucket)
    if key != inputs["key_arns"][0]:
        said.append(f"new objects would be encrypted with {inputs['key_arns'][0]} instead of {key or 'keys of S3'}")
    block = _inside(bucket, "public_access_block", "PublicAccessBlockConfiguration") or {}
    if not all(block.get(name) for name in PUBLIC_ACCESS):
        said.append("public access would be blocked")
    if compare_policies(_policy(bucket), merged_policy(found, inputs)):
        said.append("the policy would ask for TLS, and let nodes add snapshots only; statements of others stay")
    rules = bucket.get("bucket_lifecycle_configuration", {}).get("Rules", [])
    if lifecycle_state.plan(rules, inputs["prefix"], int(days)) != rules:
        said.append(f"superseded snapshots would expire after {days} days, and no other")
    return said


def merged_policy(found: list[dict[str, t.Any]], inputs: PolicyInputs) -> dict[str, t.Any]:
    """The bucket's policy: the cluster's own statements, known by their Sids, besides what others have written there."""
    own = bucket_policy(inputs)
    before = next((_policy(entry) for entry in found if entry["name"] == inputs["bucket"]), {})
    sids = {statement["Sid"] for statement in own["Statement"]}
    said = before.get("Statement", [])
    others = [one for one in (said if isinstance(said, list) else [said]) if one.get("Sid") not in sids]
    return {**before, **own, "Statement": [*others, *own["Statement"]]}


def _policy(bucket: dict[str, t.Any]) -> dict[str, t.Any]:
    policy = _inside(bucket, "bucket_policy", "Policy") or {}
    return json.loads(policy) if isinstance(policy, str) else policy


def _key(bucket: dict[str, t.Any]) -> str | None:
    rules = (_inside(bucket, "bucket_encryption", "ServerSideEncryptionConfiguration") or {}).get("Rules", [])
    return rules[0].get("ApplyServerSideEncryptionByDefault", {}).get("KMSMasterKeyID") if rules else None


def _inside(bucket: dict[str, t.Any], part: str, wrapper: str) -> t.Any:
    """amazon.aws 10 returns it in the answer that AWS gave, and amazon.aws 11 alone."""
    found = bucket.get(part) or {}
    return found.get(wrapper, found)
