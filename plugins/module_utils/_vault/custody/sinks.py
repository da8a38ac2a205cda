# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where recovery keys are kept. Every sink reads, creates once, proves that it can be written, and replaces."""

from __future__ import annotations

import base64
import os
import traceback
import typing as t

from ..errors import VaultError
from . import files
from .record import Record, dump, load

try:
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError

    BOTO3_IMPORT_ERROR = None
except ImportError:
    BOTO3_IMPORT_ERROR = traceback.format_exc()

SPEC: dict[str, t.Any] = {
    "sink": {"type": "str", "required": True, "choices": ["secretsmanager", "kms_file", "pgp"]},
    "name": {"type": "str"},
    "path": {"type": "path"},
    "journal": {"type": "path"},
    "kms_key_id": {"type": "str"},
    "region": {"type": "str"},
    "endpoint_url": {"type": "str"},
}
REQUIRED_IF = [
    ("sink", "secretsmanager", ["name", "region"]),
    ("sink", "kms_file", ["path", "kms_key_id", "region"]),
    ("sink", "pgp", ["path"]),
]
PROBE_STAGE = "VAULTOPS_PROBE"
KMS_PLAINTEXT_BYTES = 4096


class Sink(t.Protocol):
    where: str

    def read(self) -> Record | None: ...

    def create(self, record: Record) -> bool: ...

    def prove_writable(self, record: Record) -> None: ...

    def replace(self, record: Record) -> None: ...


def open_sink(options: dict[str, t.Any], cluster: str) -> Sink:
    if options["sink"] == "secretsmanager":
        return SecretsManager(options)
    if options["sink"] == "kms_file":
        return KmsFile(options, cluster)
    return PlainFile(options["path"])


class SecretsManager:
    """One secret in AWS Secrets Manager."""

    def __init__(self, options: dict[str, t.Any]) -> None:
        self.name = options["name"]
        self.where = f"AWS Secrets Manager, secret {self.name} in {options['region']}"
        self._key = {"KmsKeyId": options["kms_key_id"]} if options.get("kms_key_id") else {}
        self._client = _aws("secretsmanager", options)

    def _call(self, action: str, none_for: str | None = None, **arguments: t.Any) -> t.Any:
        call = getattr(self._client, action)
        return _aws_call(self.where, f"secretsmanager:{action}", lambda: call(**arguments), none_for)

    def read(self) -> Record | None:
        answer = self._call("get_secret_value", "ResourceNotFoundException", SecretId=self.name)
        return _load(answer["SecretString"], self.where) if answer else None

    def create(self, record: Record) -> bool:
        created = self._call(
            "create_secret",
            "ResourceExistsException",
            Name=self.name,
            Description=f"Recovery keys of the Vault cluster {record['cluster']}",
            SecretString=dump(record),
            **self._key,
        )
        return created is not None

    def prove_writable(self, record: Record) -> None:
        # A version under a stage of its own: the current one stays what it is.
        self._call("put_secret_value", SecretId=self.name, SecretString=dump(record), VersionStages=[PROBE_STAGE])

    def replace(self, record: Record) -> None:
        self._call("put_secret_value", SecretId=self.name, SecretString=dump(record))


class PlainFile:
    """A file on the controller. Only for keys that are encrypted to people's PGP keys."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.where = f"file {path} on the controller"

    def encode(self, record: Record) -> bytes:
        return dump(record).encode()

    def decode(self, data: bytes) -> str:
        return data.decode()

    def read(self) -> Record | None:
        if not os.path.exists(self.path):
            return None
        with open(self.path, "rb") as stream:
            return _load(self.decode(stream.read()), self.where)

    def create(self, record: Record) -> bool:
        return _on_disk(self.where, lambda: files.create(self.path, self.encode(record)))

    def prove_writable(self, record: Record) -> None:
        probe = f"{self.path}.probe"
        _on_disk(self.where, lambda: files.replace(probe, self.encode(record)))
        os.unlink(probe)

    def replace(self, record: Record) -> None:
        _on_disk(self.where, lambda: files.replace(self.path, self.encode(record)))


class KmsFile(PlainFile):
    """The same, encrypted with KMS: the file alone is worth nothing."""

    def __init__(self, options: dict[str, t.Any], cluster: str) -> None:
        super().__init__(options["path"])
        self._key = options["kms_key_id"]
        self._context = {"vaultops:cluster": cluster}
        self._client = _aws("kms", options)

    def encode(self, record: Record) -> bytes:
        plaintext = dump(record).encode()
        if len(plaintext) > KMS_PLAINTEXT_BYTES:
            raise VaultError(
                self.where,
                f"the record has {len(plaintext)} bytes, and KMS encrypts {KMS_PLAINTEXT_BYTES} at most",
                "Use fewer recovery shares, or another sink.",
            )
        arguments = {"KeyId": self._key, "Plaintext": plaintext, "EncryptionContext": self._context}
        answer = _aws_call(self.where, "kms:Encrypt", lambda: self._client.encrypt(**arguments))
        return base64.b64encode(answer["CiphertextBlob"])

    def decode(self, data: bytes) -> str:
        arguments = {"CiphertextBlob": base64.b64decode(data), "EncryptionContext": self._context}
        answer = _aws_call(self.where, "kms:Decrypt", lambda: self._client.decrypt(**arguments))
        return answer["Plaintext"].decode()


def _aws(service: str, options: dict[str, t.Any]) -> t.Any:
    config = Config(retries={"mode": "standard", "max_attempts": 4}, connect_timeout=5, read_timeout=15)
    return boto3.session.Session(region_name=options["region"]).client(
        service, endpoint_url=options.get("endpoint_url") or None, config=config
    )


def _aws_call(where: str, action: str, call: t.Callable[[], t.Any], none_for: str | None = None) -> t.Any:
    """The answer, or None for the one error code that is an answer too: does not exist, or exists already."""
    try:
        return call()
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code == none_for:
            return None
        raise VaultError(
            where,
            f"{action} was refused: {code}: {error.response['Error'].get('Message', '')}",
            "Whoever runs init needs secretsmanager:CreateSecret, GetSecretValue and PutSecretValue on this secret, "
            "or kms:Encrypt and kms:Decrypt on the key, as the sink asks.",
        ) from error
    except BotoCoreError as error:
        raise VaultError(
            where, str(error), "Check the region, the endpoint and the controller's credentials."
        ) from error


def _on_disk(where: str, action: t.Callable[[], t.Any]) -> t.Any:
    try:
        return action()
    except OSError as error:
        raise VaultError(where, str(error), "The directory must exist or be creatable, and have room.") from error


def _load(text: str, where: str) -> Record:
    try:
        return load(text, where)
    except ValueError as error:
        raise VaultError(where, str(error), "Name another one: nothing is overwritten that is not ours.") from error
