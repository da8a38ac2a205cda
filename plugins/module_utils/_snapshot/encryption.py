# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Envelope encryption by the AWS Encryption SDK: one data key from KMS for each snapshot, the rest is local.

Key commitment is required both ways. The suite is the SDK's own choice, which signs: who may only decrypt can't forge.
"""

from __future__ import annotations

import base64
import contextlib
import io
import typing as t

from .._common.aws import refusal_in
from . import aws
from .errors import Exit, Failure
from .settings import Kms

try:
    import aws_encryption_sdk
    from aws_encryption_sdk.exceptions import AWSEncryptionSDKClientError, DecryptKeyError, GenerateKeyError
    from aws_encryption_sdk.identifiers import CommitmentPolicy
    from aws_encryption_sdk.key_providers.kms import MRKAwareKMSMasterKey
    from cryptography.exceptions import InvalidSignature, InvalidTag

    # What the SDK raises for a file that is not as it was.
    DAMAGE = (AWSEncryptionSDKClientError, InvalidTag, InvalidSignature, ValueError)
except ImportError:
    pass  # aws.client tells

# The default of 4 KiB is slower by a factor of ten.
FRAME_BYTES = 1 << 20

_REFUSED = {
    "NotFoundException": "The ARN names no key: was it deleted? Without it, what it encrypted is lost.",
    "DisabledException": "Enable the key.",
    "KMSInvalidStateException": "Enable the key, or cancel its deletion.",
}
ENCRYPT_CURES = {
    **_REFUSED,
    "AccessDeniedException": "This node's role needs kms:GenerateDataKey, in its own policy and in the key's.",
}
DECRYPT_CURES = {
    **_REFUSED,
    "AccessDeniedException": "You need kms:Decrypt on this key, in your own policy or in the key's.",
    "IncorrectKeyException": "The file was encrypted with another key than its manifest says: they don't belong together.",
    "InvalidCiphertextException": "The file and its manifest don't belong together, or its head was changed.",
}


class Key:
    """A KMS key, by its ARN: an alias may point elsewhere tomorrow.

    KMS is asked in that ARN's region. What a multi-Region key has encrypted in one region, its replicas open in theirs.
    """

    def __init__(self, settings: Kms) -> None:
        self.arn = settings.key_arn
        self._client = aws.client("kms", settings.region, settings.endpoint_url, settings.timeout_seconds)
        self._answer: dict[str, t.Any] = {}
        # The SDK swallows the answer that says why.
        self._client.meta.events.register("after-call.kms", self._remember)
        self._master_key = MRKAwareKMSMasterKey(key_id=self.arn, client=self._client)

    def _remember(self, parsed: dict[str, t.Any], **_other: t.Any) -> None:
        self._answer = parsed

    @contextlib.contextmanager
    def encrypt(self, source: t.Any, context: dict[str, str]) -> t.Iterator[t.Any]:
        """A stream of what *source* becomes. KMS is asked before the first byte of *source* is."""
        what = f"the key {self.arn} gave no data key"
        with self._translate_errors(what, ENCRYPT_CURES):
            stream = _sdk().stream(
                mode="encrypt",
                source=source,
                key_provider=self._master_key,
                encryption_context=context,
                frame_length=FRAME_BYTES,
            )
            _header = stream.header
        yield stream

    def seal(self, context: dict[str, str]) -> str:
        """A message that says nothing, and vouches for *context*."""
        with self.encrypt(io.BytesIO(b"sealed"), context) as stream:
            return base64.b64encode(stream.read()).decode()

    def sealed(self, seal: str, name: str) -> dict[str, str]:
        """The context that a seal vouches for."""
        try:
            content = base64.b64decode(seal, validate=True)
        except ValueError as error:
            raise Failure(Exit.SNAPSHOT, f"the seal of {name} is not base64 ({error})") from error
        with self.decrypt(io.BytesIO(content), f"the seal of {name}") as stream:
            stream.read()
            return dict(stream.header.encryption_context)

    @contextlib.contextmanager
    def decrypt(self, source: t.BinaryIO, name: str) -> t.Iterator[t.Any]:
        """The way back. What comes out is only proven once all of it has."""
        what = f"the key {self.arn} did not open {name}"
        try:
            with self._translate_errors(what, DECRYPT_CURES):
                stream = _sdk().stream(
                    mode="decrypt", source=source, key_provider=self._master_key, max_body_length=FRAME_BYTES
                )
                _header = stream.header
            yield stream
        except DAMAGE as error:
            raise Failure(
                Exit.ENCRYPTION,
                f"{name} was changed or cut off after it was encrypted ({str(error) or type(error).__name__})",
                "Take another copy, or another snapshot.",
            ) from error

    @contextlib.contextmanager
    def _translate_errors(self, what: str, cures: dict[str, str]) -> t.Iterator[None]:
        try:
            with aws.translate_errors(Exit.ENCRYPTION, what, cures):
                yield
        except (GenerateKeyError, DecryptKeyError) as error:
            refused = refusal_in(self._answer)
            if refused.code:
                raise aws.failure(Exit.ENCRYPTION, what, refused, cures) from error
            raise Failure(
                Exit.ENCRYPTION, f"{what}: it was encrypted with another key", cures.get("IncorrectKeyException", "")
            ) from error


def _sdk() -> t.Any:
    return aws_encryption_sdk.EncryptionSDKClient(
        commitment_policy=CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT, max_encrypted_data_keys=1
    )
