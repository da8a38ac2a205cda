# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where recovery keys are kept. Every sink reads, creates once, proves that it can be written, and replaces."""

from __future__ import annotations

import base64
import os
import typing as t

from .._common.errors import Problem
from .._common.libraries import CRYPTOGRAPHY
from .._objects import aws, files, secret
from . import journal
from .record import Record, dump, load

# The journal's is cryptography.
LIBRARIES = {**aws.BOTO3, **CRYPTOGRAPHY}
SPEC: dict[str, t.Any] = {
    "sink": {"type": "str", "required": True, "choices": ["secretsmanager", "kms_file", "pgp"]},
    "name": {"type": "str"},
    "path": {"type": "path"},
    "journal": {"type": "dict", "options": journal.SPEC},
    "kms_key_id": {"type": "str"},
    "region": {"type": "str"},
    "home_region": {"type": "str"},
    "endpoint_url": {"type": "str"},
    "tags": {"type": "dict"},
    "more_tags": {"type": "dict"},
}
REQUIRED_IF = [
    ("sink", "secretsmanager", ["name", "region"]),
    ("sink", "kms_file", ["path", "kms_key_id", "region"]),
    ("sink", "pgp", ["path"]),
]
# The option custody of a module.
OPTION: dict[str, t.Any] = {"type": "dict", "options": SPEC, "required_if": REQUIRED_IF}
PROBE_STAGE = "VAULTOPS_PROBE"
NEEDS = (
    "Whoever runs init needs secretsmanager:DescribeSecret, GetSecretValue, CreateSecret, TagResource and "
    "PutSecretValue on this secret, or kms:Encrypt and kms:Decrypt on the key, as the sink asks."
)
KMS_PLAINTEXT_BYTES = 4096


class Sink(t.Protocol):
    where: str
    untidy: bool  # after a read: something about it is to be put in order, by tidy

    def read(self) -> Record | None: ...

    def create(self, record: Record) -> bool: ...

    def prove_writable(self, stand_in: Record) -> None: ...

    def replace(self, record: Record) -> None: ...

    def tidy(self) -> None: ...


def open_sink(options: dict[str, t.Any], cluster: str) -> Sink:
    if options["sink"] == "secretsmanager":
        return SecretsManager(options, cluster)
    if options["sink"] == "kms_file":
        return KmsFile(options, cluster)
    return PlainFile(options["path"], cluster)


class SecretsManager:
    """One secret in AWS Secrets Manager, tagged as the cluster's."""

    def __init__(self, options: dict[str, t.Any], cluster: str) -> None:
        self.cluster = cluster
        self.untidy = False
        self._secret = secret.Stored(options["name"], options, "SecretString", NEEDS)
        self.where = self._secret.where
        self._version = ""  # that was read, or written, last

    def read(self) -> Record | None:
        """The record, unless the secret says by its tag, or in itself, that it is another cluster's."""
        # Earlier versions made it without a tag; then what is in it says whose it is.
        tags = self._secret.found(untagged=True)
        if tags is None:
            return None
        text, self._version = self._secret.content()
        self.untidy = not self._secret.tags.items() <= tags.items()
        return _load(text, self.where, self.cluster)

    def create(self, record: Record) -> bool:
        description = f"Recovery keys of the Vault cluster {record['cluster']}"
        made = self._secret.create(dump(record), Description=description)
        self._version = made or self._version
        return made is not None

    def prove_writable(self, stand_in: Record) -> None:
        # A version under a stage of its own: the current one stays what it is. Nothing secret is in it.
        stages, text = [PROBE_STAGE], dump(stand_in)
        self._secret.call("put_secret_value", SecretId=self._secret.name, SecretString=text, VersionStages=stages)

    def replace(self, record: Record) -> None:
        self._put(record)
        if record["status"] == "stored" and record["root_token"] is None:
            # The stage AWSPREVIOUS would go on giving out the root token.
            self._put(record)

    def tidy(self) -> None:
        self._secret.tag(self._secret.tags)

    def _put(self, record: Record) -> None:
        """In the place of the version that was read, and of no other one."""
        made = self._secret.put(dump(record), self._version)
        if made is None:
            raise Problem(
                "somebody else wrote to it since it was read, or removed it, and nothing was written over that",
                "Let the other run end, and run again.",
                where=self.where,
            )
        self._version = made


class PlainFile:
    """A file on the controller. Only for keys that are encrypted to people's PGP keys.

    Until it is revoked, the root token is in it in plain text, unless it is encrypted to somebody too.
    """

    def __init__(self, path: str, cluster: str) -> None:
        self.path = os.path.abspath(path)
        self.cluster = cluster
        self.where = f"file {self.path} on the controller"
        self.untidy = False

    def encode(self, record: Record) -> bytes:
        return dump(record).encode()

    def decode(self, data: bytes) -> bytes:
        return data

    def read(self) -> Record | None:
        data = files.in_words(self.where, lambda: files.read(self.path))
        if data is None:
            return None
        self.untidy = files.in_words(self.where, lambda: files.is_exposed(self.path))
        return _load(self.decode(data), self.where, self.cluster)

    def create(self, record: Record) -> bool:
        return files.in_words(self.where, lambda: files.create(self.path, self.encode(record)))

    def prove_writable(self, stand_in: Record) -> None:
        probe = f"{self.path}.probe"
        files.in_words(self.where, lambda: files.replace(probe, self.encode(stand_in)))
        files.in_words(self.where, lambda: os.unlink(probe))

    def replace(self, record: Record) -> None:
        files.in_words(self.where, lambda: files.replace(self.path, self.encode(record)))

    def tidy(self) -> None:
        files.in_words(self.where, lambda: os.chmod(self.path, 0o600))


class KmsFile(PlainFile):
    """The same, encrypted with KMS: the file alone is worth nothing."""

    def __init__(self, options: dict[str, t.Any], cluster: str) -> None:
        super().__init__(options["path"], cluster)
        self._key = options["kms_key_id"]
        self._context = {"vaultops:cluster": cluster}
        self._client = aws.client("kms", options)

    def encode(self, record: Record) -> bytes:
        plaintext = dump(record).encode()
        if len(plaintext) > KMS_PLAINTEXT_BYTES:
            raise Problem(
                f"the record has {len(plaintext)} bytes, and KMS encrypts {KMS_PLAINTEXT_BYTES} at most",
                "Use fewer recovery shares, or another sink.",
                where=self.where,
            )
        arguments = {"KeyId": self._key, "Plaintext": plaintext, "EncryptionContext": self._context}
        answer = aws.call(self.where, "kms:Encrypt", lambda: self._client.encrypt(**arguments), NEEDS)
        return base64.b64encode(answer["CiphertextBlob"])

    def decode(self, data: bytes) -> bytes:
        try:
            sealed = base64.b64decode(data, validate=True)
        except ValueError:
            sealed = b""
        if not sealed:
            raise Problem("it holds nothing that KMS encrypted", "Name another one.", where=self.where)
        arguments = {"CiphertextBlob": sealed, "EncryptionContext": self._context}
        answer = aws.call(self.where, "kms:Decrypt", lambda: self._client.decrypt(**arguments), NEEDS)
        return answer["Plaintext"]


def _load(text: str | bytes, where: str, cluster: str) -> Record:
    try:
        record = load(text, where)
    except ValueError as error:
        raise Problem(str(error), "Name another one: nothing is overwritten that is not ours.", where=where) from error
    if record["cluster"] != cluster:
        raise Problem(
            f"it is in use for the recovery keys of cluster {record['cluster']}, and this is {cluster}",
            "Name the place where this cluster's keys are kept.",
            where=where,
        )
    return record
