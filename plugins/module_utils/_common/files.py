# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Files that hold all of their content, on the disk, or none of it."""

from __future__ import annotations

import contextlib
import os
import tempfile
import typing as t


def write(
    path: str,
    content: bytes,
    mode: int = 0o600,
    owner: tuple[int, int] | None = None,
    prepare: t.Callable[[str, str], None] | None = None,
) -> None:
    """In one step. *owner*: ids of user and group; *prepare*: called with the name that the file has before, and with *path*."""
    with draft(path, mode, owner) as (stream, partial):
        stream.write(content)
        if prepare:
            prepare(partial, path)
        sync(stream)
        os.rename(partial, path)
    sync_directory(os.path.dirname(path))


@contextlib.contextmanager
def draft(path: str, mode: int = 0o600, owner: tuple[int, int] | None = None) -> t.Iterator[tuple[t.BinaryIO, str]]:
    """A file beside *path*, and its name. After the block it is gone, unless it was renamed."""
    folder, name = os.path.split(path)
    handle, partial = tempfile.mkstemp(".partial", f".{name}.", folder)
    try:
        with os.fdopen(handle, "w+b") as stream:
            if owner:
                os.fchown(stream.fileno(), *owner)
            # Whatever the umask is, and before there is anything to read.
            os.fchmod(stream.fileno(), mode)
            yield t.cast(t.BinaryIO, stream), partial
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(partial)


def make_folder(path: str) -> None:
    """With its parents, which everybody may pass through, whatever the umask is."""
    before = os.umask(0o022)
    try:
        os.makedirs(path, mode=0o755, exist_ok=True)
    finally:
        os.umask(before)


def sync(stream: t.BinaryIO) -> None:
    stream.flush()
    os.fsync(stream.fileno())


def sync_directory(folder: str) -> None:
    """A name in it survives a loss of power only once the directory itself is written."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
