# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which nodes are reached through Systems Manager, by what an inventory says. Pure."""

from __future__ import annotations

import re
import typing as t

from .inputs import node_ids

Host = t.Mapping[str, t.Any]
SESSIONS = ("amazon.aws.aws_ssm", "community.aws.aws_ssm")
INSTANCE = re.compile(r"i-[0-9a-f]{8,17}")


def staying(hosts: t.Iterable[Host], leaving: t.Any) -> list[Host]:
    """Those that don't leave the cluster: one that does may be dead. *leaving*: node ids as they were typed."""
    ids = node_ids(leaving)
    return [host for host in hosts if str(host.get("vault_node_id") or host["inventory_hostname"]) not in ids]


def by_session(hosts: t.Iterable[Host]) -> dict[str, str]:
    """Those that are reached through Systems Manager, with their instances: by Ansible's own connection, or by SSH to what is no
    address but an instance's id."""
    found = {}
    for host in hosts:
        name = host["inventory_hostname"]
        target = str(host.get("ansible_aws_ssm_instance_id") or host.get("ansible_host") or name)
        if host.get("ansible_connection") in SESSIONS or INSTANCE.fullmatch(target):
            found[name] = target
    return found
