"""moto keeps the rules of a bucket's replication whole, and answers each with an empty filter and without its criteria. S3 gives
back what it was given, and so does moto here."""

from __future__ import annotations

import contextlib
import typing as t

import pytest
from moto.core.responses import ActionResult
from moto.s3.exceptions import ReplicationConfigurationNotFoundError
from moto.s3.responses import S3Response


def _whole(response: S3Response) -> t.Any:
    response.data["Action"] = "GetBucketReplication"
    kept = response.backend.get_bucket_replication(response.bucket_name)
    if not kept:
        raise ReplicationConfigurationNotFoundError(bucket_name=response.bucket_name)
    rules = [{**rule, "Priority": int(rule["Priority"])} for rule in kept["Rule"]]
    return response.serialized(ActionResult({"ReplicationConfiguration": {"Role": kept["Role"], "Rules": rules}}))


@contextlib.contextmanager
def whole() -> t.Iterator[None]:
    """For servers of this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(S3Response, "get_bucket_replication", _whole)
        yield
