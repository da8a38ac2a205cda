# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What AWS refuses, in words: the cause, and what to do about it."""

from __future__ import annotations

import typing as t
from contextlib import contextmanager

try:
    from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError, NoCredentialsError
except ImportError:
    pass  # AnsibleAWSModule says so

CURES = {
    "AccessDeniedException": "Allow it in the identity's policy and in the key's.",
    "DisabledException": "Enable the key first.",
    "ExpiredTokenException": "The session's credentials have expired. Log in to AWS again.",
    "InvalidAliasNameException": "Alias names are alias/ and letters, digits, '/', '_' and '-', and not alias/aws/.",
    "InvalidArnException": "Check the ARN, and that its region is the one that is asked.",
    "InvalidClientTokenId": "These credentials are not valid for this endpoint.",
    "LimitExceededException": "Ask AWS for a higher quota, or remove keys or aliases that are not used.",
    "MalformedPolicyDocumentException": "AWS also refuses a policy by which the caller could not change the key again. "
    "Keep the caller, or the account's root, among the key's administrators.",
    "NotFoundException": "Check the name, the account and the region.",
    "UnrecognizedClientException": "These credentials are not valid for this endpoint.",
}


class AwsError(Exception):
    def __init__(self, cause: str, cure: str = "") -> None:
        super().__init__(f"{cause.rstrip('.')}. {cure}".strip())


@contextmanager
def explained(region: str | None) -> t.Iterator[None]:
    """Every failure of boto3 inside comes out as an AwsError."""
    where = f"in {region}" if region else "(no region)"
    try:
        yield
    except ClientError as error:
        code = error.response["Error"]["Code"]
        message = error.response["Error"].get("Message", "")
        raise AwsError(
            f"kms:{error.operation_name} was refused {where}: {code}: {message}", CURES.get(code, "")
        ) from error
    except NoCredentialsError as error:
        raise AwsError(
            f"no AWS credentials were found for KMS {where}",
            "Give the controller a role, a profile, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.",
        ) from error
    except EndpointConnectionError as error:
        raise AwsError(
            f"KMS can't be reached {where} ({error})", "Check the region's name, the endpoint and the way out."
        ) from error
    except BotoCoreError as error:
        raise AwsError(f"KMS can't be used {where} ({error})", "Check region, endpoint and credentials.") from error
