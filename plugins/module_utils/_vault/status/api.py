# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Read what any node tells without a login."""

from __future__ import annotations

import typing as t

from ..client import Cluster, call, content
from ..errors import VaultError
from .state import Node, normalise, unreachable


def read_nodes(cluster: Cluster) -> list[Node]:
    """Health, seal and leader of every node, side by side. A node that can't be read is data, not an error."""

    def read(name: str, client: t.Any) -> Node:
        url = cluster.connection.nodes[name]
        try:
            # Past hvac, which would turn the codes that carry the answer into exceptions.
            timeout = cluster.connection.timeout
            health = call(name, lambda: client.session.get(f"{url}/v1/sys/health", timeout=timeout))
            said = content(name, call(name, health.json))
            seal = content(name, call(name, lambda: client.adapter.get("/v1/sys/seal-status")))
            leader: dict[str, t.Any] = {}
            if health.status_code < 500:
                leader = content(name, call(name, lambda: client.adapter.get("/v1/sys/leader")))
        except VaultError as error:
            return unreachable(name, url, error)
        return normalise(name, url, health.status_code, said, seal, leader)

    return cluster.ask_all(read)
