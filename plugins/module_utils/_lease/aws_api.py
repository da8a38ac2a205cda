# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Systems Manager's calls about the parameters that a lease is kept in."""

from __future__ import annotations

import email.utils
import typing as t

from ansible_collections.amazon.aws.plugins.module_utils.botocore import is_boto3_error_code
from ansible_collections.amazon.aws.plugins.module_utils.retries import AWSRetry

RETRY = AWSRetry.jittered_backoff(
    retries=6, delay=1, max_delay=10, catch_extra_error_codes=["ThrottlingException", "TooManyUpdates"]
)


def read(client: t.Any, path: str) -> tuple[dict[str, tuple[str, float]], float]:
    """Parameters by name, each with its content and when it was made; and what time it is, by the same clock."""
    found: dict[str, tuple[str, float]] = {}
    more: dict[str, str] = {}
    while True:
        page = client.get_parameters_by_path(Path=path, aws_retry=True, **more)
        for one in page["Parameters"]:
            found[one["Name"]] = (one["Value"], one["LastModifiedDate"].timestamp())
        if not page.get("NextToken"):
            date = page["ResponseMetadata"]["HTTPHeaders"]["date"]
            return found, email.utils.parsedate_to_datetime(date).timestamp()
        more = {"NextToken": page["NextToken"]}


def create(client: t.Any, name: str, content: str, tags: t.Mapping[str, str]) -> bool:
    """Whether it was made; False where it is there already, also when an answer of AWS got lost."""
    pairs = [{"Key": key, "Value": value} for key, value in tags.items()]
    try:
        client.put_parameter(Name=name, Value=content, Type="String", Overwrite=False, Tags=pairs, aws_retry=True)
    except is_boto3_error_code("ParameterAlreadyExists"):
        return False
    return True


def delete(client: t.Any, names: t.Sequence[str]) -> None:
    for start in range(0, len(names), 10):
        client.delete_parameters(Names=list(names[start : start + 10]), aws_retry=True)
