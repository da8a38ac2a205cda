"""The key of new volumes, and those of volumes that are there, against moto."""

from __future__ import annotations

import boto3
import pytest
import yaml
from ansible_collections.vaultops.cluster.plugins.modules import aws_volume_key_info
from kit.fault_proxy import Answer, FaultProxy, Rule

REGION = "eu-central-1"
RETURNED = yaml.safe_load(aws_volume_key_info.RETURN)
NONE = f"arn:aws:kms:{REGION}:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"


@pytest.fixture
def look(aws, run_module):
    def call(url=aws, check=False, **asked):
        return run_module(aws_volume_key_info, check, region=REGION, endpoint_url=url, **asked)

    return call


@pytest.fixture
def key(aws):
    return boto3.client("kms", REGION, endpoint_url=aws).create_key()["KeyMetadata"]["Arn"]


def launch(aws, **ebs):
    ec2 = boto3.client("ec2", REGION, endpoint_url=aws)
    disk = {"DeviceName": "/dev/sda1", "Ebs": {"VolumeSize": 8, **ebs}}
    made = ec2.run_instances(ImageId="ami-12c6146b", MinCount=1, MaxCount=1, BlockDeviceMappings=[disk])
    return made["Instances"][0]["InstanceId"]


@pytest.mark.parametrize("check", [False, True])
def test_a_key_is_told_with_what_ec2_asks_of_it(look, key, check):
    said = look(key_arn=key, check=check)
    assert set(RETURNED) <= set(said) and said["changed"] is False
    assert said["key"] == {"arn": key, "state": "Enabled", "usage": "ENCRYPT_DECRYPT", "spec": "SYMMETRIC_DEFAULT"}
    assert (said["default"], said["default_is_own"], said["volumes"]) == (None, None, {})
    assert look(key_arn=NONE)["key"] is None


def test_the_default_is_looked_at_where_no_key_is_named_and_only_there(look, aws, key):
    said = look(key_arn="")
    assert (said["key"], said["default"], said["default_is_own"]) == (None, "alias/aws/ebs", True)
    # AWS has made its own key, and names it by its ARN.
    launch(aws, Encrypted=True)
    said = look(key_arn="")
    assert said["default"].startswith("arn:aws:kms:") and said["default_is_own"] is True
    boto3.client("ec2", REGION, endpoint_url=aws).modify_ebs_default_kms_key_id(KmsKeyId=key)
    said = look(key_arn="")
    assert (said["default"], said["default_is_own"]) == (key, False)
    with FaultProxy(("127.0.0.1", 0), aws, []) as proxy:
        look(url=proxy.url)
        look(url=proxy.url, key_arn=key)
    assert proxy.calls == ["DescribeKey"]


def test_a_default_of_ones_own_in_an_account_without_aws_own_key(look, aws, key):
    boto3.client("ec2", REGION, endpoint_url=aws).modify_ebs_default_kms_key_id(KmsKeyId=key)
    assert look(key_arn="")["default_is_own"] is False


def test_keys_of_volumes_by_instance(look, aws, key):
    own, bare, _other = launch(aws, Encrypted=True, KmsKeyId=key), launch(aws), launch(aws, Encrypted=True)
    assert look(instances=[own, bare])["volumes"] == {own: [key], bare: []}


def denied(operation, code):
    return Rule(operation, Answer(code, "not authorized", 403), every=True)


def test_what_may_not_be_seen_is_not_nothing(look, aws, key):
    instance = launch(aws, Encrypted=True, KmsKeyId=key)
    rules = [denied(one, "UnauthorizedOperation") for one in ("GetEbsDefaultKmsKeyId", "DescribeVolumes")]
    with FaultProxy(("127.0.0.1", 0), aws, rules) as proxy:
        said = look(url=proxy.url, key_arn="", instances=[instance])
    assert not said.get("failed"), said
    assert (said["default"], said["default_is_own"], said["volumes"]) == (None, None, None)
    boto3.client("ec2", REGION, endpoint_url=aws).modify_ebs_default_kms_key_id(KmsKeyId=key)
    with FaultProxy(("127.0.0.1", 0), aws, [denied("ListAliases", "AccessDeniedException")]) as proxy:
        said = look(url=proxy.url, key_arn="")
    assert (said["default"], said["default_is_own"]) == (key, None)


def test_a_key_that_this_identity_may_not_see_is_no_key_to_launch_with(look, aws, key):
    with FaultProxy(("127.0.0.1", 0), aws, [denied("DescribeKey", "AccessDeniedException")]) as proxy:
        said = look(url=proxy.url, key_arn=key)
    assert said["failed"] and f"kms:DescribeKey was refused in {REGION}" in said["msg"], said
    assert "Allow it in the policy of the identity that runs this, and in the key's policy" in said["msg"]
