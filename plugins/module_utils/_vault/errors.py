# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The one error that everything below the Vault modules raises."""

from __future__ import annotations

# How far a call came. Decided by the kind of the failure, never by its words.
REACH = (
    "answered",
    "refused",  # the host says that nothing listens there
    "timeout",
    "unroutable",  # no route, an unknown name, no machine at that address, or not allowed out
    "tls",  # its certificate was not accepted
    "ca_file",  # the CA that it would be judged by can't be read here
    "broken",  # a connection, and no answer of Vault's
)


class VaultError(Exception):
    """Something a person has to act on: what it hit, why, and what to do about it.

    *status* is the HTTP status of Vault's answer, or None when there was none. *reach*: how far the call came, one of REACH,
    or None when no node was asked.
    """

    def __init__(
        self, where: str, cause: str, cure: str = "", status: int | None = None, reach: str | None = None
    ) -> None:
        super().__init__(where, cause, cure)
        self.where = where
        self.cause = cause
        self.cure = cure
        self.status = status
        self.reach = reach or ("answered" if status else None)

    def also(self, second: VaultError) -> None:
        """What went wrong on the way out. The first error stays the one that is told."""
        self.cure = f"{self.cure} Then {second.where}: {second.cause.rstrip('.')}.".strip()

    def __str__(self) -> str:
        text = f"{self.where}: {self.cause.rstrip('.')}."
        return f"{text} {self.cure}" if self.cure else text
