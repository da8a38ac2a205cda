# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Files that either hold all of their content, safely on disk, or don't exist."""

from __future__ import annotations

import os
import tempfile


def create(path: str, data: bytes) -> bool:
    """Write a new file, mode 0600; False when it exists already."""
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    partial = _write_partial(path, data)
    try:
        os.link(partial, path)  # unlike a rename, fails when the name is taken
    except FileExistsError:
        return False
    finally:
        os.unlink(partial)
    _sync_directory(path)
    return True


def replace(path: str, data: bytes) -> None:
    """Put new content in the file's place in one step."""
    os.rename(_write_partial(path, data), path)
    _sync_directory(path)


def _write_partial(path: str, data: bytes) -> str:
    handle, partial = tempfile.mkstemp(dir=os.path.dirname(path), prefix=f".{os.path.basename(path)}.")
    with os.fdopen(handle, "wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
    return partial


def _sync_directory(path: str) -> None:
    handle = os.open(os.path.dirname(path), os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
