# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Targets of a load balancer: one function each call."""

from __future__ import annotations

import typing as t

from .ownership import Thing, owned
from .ownership_api import target_groups

Tag = t.Mapping[str, str]
Answer = dict[str, t.Any]


def group(client: t.Any, name: str, tag: Tag) -> str | None:
    """The ARN of the cluster's target group; none where there is no such group, or where it is somebody else's."""
    things: list[Thing] = target_groups(client, name, tag, everything=False)
    return next((thing["id"] for thing in owned(things, tag, "target_group")), None)


def instances(client: t.Any, tag: Tag) -> list[Answer]:
    filters = [
        {"Name": f"tag:{tag['key']}", "Values": [tag["value"]]},
        {"Name": "instance-state-name", "Values": ["running"]},
    ]
    pages = client.get_paginator("describe_instances").paginate(Filters=filters)
    return [one for page in pages for reservation in page["Reservations"] for one in reservation["Instances"]]


def health(client: t.Any, arn: str) -> list[Answer]:
    found: list[Answer] = client.describe_target_health(TargetGroupArn=arn, aws_retry=True)["TargetHealthDescriptions"]
    return found


def register(client: t.Any, arn: str, instance_ids: t.Iterable[str], port: int) -> None:
    client.register_targets(TargetGroupArn=arn, Targets=_targets(instance_ids, port), aws_retry=True)


def deregister(client: t.Any, arn: str, instance_ids: t.Iterable[str], port: int) -> None:
    client.deregister_targets(TargetGroupArn=arn, Targets=_targets(instance_ids, port), aws_retry=True)


def _targets(instance_ids: t.Iterable[str], port: int) -> list[Answer]:
    return [{"Id": one, "Port": port} for one in instance_ids]
