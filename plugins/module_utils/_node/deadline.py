# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A limit for the whole of something, whatever it waits for. Timeouts of sockets are for each read."""

from __future__ import annotations

import contextlib
import signal
import typing as t


class Overdue(Exception):
    """Not an OSError: libraries make their own errors of those."""


@contextlib.contextmanager
def deadline(seconds: float) -> t.Iterator[None]:
    """Raises Overdue in the middle of what takes longer. For the main thread, in which Ansible runs a module."""

    def ring(_number: int, _frame: t.Any) -> None:
        raise Overdue

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
