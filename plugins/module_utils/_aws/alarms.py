# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who is told of what happens to a cluster in AWS: the topic, the rule and the alarms as they are and as they should be. Pure."""

from __future__ import annotations

import json
import re
import typing as t
import urllib.parse

from ansible_collections.amazon.aws.plugins.module_utils.policy import compare_policies

from .._common.errors import Problem

Document = dict[str, t.Any]
Step = tuple[str, t.Any]  # what is done, and with what

# What takes a key away, opens it to others, or leads its alias elsewhere; as CloudTrail calls them.
CALLS = [
    "CreateGrant",
    "DeleteAlias",
    "DisableKey",
    "PutKeyPolicy",
    "ScheduleKeyDeletion",
    "UpdateAlias",
]
# What of an alarm is compared.
_COMPARED = (
    "AlarmDescription",
    "ActionsEnabled",
    "AlarmActions",
    "OKActions",
    "ComparisonOperator",
    "EvaluationPeriods",
    "MetricName",
    "Namespace",
    "Period",
    "Statistic",
    "Threshold",
    "TreatMissingData",
)


class Names(t.TypedDict):
    """Where everything is, and what it is called."""

    partition: str
    region: str
    account: str
    cluster: str


class Seen(t.TypedDict):
    """What is there under these names. None: it is not there."""

    topic: Document | None  # policy, key, tags, subscriptions ((protocol, endpoint) to whether it is confirmed)
    rule: Document | None  # pattern, description, enabled, tags, targets
    alarms: dict[str, Document]  # by name; CloudWatch's own description of it, and Tags


class Wanted(t.TypedDict):
    topic_arn: str
    topic: Document | None  # None: it is somebody else's
    subscriptions: list[tuple[str, str]]
    rule: Document
    alarms: dict[str, Document]
    tags: dict[str, str]


def prefix(names: Names) -> str:
    return f"vault-{names['cluster']}"


def topic_arn(names: Names) -> str:
    return _arn(names, "sns", f"{prefix(names)}-alarms")


def rule_name(names: Names) -> str:
    return f"{prefix(names)}-keys"


def rule_arn(names: Names) -> str:
    return _arn(names, "events", f"rule/{rule_name(names)}")


def alarm_name(names: Names, what: str) -> str:
    return f"{prefix(names)}-alarm-{what}"


def alarm_arn(names: Names, name: str) -> str:
    return _arn(names, "cloudwatch", f"alarm:{name}")


def alias_arn(names: Names, alias: str) -> str:
    return _arn(names, "kms", alias)


def _arn(names: Names, service: str, name: str) -> str:
    return ":".join(("arn", names["partition"], service, names["region"], names["account"], name))


def topic_policy(names: Names) -> Document:
    """Who publishes, besides whom IAM allows it in the account."""
    arn = topic_arn(names)
    alarms = {
        "ArnLike": {"aws:SourceArn": alarm_arn(names, alarm_name(names, "*"))},
        "StringEquals": {"aws:SourceAccount": names["account"]},
    }
    return {
        "Version": "2012-10-17",
        "Statement": [
            # EventBridge is not known to say on whose behalf it publishes, and a condition would drop every message unseen.
            _publishes("Events", "events.amazonaws.com", arn),
            {**_publishes("Alarms", "cloudwatch.amazonaws.com", arn), "Condition": alarms},
        ],
    }


def _publishes(sid: str, service: str, arn: str) -> Document:
    return {
        "Sid": sid,
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": "sns:Publish",
        "Resource": arn,
    }


def pattern(names: Names, key_arns: t.Iterable[str], aliases: t.Iterable[str]) -> Document:
    """Of calls that CloudTrail has written down, about these keys and aliases."""
    about = sorted({*key_arns, *(alias_arn(names, alias) for alias in aliases)})
    return {
        "source": ["aws.kms"],
        "detail-type": ["AWS API Call via CloudTrail"],
        "detail": {"eventSource": ["kms.amazonaws.com"], "eventName": CALLS, "resources": {"ARN": about}},
    }


def target(names: Names, arn: str) -> Document:
    """The topic, and the message in one line of text: EventBridge takes only text in quotes, or JSON."""
    paths = {
        "call": "$.detail.eventName",
        "who": "$.detail.userIdentity.arn",
        "at": "$.time",
        "event": "$.detail.eventID",
    }
    words = (
        f"{names['region']}: <call> on a key of the Vault cluster {names['cluster']}, by <who> at <at>. Without its unseal key "
        "the cluster can neither start nor restore a snapshot. If nobody meant it: enable the key, cancel its deletion, put back "
        "its policy and its alias. CloudTrail has the rest under the event id <event>."
    )
    return {
        "Id": "topic",
        "Arn": arn,
        "InputTransformer": {"InputPathsMap": paths, "InputTemplate": f'"{words}"'},
    }


def instance_alarm(names: Names, node: str, instance_id: str, arn: str) -> Document:
    """An instance that is stopped or gone has no status, and counts as well."""
    return _alarm(
        arn,
        f"The instance {node} of the Vault cluster {names['cluster']} fails AWS's checks, is stopped or is gone.",
        ("AWS/EC2", "StatusCheckFailed"),
        {"InstanceId": instance_id},
        missing="breaching",
    )


def balancer_alarm(names: Names, load_balancer: str, target_group: str, arn: str) -> Document:
    return _alarm(
        arn,
        f"The load balancer finds a node of the Vault cluster {names['cluster']} unhealthy.",
        ("AWS/NetworkELB", "UnHealthyHostCount"),
        {
            "LoadBalancer": load_balancer.rpartition(":loadbalancer/")[2],
            "TargetGroup": target_group.rpartition(":")[2],
        },
        missing="notBreaching",
    )


def _alarm(arn: str, words: str, metric: tuple[str, str], dimensions: t.Mapping[str, str], missing: str) -> Document:
    """Of something that is so for three minutes: a restart of a node takes less."""
    return {
        "AlarmDescription": words,
        "ActionsEnabled": True,
        "AlarmActions": [arn],
        "OKActions": [arn],
        "Namespace": metric[0],
        "MetricName": metric[1],
        "Dimensions": [{"Name": name, "Value": value} for name, value in sorted(dimensions.items())],
        "Statistic": "Maximum",
        "Period": 60,
        "EvaluationPeriods": 3,
        "Threshold": 1.0,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "TreatMissingData": missing,
    }


def ownership_problems(names: Names, seen: Seen, required: t.Mapping[str, str]) -> list[str]:
    """Why what has these names must be left alone."""
    things: list[tuple[str, Document | None]] = [
        (f"The topic {topic_arn(names)}", seen["topic"]),
        (f"The rule {rule_arn(names)}", seen["rule"]),
        *((f"The alarm {name}", alarm) for name, alarm in seen["alarms"].items()),
    ]
    wanted = ", ".join(f"{key}={value}" for key, value in required.items())
    return [
        f"{what} exists, and is not this cluster's: it does not carry the tag {wanted}. Give it the tag if it is, or remove it."
        for what, thing in things
        if thing is not None and not is_ours(thing, required)
    ]


def is_ours(thing: Document, required: t.Mapping[str, str]) -> bool:
    return required.items() <= thing["tags"].items()


def plan(seen: Seen, wanted: Wanted) -> list[Step]:
    """What brings all of it in line. An alarm of the cluster's that is not wanted goes: it is of a node that left."""
    return [*_topic_steps(seen, wanted), *_rule_steps(seen, wanted), *_alarm_steps(seen, wanted)]


def _topic_steps(seen: Seen, wanted: Wanted) -> list[Step]:
    topic, now = wanted["topic"], seen["topic"]
    if topic is None:
        return []
    if now is None:
        made: list[Step] = [("make_topic", topic)]
        return made + [("subscribe", one) for one in wanted["subscriptions"]]
    steps: list[Step] = []
    if compare_policies(now["policy"], topic["policy"]):
        steps.append(("topic_policy", topic["policy"]))
    if now["key"] != topic["key"]:
        steps.append(("topic_key", topic["key"]))
    steps += _tags("tag_topic", None, now, wanted)
    # Who was added by hand stays.
    return steps + [("subscribe", one) for one in wanted["subscriptions"] if _listed(one) not in now["subscriptions"]]


def _rule_steps(seen: Seen, wanted: Wanted) -> list[Step]:
    rule, now = wanted["rule"], seen["rule"]
    steps: list[Step] = []
    if now is None:
        steps.append(("make_rule", rule))
    elif (now["pattern"], now["description"], now["enabled"]) != (rule["pattern"], rule["description"], True):
        steps.append(("change_rule", rule))
    if now is None or rule["target"] not in now["targets"]:
        steps.append(("target", rule["target"]))
    return steps + _tags("tag_rule", None, now, wanted)


def _alarm_steps(seen: Seen, wanted: Wanted) -> list[Step]:
    steps: list[Step] = []
    for name, alarm in wanted["alarms"].items():
        now = seen["alarms"].get(name)
        if now is None:
            steps.append(("make_alarm", (name, alarm)))
        elif _facts(now) != _facts(alarm):
            steps.append(("change_alarm", (name, alarm)))
        steps += _tags("tag_alarm", name, now, wanted)
    left = sorted(seen["alarms"].keys() - wanted["alarms"].keys())
    return [*steps, *([("remove_alarms", left)] if left else [])]


def _facts(alarm: Document) -> Document:
    dimensions = {one["Name"]: one["Value"] for one in alarm.get("Dimensions", [])}
    return {**{name: alarm.get(name) for name in _COMPARED}, "Dimensions": dimensions}


def _tags(step: str, name: str | None, now: Document | None, wanted: Wanted) -> list[Step]:
    lacking = {key: value for key, value in wanted["tags"].items() if now is not None and now["tags"].get(key) != value}
    return [(step, (name, lacking) if name else lacking)] if lacking else []


def removal(names: Names, seen: Seen, required: t.Mapping[str, str]) -> list[Step]:
    """What carries the tag, and nothing else. Messages go to the end: the topic is the last."""
    own = sorted(name for name, alarm in seen["alarms"].items() if is_ours(alarm, required))
    steps: list[Step] = [("remove_alarms", own)] if own else []
    if seen["rule"] is not None and is_ours(seen["rule"], required):
        steps.append(("remove_rule", [one["Id"] for one in seen["rule"]["targets"]]))
    if seen["topic"] is not None and is_ours(seen["topic"], required):
        steps.append(("remove_topic", topic_arn(names)))
    return steps


def words(names: Names, steps: t.Iterable[Step]) -> list[str]:
    """One sentence a thing, in the order in which it is done."""
    found: dict[str, list[str]] = {}
    for step, value in steps:
        what, done = _word(names, step, value)
        found.setdefault(what, []).append(done)
    made = ("created", "removed")
    return [
        f"{what}: {done[0]}." if done[0] in made else f"{what}: brought in line ({', '.join(done)})."
        for what, done in found.items()
    ]


def _word(names: Names, step: str, value: t.Any) -> tuple[str, str]:
    topic, rule = f"The topic {prefix(names)}-alarms", f"The rule {rule_name(names)} on the keys"
    if step == "subscribe":
        return f"The subscription of {shown(value)}", "created"
    if step == "remove_alarms":
        return f"The alarms {', '.join(value)}", "removed"
    if step in ("make_alarm", "change_alarm", "tag_alarm"):
        return f"The alarm {value[0]}", {"make_alarm": "created", "change_alarm": "settings"}.get(step, "tags")
    return {
        "make_topic": (topic, "created"),
        "topic_policy": (topic, "policy"),
        "topic_key": (topic, "key"),
        "tag_topic": (topic, "tags"),
        "remove_topic": (topic, "removed"),
        "make_rule": (rule, "created"),
        "change_rule": (rule, "pattern"),
        "target": (rule, "target"),
        "tag_rule": (rule, "tags"),
        "remove_rule": (rule, "removed"),
    }[step]


def shown(subscription: tuple[str, str]) -> str:
    """An address in the web may have its password in it, so no address is shown whole."""
    protocol, endpoint = subscription
    if protocol in ("http", "https"):
        return f"{protocol} at {urllib.parse.urlsplit(endpoint).hostname}"
    if "@" in endpoint:
        return f"{protocol} at {endpoint.rpartition('@')[2]}"
    return f"{protocol} at {endpoint.rpartition(':')[2] if ':' in endpoint else f'...{endpoint[-2:]}'}"


def unconfirmed(seen: Seen, wanted: Wanted) -> list[str]:
    """Who does not get messages yet, though it was asked for."""
    there = (seen["topic"] or {}).get("subscriptions", {})
    return [shown(one) for one in wanted["subscriptions"] if _listed(one) in there and not there[_listed(one)]]


def _listed(subscription: tuple[str, str]) -> tuple[str, str]:
    """As SNS lists it: with asterisks in the place of a password."""
    protocol, endpoint = subscription
    return protocol, re.sub(r"(?<=://)([^/@:]*):[^/@]*@", r"\1:****@", endpoint)


def parsed(text: str | None) -> Document:
    return json.loads(text) if text else {}


def check(subscriptions: t.Iterable[t.Mapping[str, str]], own_topic: str) -> None:
    wrong = [one for one in subscriptions if not one.get("protocol") or not one.get("endpoint")]
    if wrong:
        raise Problem(
            "a subscription lacks its protocol or its endpoint",
            "Give both, as in {protocol: email, endpoint: ops@example.com}.",
        )
    if own_topic and subscriptions:
        raise Problem(
            f"the topic {own_topic} is your own, and subscriptions were given",
            "Subscribe to your topic yourself, or leave it out.",
        )
