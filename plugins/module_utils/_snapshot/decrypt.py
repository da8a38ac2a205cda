# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The way back: from an encrypted file and its manifest to a snapshot that is proven whole.

Used where a cluster is restored from, not by the tool on the nodes.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
import typing as t
from dataclasses import dataclass

from .._common.aws import same_key
from . import manifest
from .archive import BrokenSnapshot, verify
from .encryption import FRAME_BYTES, Key
from .errors import Exit, Failure
from .s3 import Bucket, require_name
from .settings import S3, Kms

CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class Wanted:
    """Whose snapshot is wanted, and which keys may be asked to open it: what a manifest says is nobody's word yet."""

    cluster_name: str
    key_arns: tuple[str, ...]
    cluster_id: str | None = None  # None: the name decides
    any_cluster: bool = False  # another's is taken too: after a disaster the new id is another
    seal_key_arn: str | None = None  # the unseal key of its time; None: any


def read_manifest(path: str) -> manifest.Manifest:
    """Of the encrypted file at *path*."""
    beside = path + manifest.MANIFEST_SUFFIX
    try:
        with open(beside, "rb") as stream:
            known = manifest.parse(stream.read())
    except OSError as error:
        raise Failure(Exit.DISK, f"the manifest {beside} can't be read ({error.strerror})") from error
    except ValueError as error:
        raise Failure(Exit.SNAPSHOT, f"{beside} is no manifest ({error})") from error
    require_name(known, os.path.basename(path), beside)
    return known


def from_disk(
    path: str, target: str, wanted: Wanted, kms_endpoint_url: str | None = None, kms_timeout_seconds: int = 10
) -> manifest.Manifest:
    """Decrypt the file at *path*, whose manifest lies beside it, to *target*, which appears whole or not at all."""
    known = read_manifest(path)
    key = _trusted_key(known, wanted, kms_endpoint_url, kms_timeout_seconds)
    _require_unchanged(path, known)
    _open(path, known, key, target)
    return known


def from_s3(
    settings: S3,
    name: str,
    target: str,
    wanted: Wanted,
    kms_endpoint_url: str | None = None,
    kms_timeout_seconds: int = 10,
) -> manifest.Manifest:
    """The same for an object of the bucket. It passes through the directory of *target*, which needs room for both."""
    bucket = Bucket(settings)
    known = bucket.fetch_manifest(name)
    key = _trusted_key(known, wanted, kms_endpoint_url, kms_timeout_seconds)
    with _partial(target) as (path, stream):
        bucket.fetch(name, lambda chunk: _write(stream, chunk, path))
        _finish(stream, path)
        _require_unchanged(path, known, bucket.where(name))
        _open(path, known, key, target)
    return known


def _trusted_key(known: manifest.Manifest, wanted: Wanted, endpoint_url: str | None, timeout_seconds: int) -> Key:
    """The key that opens the file, once it is known that the manifest may be believed, as far as that can be."""
    require_cluster(known, wanted)
    key = Key(Kms(require_keys(known, wanted), endpoint_url, timeout_seconds))
    if known.is_bound:
        found = key.sealed(known.seal, known.name)
        sealed_for = manifest.seal_context(known)
        if {name: found.get(name) for name in sealed_for} != sealed_for:
            raise Failure(
                Exit.SNAPSHOT,
                f"the seal of {known.name} is another manifest's",
                "The manifest was changed, or put together from others. Take another snapshot.",
            )
    return key


def require_cluster(known: manifest.Manifest, wanted: Wanted) -> None:
    of = (wanted.cluster_id or known.cluster_id, wanted.cluster_name)
    if wanted.any_cluster or (known.cluster_id, known.cluster_name) == of:
        return
    raise Failure(
        Exit.SNAPSHOT,
        f"{known.name} is of the cluster {known.cluster_name} ({known.cluster_id}), and not of {of[1]} ({of[0]})",
        "Take one of this cluster's, or, if another's is meant: -e vault_restore_any_cluster=true.",
    )


def require_keys(known: manifest.Manifest, wanted: Wanted) -> str:
    """The ARN of the key that opens the file: of a multi-Region key the first that is wanted, whose region then is asked, since
    that of the manifest may be gone. Before KMS is asked for anything."""
    # The key's id decides: replicas of a key in other regions share it.
    if wanted.seal_key_arn and _key_id(known.seal_key_arn) != _key_id(wanted.seal_key_arn):
        raise Failure(
            Exit.SNAPSHOT,
            f"{known.name} is of the time of another unseal key, {known.seal_key_arn}; this cluster's is "
            f"{wanted.seal_key_arn}",
            "Restored, the cluster would depend on that key from then on. Let vault_kms_key_alias lead to it, or, if it will "
            "stay for as long as the cluster: -e vault_restore_any_key=true.",
        )
    for arn in wanted.key_arns:
        if same_key(known.key_arn, arn):
            return arn
    raise Failure(
        Exit.SNAPSHOT,
        f"{known.name} names the key {known.key_arn}, and the keys that may open a snapshot are "
        f"{', '.join(wanted.key_arns) or 'none'}",
        "KMS was not asked. If that key is known and meant, add it to vault_restore_key_arns; in another region, name the "
        "replica of it there.",
    )


def _key_id(arn: str) -> str:
    return arn.rpartition("/")[2]


def _require_unchanged(path: str, known: manifest.Manifest, where: str | None = None) -> None:
    """Compare the encrypted file with its manifest, before KMS is asked for the file's own data key."""
    digest, size = hashlib.sha256(), 0
    try:
        with open(path, "rb") as stream:
            while True:
                chunk = stream.read(CHUNK_BYTES)
                if not chunk:
                    break
                digest.update(chunk)
                size += len(chunk)
    except OSError as error:
        raise Failure(Exit.DISK, f"{path} can't be read ({error.strerror})") from error
    cure = "Take another copy, or another snapshot."
    if size != known.encrypted_bytes:
        said = "was cut off" if size < known.encrypted_bytes else "is too long"
        raise Failure(
            Exit.SNAPSHOT, f"{where or path} {said}: {size} bytes, and its manifest says {known.encrypted_bytes}", cure
        )
    if digest.hexdigest() != known.encrypted_sha256:
        raise Failure(Exit.SNAPSHOT, f"{where or path} was changed: its SHA-256 is not its manifest's", cure)


def _open(path: str, known: manifest.Manifest, key: Key, target: str) -> None:
    with open(path, "rb") as source, _partial(target) as (partial, stream):
        plain = hashlib.sha256()
        with key.decrypt(source, os.path.basename(path)) as decrypted:
            _require_context(known, decrypted.header.encryption_context)
            while True:
                chunk = decrypted.read(FRAME_BYTES)
                if not chunk:
                    break
                plain.update(chunk)
                _write(stream, chunk, partial)
        _finish(stream, partial)
        _require_snapshot(partial, known, plain.hexdigest())
        try:
            os.rename(partial, target)
        except OSError as error:
            raise Failure(Exit.DISK, f"{target} could not be put in place ({error.strerror})") from error


def _require_context(known: manifest.Manifest, found: dict[str, str]) -> None:
    """KMS vouches for the context. The SDK adds a public key of its own to it."""
    if manifest.tells_another(known, found):
        said = ", ".join(f"{name}={value}" for name, value in sorted(found.items()) if name.startswith("vaultops:"))
        raise Failure(
            Exit.SNAPSHOT,
            f"{known.name} was encrypted for {said}, and its manifest says otherwise",
            "They do not belong together, or the manifest was changed, or lost its seal.",
        )


def _require_snapshot(path: str, known: manifest.Manifest, plain_sha256: str) -> None:
    try:
        with open(path, "rb") as stream:
            summary = verify(stream)
    except BrokenSnapshot as error:
        raise Failure(Exit.SNAPSHOT, f"{known.name} holds a broken snapshot: {error}") from error
    found = (plain_sha256, summary["sha256"], summary["index"], summary["term"])
    if found != (known.plain_sha256, known.state_sha256, known.raft_index, known.raft_term):
        raise Failure(
            Exit.SNAPSHOT,
            f"{known.name} holds Raft index {summary['index']}, term {summary['term']}, and its manifest tells of "
            "another snapshot",
            "They do not belong together, or the manifest was changed.",
        )


@contextlib.contextmanager
def _partial(target: str) -> t.Iterator[tuple[str, t.BinaryIO]]:
    """A file beside *target* that is gone after the block, unless it was renamed."""
    folder = os.path.dirname(os.path.abspath(target))
    try:
        handle, path = tempfile.mkstemp(".partial", f".{os.path.basename(target)}.", folder)
    except OSError as error:
        raise Failure(Exit.DISK, f"no file could be made in {folder} ({error.strerror})") from error
    try:
        # Unbuffered: what can't be written shows where it is written.
        with open(handle, "wb", buffering=0) as stream:
            yield path, t.cast(t.BinaryIO, stream)
    finally:
        with contextlib.suppress(OSError):
            os.unlink(path)


def _write(stream: t.BinaryIO, data: bytes, path: str) -> None:
    view = memoryview(data)
    try:
        while view:
            view = view[stream.write(view) :]
    except OSError as error:
        raise Failure(Exit.DISK, f"{path} could not be written ({error.strerror})", "Make room.") from error


def _finish(stream: t.BinaryIO, path: str) -> None:
    try:
        os.fsync(stream.fileno())
    except OSError as error:
        raise Failure(Exit.DISK, f"{path} could not be written ({error.strerror})", "Make room.") from error
