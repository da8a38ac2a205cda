# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What ends the backup tool early, and what the process ends with for it."""

from __future__ import annotations

import enum

from .._common.errors import Problem


class Exit(enum.IntEnum):
    """The table with what each one means is in _backup/cli.py."""

    DONE = 0
    BUG = 1
    CONFIG = 2
    LOCKED = 3
    VAULT = 4
    SNAPSHOT = 5
    ENCRYPTION = 6
    DISK = 7
    S3 = 8
    INTERRUPTED = 9


class Failure(Problem):
    """A problem, and what the process ends with for it."""

    def __init__(self, code: Exit, cause: str, cure: str = "") -> None:
        super().__init__(cause, cure)
        self.code = code


class Interrupted(BaseException):
    """By a signal. No Exception, as KeyboardInterrupt is none: botocore takes those for failures that it may retry."""

    code = Exit.INTERRUPTED
