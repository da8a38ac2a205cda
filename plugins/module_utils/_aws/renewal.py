# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which instances another one replaces, and which of these may be stopped and terminated. Pure.

An instance goes only when the cluster itself has answered that it is no peer any more, neither by its name nor by its address.
"""

from __future__ import annotations

import collections
import typing as t

GOING = ("pending", "running")


class Plan(t.TypedDict):
    stop: list[str]  # ids of instances
    terminate: list[str]
    words: list[str]


def replaced(wanted: t.Sequence[t.Mapping[str, t.Any]]) -> dict[str, str]:
    """The name of each instance that another one replaces, and the name of that one. *wanted* is vault_ec2_instances."""
    return {entry["replaces"]: entry["name"] for entry in wanted if entry.get("replaces")}


def problems(wanted: t.Sequence[t.Mapping[str, t.Any]]) -> list[str]:
    """Why these can't replace what they name."""
    names = {str(entry.get("name")) for entry in wanted}
    counted = collections.Counter(entry["replaces"] for entry in wanted if entry.get("replaces"))
    return [
        *(
            f"vault_ec2_instances lists {name}, and says that another instance replaces {name}. Take one of the two out: a new "
            "instance has a name that was never used."
            for name in sorted(names & set(counted))
        ),
        *(
            f"{count} entries of vault_ec2_instances replace {name}. An instance is replaced by one."
            for name, count in sorted(counted.items())
            if count > 1
        ),
    ]


def leaving(wanted: t.Sequence[t.Mapping[str, t.Any]], hosts: t.Sequence[t.Mapping[str, t.Any]]) -> list[str]:
    """Node ids that leave: of nodes among *hosts* that another one replaces which is among them too."""
    there = {host["name"]: host["node_id"] for host in hosts}
    return [there[old] for old, new in replaced(wanted).items() if old in there and new in there]


def retire(
    wanted: t.Sequence[t.Mapping[str, t.Any]],
    found: t.Sequence[t.Mapping[str, t.Any]],
    peers: t.Sequence[t.Mapping[str, t.Any]],
    terminate: bool,
    cluster: str,
) -> Plan:
    """What is done with each instance that was replaced.

    *found* are the cluster's instances, as amazon.aws' ec2_instance_info returns them. *peers* are the servers that
    vault_raft_info returns. *terminate*: whether somebody has typed the name of the *cluster*.
    """
    out: Plan = {"stop": [], "terminate": [], "words": []}
    successor_of = replaced(wanted)
    known = {value for peer in peers for value in (peer["node_id"], peer["address"].rpartition(":")[0].strip("[]"))}
    for instance in found:
        name, identifier = _name(instance), instance["instance_id"]
        if name not in successor_of:
            continue
        if known & {name, instance.get("private_ip_address")}:
            out["words"].append(f"{name} ({identifier}) is a peer of the cluster, and stays.")
        elif terminate:
            out["terminate"].append(identifier)
            out["words"].append(f"{name} ({identifier}) is terminated, with its volumes and what is on them.")
        else:
            if instance["state"]["name"] in GOING:
                out["stop"].append(identifier)
            out["words"].append(
                f"{name} ({identifier}) is {'stopped' if identifier in out['stop'] else 'stopped already'}. To terminate it, "
                f"with its data: -e vault_renew_terminate={cluster}"
            )
    return out


def _name(instance: t.Mapping[str, t.Any]) -> str:
    return str(instance.get("tags", {}).get("Name", instance["instance_id"]))
