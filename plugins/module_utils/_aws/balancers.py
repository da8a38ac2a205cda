# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The load balancer before the nodes: in which subnets it is, where it sends requests, and what can't be changed. Pure."""

from __future__ import annotations

import re
import typing as t

from .ownership import Thing

MOST_CHARACTERS = 32
_NAME = re.compile(r"(?!internal-)[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?")


def name_problems(load_balancer: bool, name: str) -> list[str]:
    """Why AWS would not take *name* for load balancer and target group."""
    if not load_balancer:
        return []
    if len(name) > MOST_CHARACTERS:
        return [
            f"The load balancer would be called {name}, which has {len(name)} characters, and AWS takes {MOST_CHARACTERS}. Take "
            f"a vault_cluster_name of {MOST_CHARACTERS - len('vault-')} characters at most, or do without the load balancer."
        ]
    if not _NAME.fullmatch(name):
        return [
            f"The load balancer would be called {name}, and AWS takes letters, digits and hyphens between them. Take another "
            "vault_cluster_name, or do without the load balancer."
        ]
    return []


class Plan(t.TypedDict):
    subnets: list[str]  # one in each zone
    targets: list[str]  # ids of the instances that get requests
    grouped: bool  # whether the load balancer has, or is going to have, the nodes' security group
    said: list[str]  # what can't be changed, in words


def plan(
    wanted: t.Sequence[t.Mapping[str, str]],
    subnets: t.Sequence[t.Mapping[str, t.Any]],
    instances: t.Sequence[t.Mapping[str, t.Any]],
    balancers: t.Sequence[Thing],
    target_groups: t.Sequence[Thing],
) -> Plan:
    """*wanted*: the instances of the inventory; *instances*: what there is of them; the others: the cluster's own."""
    zones = {subnet["subnet_id"]: subnet["availability_zone"] for subnet in subnets}
    # AWS takes one subnet a zone. What the load balancer has stays, since it would lose its address in that zone, whether an
    # instance is there any more or not.
    chosen = {zone: subnet for thing in balancers for zone, subnet in thing["zones"].items()}
    for instance in wanted:
        chosen.setdefault(zones[instance["subnet_id"]], instance["subnet_id"])
    bare = [thing["name"] for thing in balancers if not thing["groups"]]
    there = {instance for thing in target_groups for instance in thing["targets"]}
    return {
        "subnets": list(chosen.values()),
        # AWS takes no instance that is stopped for a new target. One that is a target already goes on being one.
        "targets": sorted(
            one["instance_id"]
            for one in instances
            if one["state"]["name"] == "running" or (one["instance_id"] in there and not _gone(one))
        ),
        "grouped": not bare,
        "said": [
            f"{name}: this load balancer was made without a security group, and AWS gives one at the creation alone. So the "
            "nodes see their clients' own addresses through it, and vault_client_security_groups does not let anybody "
            "through it. To change that, delete the load balancer and run provision.yml again: docs/aws.md."
            for name in bare
        ],
    }


def _gone(instance: t.Mapping[str, t.Any]) -> bool:
    return instance["state"]["name"] in ("shutting-down", "terminated")
