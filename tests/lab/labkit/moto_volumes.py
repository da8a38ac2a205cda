"""What moto lacks of EBS: which key is the account's default. AWS makes its own with the first volume."""

import typing as t

from moto.core.responses import ActionResult
from moto.ec2.responses.elastic_block_store import ElasticBlockStore


def replacements() -> list[tuple[t.Any, str, t.Any]]:
    """Of a server's process: where, name, and what is to be there."""
    return [(ElasticBlockStore, "get_ebs_default_kms_key_id", _default_key)]


def _default_key(response: ElasticBlockStore) -> ActionResult:
    return ActionResult({"KmsKeyId": response.ec2_backend.default_kms_key_id or "alias/aws/ebs"})
