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

from .._vault.snapshot.archive import BrokenSnapshot, verify
from . import config, manifest
from .encryption import FRAME_BYTES, Key
from .errors import Exit, Failure
from .s3 import Bucket

CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class Cluster:
    """Whose snapshot is wanted. With *any_cluster* another's is taken too: after a disaster the new id is another."""

    id: str
    name: str
    any_cluster: bool = False


def read_manifest(path: str) -> manifest.Manifest:
    try:
        with open(path, "rb") as stream:
            return manifest.parse(stream.read())
    except OSError as error:
        raise Failure(Exit.DISK, f"the manifest {path} can't be read ({error.strerror})") from error
    except ValueError as error:
        raise Failure(Exit.SNAPSHOT, f"{path} is no manifest ({error})") from error


def from_disk(
    path: str, target: str, cluster: Cluster, kms_endpoint_url: str | None = None, kms_timeout_seconds: int = 10
) -> manifest.Manifest:
    """Decrypt the file at *path*, whose manifest lies beside it, to *target*, which appears whole or not at all."""
    known = read_manifest(path + manifest.MANIFEST_SUFFIX)
    require_cluster(known, cluster)
    _require_unchanged(path, known)
    key = Key(config.Kms(known.key_arn, kms_endpoint_url, kms_timeout_seconds))
    _open(path, known, key, target)
    return known


def from_s3(
    settings: config.S3,
    name: str,
    target: str,
    cluster: Cluster,
    kms_endpoint_url: str | None = None,
    kms_timeout_seconds: int = 10,
) -> manifest.Manifest:
    """The same for an object of the bucket. It passes through the directory of *target*, which needs room for both."""
    bucket = Bucket(settings)
    known = bucket.fetch_manifest(name)
    require_cluster(known, cluster)
    key = Key(config.Kms(known.key_arn, kms_endpoint_url, kms_timeout_seconds))
    with _partial(target) as (path, stream):
        bucket.fetch(name, lambda chunk: _write(stream, chunk, path))
        _finish(stream, path)
        _require_unchanged(path, known, bucket.where(name))
        _open(path, known, key, target)
    return known


def require_cluster(known: manifest.Manifest, cluster: Cluster) -> None:
    if cluster.any_cluster or (known.cluster_id, known.cluster_name) == (cluster.id, cluster.name):
        return
    raise Failure(
        Exit.SNAPSHOT,
        f"{known.name} is of the cluster {known.cluster_name} ({known.cluster_id}), and not of {cluster.name} "
        f"({cluster.id})",
        "Take one of this cluster's, or, if another's is meant: -e vault_restore_any_cluster=true.",
    )


def _require_unchanged(path: str, known: manifest.Manifest, where: str | None = None) -> None:
    """Compare the encrypted file with its manifest, before KMS is asked for anything."""
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
    """KMS vouches for the context, and nobody for the manifest. The SDK adds a public key of its own to it."""
    wanted = manifest.encryption_context(known.cluster_id, known.cluster_name)
    if {name: found.get(name) for name in wanted} != wanted:
        said = ", ".join(f"{name}={found.get(name)}" for name in wanted)
        raise Failure(
            Exit.SNAPSHOT,
            f"{known.name} was encrypted for {said}, and its manifest says otherwise",
            "They do not belong together, or the manifest was changed.",
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
