# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What Vault, or the way to it, refused."""

from __future__ import annotations

from .._common.errors import Problem

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


class VaultError(Problem):
    """*status* is the HTTP status of Vault's answer, or None when there was none. *reach*: how far the call came, one of REACH,
    or None when no node was asked.
    """

    def __init__(
        self, where: str, cause: str, cure: str = "", status: int | None = None, reach: str | None = None
    ) -> None:
        super().__init__(cause, cure, where=where)
        self.status = status
        self.reach = reach or ("answered" if status else None)


class Expired(VaultError):
    """AWS does not take this controller's credentials any more. Waiting does not change that."""
