"""What AWS would not take of a request, by the model of its service."""

from __future__ import annotations

import json
import urllib.parse

import pytest
from kit import request_model

SIGNED = "AWS4-HMAC-SHA256 Credential=AKIAME/20300101/eu-central-1/{}/aws4_request, SignedHeaders=host, Signature=0"
ROLE = {"RoleName": "vault-node", "AssumeRolePolicyDocument": "{}"}


def asked(service: str, operation: str, **fields: object) -> list[str]:
    headers = {"Authorization": SIGNED.format(service)}
    if service in ("kms", "ssm", "secretsmanager"):
        headers |= {"X-Amz-Target": f"TrentService.{operation}", "Content-Type": "application/x-amz-json-1.1"}
        return request_model.problems("POST", "/", headers, json.dumps(fields).encode())
    headers["Content-Type"] = "application/x-www-form-urlencoded; charset=utf-8"
    return request_model.problems(
        "POST", "/", headers, urllib.parse.urlencode({"Action": operation, **fields}).encode()
    )


def s3(method: str, path: str, body: bytes = b"", **headers: str) -> list[str]:
    there = {"Authorization": SIGNED.format("s3"), **{name.replace("_", "-"): value for name, value in headers.items()}}
    return request_model.problems(method, path, there, body)


@pytest.mark.parametrize(
    ("said", "fine"),
    [
        (asked("kms", "CreateAlias", AliasName="alias/vault unseal", TargetKeyId="1"), "AliasName: "),
        (asked("kms", "CreateAlias", AliasName="alias/vault"), "TargetKeyId is missing"),
        (asked("kms", "CreateKey", KeySpec="SYMMETRIC"), "is none of"),
        (asked("kms", "Encrypt", KeyId="1", Plaintext="eHh4" * 1400), "may be 1 to 4096"),
        (asked("kms", "CreateKey", Tags=[{"TagKey": "a" * 129, "TagValue": ""}]), "Tags.TagKey: "),
        (asked("iam", "CreateRole", **{**ROLE, "RoleName": "vault/node"}), "RoleName: "),
        (asked("iam", "CreateRole", **ROLE, MaxSessionDuration=60), "may be 3600 to 43200"),
        (asked("iam", "CreatePolicy", PolicyName="x", PolicyDocument="x" * 6145), "AWS documents"),
        (asked("elasticloadbalancing", "CreateLoadBalancer", Name="vault-" + "n" * 27), "AWS documents"),
        (asked("elasticloadbalancing", "CreateLoadBalancer", Name="vault", Type="neural"), "Type: "),
        (asked("ec2", "CreateSecurityGroup", GroupName="sg-1", GroupDescription="x"), "AWS documents"),
        (
            asked("ec2", "RunInstances", **{"MetadataOptions.HttpTokens": "yes", "MinCount": 1, "MaxCount": 1}),
            "HttpTokens",
        ),
        (s3("PUT", "/bucket?versioning", b"<V><Status>On</Status></V>"), "VersioningConfiguration.Status: "),
        (s3("PUT", "/bucket/key", x_amz_server_side_encryption="rot13"), "ServerSideEncryption: "),
        (s3("PUT", "/Bucket"), "CreateBucket Bucket: "),
        (s3("PATCH", "/bucket"), "is no operation"),
        (asked("kms", "Unseal"), "is no operation"),
    ],
)
def test_what_aws_would_refuse_is_named(said, fine):
    assert len(said) == 1, said
    assert fine in said[0]


@pytest.mark.parametrize(
    "said",
    [
        asked("kms", "CreateAlias", AliasName="alias/vault-unseal", TargetKeyId="1"),
        asked("kms", "CreateKey", Tags=[{"TagKey": "Besitzer", "TagValue": "Jürgen"}]),
        asked("iam", "CreateRole", **ROLE, **{"Tags.member.1.Key": "Besitzer", "Tags.member.1.Value": "Jürgen"}),
        asked("iam", "CreatePolicy", PolicyName="x", PolicyDocument="{ }" * 3000),
        asked("elasticloadbalancing", "CreateLoadBalancer", Name="vault-" + "n" * 26),
        s3("GET", "/"),
        s3("HEAD", "/bucket"),
        s3("PUT", "/bucket", b"<CreateBucketConfiguration/>", Content_Type="application/x-www-form-urlencoded"),
        s3("GET", "/bucket?list-type=2&prefix="),
        s3("PUT", "/bucket/a/b?partNumber=1&uploadId=x", b"data"),
        s3("POST", "/bucket/a%20b?uploads="),
        # Not for AWS, or by nobody.
        request_model.problems("POST", "/moto-api/reset", {}, b""),
    ],
)
def test_what_aws_takes_is_no_problem(said):
    assert said == []


@pytest.mark.parametrize(
    ("method", "path", "operation"),
    [
        ("GET", "/bucket", "ListObjects"),
        ("GET", "/bucket?list-type=2", "ListObjectsV2"),
        ("GET", "/bucket/?policy", "GetBucketPolicy"),
        ("PUT", "/bucket/a/b", "PutObject"),
        ("PUT", "/bucket/a/b?tagging", "PutObjectTagging"),
        ("PUT", "/bucket/a/b?partNumber=1&uploadId=x", "UploadPart"),
        ("DELETE", "/bucket/a?uploadId=x", "AbortMultipartUpload"),
        ("POST", "/bucket/a?uploadId=x", "CompleteMultipartUpload"),
        ("GET", "/bucket?object-lock", "GetObjectLockConfiguration"),
        # Each has an older one on the same path.
        ("PUT", "/bucket?lifecycle", "PutBucketLifecycleConfiguration"),
        ("GET", "/bucket?lifecycle", "GetBucketLifecycleConfiguration"),
    ],
)
def test_an_operation_of_s3_is_known_by_method_path_and_query(method, path, operation):
    bare, query = path.split("?") if "?" in path else (path, "")
    assert request_model._by_path("s3", method, bare, dict(urllib.parse.parse_qsl(query, True)), {})[0] == operation
