# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The one error of this collection. Standard library only: nodes have nothing else."""

from __future__ import annotations


class Problem(Exception):
    """Something a person has to act on: the cause, what to do about it, and what it is about where that is not the host.

    Subclasses carry what a caller decides by; nobody decides by the words.
    """

    def __init__(self, cause: str, cure: str = "", *, where: str = "") -> None:
        super().__init__(cause, cure, where)
        self.where = where
        self.cause = cause
        self.cure = cure

    def also(self, second: Problem) -> None:
        """What went wrong on the way out. The first error stays the one that is told."""
        place = f"{second.where}: " if second.where else ""
        self.cure = f"{self.cure} Then {place}{second.cause.rstrip('.')}.".strip()

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        return f"{place}{self.cause.rstrip('.')}. {self.cure}".strip()
