# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The machine that is made for one restore drill: how it is known, and which of those that are there may be terminated. Pure.

Its tag has the cluster's key, and a value that no cluster has. By the cluster's own tag nodes find each other, inventories find
nodes, and provision.yml its instances: the machine would be taken for a node in all of these. Nothing without the tag of such a
machine is ever touched.
"""

from __future__ import annotations

import datetime
import typing as t

Instance = t.Mapping[str, t.Any]
GONE = ("shutting-down", "terminated")


class Tag(t.TypedDict):
    key: str
    value: str


class Plan(t.TypedDict):
    terminate: list[str]  # ids of instances
    words: list[str]
    problems: list[str]


def tag(cluster_tag: t.Mapping[str, str]) -> Tag:
    """Of the machines, from the tag of the cluster. No name of a cluster has a slash."""
    return {"key": cluster_tag["key"], "value": f"{cluster_tag['value']}/drill"}


def problems(
    subnets: t.Sequence[t.Mapping[str, t.Any]],
    subnet_id: str,
    groups: t.Sequence[t.Mapping[str, t.Any]],
    hosts: t.Sequence[str],
    group_name: str,
) -> list[str]:
    """Why no machine can be made. *subnets* and *groups*: of those that are wanted, what is there, the groups of every VPC.
    *hosts* are the machines for drills that the inventory lists."""
    found = []
    if hosts:
        found.append(
            f"vault_drill_machine is true, and the inventory lists {', '.join(hosts)} in the group vault_drill. Take it out "
            "of that group, or set vault_drill_machine to false."
        )
    if not subnets:
        return [
            *found,
            f"The subnet {subnet_id} does not exist here. Check vault_ec2_drill_subnet_id, the region, the account.",
        ]
    if subnets[0].get("map_public_ip_on_launch"):
        found.append(
            f"{subnet_id} gives each new instance a public address, and a machine that holds all of the cluster's data has none. "
            "Name a private subnet in vault_ec2_drill_subnet_id, or switch off MapPublicIpOnLaunch there."
        )
    vpc, elsewhere = subnets[0]["vpc_id"], sorted({group["vpc_id"] for group in groups})
    if not groups:
        found.append(
            f"The security group {group_name} of this cluster is not in the VPC {vpc}. playbooks/provision.yml makes the group, "
            "the role and the instance profile in the nodes' VPC: run it with vault_drill_machine: true."
        )
    elif vpc not in elsewhere:
        found.append(
            f"{subnet_id} is in the VPC {vpc}, and the security group {group_name} of this cluster in {', '.join(elsewhere)}. "
            "The subnet has to be in the nodes' VPC: name another one in vault_ec2_drill_subnet_id."
        )
    return found


def left_over(
    found: t.Sequence[Instance],
    cluster_tag: t.Mapping[str, str],
    now: datetime.datetime,
    minutes: int,
    take: str = "",
) -> Plan:
    """What is done with the machines of earlier drills, before one is made.

    *found* are instances, as amazon.aws' ec2_instance_info returns them. A run that was killed has left its machine, and another
    controller is using its own: only the time tells them apart, and no drill lasts longer than *minutes*. *take*: id of one that
    somebody knows to be nobody's.
    """
    out: Plan = {"terminate": [], "words": [], "problems": []}
    for instance in _theirs(found, cluster_tag):
        identifier = instance["instance_id"]
        launched = datetime.datetime.fromisoformat(str(instance["launch_time"]))
        until = launched + datetime.timedelta(minutes=minutes)
        if identifier == take or until <= now.replace(tzinfo=datetime.timezone.utc):
            out["terminate"].append(identifier)
            out["words"].append(f"{identifier}, left by a drill that was cut short: terminated, with what is on it.")
        else:
            out["problems"].append(
                f"{identifier} was launched for a drill at {launched:%Y-%m-%d %H:%M} UTC, and another run may be using it. A run "
                f"after {until:%H:%M} UTC terminates it. If no run is alive that made it: -e vault_ec2_drill_take={identifier}"
            )
    return out


def ending(found: t.Sequence[Instance], cluster_tag: t.Mapping[str, str]) -> Plan:
    """Which of the machines of this run are terminated, and which may not be, since they lost their tag. *found* as above, in all
    states, by their ids."""
    own = {instance["instance_id"] for instance in _theirs(found, cluster_tag)}
    key, value = tag(cluster_tag).values()
    strange = [one["instance_id"] for one in found if not _is_gone(one) and one["instance_id"] not in own]
    return {
        "terminate": sorted(own),
        "words": [f"{identifier}: terminated, with what is on it." for identifier in sorted(own)],
        "problems": [
            f"{identifier} does not carry the tag {key}={value} any more, and is left alone. Find out who took the tag away."
            for identifier in strange
        ],
    }


def _theirs(found: t.Sequence[Instance], cluster_tag: t.Mapping[str, str]) -> list[Instance]:
    key, value = tag(cluster_tag).values()
    return [one for one in found if not _is_gone(one) and (one.get("tags") or {}).get(key) == value]


def _is_gone(instance: Instance) -> bool:
    return instance["state"]["name"] in GONE
