"""Whether nodes can be reached by sessions. What Systems Manager says is played by a proxy before moto, which does not know."""

from __future__ import annotations

import datetime as dt
import json
import os

import boto3
import pytest
import yaml
from ansible_collections.vaultops.cluster.plugins.module_utils._aws import sessions
from ansible_collections.vaultops.cluster.plugins.modules import aws_sessions_info
from kit.fault_proxy import Answer, FaultProxy, Rule
from labkit.settings import REGION

LATELY = dt.datetime.now(dt.timezone.utc)
LONG_AGO = LATELY - dt.timedelta(hours=1)


class Agents(FaultProxy):
    """Answers in the place of Systems Manager: each look is told the next of *looks*, and the last one from then on."""

    looks: list[dict[str, str]]

    def forward(self, method, path, headers, body):
        if not headers.get("X-Amz-Target", "").endswith(".DescribeInstanceInformation"):
            return super().forward(method, path, headers, body)
        (wanted,) = json.loads(body)["Filters"]
        assert wanted["Key"] == "InstanceIds"
        said = self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]
        found = [{"InstanceId": one, "PingStatus": state} for one, state in said.items() if one in wanted["Values"]]
        answer = json.dumps({"InstanceInformationList": found}).encode()
        return 200, [("Content-Type", "application/x-amz-json-1.1")], answer


@pytest.fixture
def machines(aws):
    """Two instances with a profile, which moto launches now."""
    iam = boto3.client("iam", REGION, endpoint_url=aws)
    iam.create_instance_profile(InstanceProfileName="sessions")
    ec2 = boto3.client("ec2", REGION, endpoint_url=aws)
    made = [
        ec2.run_instances(ImageId="ami-12c6146b", MinCount=1, MaxCount=1, IamInstanceProfile={"Name": "sessions"})[
            "Instances"
        ][0]["InstanceId"]
        for _count in range(2)
    ]
    yield dict(zip(("vault-1", "vault-2"), made, strict=True))
    ec2.terminate_instances(InstanceIds=made)
    iam.delete_instance_profile(InstanceProfileName="sessions")


@pytest.fixture
def plugin(tmp_path):
    path = tmp_path / "session-manager-plugin"
    path.write_text("")
    return str(path)


@pytest.fixture
def look(aws, run_module, plugin):
    def call(looks, instances, rules=(), **more):
        with Agents(("127.0.0.1", 0), aws, rules) as proxy:
            proxy.looks = looks
            options = {"instances": instances, "plugin": plugin, "wait_timeout": 1, "region": REGION}
            return run_module(aws_sessions_info, False, endpoint_url=proxy.url, **{**options, **more})

    return call


def online(machines):
    return dict.fromkeys(machines.values(), "Online")


def test_agents_that_are_online_are_not_waited_for(look, machines):
    said = look([online(machines)], machines)
    assert said["instances"] == {"vault-1": "Online", "vault-2": "Online"}
    assert set(said) - {"invocation", "changed"} == set(yaml.safe_load(aws_sessions_info.RETURN))


def test_nodes_that_boot_are_waited_for(look, machines, monkeypatch):
    monkeypatch.setattr(aws_sessions_info, "PAUSE_SECONDS", 0.05)
    some = {machines["vault-1"]: "Online"}
    assert look([{}, some, online(machines)], machines, wait_timeout=30)["instances"]["vault-2"] == "Online"


def test_one_that_never_comes_is_named_with_what_may_be_missing(look, machines, monkeypatch):
    monkeypatch.setattr(aws_sessions_info, "PAUSE_SECONDS", 0.2)
    said = look([{machines["vault-1"]: "Online"}], machines)["msg"]
    assert said.startswith(f"vault-2 ({machines['vault-2']}) runs, and its agent has never reported")
    assert "after 1 s" in said and "vault-1" not in said
    assert all(what in said for what in ("vault_ec2_user_data", "vault_ssm: true", "endpoints ssm and ssmmessages"))


def test_one_that_is_no_instance_here_is_not_waited_for(look, machines):
    said = look([online(machines)], {**machines, "vault-3": "i-00000000000000009"}, wait_timeout=600)["msg"]
    assert "vault-3 (i-00000000000000009) is no instance in this region and account" in said


def test_an_address_is_no_instance(look, machines):
    said = look([online(machines)], {**machines, "vault-3": "10.0.0.3"})["msg"]
    assert said.startswith("vault-3 (10.0.0.3): no id of an instance") and "aws_instance_id" in said


def test_a_controller_without_the_plugin_is_told_first(look, machines, plugin):
    os.remove(plugin)
    assert f"no session-manager-plugin ({plugin})" in look([online(machines)], machines)["msg"]


def test_what_may_not_be_asked_is_said(look, machines):
    denied = Rule("DescribeInstanceInformation", Answer("AccessDeniedException", "not authorized"))
    said = look([{}], machines, [denied])["msg"]
    assert "ssm:DescribeInstanceInformation was refused" in said and "Allow it in the policy" in said


@pytest.mark.parametrize("status", [None, "Enabled", "Suspended"])
def test_a_bucket_with_versions_is_refused(look, machines, aws, status):
    s3, name = boto3.client("s3", REGION, endpoint_url=aws), f"files-{status}".lower()
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    if status:
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": status})
    said = look([online(machines)], machines, bucket=name)
    assert ("versioning" in said.get("msg", "")) is bool(status)
    assert "NoSuchBucket" in look([online(machines)], machines, bucket="none")["msg"]


# --- pure


def machine(state="running", launched=LATELY, profile=True):
    return {
        "InstanceId": "i-1",
        "State": {"Name": state},
        "LaunchTime": launched,
        **({"IamInstanceProfile": {"Arn": "arn"}} if profile else {}),
    }


@pytest.mark.parametrize(
    ("found", "waits"),
    [
        (machine(), True),
        (machine("pending"), True),
        (machine(launched=LONG_AGO), False),
        (machine("stopping"), False),
        # It would wait for nothing.
        (machine(profile=False), False),
        (None, False),
    ],
)
def test_what_is_worth_waiting_for(found, waits):
    machines = [found] if found else []
    assert sessions.booting(["vault-1"], {"vault-1": "i-1"}, machines, LATELY) is waits


@pytest.mark.parametrize(
    ("found", "status", "says"),
    [
        (machine("stopped"), sessions.NEVER, "is stopped"),
        (machine(profile=False), sessions.NEVER, "has no instance profile"),
        (machine(), sessions.NEVER, "has never reported"),
        (machine(), "ConnectionLost", "no more (ConnectionLost)"),
    ],
)
def test_each_cause_has_words(found, status, says):
    (said,) = sessions.problems({"vault-1": status, "vault-2": "Online"}, {"vault-1": "i-1", "vault-2": "i-2"}, [found])
    assert said.startswith("vault-1 (i-1) ") and says in said
