# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How the buckets differ from what they should be. Pure: check mode has only this, s3_bucket skips itself."""

from __future__ import annotations

import json
import typing as t

from .._snapshot import lifecycle as lifecycle_state
from .policies import PolicyInputs, bucket_policy, transfer_bucket_policy

PUBLIC_ACCESS = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")
# Of files on their way. A day is the least that S3 knows.
TRANSFER_RULE = "vault-transfer"
TRANSFER_DAYS = 1


def differences(found: list[dict[str, t.Any]], inputs: PolicyInputs, days: int | str) -> list[str]:
    """What a run would change, in words. *found* is what amazon.aws.s3_bucket_info returns as buckets."""
    bucket = _named(found, inputs["bucket"])
    if bucket is None:
        return [f"{inputs['bucket']} would be created in {inputs['region']}"]
    said = []
    if bucket.get("bucket_versioning", {}).get("Status") != "Enabled":
        said.append("versioning would be enabled")
    key = _encryption(bucket).get("KMSMasterKeyID")
    if key != inputs["key_arns"][0]:
        said.append(f"new objects would be encrypted with {inputs['key_arns'][0]} instead of {key or 'keys of S3'}")
    said += _public(bucket)
    if _differ(bucket, merged_policy(found, inputs)):
        said.append("the policy would ask for TLS, and let nodes add snapshots only; statements of others stay")
    rules = _rules(bucket)
    if lifecycle_state.plan(rules, inputs["prefix"], int(days)) != rules:
        said.append(f"superseded snapshots would expire after {days} days, and no other")
    return said


def merged_policy(found: list[dict[str, t.Any]], inputs: PolicyInputs) -> dict[str, t.Any]:
    """The bucket's policy: the cluster's own statements, known by their Sids, besides what others have written there."""
    own = bucket_policy(inputs)
    before = _policy(_named(found, inputs["bucket"]) or {})
    sids = {statement["Sid"] for statement in own["Statement"]}
    said = before.get("Statement", [])
    others = [one for one in (said if isinstance(said, list) else [said]) if one.get("Sid") not in sids]
    return {**before, **own, "Statement": [*others, *own["Statement"]]}


def transfer_differences(
    found: list[dict[str, t.Any]], inputs: PolicyInputs, name: str, key: str, principals: t.Sequence[str]
) -> list[str]:
    """The same, of the bucket for files on their way to the nodes. *key*: ARN of the key; empty, it is AWS's own for S3."""
    bucket = _named(found, name)
    if bucket is None:
        return [f"{name} would be created in {inputs['region']}"]
    said = []
    now = _encryption(bucket)
    if now.get("SSEAlgorithm") != "aws:kms" or (now.get("KMSMasterKeyID") or "") != key:
        kept = now.get("KMSMasterKeyID") or (
            "the key of AWS for S3" if now.get("SSEAlgorithm") == "aws:kms" else "keys of S3"
        )
        said.append(f"files would be encrypted with {key or 'the key of AWS for S3'} instead of {kept}")
    said += _public(bucket)
    if _differ(bucket, transfer_bucket_policy(inputs, name, principals)):
        said.append(
            "the policy would be replaced by one that asks for TLS, and lets vault_ssm_principals alone read and write files"
        )
    if not any(_expires(rule) for rule in _rules(bucket)):
        said.append("files would expire after a day")
    return said


def versioned(found: list[dict[str, t.Any]], name: str) -> list[str]:
    """Why files can't travel through a bucket that keeps, or has kept, what was deleted in it."""
    bucket = _named(found, name) or {}
    status = bucket.get("bucket_versioning", {}).get("Status")
    if not status:
        return []
    return [
        f"The bucket {name} has versioning ({status}), so a file with a private key that a node has fetched would stay, or has "
        "stayed, as an old version. Nothing of it is changed. Delete the bucket with all versions, and provision.yml makes it "
        "anew; or name another one in vault_ssm_bucket."
    ]


def _named(found: list[dict[str, t.Any]], name: str) -> dict[str, t.Any] | None:
    return next((entry for entry in found if entry["name"] == name), None)


def _expires(rule: dict[str, t.Any]) -> bool:
    everything = not (rule.get("Filter") or {}).get("Prefix", rule.get("Prefix", "")) and set(
        rule.get("Filter") or {}
    ) <= {"Prefix"}
    return (
        rule.get("ID") == TRANSFER_RULE
        and everything
        and rule.get("Status") == "Enabled"
        and rule.get("Expiration", {}).get("Days") == TRANSFER_DAYS
    )


def _public(bucket: dict[str, t.Any]) -> list[str]:
    block = _inside(bucket, "public_access_block", "PublicAccessBlockConfiguration") or {}
    return [] if all(block.get(name) for name in PUBLIC_ACCESS) else ["public access would be blocked"]


def _policy(bucket: dict[str, t.Any]) -> dict[str, t.Any]:
    policy = _inside(bucket, "bucket_policy", "Policy") or {}
    return json.loads(policy) if isinstance(policy, str) else policy


def _differ(bucket: dict[str, t.Any], wanted: t.Mapping[str, t.Any]) -> bool:
    # Here: the documentation of a filter is read where amazon.aws is not.
    from ansible_collections.amazon.aws.plugins.module_utils.policy import compare_policies

    return bool(compare_policies(_policy(bucket), wanted))


def _rules(bucket: dict[str, t.Any]) -> list[dict[str, t.Any]]:
    return bucket.get("bucket_lifecycle_configuration", {}).get("Rules", [])


def _encryption(bucket: dict[str, t.Any]) -> dict[str, t.Any]:
    rules = (_inside(bucket, "bucket_encryption", "ServerSideEncryptionConfiguration") or {}).get("Rules", [])
    return rules[0].get("ApplyServerSideEncryptionByDefault", {}) if rules else {}


def _inside(bucket: dict[str, t.Any], part: str, wrapper: str) -> t.Any:
    """amazon.aws 10 returns it in the answer that AWS gave, and amazon.aws 11 alone."""
    found = bucket.get(part) or {}
    return found.get(wrapper, found)
