# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What one process at a time works on."""

from __future__ import annotations

import contextlib
import fcntl
import os
import typing as t

from .errors import Problem
from .wait import Wait

LOCK_SECONDS = 10.0


@contextlib.contextmanager
def locked(path: str) -> t.Iterator[None]:
    """*path*: a directory that is there, or a file that is made for it; only a file can be locked on every file system.

    The kernel drops the lock with the process, however that ends.
    """
    handle = os.open(path, os.O_RDONLY) if os.path.isdir(path) else os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        wait = Wait(LOCK_SECONDS, pause=0.02)
        while not _locks(handle):
            if not wait.again():
                raise Problem(f"{path} is locked by another process", f"'fuser {path}' there names it.")
        yield
    finally:
        os.close(handle)


def _locks(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
