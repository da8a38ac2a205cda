"""Topic, rule and alarms, against moto: made once, brought in line, removed by the tag, and named where AWS refuses."""

from __future__ import annotations

import json

import boto3
import pytest
from ansible_collections.vaultops.cluster.plugins.modules import aws_alarms
from kit.fault_proxy import Answer, FaultProxy, Rule

REGION, ACCOUNT = "eu-central-1", "123456789012"
TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:vault-prod-alarms"
ALIAS = "alias/vault-unseal"
NODES = ["vault-1", "vault-2"]


@pytest.fixture
def client(aws):
    return lambda service: boto3.client(service, REGION, endpoint_url=aws)


@pytest.fixture
def call(aws, run_module, client):
    key = client("kms").create_key()["KeyMetadata"]
    client("kms").create_alias(AliasName=ALIAS, TargetKeyId=key["KeyId"])
    for name in NODES:
        tags = [{"Key": "Name", "Value": name}, {"Key": "vault-cluster", "Value": "prod"}]
        specified = [{"ResourceType": "instance", "Tags": tags}]
        client("ec2").run_instances(ImageId="ami-12c6146b", MinCount=1, MaxCount=1, TagSpecifications=specified)

    def run(check=False, rules=(), **changes):
        with FaultProxy(("127.0.0.1", 0), aws, list(rules)) as proxy:
            asked = {
                "cluster": "prod",
                "account": ACCOUNT,
                "topic_key": "alias/vault-prod-alarms",
                "subscriptions": [{"protocol": "https", "endpoint": "https://hunter2@pagers.example.com/hunter2"}],
                "key_aliases": [ALIAS, "alias/vault-prod-ca"],
                "instances": NODES,
                "tags": {"Service": "vault"},
                "required_tags": {"vault-cluster": "prod"},
                "region": REGION,
                "endpoint_url": proxy.url,
            }
            return run_module(aws_alarms, check, **{**asked, **changes})

    run.key = key["Arn"]
    return run


def everything(client):
    events, watch, sns = client("events"), client("cloudwatch"), client("sns")
    return json.loads(
        json.dumps(
            [
                sns.list_topics()["Topics"],
                sns.list_subscriptions()["Subscriptions"],
                events.list_rules()["Rules"],
                watch.describe_alarms()["MetricAlarms"],
            ],
            default=str,
        )
    )


def test_it_is_made_once_as_check_mode_says_and_removed_by_its_tag(call, client):
    would = call(check=True)
    assert would["changed"] and everything(client) == [[], [], [], []]
    made = call()
    assert made["steps"] == would["steps"]
    assert "The subscription of https at pagers.example.com: created." in made["steps"]
    assert "hunter2" not in json.dumps(made)
    assert any("alias/vault-prod-ca: there is no key yet" in line for line in made["said"])

    attributes = client("sns").get_topic_attributes(TopicArn=TOPIC)["Attributes"]
    assert attributes["KmsMasterKeyId"] == "alias/vault-prod-alarms"
    rule = client("events").describe_rule(Name="vault-prod-keys")
    about = json.loads(rule["EventPattern"])["detail"]["resources"]["ARN"]
    assert call.key in about and f"arn:aws:kms:{REGION}:{ACCOUNT}:{ALIAS}" in about
    (target,) = client("events").list_targets_by_rule(Rule="vault-prod-keys")["Targets"]
    assert target["Arn"] == TOPIC
    found = client("cloudwatch").describe_alarms()["MetricAlarms"]
    assert {one["AlarmName"] for one in found} == {f"vault-prod-alarm-{name}" for name in NODES}
    assert all(one["AlarmActions"] == [TOPIC] for one in found)

    again = call()
    assert (again["changed"], again["steps"]) == (False, [])

    # The key of the CA has come, and a node has gone.
    ca = client("kms").create_key()["KeyMetadata"]
    client("kms").create_alias(AliasName="alias/vault-prod-ca", TargetKeyId=ca["KeyId"])
    changed = call(instances=NODES[:1])
    assert changed["steps"] == [
        "The rule vault-prod-keys on the keys: brought in line (pattern).",
        "The alarms vault-prod-alarm-vault-2: removed.",
    ]
    assert ca["Arn"] in client("events").describe_rule(Name="vault-prod-keys")["EventPattern"]

    before = everything(client)
    assert call(check=True, state="absent")["changed"]
    assert everything(client) == before
    assert call(state="absent")["changed"]
    topics, _subscriptions, rules, alarms = everything(client)
    assert (topics, rules, alarms) == ([], [], [])
    assert not call(state="absent")["changed"]


def test_a_tag_that_is_a_number_is_text_to_aws(call):
    assert call(tags={"CostCenter": 1234})["changed"]
    assert not call(tags={"CostCenter": 1234})["changed"]


def test_what_others_have_under_these_names_stays(call, client):
    client("sns").create_topic(Name="vault-prod-alarms", Tags=[{"Key": "Owner", "Value": "ada"}])
    before = everything(client)
    found = call()
    assert found["failed"] and f"The topic {TOPIC} exists, and is not this cluster's" in found["msg"]
    left = call(state="absent")
    assert not left["changed"] and "is not this cluster's" in left["said"][0]
    assert everything(client) == before


def test_a_cluster_whose_name_goes_on_from_this_ones_keeps_its_alarms(call, client):
    """Of prod and of prod-alarm the names of alarms begin alike."""
    other = {"cluster": "prod-alarm", "required_tags": {"vault-cluster": "prod-alarm"}, "topic_key": "alias/other"}
    for name in ("vault-1", "vault-9"):
        tags = [{"Key": "Name", "Value": name}, {"Key": "vault-cluster", "Value": "prod-alarm"}]
        specified = [{"ResourceType": "instance", "Tags": tags}]
        client("ec2").run_instances(ImageId="ami-12c6146b", MinCount=1, MaxCount=1, TagSpecifications=specified)
    assert call(**other, instances=["vault-1", "vault-9"])["changed"]
    theirs = {one["AlarmName"] for one in everything(client)[3]}
    assert theirs == {"vault-prod-alarm-alarm-vault-1", "vault-prod-alarm-alarm-vault-9"}

    made = call()
    assert made["steps"][-2:] == [f"The alarm vault-prod-alarm-{name}: created." for name in NODES]
    assert not call()["changed"] and not call(**other, instances=["vault-1", "vault-9"])["changed"]
    gone = call(state="absent")
    assert gone["said"] == [] and theirs == {one["AlarmName"] for one in everything(client)[3]}

    # A node of this cluster whose alarm would have the name of one of theirs.
    tags = [{"Key": "Name", "Value": "alarm-vault-1"}, {"Key": "vault-cluster", "Value": "prod"}]
    specified = [{"ResourceType": "instance", "Tags": tags}]
    client("ec2").run_instances(ImageId="ami-12c6146b", MinCount=1, MaxCount=1, TagSpecifications=specified)
    said = call(instances=[*NODES, "alarm-vault-1"])
    assert (
        said["failed"] and "The alarm vault-prod-alarm-alarm-vault-1 exists, and is not this cluster's" in said["msg"]
    )


def test_a_topic_of_ones_own_gets_the_alarms_and_nothing_else(call, client):
    own = client("sns").create_topic(Name="pagers")["TopicArn"]
    made = call(topic_arn=own, topic_key=None, subscriptions=[])
    assert made["topic_arn"] == own and [one["TopicArn"] for one in everything(client)[0]] == [own]
    assert all(one["AlarmActions"] == [own] for one in everything(client)[3])
    assert not call(topic_arn=own, topic_key=None, subscriptions=[])["changed"]


@pytest.mark.parametrize(
    ("operation", "service"), [("CreateTopic", "sns"), ("PutRule", "events"), ("PutMetricAlarm", "cloudwatch")]
)
def test_what_aws_refuses_is_named_and_the_next_run_goes_on(call, operation, service):
    denied = Rule(operation, Answer("AccessDeniedException", "no", 403), every=True)
    found = call(rules=[denied])
    assert found["failed"]
    assert f"{service}:{operation} was refused in {REGION}: AccessDenied" in found["msg"]
    assert "Allow it in the policy" in found["msg"]
    assert call()["changed"] and not call()["changed"]
