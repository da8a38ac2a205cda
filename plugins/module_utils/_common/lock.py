# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A directory that one process at a time works in."""

from __future__ import annotations

import contextlib
import fcntl
import os
import typing as t

from .errors import Problem
from .wait import Wait

LOCK_SECONDS = 10.0


@contextlib.contextmanager
def locked(directory: str) -> t.Iterator[None]:
    """One reader or writer at a time. The kernel drops the lock with the process, however that ends."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        wait = Wait(LOCK_SECONDS, pause=0.02)
        while not _locks(handle):
            if not wait.again():
                raise Problem(f"{directory} is locked by another process", f"'fuser {directory}' there names it.")
        yield
    finally:
        os.close(handle)


def _locks(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
