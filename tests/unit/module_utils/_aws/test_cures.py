"""Each error code that has a cure, as AWS puts it on the wire: the cause names code, call and region, and the cure follows."""

from __future__ import annotations

import typing as t

import boto3
import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._aws.errors import (
    CURES,
    Refused,
    in_words,
    translate_errors,
)
from botocore.config import Config
from botocore.exceptions import ClientError
from kit.fault_proxy import Answer, FaultProxy, Rule

REGION = "eu-central-1"
INSTANCES = {"ImageId": "ami-1", "MinCount": 1, "MaxCount": 1}
ROLE = {"RoleName": "vault-node", "AssumeRolePolicyDocument": "{}"}
GROUP = {"GroupName": "vault-prod", "Description": "x"}
BALANCER = {"Name": "vault-prod"}
LAUNCH, KEY, MADE = ("ec2", "run_instances", INSTANCES), ("kms", "create_key", {}), ("iam", "create_role", ROLE)
ALIAS = ("kms", "create_alias", {"AliasName": "alias/vault", "TargetKeyId": "1"})
_NAMED = {"Name": "vault.example.com", "Type": "A", "TTL": 60, "ResourceRecords": [{"Value": "10.0.0.1"}]}
_NAMES = {"Changes": [{"Action": "UPSERT", "ResourceRecordSet": _NAMED}]}
NAME = ("route53", "change_resource_record_sets", {"HostedZoneId": "Z1", "ChangeBatch": _NAMES})
POLICY = ("kms", "put_key_policy", {"KeyId": "1", "Policy": "{}"})
# Of which call AWS answers so, and how that service spells it where it is not as in CURES.
MET: dict[str, tuple[tuple[str, str, dict[str, t.Any]], str]] = {
    "403": (("s3", "head_bucket", {"Bucket": "taken"}), ""),
    "AccessDenied": (KEY, "AccessDeniedException"),
    "AddressLimitExceeded": (LAUNCH, ""),
    "AlreadyExists": (ALIAS, "AlreadyExistsException"),
    "AuthFailure": (LAUNCH, ""),
    "BucketAlreadyExists": (("s3", "create_bucket", {"Bucket": "taken"}), ""),
    "DependencyViolation": (("ec2", "delete_security_group", {"GroupId": "sg-1"}), ""),
    "Disabled": (("kms", "encrypt", {"KeyId": "1", "Plaintext": b"x"}), "DisabledException"),
    "DuplicateLoadBalancerName": (("elbv2", "create_load_balancer", BALANCER), ""),
    "DuplicateTargetGroupName": (("elbv2", "create_target_group", BALANCER), ""),
    "EntityAlreadyExists": (MADE, ""),
    "ExpiredToken": (("sts", "get_caller_identity", {}), ""),
    "InstanceLimitExceeded": (LAUNCH, ""),
    "InsufficientFreeAddressesInSubnet": (LAUNCH, ""),
    "InsufficientInstanceCapacity": (LAUNCH, ""),
    "InvalidAMIID.NotFound": (LAUNCH, ""),
    "InvalidAliasName": (ALIAS, "InvalidAliasNameException"),
    "InvalidArn": (("kms", "describe_key", {"KeyId": "arn"}), "InvalidArnException"),
    "InvalidBlockDeviceMapping": (LAUNCH, ""),
    "InvalidClientTokenId": (("sts", "get_caller_identity", {}), ""),
    "InvalidChangeBatch": (NAME, ""),
    "InvalidConfigurationRequest": (("elbv2", "create_load_balancer", BALANCER), ""),
    "InvalidGroup.Duplicate": (("ec2", "create_security_group", GROUP), ""),
    "LimitExceeded": (KEY, "LimitExceededException"),
    "MalformedPolicy": (("s3", "put_bucket_policy", {"Bucket": "example", "Policy": "{}"}), ""),
    "MalformedPolicyDocument": (POLICY, "MalformedPolicyDocumentException"),
    "NoSuchEntity": (MADE, ""),
    "NoSuchBucket": (("s3", "get_bucket_policy", {"Bucket": "none"}), ""),
    "NoSuchHostedZone": (NAME, ""),
    "NotFound": (("kms", "describe_key", {"KeyId": "1"}), "NotFoundException"),
    "OperationNotPermitted": (("elbv2", "delete_load_balancer", {"LoadBalancerArn": "arn"}), ""),
    "RequestExpired": (LAUNCH, ""),
    "RequestLimitExceeded": (LAUNCH, ""),
    "ResourceInUse": (("elbv2", "delete_target_group", {"TargetGroupArn": "arn"}), ""),
    "SlowDown": (("s3", "get_bucket_policy", {"Bucket": "mine"}), ""),
    "Throttling": (KEY, "ThrottlingException"),
    "UnauthorizedOperation": (LAUNCH, ""),
    "UnrecognizedClient": (KEY, "UnrecognizedClientException"),
    "Unsupported": (LAUNCH, ""),
    "VcpuLimitExceeded": (LAUNCH, ""),
}
_S3 = {"head_bucket": "HEAD", "create_bucket": "PUT", "get_bucket_policy": "GET", "put_bucket_policy": "PUT"}


def test_each_cure_is_met():
    assert set(MET) == set(CURES)


@pytest.mark.parametrize("code", CURES)
def test_a_refusal_is_named_with_its_cure(aws, code):
    (service, method, fields), spelled = MET[code]
    operation = "".join(word.capitalize() for word in method.split("_"))
    named = (
        f"{_S3[method]} /{fields['Bucket']}{'?policy' if 'policy' in method else ''}" if service == "s3" else operation
    )
    if service == "route53":
        named = "POST /2013-04-01/hostedzone/Z1/rrset/"
    answer = Answer(spelled or code, "no", 403 if code == "403" else 400)
    with FaultProxy(("127.0.0.1", 0), aws, [Rule(named, answer, every=True)]) as proxy:
        once = Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"})
        client = boto3.client(service, REGION, endpoint_url=proxy.url, config=once)
        with pytest.raises(Refused) as own, translate_errors(REGION, service):
            getattr(client, method)(**fields)
        with pytest.raises(ClientError) as others:
            getattr(client, method)(**fields)
    said = str(own.value)
    assert said.startswith(f"{service}:{operation} was refused in {REGION}: {spelled or code}: ")
    assert said.endswith(CURES[code])
    # As modules of amazon.aws hand it on.
    told = in_words({"msg": str(others.value), "error": {"code": spelled or code, "message": "no"}}, "The task", REGION)
    assert f"The task ({REGION}): {operation} was refused: {spelled or code}: no. {CURES[code]}" in told
