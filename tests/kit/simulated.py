"""What the simulator refuses of requests that were made: with the policies of key and bucket as they are in the account."""

from __future__ import annotations

import json
import typing as t

from botocore.exceptions import ClientError
from kit import simulator
from kit.aws_calls import Asked

Client = t.Callable[[str], t.Any]


def refused(
    client: Client, account: str, alias: str, bucket: str, policies: t.Sequence[simulator.Document], asked: set[Asked]
) -> list[tuple[Asked, str]]:
    """*client*: boto3's, for a service. *policies*: of whoever asked. *alias*: of the unseal key."""
    of_the_key, of_the_bucket = _of_the_key(client("kms"), alias), _of_the_bucket(client("s3"), bucket)

    def of(resource: str) -> simulator.Document | None:
        if ":key/" in resource:
            return of_the_key
        return of_the_bucket if resource.startswith(f"arn:aws:s3:::{bucket}") else None

    who = f"arn:aws:iam::{account}:role/runner"
    return simulator.refused([simulator.Case(who, policies, one, of(one.resource)) for one in asked])


def _of_the_key(kms: t.Any, alias: str) -> simulator.Document:
    key = kms.describe_key(KeyId=alias)["KeyMetadata"]["KeyId"]
    return json.loads(kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"])


def _of_the_bucket(s3: t.Any, bucket: str) -> simulator.Document | None:
    try:
        return json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"])
    except ClientError as error:
        if error.response["Error"]["Code"] in ("NoSuchBucket", "NoSuchBucketPolicy"):
            return None
        raise
