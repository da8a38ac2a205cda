# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which nodes a load balancer sends requests to, and what has to be done about one of them. Pure."""

from __future__ import annotations

import typing as t

from .._common.errors import Problem

HEALTHY = "healthy"
# No target at all, or one that is on its way out.
NONE, DRAINING = "none", "draining"
ABSENT = (NONE, DRAINING)


def ids(instances: t.Sequence[t.Mapping[str, t.Any]], addresses: t.Mapping[str, str]) -> dict[str, str]:
    """Instance ids by node. *instances*: of EC2, as many as carry the cluster's tag; *addresses*: the nodes' private ones."""
    by_address: dict[str, list[str]] = {}
    for one in instances:
        by_address.setdefault(one.get("PrivateIpAddress") or "", []).append(one["InstanceId"])
    found = {name: by_address.get(address, []) for name, address in addresses.items()}
    unclear = sorted(name for name, here in found.items() if len(here) != 1)
    if unclear:
        raise Problem(
            f"{', '.join(unclear)}: not exactly one running instance with the cluster's tag has the address "
            f"{', '.join(addresses[name] for name in unclear)}",
            "Compare vault_address with the instance's private address, and see that the instance carries the tag.",
        )
    return {name: here[0] for name, here in found.items()}


def states(health: t.Sequence[t.Mapping[str, t.Any]], instance_ids: t.Mapping[str, str], port: int) -> dict[str, str]:
    """By node, what the load balancer thinks of it."""
    seen = {
        one["Target"]["Id"]: one["TargetHealth"]["State"] for one in health if one["Target"].get("Port", port) == port
    }
    return {name: seen.get(instance_id, NONE) for name, instance_id in instance_ids.items()}


def absent(state: t.Mapping[str, str], names: t.Iterable[str]) -> list[str]:
    """Those of them that have to be made targets."""
    return [name for name in names if state[name] in ABSENT]


def not_healthy(state: t.Mapping[str, str], names: t.Iterable[str]) -> str:
    """Those of them that get no request, in words; empty where all do."""
    return ", ".join(f"{name} is {_said(state[name])}" for name in names if state[name] != HEALTHY)


def _said(state: str) -> str:
    return "no target" if state == NONE else state
