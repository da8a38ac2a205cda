# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""For what a node wants no token, asked without one. What is asked for changes nothing."""

from __future__ import annotations

import typing as t

from ..client import Cluster, call, content
from ..errors import VaultError
from .state import ENDPOINTS, Guard, of_version, unknown


def read(cluster: Cluster) -> list[Guard]:
    """Of every node, side by side. A node that can't be read is data, not an error."""

    def ask(name: str, client: t.Any) -> Guard:
        try:
            seal = content(name, call(name, lambda: client.adapter.get("/v1/sys/seal-status")))
            guard = of_version(name, seal)
            if guard["problem"] is None and guard["guarded"] is not False:
                guard["open"] = [family for family, path in ENDPOINTS.items() if is_open(name, client, path)]
            return guard
        except VaultError as error:
            return unknown(name, str(error))

    return cluster.ask_all(ask)


def is_open(name: str, client: t.Any, path: str) -> bool:
    """Only a refusal says that a token is wanted."""
    try:
        call(name, lambda: client.adapter.get(path))
    except VaultError as error:
        if error.status == 403:
            return False
        raise
    return True
