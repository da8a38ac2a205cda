# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""KMS calls, and one reader that puts a key into the shape everything else uses."""

from __future__ import annotations

import json
import typing as t

from ansible_collections.amazon.aws.plugins.module_utils.botocore import is_boto3_error_code
from ansible_collections.amazon.aws.plugins.module_utils.retries import AWSRetry, RetryingBotoClientWrapper
from ansible_collections.amazon.aws.plugins.module_utils.tagging import (
    ansible_dict_to_boto3_tag_list,
    boto3_tag_list_to_ansible_dict,
)

from .._common.errors import Problem
from .._common.wait import Wait
from .key_state import Desired, Key, normalise

RETRY = AWSRetry.jittered_backoff(retries=6, delay=1, max_delay=10, catch_extra_error_codes=["ThrottlingException"])
# For CreateKey, which has no token that tells a repeated call from a second one: botocore must not repeat a call whose
# answer got lost. RETRY only repeats what KMS refused.
ONCE = {"retries": {"total_max_attempts": 1}}
# How long an alias may take to be everywhere: mostly seconds, at times minutes.
ALIAS_SECONDS = 300
POLL_SECONDS = 1
# How long KMS may say of a key that it has just made that there is none.
NEW_SECONDS = 60
T = t.TypeVar("T")


def client(region: str, endpoint_url: str | None) -> t.Any:
    """For a module that is about something else than AWS."""
    import boto3

    return RetryingBotoClientWrapper(boto3.client("kms", region_name=region, endpoint_url=endpoint_url or None), RETRY)


def describe(client: t.Any, key_id: str) -> dict[str, t.Any] | None:
    """A key's metadata by id, ARN or alias; None only when KMS says that there is none."""
    try:
        return client.describe_key(KeyId=key_id, aws_retry=True)["KeyMetadata"]
    except is_boto3_error_code("NotFoundException"):
        return None


def read(client: t.Any, key_id: str) -> Key | None:
    metadata = describe(client, key_id)
    if metadata is None:
        return None
    arn = metadata["Arn"]
    return normalise(
        metadata,
        _allowed(lambda: [alias["AliasName"] for alias in _all(client, "list_aliases", "Aliases", KeyId=arn)]),
        tags_if_allowed(client, arn),
        _allowed(lambda: json.loads(client.get_key_policy(KeyId=arn, PolicyName="default", aws_retry=True)["Policy"])),
        _allowed(lambda: _rotation(client, arn, metadata)),
    )


def tags(client: t.Any, key_id: str) -> dict[str, str]:
    found = _all(client, "list_resource_tags", "Tags", KeyId=key_id)
    return boto3_tag_list_to_ansible_dict(found, "TagKey", "TagValue")


def tags_if_allowed(client: t.Any, key_id: str) -> dict[str, str] | None:
    """None for what this identity may not see."""
    return _allowed(lambda: tags(client, key_id))


def aliases(client: t.Any) -> dict[str, str]:
    """Ids of the keys that aliases lead to; an alias of AWS may lead to none yet."""
    found = _all(client, "list_aliases", "Aliases")
    return {alias["AliasName"]: alias["TargetKeyId"] for alias in found if "TargetKeyId" in alias}


def key_ids(client: t.Any) -> list[str]:
    return [key["KeyId"] for key in _all(client, "list_keys", "Keys")]


def find_tagged(client: t.Any, wanted: dict[str, str]) -> list[str]:
    """Ids of the enabled keys of the customer that carry these tags."""
    found = []
    for key_id in key_ids(client):
        key_tags = tags_if_allowed(client, key_id)
        if key_tags and wanted.items() <= key_tags.items():
            metadata = describe(client, key_id)
            if metadata and metadata["KeyState"] == "Enabled":
                found.append(key_id)
    return found


def create_key(client: t.Any, key: Key) -> str:
    """*client* is one that was made with ONCE."""
    arguments: dict[str, t.Any] = {
        "Description": key["description"] or "",
        "KeyUsage": key["key_usage"],
        "KeySpec": key["key_spec"],
        "MultiRegion": key["multi_region"],
        "Tags": ansible_dict_to_boto3_tag_list(key["tags"] or {}, "TagKey", "TagValue"),
    }
    if key["policy"]:
        arguments["Policy"] = json.dumps(key["policy"])
    return client.create_key(**arguments, aws_retry=True)["KeyMetadata"]["KeyId"]


def public_key(client: t.Any, key_id: str) -> bytes:
    """Of an asymmetric key, in DER."""
    return client.get_public_key(KeyId=key_id, aws_retry=True)["PublicKey"]


def sign(client: t.Any, key_id: str, message: bytes, algorithm: str) -> bytes:
    """KMS hashes the message itself, which may have 4096 bytes."""
    signed = client.sign(KeyId=key_id, Message=message, MessageType="RAW", SigningAlgorithm=algorithm, aws_retry=True)
    return signed["Signature"]


def sign_digest(client: t.Any, key_id: str, digest: bytes, algorithm: str) -> bytes:
    """The same for a message that is too long for KMS, by its hash."""
    kind = {"MessageType": "DIGEST", "SigningAlgorithm": algorithm}
    return client.sign(KeyId=key_id, Message=digest, aws_retry=True, **kind)["Signature"]


def replicate(client: t.Any, key_id: str, region: str, desired: Desired) -> None:
    """Make a replica; *client* is of the primary key's region."""
    arguments: dict[str, t.Any] = {"KeyId": key_id, "ReplicaRegion": region}
    if desired["policy"]:
        arguments["Policy"] = json.dumps(desired["policy"])
    if desired["description"]:
        arguments["Description"] = desired["description"]
    if desired["tags"]:
        arguments["Tags"] = ansible_dict_to_boto3_tag_list(desired["tags"], "TagKey", "TagValue")
    client.replicate_key(**arguments)


def create_alias(client: t.Any, alias: str, key_id: str) -> None:
    client.create_alias(AliasName=alias, TargetKeyId=key_id, aws_retry=True)
    _await_alias(client, alias, key_id)


def update_alias(client: t.Any, alias: str, key_id: str) -> None:
    client.update_alias(AliasName=alias, TargetKeyId=key_id, aws_retry=True)
    _await_alias(client, alias, key_id)


def delete_alias(client: t.Any, alias: str) -> None:
    client.delete_alias(AliasName=alias, aws_retry=True)


def apply(client: t.Any, key_id: str, step: str, value: t.Any) -> None:
    """Carry out one step of a plan (key_state.plan)."""
    if step == "cancel_deletion":
        client.cancel_key_deletion(KeyId=key_id, aws_retry=True)
    elif step == "enable":
        client.enable_key(KeyId=key_id, aws_retry=True)
    elif step == "disable":
        client.disable_key(KeyId=key_id, aws_retry=True)
    elif step == "description":
        client.update_key_description(KeyId=key_id, Description=value, aws_retry=True)
    elif step == "policy":
        client.put_key_policy(KeyId=key_id, PolicyName="default", Policy=json.dumps(value), aws_retry=True)
    elif step == "tag":
        listed = ansible_dict_to_boto3_tag_list(value, "TagKey", "TagValue")
        client.tag_resource(KeyId=key_id, Tags=listed, aws_retry=True)
    elif step == "untag":
        client.untag_resource(KeyId=key_id, TagKeys=value, aws_retry=True)
    elif step == "rotation_on":
        period = {"RotationPeriodInDays": value} if value else {}
        client.enable_key_rotation(KeyId=key_id, aws_retry=True, **period)
    elif step == "rotation_off":
        client.disable_key_rotation(KeyId=key_id, aws_retry=True)
    elif step == "schedule_deletion":
        client.schedule_key_deletion(KeyId=key_id, PendingWindowInDays=value, aws_retry=True)
    else:
        raise ValueError(f"there is no step {step}")


def when_known(call: t.Callable[[], T]) -> T:
    """What *call* returns, about a key that was made a moment ago: one part of KMS may know it before another does."""
    wait = Wait(NEW_SECONDS, POLL_SECONDS)
    while True:
        try:
            return call()
        except is_boto3_error_code("NotFoundException"):
            if not wait.again():
                raise


def carry_out(client: t.Any, key_id: str, step: str, value: t.Any, new: bool) -> None:
    """One step of a plan. Of a key that is not new, 'not found' is an answer."""
    if new:
        when_known(lambda: apply(client, key_id, step, value))
    else:
        apply(client, key_id, step, value)


def read_new(client: t.Any, key_id: str) -> Key:
    """A key that was made a moment ago."""
    wait = Wait(NEW_SECONDS, POLL_SECONDS)
    while True:
        found = when_known(lambda: read(client, key_id))
        if found:
            return found
        if not wait.again():
            raise Problem(
                f"KMS does not know {key_id} {NEW_SECONDS} seconds after it was made", "Run this once more, later."
            )


def _await_alias(client: t.Any, alias: str, key: str) -> None:
    """KMS' aliases are eventually consistent: what follows relies on where this one leads to. *key*: its id or ARN."""
    wait = Wait(ALIAS_SECONDS, POLL_SECONDS)
    while True:
        found = describe(client, alias)
        if found and key in (found["KeyId"], found["Arn"]):
            return
        if not wait.again():
            raise Problem(
                f"{alias} does not lead to {key} {ALIAS_SECONDS} seconds after it was set", "Run this once more, later."
            )


def _rotation(client: t.Any, key_id: str, metadata: dict[str, t.Any]) -> dict[str, t.Any] | None:
    # KMS answers for these with an error, and they don't rotate.
    if metadata["KeyState"] in ("PendingDeletion", "PendingReplicaDeletion", "PendingImport"):
        return None
    return client.get_key_rotation_status(KeyId=key_id, aws_retry=True)


def _allowed(read_part: t.Callable[[], T]) -> T | None:
    """None for what this identity may not see, as with a key of another account: it is then not managed either."""
    try:
        return read_part()
    except is_boto3_error_code(["AccessDeniedException", "UnsupportedOperationException"]):
        return None


@RETRY
def _all(client: t.Any, operation: str, items: str, **arguments: t.Any) -> list[t.Any]:
    pages = client.get_paginator(operation).paginate(**arguments)
    return pages.build_full_result()[items]
