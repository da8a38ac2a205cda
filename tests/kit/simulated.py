"""What the simulator refuses of requests that were made: with the policies of key and bucket as they are in the account."""

from __future__ import annotations

import json
import typing as t

from botocore.exceptions import ClientError
from kit import simulator
from kit.aws_calls import Asked, Cluster

Client = t.Callable[[str], t.Any]
# Of the CA's key. What is asked of both keys is decided for the unseal key.
_SIGNS = {"kms:Sign", "kms:GetPublicKey"}


def refused(
    client: Client, cluster: Cluster, bucket: str, policies: t.Sequence[simulator.Document], asked: set[Asked]
) -> list[tuple[Asked, str]]:
    """*client*: boto3's, for a service. *policies*: of whoever asked."""
    kms, of_the_bucket = client("kms"), _of_the_bucket(client("s3"), bucket)
    of_keys = {signs: _of_a_key(kms, cluster.ca_alias if signs else cluster.alias) for signs in (True, False)}

    def of(one: Asked) -> simulator.Document | None:
        if ":key/" in one.resource:
            return of_keys[one.action in _SIGNS]
        return of_the_bucket if one.resource.startswith(f"arn:aws:s3:::{bucket}") else None

    who = f"arn:aws:iam::{cluster.account}:role/runner"
    return simulator.refused([simulator.Case(who, policies, one, of(one)) for one in asked])


def _of_a_key(kms: t.Any, alias: str) -> simulator.Document | None:
    if alias not in {one["AliasName"] for one in kms.list_aliases()["Aliases"]}:
        return None
    key = kms.describe_key(KeyId=alias)["KeyMetadata"]["KeyId"]
    return json.loads(kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"])


def _of_the_bucket(s3: t.Any, bucket: str) -> simulator.Document | None:
    try:
        return json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"])
    except ClientError as error:
        if error.response["Error"]["Code"] in ("NoSuchBucket", "NoSuchBucketPolicy"):
            return None
        raise
