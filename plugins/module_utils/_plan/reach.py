# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How nodes are reached, and which of them may still boot: by what an inventory says. Pure."""

from __future__ import annotations

import datetime as dt
import re
import typing as t

Host = t.Mapping[str, t.Any]
SESSIONS = ("amazon.aws.aws_ssm", "community.aws.aws_ssm")
INSTANCE = re.compile(r"i-[0-9a-f]{8,17}")
# An image that is prepared on its first boot takes some minutes.
BOOT_SECONDS = 600


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


def launched_lately(hosts: t.Iterable[Host], now: float) -> list[str]:
    """Names of those that EC2's inventory says were launched a moment ago. *now*: seconds since the epoch.

    Of a settled cluster none, and where the inventory tells nothing of it.
    """
    return [host["inventory_hostname"] for host in hosts if 0 <= now - _launched(host) < BOOT_SECONDS]


def _launched(host: Host) -> float:
    said = host.get("aws_launch_time")
    if not said:
        return float("-inf")
    moment = said if isinstance(said, dt.datetime) else dt.datetime.fromisoformat(str(said).replace("Z", "+00:00"))
    return moment.timestamp()
