# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a disk refuses, as the failure that the tool's programs end with."""

from __future__ import annotations

import contextlib
import typing as t

from .._snapshot.errors import Exit, Failure


@contextlib.contextmanager
def told(what: str, cure: str) -> t.Iterator[None]:
    """*what* could not be done, and what to look at."""
    try:
        yield
    except OSError as error:
        # An error of gzip is one of the disk by its class alone, and has no number.
        raise Failure(Exit.DISK, f"{what} ({error.strerror or error})", cure) from error
