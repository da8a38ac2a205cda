# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One run at a time. The kernel drops the lock with the process, however that ends."""

from __future__ import annotations

import contextlib
import fcntl
import os
import typing as t

from .._snapshot.errors import Exit, Failure


@contextlib.contextmanager
def held(path: str) -> t.Iterator[None]:
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise Failure(
            Exit.DISK, f"the lock {path} can't be opened ({error.strerror})", "Create its directory, for this user."
        ) from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise Failure(
                Exit.LOCKED, f"another run holds {path}", "Wait for it; if it hangs, end it ('fuser' names it)."
            ) from error
        yield
    finally:
        os.close(handle)
