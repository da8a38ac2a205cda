# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Clients for what is kept in AWS, and what their refusals mean."""

from __future__ import annotations

import traceback
import typing as t

from .._common.aws import FAILURES, RENEW, refusal_of
from .._common.errors import Problem

try:
    import boto3
    from botocore.config import Config

    BOTO3: dict[str, str | None] = {"boto3": None}
except ImportError:
    BOTO3 = {"boto3": traceback.format_exc()}


def client(service: str, options: t.Mapping[str, t.Any]) -> t.Any:
    endpoint = options.get("endpoint_url") or None
    config = Config(
        retries={"mode": "standard", "max_attempts": 4},
        connect_timeout=5,
        read_timeout=15,
        s3={"addressing_style": "path"} if endpoint else None,
    )
    return boto3.session.Session(region_name=options["region"]).client(service, endpoint_url=endpoint, config=config)


def call(
    where: str, action: str, call: t.Callable[[], t.Any], needs: str, answers: t.Mapping[str, t.Any] | None = None
) -> t.Any:
    """What AWS answers. *answers*: error codes that are an answer too, and which; *needs*: whose lack is the usual cause."""
    try:
        return call()
    except FAILURES as error:
        found = refusal_of(error)
        if found.kind != "refused":
            cure = "Check the region, the endpoint and the controller's credentials."
            raise Problem(found.message, cure, where=where) from error
        if answers and found.code in answers:
            return answers[found.code]
        cure = RENEW if found.has_expired else needs
        raise Problem(f"{action} was refused: {found.code}: {found.message}", cure, where=where) from error
