# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether nodes can be reached by sessions of Systems Manager, and why not. Pure."""

from __future__ import annotations

import datetime as dt
import re
import typing as t

ONLINE = "Online"
NEVER = "never"
# An image that installs its agent on the first boot takes some minutes.
BOOT_SECONDS = 600
Answer = t.Mapping[str, t.Any]


def statuses(found: t.Iterable[Answer], wanted: t.Mapping[str, str]) -> dict[str, str]:
    """Of each node, by name: what Systems Manager says of its agent, or that the agent has never said anything. *wanted*: ids of
    the instances, by name."""
    said = {one["InstanceId"]: one["PingStatus"] for one in found}
    return {name: said.get(instance_id, NEVER) for name, instance_id in wanted.items()}


def no_instances(wanted: t.Mapping[str, str]) -> list[str]:
    """Names of nodes of which the inventory gives something else than an instance's id, which AWS would refuse."""
    return [name for name, target in wanted.items() if not re.fullmatch(r"i-[0-9a-f]{8,17}", target)]


def missing(states: t.Mapping[str, str]) -> list[str]:
    return [name for name, state in states.items() if state != ONLINE]


def booting(
    names: t.Iterable[str], wanted: t.Mapping[str, str], machines: t.Iterable[Answer], now: dt.datetime
) -> bool:
    """Whether it is worth to wait: every one of them was launched a moment ago, and runs or will."""
    known = {one["InstanceId"]: one for one in machines}
    return all(_boots(known.get(wanted[name]), now) for name in names)


def _boots(machine: Answer | None, now: dt.datetime) -> bool:
    if (
        machine is None
        or machine["State"]["Name"] not in ("pending", "running")
        or not machine.get("IamInstanceProfile")
    ):
        return False
    return (now - machine["LaunchTime"]).total_seconds() < BOOT_SECONDS


def problems(states: t.Mapping[str, str], wanted: t.Mapping[str, str], machines: t.Iterable[Answer]) -> list[str]:
    """Why nodes can't be reached, a sentence or two each."""
    known = {one["InstanceId"]: one for one in machines}
    return [f"{name} ({wanted[name]}) {_cause(states[name], known.get(wanted[name]))}" for name in missing(states)]


def _cause(status: str, machine: Answer | None) -> str:
    if machine is None:
        return "is no instance in this region and account. Set ansible_host to aws_instance_id in the inventory."
    state = machine["State"]["Name"]
    if state != "running":
        return f"is {state}. Start it, or see why it does not come up."
    if not machine.get("IamInstanceProfile"):
        return (
            "has no instance profile, so that its agent may not hold a session. provision.yml gives each instance one."
        )
    if status == NEVER:
        return (
            "runs, and its agent has never reported to Systems Manager. One of three is missing: the agent in the image (or "
            "vault_ec2_user_data that installs it), the permission of the nodes' role (vault_ssm: true, and a run of "
            "provision.yml), or a way from the subnet to the endpoints ssm and ssmmessages (NAT or VPC endpoints)."
        )
    return (
        f"runs, and its agent reports to Systems Manager no more ({status}). See whether the agent runs on it, and whether "
        "the endpoints ssm and ssmmessages still answer from its subnet."
    )
