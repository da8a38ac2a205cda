"""What moto lacks of more than one region. S3's rules of replication are kept whole, and answered each with an empty filter and
without its criteria; S3 gives back what it was given. A multi-Region key's id is cut off in what it encrypts, so that nobody
opens that any more; and a replica is its primary, but for its ARN.
"""

import typing as t
import uuid

from moto.core.responses import ActionResult
from moto.kms import models, utils
from moto.s3.exceptions import ReplicationConfigurationNotFoundError
from moto.s3.responses import S3Response

_MRK = "mrk-"


def replacements() -> list[tuple[t.Any, str, t.Any]]:
    """Of a server's process: where, name, and what is to be there."""
    return [
        (S3Response, "get_bucket_replication", _whole_rules),
        (utils, "_serialize_ciphertext_blob", _serialized(utils._serialize_ciphertext_blob)),
        (utils, "_deserialize_ciphertext_blob", _deserialized(utils._deserialize_ciphertext_blob)),
        (models.KmsBackend, "replicate_key", _replica(models.KmsBackend.replicate_key)),
    ]


def _whole_rules(response: S3Response) -> t.Any:
    response.data["Action"] = "GetBucketReplication"
    kept = response.backend.get_bucket_replication(response.bucket_name)
    if not kept:
        raise ReplicationConfigurationNotFoundError(bucket_name=response.bucket_name)
    rules = [{**rule, "Priority": int(rule["Priority"])} for rule in kept["Rule"]]
    return response.serialized(ActionResult({"ReplicationConfiguration": {"Role": kept["Role"], "Rules": rules}}))


def _serialized(original: t.Callable[[t.Any], bytes]) -> t.Callable[..., bytes]:
    def made(ciphertext: t.Any) -> bytes:
        """There is room for 36 characters, and mrk- with a UUID has 40: that one goes without its hyphens."""
        key_id: str = ciphertext.key_id
        short = f"{_MRK}{key_id[len(_MRK) :].replace('-', '')}" if key_id.startswith(_MRK) else key_id
        return original(ciphertext._replace(key_id=short))

    return made


def _deserialized(original: t.Callable[..., t.Any]) -> t.Callable[..., t.Any]:
    def made(ciphertext_blob: bytes) -> t.Any:
        found = original(ciphertext_blob=ciphertext_blob)
        is_short = found.key_id.startswith(_MRK)
        return found._replace(key_id=f"{_MRK}{uuid.UUID(found.key_id[len(_MRK) :])}") if is_short else found

    return made


def _replica(original: t.Callable[..., t.Any]) -> t.Callable[..., t.Any]:
    def made(backend: t.Any, key_id: str, replica_region: str) -> t.Any:
        replica = original(backend, key_id, replica_region)
        replica.aliases, replica.grants = {}, {}
        # moto writes into it which of the two that key is.
        replica.multi_region_configuration = dict(replica.multi_region_configuration)
        return replica

    return made
