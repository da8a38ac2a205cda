"""Alarms: which calls and machines are meant, who may publish, and what is done in which case."""

from __future__ import annotations

import json

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._aws import alarms, policies
from ansible_collections.vaultops.cluster.plugins.module_utils._common.errors import Problem

NAMES: alarms.Names = {"partition": "aws", "region": "eu-central-1", "account": "111122223333", "cluster": "prod"}
KEY = "arn:aws:kms:eu-central-1:111122223333:key/1"
TOPIC = "arn:aws:sns:eu-central-1:111122223333:vault-prod-alarms"
OURS = {"vault-cluster": "prod"}
RULE = {"pattern": {"source": ["aws.kms"]}, "description": "x", "target": {"Id": "topic", "Arn": TOPIC}}


def wanted(**changes) -> alarms.Wanted:
    made: alarms.Wanted = {
        "topic_arn": TOPIC,
        "topic": {"policy": alarms.topic_policy(NAMES), "key": "alias/k"},
        "subscriptions": [("email", "ops@example.com")],
        "rule": RULE,
        "alarms": {"vault-prod-alarm-vault-1": alarms.instance_alarm(NAMES, "vault-1", "i-1", TOPIC)},
        "tags": {**OURS, "Service": "vault"},
    }
    return {**made, **changes}  # type: ignore[typeddict-item]


def seen(**changes) -> alarms.Seen:
    """All of it as it is wanted."""
    want = wanted()
    tags = {**want["tags"], "Owner": "ada"}
    made: alarms.Seen = {
        "topic": {**(want["topic"] or {}), "tags": tags, "subscriptions": {("email", "ops@example.com"): True}},
        "rule": {
            "pattern": RULE["pattern"],
            "description": "x",
            "enabled": True,
            "tags": tags,
            "targets": [RULE["target"]],
        },
        "alarms": {name: {**alarm, "tags": tags, "StateValue": "OK"} for name, alarm in want["alarms"].items()},
    }
    return {**made, **changes}  # type: ignore[typeddict-item]


NOTHING: alarms.Seen = {"topic": None, "rule": None, "alarms": {}}


def test_the_calls_that_take_a_key_away_are_told_of_the_keys_and_their_aliases_alone():
    found = alarms.pattern(NAMES, [KEY], ["alias/vault-unseal"])
    assert found["detail"]["resources"] == {"ARN": ["arn:aws:kms:eu-central-1:111122223333:alias/vault-unseal", KEY]}
    assert {"ScheduleKeyDeletion", "DisableKey", "PutKeyPolicy", "CreateGrant"} < set(found["detail"]["eventName"])
    assert (found["source"], found["detail-type"]) == (["aws.kms"], ["AWS API Call via CloudTrail"])


def test_the_message_says_who_did_what_and_its_template_is_text_for_eventbridge():
    (template, paths) = (
        alarms.target(NAMES, TOPIC)["InputTransformer"][name] for name in ("InputTemplate", "InputPathsMap")
    )
    assert all(f"<{name}>" in template for name in paths)
    # One text in quotes is what it takes; whatever is in between must not end it.
    assert isinstance(json.loads(template), str) and "\n" not in template


def test_only_the_clusters_own_alarms_publish():
    events, own = alarms.topic_policy(NAMES)["Statement"]
    # A condition would lose what EventBridge sends.
    assert "Condition" not in events and events["Principal"] == {"Service": "events.amazonaws.com"}
    assert own["Condition"]["ArnLike"] == {
        "aws:SourceArn": "arn:aws:cloudwatch:eu-central-1:111122223333:alarm:vault-prod-alarm-*"
    }


def test_the_topics_key_is_used_by_the_two_services_alone():
    document = policies.alarms_key_policy({**NAMES}, ["arn:aws:iam::111122223333:role/admin"], True)
    by_sid = {one["Sid"]: one for one in document["Statement"]}
    assert list(by_sid) == ["Administrators", "BreakGlass", "Events", "Alarms"]
    assert "Condition" not in by_sid["Events"]
    assert by_sid["Alarms"]["Condition"] == {"StringEquals": {"aws:SourceAccount": "111122223333"}}
    users = [sid for sid, one in by_sid.items() if "kms:Decrypt" in one["Action"]]
    assert users == ["Events", "Alarms"]


def test_an_instance_that_is_gone_counts_and_a_balancer_without_traffic_does_not():
    instance = alarms.instance_alarm(NAMES, "vault-1", "i-1", TOPIC)
    assert instance["TreatMissingData"] == "breaching"
    load = "arn:aws:elasticloadbalancing:eu-central-1:111122223333:loadbalancer/net/vault-prod/1"
    group = "arn:aws:elasticloadbalancing:eu-central-1:111122223333:targetgroup/vault-prod/2"
    balancer = alarms.balancer_alarm(NAMES, load, group, TOPIC)
    assert balancer["TreatMissingData"] == "notBreaching"
    assert balancer["Dimensions"] == [
        {"Name": "LoadBalancer", "Value": "net/vault-prod/1"},
        {"Name": "TargetGroup", "Value": "targetgroup/vault-prod/2"},
    ]


def test_from_nothing_and_then_nothing_more():
    steps = alarms.plan(NOTHING, wanted())
    assert [step for step, _value in steps] == ["make_topic", "subscribe", "make_rule", "target", "make_alarm"]
    assert all(line.endswith("created.") for line in alarms.words(NAMES, steps[:3]))
    assert alarms.plan(seen(), wanted()) == []


def test_a_password_in_an_address_is_known_though_sns_does_not_show_it():
    asked = [("https", "https://ops:pass@example.com/hook")]
    listed = ("https", "https://ops:****@example.com/hook")
    for confirmed in (True, False):
        there = drifted("topic", subscriptions={listed: confirmed})
        assert alarms.plan(there, {**wanted(), "subscriptions": asked}) == []
        unheard = [] if confirmed else ["https at example.com"]
        assert alarms.unconfirmed(there, {**wanted(), "subscriptions": asked}) == unheard


def drifted(part: str, **changes) -> alarms.Seen:
    return seen(**{part: {**(seen()[part] or {}), **changes}})  # type: ignore[literal-required]


ALARM = "vault-prod-alarm-vault-1"


@pytest.mark.parametrize(
    ("there", "steps"),
    [
        (drifted("topic", policy={"Statement": []}), ["topic_policy"]),
        (drifted("topic", key=""), ["topic_key"]),
        (drifted("topic", tags=OURS), ["tag_topic"]),
        (drifted("topic", subscriptions={("email", "else@example.com"): True}), ["subscribe"]),
        (drifted("topic", subscriptions={("email", "ops@example.com"): False, ("sqs", "q"): True}), []),
        (drifted("rule", enabled=False), ["change_rule"]),
        (drifted("rule", pattern={}), ["change_rule"]),
        (drifted("rule", targets=[]), ["target"]),
        (drifted("rule", tags=OURS), ["tag_rule"]),
        (seen(alarms={}), ["make_alarm"]),
        (seen(alarms={ALARM: {**seen()["alarms"][ALARM], "ActionsEnabled": False}}), ["change_alarm"]),
        (seen(alarms={ALARM: {**seen()["alarms"][ALARM], "Dimensions": []}}), ["change_alarm"]),
        (seen(alarms={ALARM: {**seen()["alarms"][ALARM], "tags": OURS}}), ["tag_alarm"]),
        (seen(alarms={**seen()["alarms"], "vault-prod-alarm-gone": seen()["alarms"][ALARM]}), ["remove_alarms"]),
    ],
)
def test_what_differs_is_done_and_nothing_else(there, steps):
    assert [step for step, _value in alarms.plan(there, wanted())] == steps


def test_a_topic_of_ones_own_is_left_as_it_is():
    steps = alarms.plan(NOTHING, wanted(topic=None, topic_arn="arn:aws:sns:eu-central-1:111122223333:pagers"))
    assert [step for step, _value in steps] == ["make_rule", "target", "make_alarm"]


def test_what_lacks_the_tag_is_named_and_not_removed():
    theirs = {"vault-cluster": "staging"}
    there = seen()
    for part in ("topic", "rule"):
        there[part]["tags"] = theirs
    there["alarms"][ALARM]["tags"] = theirs
    assert len(alarms.ownership_problems(NAMES, there, OURS)) == 3
    assert alarms.removal(NAMES, there, OURS) == []
    steps = [step for step, _value in alarms.removal(NAMES, seen(), OURS)]
    assert steps == ["remove_alarms", "remove_rule", "remove_topic"]


@pytest.mark.parametrize(
    ("subscription", "shown"),
    [
        (("https", "https://ada:hunter2@events.example.com/key/hunter2"), "https at events.example.com"),
        (("email", "ada@example.com"), "email at example.com"),
        (("sqs", "arn:aws:sqs:eu-central-1:111122223333:pagers"), "sqs at pagers"),
        (("sms", "+4912345678"), "sms at ...78"),
    ],
)
def test_no_address_is_shown_whole(subscription, shown):
    assert alarms.shown(subscription) == shown


def test_words_name_what_is_done_to_each_thing_once():
    steps = [("topic_key", "k"), ("tag_topic", {}), ("change_alarm", (ALARM, {})), ("remove_alarms", ["a", "b"])]
    assert alarms.words(NAMES, steps) == [
        "The topic vault-prod-alarms: brought in line (key, tags).",
        f"The alarm {ALARM}: brought in line (settings).",
        "The alarms a, b: removed.",
    ]


def test_subscriptions_to_a_topic_of_ones_own_are_refused():
    with pytest.raises(Problem, match="Subscribe to your topic yourself"):
        alarms.check([{"protocol": "email", "endpoint": "x@y"}], TOPIC)
