# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What AWS says of the agents of Systems Manager, of their instances, and of the bucket between: one function each call."""

from __future__ import annotations

import typing as t

Answer = dict[str, t.Any]


def agents(client: t.Any, instance_ids: t.Sequence[str]) -> list[Answer]:
    """One that has never reported is left out."""
    filters = [{"Key": "InstanceIds", "Values": list(instance_ids)}]
    pages = client.get_paginator("describe_instance_information").paginate(Filters=filters)
    return [one for page in pages for one in page["InstanceInformationList"]]


def instances(client: t.Any, instance_ids: t.Sequence[str]) -> list[Answer]:
    """By a filter: one that does not exist is left out, where AWS would refuse its id."""
    filters = [{"Name": "instance-id", "Values": list(instance_ids)}]
    pages = client.get_paginator("describe_instances").paginate(Filters=filters)
    return [one for page in pages for reservation in page["Reservations"] for one in reservation["Instances"]]


def versioning(client: t.Any, bucket: str) -> str:
    """Empty where it was never switched on."""
    status: str = client.get_bucket_versioning(Bucket=bucket).get("Status", "")
    return status
