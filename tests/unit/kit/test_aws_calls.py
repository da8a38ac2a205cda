"""What is read from a request to AWS, and how a policy decides about it."""

from __future__ import annotations

import json

import pytest
from kit import iam
from kit.aws_calls import Asked, Cluster, asked, by_lease
from labkit.aws_requests import Request, request

CLUSTER = Cluster("111122223333", "prod", "alias/vault-unseal", "alias/vault-prod-ca", "eu-central-1")
SIGNED = "AWS4-HMAC-SHA256 Credential=AKIAME/20300101/eu-central-1/{}/aws4_request, SignedHeaders=host, Signature=0"


def json_call(service: str, operation: str, **fields: object) -> Request:
    headers = {"Authorization": SIGNED.format(service), "X-Amz-Target": f"Service.{operation}"}
    return request("POST", "/", headers, json.dumps(fields).encode())


def s3_call(method: str, path: str) -> Request:
    return request(method, path, {"Authorization": SIGNED.format("s3"), "Content-Type": "application/xml"}, b"data")


def form_call(service: str, body: str) -> Request:
    headers = {
        "Authorization": SIGNED.format(service),
        "Content-Type": "application/x-www-form-urlencoded; charset=utf-8",
    }
    return request("POST", "/", headers, body.encode())


def test_nothing_secret_is_kept_of_a_request():
    made = json_call("secretsmanager", "CreateSecret", Name="recovery", SecretString="hidden", SecretBinary="hidden")
    assert (made.service, made.operation, made.region, made.key) == (
        "secretsmanager",
        "CreateSecret",
        "eu-central-1",
        "AKIAME",
    )
    assert made.fields == {"Name": "recovery"}
    assert "hidden" not in str(json_call("kms", "Encrypt", KeyId="1", Plaintext="hidden", Message="hidden"))
    assert "hidden" not in str(json_call("ssm", "PutParameter", Name="/x", Value="hidden"))


@pytest.mark.parametrize(
    ("method", "path", "action", "resource"),
    [
        ("GET", "/", "s3:ListAllMyBuckets", "*"),
        ("HEAD", "/bucket", "s3:ListBucket", "arn:aws:s3:::bucket"),
        ("GET", "/bucket?list-type=2&prefix=a%2F", "s3:ListBucket", "arn:aws:s3:::bucket"),
        ("GET", "/bucket?lifecycle", "s3:GetLifecycleConfiguration", "arn:aws:s3:::bucket"),
        ("GET", "/bucket?versions&max-keys=1", "s3:ListBucketVersions", "arn:aws:s3:::bucket"),
        ("PUT", "/bucket?publicAccessBlock", "s3:PutBucketPublicAccessBlock", "arn:aws:s3:::bucket"),
        ("GET", "/bucket/records/a", "s3:GetObject", "arn:aws:s3:::bucket/records/a"),
        ("PUT", "/bucket/a?partNumber=1&uploadId=x", "s3:PutObject", "arn:aws:s3:::bucket/a"),
        ("GET", "/bucket/a?tagging", "s3:GetObjectTagging", "arn:aws:s3:::bucket/a"),
    ],
)
def test_what_s3_is_asked_for(method, path, action, resource):
    (made,) = asked(s3_call(method, path), CLUSTER)
    assert (made.action, made.resource) == (action, resource)


def test_what_a_call_wants_allowed_besides_itself():
    role = asked(form_call("iam", "Action=AddRoleToInstanceProfile&RoleName=node&InstanceProfileName=node"), CLUSTER)
    assert [each.action for each in role] == ["iam:AddRoleToInstanceProfile", "iam:PassRole"]
    assert role[1].resource == "arn:aws:iam::111122223333:role/node"
    tags = [{"TagKey": "vault-cluster", "TagValue": "prod"}]
    key = asked(json_call("kms", "CreateKey", Tags=tags), CLUSTER)
    assert [each.action for each in key] == ["kms:CreateKey", "kms:TagResource"]
    assert all(each.context["aws:RequestTag/vault-cluster"] == "prod" for each in key)
    alias = asked(json_call("kms", "CreateAlias", AliasName="alias/x", TargetKeyId="1"), CLUSTER)
    assert [each.resource.rpartition(":")[2] for each in alias] == ["key/own", "alias/x"]
    put = asked(json_call("ssm", "PutParameter", Name="/vaultops/prod/ca", Tags=[{"Key": "a", "Value": "b"}]), CLUSTER)
    assert [each.action for each in put] == ["ssm:PutParameter", "ssm:AddTagsToResource"]


def test_an_instance_is_asked_for_with_all_that_it_is_made_of():
    body = (
        "Action=RunInstances&ImageId=ami-1&NetworkInterface.1.SubnetId=subnet-1&NetworkInterface.1.SecurityGroupId.1=sg-1"
        "&TagSpecification.1.ResourceType=instance&TagSpecification.1.Tag.1.Key=vault-cluster"
        "&TagSpecification.1.Tag.1.Value=prod&IamInstanceProfile.Arn=arn:aws:iam::111122223333:instance-profile/node"
    )
    made = asked(form_call("ec2", body), CLUSTER)
    kinds = {each.resource.rpartition(":")[2].partition("/")[0] for each in made if each.action == "ec2:RunInstances"}
    assert kinds == {"image", "network-interface", "subnet", "security-group", "instance", "volume"}
    tagged = {each.resource.rpartition("/")[0][-8:]: dict(each.context) for each in made if "new" in each.resource}
    assert tagged["instance"]["aws:RequestTag/vault-cluster"] == "prod"
    assert "aws:RequestTag/vault-cluster" not in next(dict(each.context) for each in made if "volume/" in each.resource)
    assert ("iam:PassRole", "arn:aws:iam::111122223333:role/node") in [(each.action, each.resource) for each in made]


def test_whose_turn_it_was_is_told_by_the_lease():
    def lease(operation: str, **fields: object) -> Request:
        return json_call("ssm", operation, **fields)

    taken, given = (lease("PutParameter", Name=f"/vaultops/prod/lease/{number:010d}") for number in (1, 2))
    looks = [
        lease("GetParametersByPath", Path="/vaultops/prod/lease"),
        lease("DeleteParameters", Names=[given.fields["Name"]]),
    ]
    mine, theirs = s3_call("PUT", "/bucket"), s3_call("GET", "/bucket")
    assert by_lease([theirs, looks[0], taken, looks[0], mine, given, *looks, theirs]) == ([mine], [theirs, theirs])


def document(effect: str = "Allow", **conditions: object) -> iam.Document:
    statement = {"Effect": effect, "Action": ["s3:Get*"], "Resource": ["arn:aws:s3:::bucket/a?"]}
    return {"Statement": [{**statement, "Condition": conditions} if conditions else statement]}


def get(resource: str = "bucket/ab", **context: object) -> Asked:
    return Asked(
        "s3:GetObject", f"arn:aws:s3:::{resource}", {name.replace("_", ":"): one for name, one in context.items()}
    )


@pytest.mark.parametrize(
    ("documents", "one", "allowed"),
    [
        ([document()], get(), True),
        ([document()], get("bucket/abc"), False),
        ([document()], Asked("s3:PutObject", "arn:aws:s3:::bucket/ab"), False),
        ([document(), document("Deny")], get(), False),
        ([], get(), False),
        ([document(StringEquals={"a:b": ["x", "y"]})], get(a_b="y"), True),
        ([document(StringEquals={"a:b": "x"})], get(a_b="y"), False),
        ([document(StringEquals={"a:b": "x"})], get(), False),
        ([document(StringEquals={"a:b": "x", "c:d": "y"})], get(a_b="x"), False),
        ([document(StringLike={"a:b": "x/*"})], get(a_b="x/1"), True),
        ([document(Null={"a:b": "true"})], get(), True),
        ([document(Null={"a:b": "true"})], get(a_b="x"), False),
        ([document(**{"ForAnyValue:StringEquals": {"a:b": ["x"]}})], get(a_b=["z", "x"]), True),
        ([document(**{"ForAnyValue:StringEquals": {"a:b": ["x"]}})], get(), False),
    ],
)
def test_a_policy_decides_as_aws_does(documents, one, allowed):
    assert iam.allows(documents, one) is allowed


def test_an_operator_that_is_not_known_decides_nothing():
    with pytest.raises(KeyError, match="DateLessThan"):
        iam.allows([document(DateLessThan={"a:b": "x"})], get(a_b="x"))
