# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""S3's calls about a bucket. What a bucket does not have is empty; any other refusal is an error, and never passes for that."""

from __future__ import annotations

import json
import typing as t

from ansible_collections.amazon.aws.plugins.module_utils.botocore import is_boto3_error_code

from .bucket import Bucket, Document


def region(client: t.Any, name: str) -> str | None:
    """Where the bucket is; None only where S3 says that there is none."""
    try:
        found = client.head_bucket(Bucket=name, aws_retry=True)
    except is_boto3_error_code(["404", "NoSuchBucket"]):
        return None
    return str(found.get("BucketRegion") or "")


def policy(client: t.Any, name: str) -> Document:
    text = _unless(["NoSuchBucketPolicy"], client.get_bucket_policy, name).get("Policy")
    return json.loads(text) if text else {}


def put_policy(client: t.Any, name: str, wanted: Document) -> None:
    client.put_bucket_policy(Bucket=name, Policy=json.dumps(wanted), aws_retry=True)


def read(client: t.Any, name: str) -> Bucket | None:
    where = region(client, name)
    if where is None:
        return None
    none = ["ServerSideEncryptionConfigurationNotFoundError"]
    encryption = _unless(none, client.get_bucket_encryption, name).get("ServerSideEncryptionConfiguration", {})
    rules = encryption.get("Rules", [])
    block = _unless(["NoSuchPublicAccessBlockConfiguration"], client.get_public_access_block, name)
    lifecycle = _unless(["NoSuchLifecycleConfiguration"], client.get_bucket_lifecycle_configuration, name)
    tagged = _unless(["NoSuchTagSet"], client.get_bucket_tagging, name)
    return {
        "name": name,
        "region": where,
        "versioning": client.get_bucket_versioning(Bucket=name, aws_retry=True).get("Status", ""),
        "encryption": rules[0].get("ApplyServerSideEncryptionByDefault", {}) if rules else {},
        "public_access_block": block.get("PublicAccessBlockConfiguration", {}),
        "policy": policy(client, name),
        "rules": lifecycle.get("Rules", []),
        "tags": {one["Key"]: one["Value"] for one in tagged.get("TagSet", [])},
    }


def _unless(codes: list[str], call: t.Callable[..., Document], name: str) -> Document:
    """Nothing where S3 says by one of these codes that the bucket has none."""
    try:
        return call(Bucket=name, aws_retry=True)
    except is_boto3_error_code(codes):
        return {}
