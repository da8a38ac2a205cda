# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The directory of snapshots. A name that does not begin with a dot is whole; the rest is what a killed run left.

Everything but reading wants the lock.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
import typing as t

from .._common.files import sync_directory
from .._snapshot import manifest
from .._snapshot.errors import Exit, Failure
from .disk import told

LOCK = ".lock"
CURE = "Look at the disk's room, and at the directory's owner and mode."
_DRAFT_PREFIX, _DRAFT_SUFFIX = ".vault-backup.", ".partial"
_PENDING_SUFFIX = ".pending"
# How much is written between two looks at the room that is left.
_LOOK_BYTES = 32 << 20


class Store:
    def __init__(self, directory: str) -> None:
        self.directory = directory

    def path(self, name: str) -> str:
        return os.path.join(self.directory, name)

    @property
    def lock(self) -> str:
        return self.path(LOCK)

    def tidy(self) -> None:
        """Remove what a killed run left half, and finish what it had as good as finished."""
        with told(f"{self.directory} could not be tidied", CURE):
            for name in sorted(os.listdir(self.directory)):
                if name.startswith(_DRAFT_PREFIX) and name.endswith(_DRAFT_SUFFIX):
                    os.unlink(self.path(name))
                elif name.startswith(".") and name.endswith(manifest.MANIFEST_SUFFIX + _PENDING_SUFFIX):
                    self._settle(name)
            sync_directory(self.directory)

    def _settle(self, pending: str) -> None:
        """A manifest waits while its snapshot gets its name, and while it is deleted."""
        name = pending[1 : -len(manifest.MANIFEST_SUFFIX + _PENDING_SUFFIX)]
        known = _read(self.path(pending))
        whole = known is not None and known.name == name and _size(self.path(name)) == known.encrypted_bytes
        if whole:
            os.rename(self.path(pending), self.path(name + manifest.MANIFEST_SUFFIX))
        else:
            os.unlink(self.path(pending))

    @contextlib.contextmanager
    def draft(self, reserve_bytes: int) -> t.Iterator[Draft]:
        """A file under a temporary name. It is gone after the block, unless it was kept."""
        with told(f"no file could be made in {self.directory}", CURE):
            handle, path = tempfile.mkstemp(_DRAFT_SUFFIX, _DRAFT_PREFIX, self.directory)
        draft = Draft(handle, path, reserve_bytes)
        try:
            yield draft
        finally:
            draft.drop()

    def keep(self, draft: Draft, made: manifest.Manifest) -> None:
        """Give a draft its name, and its manifest after that."""
        final, pending = self.path(made.name), self.path(f".{made.name}{manifest.MANIFEST_SUFFIX}{_PENDING_SUFFIX}")
        if os.path.lexists(final):
            raise Failure(
                Exit.DISK,
                f"{final} is there already",
                "Two runs in one second of a clock that was set back? Run again.",
            )
        with told(f"{final} could not be written", CURE):
            try:
                _write(pending, made.to_json())
                os.rename(draft.path, final)
            except OSError:
                with contextlib.suppress(OSError):
                    os.unlink(pending)
                raise
            os.rename(pending, final + manifest.MANIFEST_SUFFIX)
            sync_directory(self.directory)

    def backups(self, cluster_name: str) -> list[manifest.Manifest]:
        """The whole ones. What has no manifest that can be read is none, and nobody's to delete."""
        with told(f"{self.directory} can't be read", CURE):
            names = sorted(os.listdir(self.directory))
            found = [
                (name, _read(self.path(name + manifest.MANIFEST_SUFFIX)))
                for name in names
                if manifest.NAME.fullmatch(name)
            ]
        return [
            known
            for name, known in found
            if known and (known.name, known.cluster_name) == (name, cluster_name)
            if _size(self.path(name)) == known.encrypted_bytes
        ]

    def delete(self, backup: manifest.Manifest) -> None:
        """In an order that tidy() can go on with from any point."""
        pending = self.path(f".{backup.name}{manifest.MANIFEST_SUFFIX}{_PENDING_SUFFIX}")
        with told(f"{backup.name} could not be deleted", CURE):
            os.rename(self.path(backup.name + manifest.MANIFEST_SUFFIX), pending)
            os.unlink(self.path(backup.name))
            os.unlink(pending)


class Draft:
    """Counts and hashes what is written to it, and leaves the rest of the file system its reserve."""

    def __init__(self, handle: int, path: str, reserve_bytes: int) -> None:
        self.path = path
        self.size = 0
        self._handle: int | None = handle
        self._digest = hashlib.sha256()
        self._reserve_bytes = reserve_bytes
        self._look_at = 0

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()

    def write(self, data: bytes) -> None:
        if self._handle is None:
            raise AssertionError("it is written to before it is opened")
        with told(f"{self.path} could not be written", CURE):
            if self.size >= self._look_at:
                self._look(self._handle)
            view = memoryview(data)
            while view:
                view = view[os.write(self._handle, view) :]
        self._digest.update(data)
        self.size += len(data)

    def _look(self, handle: int) -> None:
        room = os.fstatvfs(handle)
        free = room.f_bavail * room.f_frsize
        if free < self._reserve_bytes + _LOOK_BYTES:
            raise Failure(
                Exit.DISK,
                f"the file system of {self.path} has {free >> 20} MiB left, and {self._reserve_bytes >> 20} of them are "
                "reserved",
                "Make room, keep fewer snapshots, or lower reserve_mib.",
            )
        self._look_at = self.size + _LOOK_BYTES

    def close(self) -> None:
        """Only what has reached the disk counts."""
        if self._handle is not None:
            with told(f"{self.path} could not be written", CURE):
                os.fsync(self._handle)
            os.close(self._handle)
            self._handle = None

    def drop(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None
        with contextlib.suppress(OSError):  # it was kept; or tidy() will see to it
            os.unlink(self.path)


def _read(path: str) -> manifest.Manifest | None:
    try:
        with open(path, "rb") as stream:
            return manifest.parse(stream.read())
    except (OSError, ValueError):
        return None


def _size(path: str) -> int | None:
    try:
        return os.stat(path).st_size
    except FileNotFoundError:
        return None


def _write(path: str, text: str) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(handle, "w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
