"""How a bucket is set up, and its policy, against moto: what is not there and what can't be read are told apart."""

from __future__ import annotations

import json

import boto3
import pytest
from ansible_collections.vaultops.cluster.plugins.modules import aws_bucket_info, aws_bucket_policy
from botocore.config import Config
from kit.fault_proxy import Answer, Drop, FaultProxy, Rule

REGION, NAME = "eu-central-1", "example"
PLACE = {"CreateBucketConfiguration": {"LocationConstraint": REGION}}
KEY = "arn:aws:kms:eu-central-1:123456789012:key/1"
ENCRYPTION = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": KEY}
BLOCK = dict.fromkeys(("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True)
DAY = {"ID": "logs", "Status": "Enabled", "Filter": {"Prefix": "logs/"}, "Expiration": {"Days": 7}}


def statement(sid, action="s3:*", principal="*"):
    named = {"Sid": sid} if sid else {}
    return {
        **named,
        "Effect": "Deny",
        "Principal": principal,
        "Action": action,
        "Resource": f"arn:aws:s3:::{NAME}",
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }


def document(*statements):
    return {"Version": "2012-10-17", "Statement": list(statements)}


OWN, THEIRS, UNNAMED = statement("TLSOnly"), statement("Organisation", "s3:PutBucketAcl"), statement("", "s3:GetObject")
WANTED = document(OWN)
# What S3 answers where something else is the matter than that there is none.
REFUSALS = [
    Answer("AccessDenied", "no", 403),
    Answer("InternalError", "try again", 500),
    Answer("MethodNotAllowed", "no", 405),
]
# S3 encrypts every new bucket by now, and so does moto; one that is older has none.
NO_ENCRYPTION = Answer("ServerSideEncryptionConfigurationNotFoundError", "none", 404)


@pytest.fixture
def s3(aws):
    client = boto3.client("s3", REGION, endpoint_url=aws, config=Config(s3={"addressing_style": "path"}))
    client.create_bucket(Bucket=NAME, **PLACE)
    return client


@pytest.fixture
def call(aws, run_module):
    def run(module, check=False, rules=(), **more):
        with FaultProxy(("127.0.0.1", 0), aws, list(rules)) as proxy:
            asked = {"bucket": NAME, "region": REGION, "endpoint_url": proxy.url, **more}
            said = run_module(module, check, **asked)
            run.calls = proxy.calls
        return said

    return run


def policy_of(s3):
    return json.loads(s3.get_bucket_policy(Bucket=NAME)["Policy"])


def test_a_bucket_that_has_nothing_is_empty_and_one_that_is_not_there_is_none(call, s3):
    said = call(aws_bucket_info, rules=[Rule("GET /example?encryption", NO_ENCRYPTION)])
    assert (said["changed"], said["buckets"]) == (
        False,
        [
            {
                "name": NAME,
                "region": REGION,
                "versioning": "",
                "encryption": {},
                "public_access_block": {},
                "policy": {},
                "rules": [],
                "tags": {},
            }
        ],
    )
    assert call(aws_bucket_info, bucket="none")["buckets"] == []


def test_all_of_a_bucket_is_told_as_s3_spells_it(call, s3):
    rules = {"Rules": [{"ApplyServerSideEncryptionByDefault": ENCRYPTION}]}
    s3.put_bucket_encryption(Bucket=NAME, ServerSideEncryptionConfiguration=rules)
    s3.put_bucket_versioning(Bucket=NAME, VersioningConfiguration={"Status": "Enabled"})
    s3.put_public_access_block(Bucket=NAME, PublicAccessBlockConfiguration=BLOCK)
    s3.put_bucket_policy(Bucket=NAME, Policy=json.dumps(document(THEIRS)))
    s3.put_bucket_lifecycle_configuration(Bucket=NAME, LifecycleConfiguration={"Rules": [DAY]})
    s3.put_bucket_tagging(Bucket=NAME, Tagging={"TagSet": [{"Key": "CostCenter", "Value": "1234"}]})
    (found,) = call(aws_bucket_info)["buckets"]
    assert found == {
        "name": NAME,
        "region": REGION,
        "versioning": "Enabled",
        "encryption": ENCRYPTION,
        "public_access_block": BLOCK,
        "policy": document(THEIRS),
        "rules": [DAY],
        "tags": {"CostCenter": "1234"},
    }


@pytest.mark.parametrize("answer", [REFUSALS[0], REFUSALS[2]], ids=lambda answer: answer.code)
@pytest.mark.parametrize("what", ["policy", "encryption", "publicAccessBlock", "lifecycle", "versioning", "tagging"])
def test_what_can_not_be_read_does_not_pass_for_absent(call, s3, what, answer):
    said = call(aws_bucket_info, rules=[Rule(f"GET /example?{what}", answer, every=True)])
    assert said["failed"] and f"was refused in {REGION}: {answer.code}" in said["msg"]


def test_a_bucket_of_somebody_else_is_not_absent(call, s3):
    said = call(aws_bucket_info, rules=[Rule("HEAD /example", Answer("403", "no", 403), every=True)])
    assert said["failed"] and "s3:HeadBucket was refused" in said["msg"]


def test_the_own_statements_are_written_once_beside_those_of_others(call, s3):
    would = call(aws_bucket_policy, True, policy=WANTED)
    assert would["changed"] and "PUT /example?policy" not in call.calls
    assert call(aws_bucket_policy, policy=WANTED)["changed"] and policy_of(s3) == WANTED

    # What others write meanwhile.
    older = statement("TLSOnly", "s3:GetObject")
    s3.put_bucket_policy(Bucket=NAME, Policy=json.dumps({**document(THEIRS, older, UNNAMED), "Id": "theirs"}))
    would = call(aws_bucket_policy, True, policy=WANTED)
    made = call(aws_bucket_policy, policy=WANTED)
    assert made["policy"] == would["policy"] == policy_of(s3)
    assert made["policy"] == {**document(THEIRS, UNNAMED, OWN), "Id": "theirs"}
    assert made["diff"]["before"]["Statement"] == [THEIRS, older, UNNAMED]
    again = call(aws_bucket_policy, policy=WANTED)
    assert not again["changed"] and call.calls == ["GET /example?policy"]


def test_a_statement_may_stand_alone(call, s3):
    assert call(aws_bucket_policy, policy={**WANTED, "Statement": OWN})["changed"] and policy_of(s3) == WANTED


@pytest.mark.parametrize("statements", [UNNAMED, [OWN, UNNAMED]])
def test_a_statement_that_could_not_be_known_again_is_not_written(call, statements):
    said = call(aws_bucket_policy, policy={**WANTED, "Statement": statements})
    assert said["failed"] and "each statement needs a Sid" in said["msg"]
    assert call.calls == []


@pytest.mark.parametrize("answer", REFUSALS, ids=lambda answer: answer.code)
def test_a_policy_that_can_not_be_read_is_not_written(call, s3, answer):
    """It may hold the statements of others, which would be lost."""
    s3.put_bucket_policy(Bucket=NAME, Policy=json.dumps(document(THEIRS)))
    said = call(aws_bucket_policy, rules=[Rule("GET /example?policy", answer, every=True)], policy=WANTED)
    assert said["failed"] and f"s3:GetBucketPolicy was refused in {REGION}: {answer.code}" in said["msg"]
    assert "PUT /example?policy" not in call.calls and policy_of(s3) == document(THEIRS)


def test_an_answer_that_is_lost_is_no_policy_either(call, s3):
    s3.put_bucket_policy(Bucket=NAME, Policy=json.dumps(document(THEIRS)))
    said = call(aws_bucket_policy, rules=[Rule("GET /example?policy", Drop(), every=True)], policy=WANTED)
    assert said["failed"] and "S3 can't be used" in said["msg"]
    assert policy_of(s3) == document(THEIRS)


@pytest.mark.parametrize("check", [False, True])
def test_a_bucket_that_is_not_there_is_made_first(call, check):
    said = call(aws_bucket_policy, check, policy=WANTED)
    if check:
        assert said["changed"] and said["policy"] == WANTED
    else:
        assert said["failed"] and "there is no bucket example" in said["msg"]


@pytest.mark.parametrize("check", [False, True])
def test_who_was_deleted_is_named_with_the_statement(call, s3, check):
    gone = document(statement("Backup", principal={"AWS": "AROAEXAMPLEROLEID00001"}))
    s3.put_bucket_policy(Bucket=NAME, Policy=json.dumps(gone))
    said = call(aws_bucket_policy, check, policy=WANTED)
    assert said["failed"]
    assert (
        "The policy of the bucket example has a statement of others, Backup, that names AROAEXAMPLEROLEID00001"
        in said["msg"]
    )
    assert policy_of(s3) == gone


def test_who_waits_for_a_new_role_learns_the_code(call, s3):
    refused = Answer("MalformedPolicy", "Invalid principal in policy", 400)
    said = call(aws_bucket_policy, rules=[Rule("PUT /example?policy", refused)], policy=WANTED)
    assert said["failed"] and said["error_code"] == "MalformedPolicy"
    assert "s3:PutBucketPolicy was refused" in said["msg"] and "names who does not exist" in said["msg"]
