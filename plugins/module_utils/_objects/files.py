# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Files that either hold all of their content, safely on disk, or don't exist; and are nobody else's."""

from __future__ import annotations

import os
import stat
import typing as t

from .._common import files
from .._common.errors import Problem

T = t.TypeVar("T")


def in_words(where: str, action: t.Callable[[], T]) -> T:
    """What the operating system refuses, as a Problem."""
    try:
        return action()
    except OSError as error:
        raise Problem(
            error.strerror or str(error),
            "A plain file or none must be there, in a directory that belongs to the user who runs this, can be written to "
            "and has room.",
            where=where,
        ) from error


def read(path: str) -> bytes | None:
    """None only where no file is."""
    try:
        with open(path, "rb") as stream:
            return stream.read()
    except FileNotFoundError:
        return None


def create(path: str, data: bytes) -> bool:
    """Write a new file, mode 0600; False when it exists already."""
    own_directory(os.path.dirname(path))
    with files.draft(path) as (stream, partial):
        stream.write(data)
        files.sync(stream)
        try:
            os.link(partial, path)  # unlike a rename, fails when the name is taken
        except FileExistsError:
            return False
    files.sync_directory(os.path.dirname(path))
    return True


def replace(path: str, data: bytes) -> None:
    """Put new content in the file's place in one step."""
    own_directory(os.path.dirname(path))
    files.write(path, data)


def is_exposed(path: str) -> bool:
    """Whether anybody but its owner may read or change the file. Another user's file is refused."""
    found = os.stat(path)
    if found.st_uid != os.geteuid():
        raise Problem(
            f"it belongs to user id {found.st_uid}, and this runs as {os.geteuid()}", "Run as that user.", where=path
        )
    return bool(stat.S_IMODE(found.st_mode) & 0o077)


def own_directory(directory: str) -> None:
    """Who may write to a directory can exchange the files in it, whatever their modes are."""
    os.makedirs(directory, mode=0o700, exist_ok=True)
    found = os.stat(directory)
    if found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & 0o022:
        raise Problem(
            f"it belongs to user id {found.st_uid} and has mode {stat.S_IMODE(found.st_mode):04o}, so others than user "
            f"id {os.geteuid()}, as which this runs, can exchange what is kept there",
            f"'chmod go-w {directory}' if that is yours alone, or name a directory that does not exist yet.",
            where=directory,
        )
