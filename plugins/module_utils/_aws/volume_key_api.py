# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""AWS's calls about the key of volumes. None is what this identity may not see."""

from __future__ import annotations

import typing as t

from ansible_collections.amazon.aws.plugins.module_utils.botocore import is_boto3_error_code

from . import key_state, kms_api
from .volume_key import Key

_REFUSED = ["AccessDenied", "AccessDeniedException", "UnauthorizedOperation"]


def key(kms: t.Any, arn: str) -> Key | None:
    """None only when KMS says that there is none."""
    found = kms_api.describe(kms, arn)
    if found is None:
        return None
    seen = key_state.normalise(found, None, None, None, None)
    return {"arn": found["Arn"], "state": seen["key_state"], "usage": seen["key_usage"], "spec": seen["key_spec"]}


def default_key(ec2: t.Any) -> str | None:
    try:
        return ec2.get_ebs_default_kms_key_id(aws_retry=True)["KmsKeyId"]
    except is_boto3_error_code(_REFUSED):
        return None


def leads_to(kms: t.Any, alias: str, key_arn: str) -> bool | None:
    """Whether the alias leads to that key. An alias that does not exist leads nowhere."""
    try:
        aliases = kms_api.aliases(kms)
    except is_boto3_error_code(_REFUSED):
        return None
    return key_arn.rpartition("/")[2] == aliases.get(alias)


def volume_keys(ec2: t.Any, instances: list[str]) -> dict[str, list[str]] | None:
    """By instance. A volume that is not encrypted has none."""
    found: dict[str, set[str]] = {instance: set() for instance in instances}
    filters = [{"Name": "attachment.instance-id", "Values": instances}]
    try:
        volumes = ec2.get_paginator("describe_volumes").paginate(Filters=filters).build_full_result()["Volumes"]
    except is_boto3_error_code(_REFUSED):
        return None
    for volume in volumes:
        for attachment in volume["Attachments"]:
            if attachment["InstanceId"] in found and volume.get("KmsKeyId"):
                found[attachment["InstanceId"]].add(volume["KmsKeyId"])
    return {instance: sorted(keys) for instance, keys in found.items()}
