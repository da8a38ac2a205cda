# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Clients for AWS, and what their errors mean. Credentials come from where boto3 looks for them."""

from __future__ import annotations

import contextlib
import logging
import typing as t

from .errors import Exit, Failure

try:
    import aws_encryption_sdk
    import boto3
    import botocore.config
    import botocore.exceptions

    MISSING: ImportError | None = None
except ImportError as import_error:
    MISSING = import_error


def client(service: str, region: str, endpoint_url: str | None, timeout_seconds: int) -> t.Any:
    if MISSING is not None:
        raise Failure(Exit.CONFIG, f"a Python package is missing ({MISSING})", "Install boto3 and aws-encryption-sdk.")
    # It logs with a traceback what is reported in words here.
    logging.getLogger(aws_encryption_sdk.__name__).setLevel(logging.CRITICAL + 1)
    settings = botocore.config.Config(
        connect_timeout=min(timeout_seconds, 10),
        read_timeout=timeout_seconds,
        retries={"mode": "standard", "total_max_attempts": 3},
        s3={"addressing_style": "path"} if endpoint_url else None,
    )
    return boto3.session.Session().client(service, region_name=region, endpoint_url=endpoint_url, config=settings)


@contextlib.contextmanager
def explained(code: Exit, what: str, cures: dict[str, str]) -> t.Iterator[None]:
    """Turn whatever boto3 raises into a Failure: "*what* (why). *cures*[AWS's code]"."""
    try:
        yield
    except botocore.exceptions.ClientError as error:
        raise refusal(code, what, error.response, cures) from error
    except botocore.exceptions.BotoCoreError as error:
        raise unreachable(code, what, error) from error


def was_denied(failure: Failure) -> bool:
    return code_of(failure.__cause__) == "AccessDenied"


def code_of(error: BaseException | None) -> str:
    """AWS's own word for an error that boto3 raised; empty for any other."""
    answer = getattr(error, "response", None)
    return error_code(answer) if isinstance(answer, dict) else ""


def error_code(answer: dict[str, t.Any]) -> str:
    """AWS's own word; an answer to HEAD has no body, and only its status to say it."""
    found = str((answer.get("Error") or {}).get("Code") or "")
    return {"403": "AccessDenied", "404": "NotFound"}.get(found, found)


def refusal(code: Exit, what: str, answer: dict[str, t.Any], cures: dict[str, str]) -> Failure:
    found = error_code(answer)
    message = str((answer.get("Error") or {}).get("Message") or "").strip()
    return Failure(code, f"{what} ({found}: {message})" if message else f"{what} ({found})", cures.get(found, ""))


def unreachable(code: Exit, what: str, error: Exception) -> Failure:
    if isinstance(error, (botocore.exceptions.NoCredentialsError, botocore.exceptions.CredentialRetrievalError)):
        return Failure(code, f"{what} (no AWS credentials)", "Does this machine have its instance profile?")
    return Failure(code, f"{what} ({error})", "Look at the way to AWS, such as its VPC endpoint, and at endpoint_url.")
