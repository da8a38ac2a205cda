# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One login for all that is asked of a cluster."""

from __future__ import annotations

import typing as t
from contextlib import ExitStack, contextmanager

from .client import Cluster, Connection


class Visit(Cluster):
    """A cluster whose active node is looked for once, and that is logged in to once, however many ask for it.

    The token is revoked where the visit, as a context, ends.
    """

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self.leading: str | None = None  # the active node, where somebody knows it already
        self._clients: dict[str, t.Any] = {}
        self._logins = ExitStack()

    def __enter__(self) -> Visit:
        return self

    def __exit__(self, *error: t.Any) -> None:
        self._logins.__exit__(*error)

    def active(self) -> str:
        self.leading = self.leading or super().active()
        return self.leading

    @contextmanager
    def login(self, name: str) -> t.Iterator[t.Any]:
        if name not in self._clients:
            self._clients[name] = self._logins.enter_context(super().login(name))
        yield self._clients[name]
