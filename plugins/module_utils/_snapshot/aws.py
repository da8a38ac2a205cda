# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Clients for AWS, and what their errors mean. Credentials come from where boto3 looks for them."""

from __future__ import annotations

import contextlib
import logging
import typing as t

from .._common.aws import FAILURES, RENEW, Refusal, refusal_of
from .errors import Exit, Failure

try:
    import aws_encryption_sdk
    import boto3
    import botocore.config

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
def translate_errors(code: Exit, what: str, cures: dict[str, str]) -> t.Iterator[None]:
    """Turn whatever boto3 raises into a Failure: "*what* (why). *cures*[AWS's code]"."""
    try:
        yield
    except FAILURES as error:
        raise failure(code, what, refusal_of(error), cures) from error


def code_of(error: BaseException | None) -> str:
    """AWS's own word for what it refused; empty when it was not AWS that refused."""
    return _word(refusal_of(error).code)


def was_denied(found: Failure) -> bool:
    return code_of(found.__cause__) == "AccessDenied"


def failure(code: Exit, what: str, found: Refusal, cures: dict[str, str]) -> Failure:
    if found.kind == "refused":
        said = _word(found.code)
        cure = RENEW if found.has_expired else cures.get(said, "")
        return Failure(code, f"{what} ({said}: {found.message})" if found.message else f"{what} ({said})", cure)
    if found.kind == "credentials":
        return Failure(code, f"{what} (no AWS credentials)", "Does this machine have its instance profile?")
    cure = "Look at the way to AWS, such as its VPC endpoint, and at endpoint_url."
    return Failure(code, f"{what} ({found.message})", cure)


def _word(code: str) -> str:
    """An answer to HEAD has no body, and only its status to say it."""
    return {"403": "AccessDenied", "404": "NotFound"}.get(code, code)
