# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How the buckets differ from what they should be. Pure: check mode has only this, s3_bucket skips itself."""

from __future__ import annotations

import re
import typing as t

from .._snapshot import lifecycle as lifecycle_state
from .policies import PolicyInputs, bucket_policy, transfer_bucket_policy

Document = dict[str, t.Any]
PUBLIC_ACCESS = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")
# Of files on their way. A day is the least that S3 knows.
TRANSFER_RULE = "vault-transfer"
TRANSFER_DAYS = 1
# What S3 shows of a role or a user that was deleted, in the place of the ARN; and no policy with it is taken.
_DELETED = re.compile(r"A(ROA|IDA)[A-Z0-9]+")


class Bucket(t.TypedDict):
    """What aws_bucket_info reads. What the bucket does not have is empty."""

    name: str
    region: str  # empty where the answer does not say it, as of a stand-in
    versioning: str  # Enabled, Suspended; empty: it never was
    encryption: Document  # SSEAlgorithm and KMSMasterKeyID
    public_access_block: Document
    policy: Document
    rules: list[Document]  # of the lifecycle
    tags: dict[str, str]


def differences(found: list[Bucket], inputs: PolicyInputs, days: int | str, tags: t.Mapping[str, t.Any]) -> list[str]:
    """What a run would change, in words. *found* is what aws_bucket_info returns as buckets."""
    bucket = _named(found, inputs["bucket"])
    if bucket is None:
        return [f"{inputs['bucket']} would be created in {inputs['region']}"]
    said = []
    if bucket["versioning"] != "Enabled":
        said.append("versioning would be enabled")
    key = bucket["encryption"].get("KMSMasterKeyID")
    if key != inputs["key_arns"][0]:
        said.append(f"new objects would be encrypted with {inputs['key_arns'][0]} instead of {key or 'keys of S3'}")
    said += _public(bucket)
    if differ(bucket["policy"], merged_policy(bucket["policy"], bucket_policy(inputs))):
        said.append("the policy would ask for TLS, and let nodes add snapshots only; statements of others stay")
    if lifecycle_state.plan(bucket["rules"], inputs["prefix"], int(days)) != bucket["rules"]:
        said.append(f"superseded snapshots would expire after {days} days, and no other")
    return said + _tags(bucket, tags)


def elsewhere(found: t.Sequence[Bucket], region: str) -> list[str]:
    """Why a bucket can't be used: S3 encrypts with keys of the bucket's own region, and endpoints lead to theirs alone."""
    return [
        f"The bucket {one['name']} is in {one['region']}, and this inventory wants it in {region}. Nothing of it is changed. "
        "Name another bucket in the inventory, or the region of this one."
        for one in found
        # Empty where a stand-in for AWS does not say the region.
        if one["region"] not in ("", region)
    ]


def merged_policy(before: t.Mapping[str, t.Any], own: t.Mapping[str, t.Any]) -> Document:
    """The bucket's policy: the cluster's *own* statements, known by their Sids, besides what others have written there."""
    return {**before, **own, "Statement": [*_others(before, own), *_statements(own)]}


def without_sid(own: t.Mapping[str, t.Any]) -> bool:
    """Whether a statement that is to be written could not be known again."""
    return any(not statement.get("Sid") for statement in _statements(own))


def policy_problems(found: list[Bucket], inputs: PolicyInputs) -> list[str]:
    """Why S3 would not take the policy that is due."""
    bucket = _named(found, inputs["bucket"])
    return deleted_principals(inputs["bucket"], bucket["policy"], bucket_policy(inputs)) if bucket else []


def deleted_principals(name: str, before: t.Mapping[str, t.Any], own: t.Mapping[str, t.Any]) -> list[str]:
    """Whom statements of others name that is not there any more. A policy that is not written anew may keep them."""
    if not differ(before, merged_policy(before, own)):
        return []
    said = []
    for number, statement in enumerate(_others(before, own), 1):
        gone = sorted({one for one in _principals(statement) if _DELETED.fullmatch(one)})
        if gone:
            which = str(statement["Sid"]) if statement.get("Sid") else f"without a Sid (number {number} of others)"
            said.append(
                f"The policy of the bucket {name} has a statement of others, {which}, that names {', '.join(gone)}: by such "
                "an id S3 shows a role or a user that was deleted, and S3 takes no policy that names one. So the cluster's own "
                "statements can't be written. Nothing of it is changed. Take the id out of that statement, or put the ARN of "
                "who is meant by now in its place, and run again."
            )
    return said


def transfer_differences(
    found: list[Bucket],
    inputs: PolicyInputs,
    name: str,
    key: str,
    principals: t.Sequence[str],
    tags: t.Mapping[str, t.Any],
) -> list[str]:
    """The same, of the bucket for files on their way to the nodes. *key*: ARN of the key; empty, it is AWS's own for S3."""
    bucket = _named(found, name)
    if bucket is None:
        return [f"{name} would be created in {inputs['region']}"]
    said = []
    now = bucket["encryption"]
    if now.get("SSEAlgorithm") != "aws:kms" or (now.get("KMSMasterKeyID") or "") != key:
        kept = now.get("KMSMasterKeyID") or (
            "the key of AWS for S3" if now.get("SSEAlgorithm") == "aws:kms" else "keys of S3"
        )
        said.append(f"files would be encrypted with {key or 'the key of AWS for S3'} instead of {kept}")
    said += _public(bucket)
    if differ(bucket["policy"], transfer_bucket_policy(inputs, name, principals)):
        said.append(
            "the policy would be replaced by one that asks for TLS, and lets vault_ssm_principals alone read and write files"
        )
    if not any(_expires(rule) for rule in bucket["rules"]):
        said.append("files would expire after a day")
    return said + _tags(bucket, tags)


def versioned(found: t.Sequence[t.Mapping[str, t.Any]], name: str) -> list[str]:
    """Why files can't travel through a bucket that keeps, or has kept, what was deleted in it."""
    status = next((bucket["versioning"] for bucket in found if bucket["name"] == name), "")
    if not status:
        return []
    return [
        f"The bucket {name} has versioning ({status}), so a file with a private key that a node has fetched would stay, or has "
        "stayed, as an old version. Nothing of it is changed. Delete the bucket with all versions, and provision.yml makes it "
        "anew; or name another one in vault_ssm_bucket."
    ]


def differ(before: t.Mapping[str, t.Any], wanted: t.Mapping[str, t.Any]) -> bool:
    """Of policies."""
    # Here: the documentation of a filter is read where amazon.aws is not.
    from ansible_collections.amazon.aws.plugins.module_utils.policy import compare_policies

    return bool(compare_policies(before, wanted))


def _others(before: t.Mapping[str, t.Any], own: t.Mapping[str, t.Any]) -> list[Document]:
    sids = {statement["Sid"] for statement in _statements(own)}
    return [one for one in _statements(before) if one.get("Sid") not in sids]


def _statements(policy: t.Mapping[str, t.Any]) -> list[Document]:
    """A policy with one statement may have it without a list."""
    said = policy.get("Statement", [])
    return said if isinstance(said, list) else [said]


def _principals(statement: t.Mapping[str, t.Any]) -> t.Iterator[str]:
    for name in ("Principal", "NotPrincipal"):
        principal = statement.get(name)
        named = principal.get("AWS", []) if isinstance(principal, dict) else []
        yield from [named] if isinstance(named, str) else named


def _tags(bucket: Bucket, wanted: t.Mapping[str, t.Any]) -> list[str]:
    """Those of others stay."""
    lacking = sorted(name for name, value in wanted.items() if bucket["tags"].get(name) != str(value))
    return (
        [f"the bucket would be tagged with {', '.join(f'{name}={wanted[name]}' for name in lacking)}"]
        if lacking
        else []
    )


def _named(found: list[Bucket], name: str) -> Bucket | None:
    return next((entry for entry in found if entry["name"] == name), None)


def _expires(rule: Document) -> bool:
    everything = not (rule.get("Filter") or {}).get("Prefix", rule.get("Prefix", "")) and set(
        rule.get("Filter") or {}
    ) <= {"Prefix"}
    return (
        rule.get("ID") == TRANSFER_RULE
        and everything
        and rule.get("Status") == "Enabled"
        and rule.get("Expiration", {}).get("Days") == TRANSFER_DAYS
    )


def _public(bucket: Bucket) -> list[str]:
    block = bucket["public_access_block"]
    return [] if all(block.get(name) for name in PUBLIC_ACCESS) else ["public access would be blocked"]
