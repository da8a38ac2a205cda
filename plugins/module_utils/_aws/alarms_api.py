# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""SNS, EventBridge and CloudWatch: one function a call, and readers that put things into the shape of alarms.py."""

from __future__ import annotations

import json
import typing as t

from ansible_collections.amazon.aws.plugins.module_utils.botocore import is_boto3_error_code
from ansible_collections.amazon.aws.plugins.module_utils.tagging import (
    ansible_dict_to_boto3_tag_list,
    boto3_tag_list_to_ansible_dict,
)

from .._common.errors import Problem
from .alarms import Document, Names, alarm_arn, alarm_name, parsed, rule_arn, rule_name, topic_arn

_TARGET = ("Id", "Arn", "InputTransformer")


def topic(client: t.Any, arn: str) -> Document | None:
    try:
        found = client.get_topic_attributes(TopicArn=arn, aws_retry=True)["Attributes"]
    except is_boto3_error_code(["NotFound", "NotFoundException"]):
        return None
    subscribed = _all(client, "list_subscriptions_by_topic", "Subscriptions", TopicArn=arn)
    tags = client.list_tags_for_resource(ResourceArn=arn, aws_retry=True)["Tags"]
    return {
        "policy": parsed(found.get("Policy")),
        "key": found.get("KmsMasterKeyId", ""),
        "tags": boto3_tag_list_to_ansible_dict(tags),
        # One that waits for its confirmation has words in the place of an ARN.
        "subscriptions": {
            (one["Protocol"], one["Endpoint"]): one["SubscriptionArn"].startswith("arn:") for one in subscribed
        },
    }


def rule(client: t.Any, names: Names) -> Document | None:
    try:
        found = client.describe_rule(Name=rule_name(names), aws_retry=True)
    except is_boto3_error_code("ResourceNotFoundException"):
        return None
    targets = client.list_targets_by_rule(Rule=rule_name(names), aws_retry=True)["Targets"]
    tags = client.list_tags_for_resource(ResourceARN=rule_arn(names), aws_retry=True)["Tags"]
    return {
        "pattern": parsed(found.get("EventPattern")),
        "description": found.get("Description", ""),
        "enabled": found["State"] == "ENABLED",
        "tags": boto3_tag_list_to_ansible_dict(tags),
        "targets": [{name: one[name] for name in _TARGET if name in one} for one in targets],
    }


def alarms(client: t.Any, names: Names) -> dict[str, Document]:
    """Those whose names begin as the cluster's do, with those of a cluster whose name goes on from this one's with -alarm."""
    found = _all(client, "describe_alarms", "MetricAlarms", AlarmNamePrefix=alarm_name(names, ""))
    return {one["AlarmName"]: {**one, "tags": _alarm_tags(client, one["AlarmArn"])} for one in found}


def _alarm_tags(client: t.Any, arn: str) -> dict[str, str]:
    return boto3_tag_list_to_ansible_dict(client.list_tags_for_resource(ResourceARN=arn, aws_retry=True)["Tags"])


def instances(client: t.Any, tags: t.Mapping[str, str]) -> dict[str, str]:
    """Ids by name, of what is not on its way out."""
    wanted = [{"Name": f"tag:{key}", "Values": [value]} for key, value in tags.items()]
    states = {"Name": "instance-state-name", "Values": ["pending", "running", "stopping", "stopped"]}
    pages = _all(client, "describe_instances", "Reservations", Filters=[*wanted, states])
    return {
        boto3_tag_list_to_ansible_dict(one.get("Tags", [])).get("Name", ""): one["InstanceId"]
        for page in pages
        for one in page["Instances"]
    }


def balancer(client: t.Any, name: str) -> tuple[str, str]:
    """ARNs of the load balancer and of its target group; empty for what is not there."""
    return (
        _named(client, "describe_load_balancers", "LoadBalancers", "LoadBalancerArn", name),
        _named(client, "describe_target_groups", "TargetGroups", "TargetGroupArn", name),
    )


def _named(client: t.Any, operation: str, items: str, arn: str, name: str) -> str:
    try:
        found = getattr(client, operation)(Names=[name], aws_retry=True)[items]
    except is_boto3_error_code(["LoadBalancerNotFound", "TargetGroupNotFound"]):
        return ""
    return found[0][arn] if found else ""


def apply(clients: t.Callable[[str], t.Any], names: Names, step: str, value: t.Any, tags: dict[str, str]) -> None:
    """Carry out one step of a plan (alarms.plan, alarms.removal)."""
    listed = ansible_dict_to_boto3_tag_list
    if step in _TOPIC:
        _TOPIC[step](clients("sns"), topic_arn(names), value, listed(tags))
    elif step in ("make_rule", "change_rule"):
        settings = {"EventPattern": json.dumps(value["pattern"]), "Description": value["description"]}
        new = {"Tags": listed(tags)} if step == "make_rule" else {}
        clients("events").put_rule(Name=rule_name(names), State="ENABLED", aws_retry=True, **settings, **new)
    elif step == "target":
        answer = clients("events").put_targets(Rule=rule_name(names), Targets=[value], aws_retry=True)
        _no_failures(answer, rule_name(names))
    elif step == "tag_rule":
        clients("events").tag_resource(ResourceARN=rule_arn(names), Tags=listed(value), aws_retry=True)
    elif step == "remove_rule":
        if value:
            answer = clients("events").remove_targets(Rule=rule_name(names), Ids=value, aws_retry=True)
            _no_failures(answer, rule_name(names))
        clients("events").delete_rule(Name=rule_name(names), aws_retry=True)
    elif step in ("make_alarm", "change_alarm"):
        # CloudWatch takes tags for one that is new alone.
        new = {"Tags": listed(tags)} if step == "make_alarm" else {}
        clients("cloudwatch").put_metric_alarm(AlarmName=value[0], aws_retry=True, **value[1], **new)
    elif step == "tag_alarm":
        clients("cloudwatch").tag_resource(
            ResourceARN=alarm_arn(names, value[0]), Tags=listed(value[1]), aws_retry=True
        )
    elif step == "remove_alarms":
        # So many at once.
        for start in range(0, len(value), 100):
            clients("cloudwatch").delete_alarms(AlarmNames=value[start : start + 100], aws_retry=True)
    else:
        raise ValueError(f"there is no step {step}")


def _no_failures(answer: Document, name: str) -> None:
    """EventBridge answers well even where it did nothing."""
    failed = answer.get("FailedEntries") or []
    if failed:
        said = f"{failed[0].get('ErrorCode')}: {failed[0].get('ErrorMessage')}"
        raise Problem(
            f"the target of the rule {name} was not changed: {said}",
            "Run again; look at the rule in EventBridge if it stays.",
        )


_TOPIC: dict[str, t.Callable[[t.Any, str, t.Any, list[dict[str, str]]], t.Any]] = {
    "make_topic": lambda client, arn, value, tags: client.create_topic(
        Name=arn.rpartition(":")[2],
        Attributes={"Policy": json.dumps(value["policy"]), "KmsMasterKeyId": value["key"]},
        Tags=tags,
        aws_retry=True,
    ),
    "topic_policy": lambda client, arn, value, _tags: client.set_topic_attributes(
        TopicArn=arn, AttributeName="Policy", AttributeValue=json.dumps(value), aws_retry=True
    ),
    "topic_key": lambda client, arn, value, _tags: client.set_topic_attributes(
        TopicArn=arn, AttributeName="KmsMasterKeyId", AttributeValue=value, aws_retry=True
    ),
    "tag_topic": lambda client, arn, value, _tags: client.tag_resource(
        ResourceArn=arn, Tags=ansible_dict_to_boto3_tag_list(value), aws_retry=True
    ),
    "subscribe": lambda client, arn, value, _tags: client.subscribe(
        TopicArn=arn, Protocol=value[0], Endpoint=value[1], aws_retry=True
    ),
    "remove_topic": lambda client, arn, _value, _tags: client.delete_topic(TopicArn=arn, aws_retry=True),
}


def _all(client: t.Any, operation: str, items: str, **arguments: t.Any) -> list[t.Any]:
    found = client.get_paginator(operation).paginate(**arguments).build_full_result()
    return found.get(items, [])
