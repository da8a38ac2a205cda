# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""S3's calls about a bucket's lifecycle."""

from __future__ import annotations

import typing as t

from ansible_collections.amazon.aws.plugins.module_utils.botocore import is_boto3_error_code
from ansible_collections.amazon.aws.plugins.module_utils.retries import AWSRetry

from .lifecycle import Rule

# OperationAborted: another change of the bucket is under way.
RETRY = AWSRetry.jittered_backoff(
    retries=6, delay=1, max_delay=10, catch_extra_error_codes=["OperationAborted", "SlowDown"]
)
# What PutBucketLifecycleConfiguration sets back to its default where it is not said again.
BESIDE_RULES = ("TransitionDefaultMinimumObjectSize",)


class Lifecycle(t.TypedDict):
    rules: list[Rule]
    beside: dict[str, t.Any]


def read(client: t.Any, bucket: str) -> Lifecycle | None:
    """None only when S3 says that there is no such bucket; a bucket without a lifecycle has no rules."""
    try:
        found = client.get_bucket_lifecycle_configuration(Bucket=bucket, aws_retry=True)
    except is_boto3_error_code("NoSuchLifecycleConfiguration"):
        return {"rules": [], "beside": {}}
    except is_boto3_error_code("NoSuchBucket"):
        return None
    return {"rules": found["Rules"], "beside": {name: found[name] for name in BESIDE_RULES if name in found}}


def write(client: t.Any, bucket: str, lifecycle: Lifecycle) -> None:
    client.put_bucket_lifecycle_configuration(
        Bucket=bucket, LifecycleConfiguration={"Rules": lifecycle["rules"]}, aws_retry=True, **lifecycle["beside"]
    )
