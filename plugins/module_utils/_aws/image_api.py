# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""AWS's calls about an image, and about where a type of instance is offered."""

from __future__ import annotations

import typing as t

from ansible_collections.amazon.aws.plugins.module_utils.botocore import is_boto3_error_code
from ansible_collections.amazon.aws.plugins.module_utils.retries import AWSRetry

RETRY = AWSRetry.jittered_backoff(retries=6, delay=1, max_delay=10, catch_extra_error_codes=["ThrottlingException"])
_NONE = ["InvalidAMIID.NotFound", "InvalidAMIID.Malformed", "InvalidAMIID.Unavailable"]
Answer = t.Mapping[str, t.Any]


def parameter(client: t.Any, name: str) -> str | None:
    """None only when AWS says that there is none."""
    found = client.get_parameters(Names=[name], aws_retry=True)["Parameters"]
    return found[0]["Value"] if found else None


def image(client: t.Any, identifier: str) -> Answer | None:
    """None only when AWS says that there is none. With those that their owner has deprecated or disabled."""
    try:
        asked = {"IncludeDeprecated": True, "IncludeDisabled": True}
        found = client.describe_images(ImageIds=[identifier], aws_retry=True, **asked)["Images"]
    except is_boto3_error_code(_NONE):
        return None
    return found[0] if found else None


def images(client: t.Any, owner: str, name: str) -> list[Answer]:
    """Those that may be launched."""
    filters = [{"Name": "name", "Values": [name]}, {"Name": "state", "Values": ["available"]}]
    return client.describe_images(Owners=[owner], Filters=filters, aws_retry=True)["Images"]


def zones(client: t.Any, kind: str) -> list[str]:
    """That offer this type; none for a name that is no type's."""
    filters = [{"Name": "instance-type", "Values": [kind]}]
    answer = client.describe_instance_type_offerings(LocationType="availability-zone", Filters=filters, aws_retry=True)
    return sorted(each["Location"] for each in answer["InstanceTypeOfferings"])


def instance_type(client: t.Any, kind: str) -> Answer:
    return client.describe_instance_types(InstanceTypes=[kind], aws_retry=True)["InstanceTypes"][0]
