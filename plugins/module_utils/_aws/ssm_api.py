# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Systems Manager's calls about a parameter that people read too."""

from __future__ import annotations

import typing as t

from ansible_collections.amazon.aws.plugins.module_utils.botocore import is_boto3_error_code
from ansible_collections.amazon.aws.plugins.module_utils.retries import AWSRetry

RETRY = AWSRetry.jittered_backoff(
    retries=6, delay=1, max_delay=10, catch_extra_error_codes=["ThrottlingException", "TooManyUpdates"]
)


def read(client: t.Any, name: str) -> str | None:
    """None only when AWS says that there is none."""
    try:
        return client.get_parameter(Name=name, aws_retry=True)["Parameter"]["Value"]
    except is_boto3_error_code("ParameterNotFound"):
        return None


def create(client: t.Any, name: str, text: str, tags: t.Mapping[str, str]) -> None:
    """Fails where it was made meanwhile: AWS takes tags for a new one alone, and nobody's is overwritten."""
    pairs = [{"Key": key, "Value": value} for key, value in tags.items()]
    client.put_parameter(Name=name, Value=text, Type="String", Overwrite=False, Tags=pairs, aws_retry=True)


def overwrite(client: t.Any, name: str, text: str) -> None:
    client.put_parameter(Name=name, Value=text, Type="String", Overwrite=True, aws_retry=True)


def delete(client: t.Any, name: str) -> None:
    try:
        client.delete_parameter(Name=name, aws_retry=True)
    except is_boto3_error_code("ParameterNotFound"):
        return
