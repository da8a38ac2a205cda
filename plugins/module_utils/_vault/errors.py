# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The one error that everything below the Vault modules raises."""

from __future__ import annotations


class VaultError(Exception):
    """Something a person has to act on: what it hit, why, and what to do about it.

    *status* is the HTTP status of Vault's answer, or None when there was none.
    """

    def __init__(self, where: str, cause: str, cure: str = "", status: int | None = None) -> None:
        super().__init__(where, cause, cure)
        self.where = where
        self.cause = cause
        self.cure = cure
        self.status = status

    def __str__(self) -> str:
        text = f"{self.where}: {self.cause.rstrip('.')}."
        return f"{text} {self.cure}" if self.cure else text
