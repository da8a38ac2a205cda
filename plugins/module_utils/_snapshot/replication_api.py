# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""S3's calls about what a bucket replicates."""

from __future__ import annotations

import typing as t

from ansible_collections.amazon.aws.plugins.module_utils.botocore import is_boto3_error_code

from .replication import Configuration


class NoBucket(Exception):
    """S3 says that there is no such bucket."""


def read(client: t.Any, bucket: str) -> Configuration | None:
    """None where the bucket replicates nothing."""
    try:
        found = client.get_bucket_replication(Bucket=bucket, aws_retry=True)["ReplicationConfiguration"]
    except is_boto3_error_code("ReplicationConfigurationNotFoundError"):
        return None
    except is_boto3_error_code("NoSuchBucket"):
        raise NoBucket from None
    return {"role": found["Role"], "rules": found["Rules"]}


def write(client: t.Any, bucket: str, wanted: Configuration) -> None:
    configuration = {"Role": wanted["role"], "Rules": wanted["rules"]}
    client.put_bucket_replication(Bucket=bucket, ReplicationConfiguration=configuration, aws_retry=True)
