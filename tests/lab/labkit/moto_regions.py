"""What moto lacks of more than one region. S3's rules of replication are kept whole, and answered each with an empty filter and
without its criteria; S3 gives back what it was given. A multi-Region key's id is longer than a real one, so that moto opens
nothing of what it encrypted; and a replica calls itself the primary.
"""

import typing as t

from moto.core.responses import ActionResult
from moto.kms import models
from moto.s3.exceptions import ReplicationConfigurationNotFoundError
from moto.s3.responses import S3Response


def replacements() -> list[tuple[t.Any, str, t.Any]]:
    """Of a server's process: where, name, and what is to be there."""
    return [
        (S3Response, "get_bucket_replication", _whole_rules),
        (models, "generate_key_id", _key_id(models.generate_key_id)),
        (models.KmsBackend, "replicate_key", _replica(models.KmsBackend.replicate_key)),
    ]


def _whole_rules(response: S3Response) -> t.Any:
    response.data["Action"] = "GetBucketReplication"
    kept = response.backend.get_bucket_replication(response.bucket_name)
    if not kept:
        raise ReplicationConfigurationNotFoundError(bucket_name=response.bucket_name)
    rules = [{**rule, "Priority": int(rule["Priority"])} for rule in kept["Rule"]]
    return response.serialized(ActionResult({"ReplicationConfiguration": {"Role": kept["Role"], "Rules": rules}}))


def _key_id(original: t.Callable[[bool], str]) -> t.Callable[..., str]:
    def made(multi_region: bool = False) -> str:
        """As long as that of any other key, as AWS has it."""
        plain = original(False)
        return f"mrk-{plain.replace('-', '')}" if multi_region else plain

    return made


def _replica(original: t.Callable[..., t.Any]) -> t.Callable[..., t.Any]:
    def made(backend: t.Any, key_id: str, replica_region: str) -> t.Any:
        replica = original(backend, key_id, replica_region)
        # The rest of it is shared: what is known of the others in one region is known in each.
        shared = replica.multi_region_configuration
        replica.multi_region_configuration = {**shared, "MultiRegionKeyType": "REPLICA"}
        return replica

    return made
