# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who of others uses the security groups that a removal would delete: rules that refer to them, and network interfaces in them.
AWS deletes no group that is used, and a removal that finds out last has removed everything else. Pure.

Rules and interfaces are as amazon.aws' modules return them.
"""

from __future__ import annotations

import json
import typing as t

Answer = t.Mapping[str, t.Any]
# The direction in the names of AWS's commands, where a group's rules stand, and what a rule of that direction does.
_DIRECTIONS = (("ingress", "ip_permissions", "in from"), ("egress", "ip_permissions_egress", "out to"))


def problems(
    going: t.Sequence[Answer],
    groups: t.Sequence[Answer],
    interfaces: t.Sequence[Answer],
    instances: t.Sequence[str],
    balancer: str,
    region: str,
) -> list[str]:
    """*going*: the groups that would be deleted, of aws_cluster_info. *groups*: those that may have rules about them.
    *instances*: ids of the cluster's. *balancer*: the name of its load balancer. Each problem has its cure."""
    names = {group["id"]: group["name"] for group in going}
    others = {group["group_id"]: group for group in groups if group["group_id"] not in names}
    found = [
        words
        for group in others.values()
        for direction in _DIRECTIONS
        for words in _rules(group, direction, names, region)
    ]
    for interface in interfaces:
        used = [names[group["group_id"]] for group in interface["groups"] if group["group_id"] in names]
        if used and not _goes(interface, instances, balancer):
            found.append(_interface(interface, used, region))
    return [*found, "Nothing was removed."] if found else []


def _rules(group: Answer, direction: tuple[str, str, str], names: t.Mapping[str, str], region: str) -> t.Iterator[str]:
    command, key, does = direction
    for rule in group.get(key) or []:
        for pair in rule.get("user_id_group_pairs") or []:
            if pair.get("group_id") not in names:
                continue
            ports = {aws: rule[own] for own, aws in (("from_port", "FromPort"), ("to_port", "ToPort")) if own in rule}
            pairs = [{"GroupId": pair["group_id"]}]
            this = json.dumps(
                [{"IpProtocol": rule["ip_protocol"], **ports, "UserIdGroupPairs": pairs}], separators=(",", ":")
            )
            yield (
                f"A rule of the security group {group['group_name']} ({group['group_id']}) lets {does} {names[pair['group_id']]} "
                f"({pair['group_id']}), and AWS deletes no group that a rule refers to. Take the rule away: aws ec2 "
                f"revoke-security-group-{command} --region {region} --group-id {group['group_id']} --ip-permissions '{this}' ."
            )


def _goes(interface: Answer, instances: t.Sequence[str], balancer: str) -> bool:
    """With its instance, of which it is the first one or is deleted with it; or with the load balancer."""
    attachment = interface.get("attachment") or {}
    if attachment.get("instance_id") in instances:
        return attachment.get("device_index") == 0 or bool(attachment.get("delete_on_termination"))
    return str(interface.get("description", "")).startswith(f"ELB net/{balancer}/")


def _interface(interface: Answer, used: t.Sequence[str], region: str) -> str:
    identifier = interface["network_interface_id"]
    about = ", ".join(
        str(one)
        for one in (interface.get("description"), (interface.get("attachment") or {}).get("instance_id"))
        if one
    )
    left = [group["group_id"] for group in interface["groups"] if group["group_name"] not in used]
    said = (
        f"The network interface {identifier}{f' ({about})' if about else ''} is in the security group {' and '.join(used)}, and "
        "does not go with the cluster's machines. "
    )
    if interface.get("requester_managed"):
        return f"{said}A service of AWS keeps it: take the group away from what it belongs to, or delete that."
    return (
        f"{said}Delete it, or give it other groups: aws ec2 modify-network-interface-attribute --region {region} "
        f"--network-interface-id {identifier} --groups {' '.join(left) or 'GROUP'} ."
    )
