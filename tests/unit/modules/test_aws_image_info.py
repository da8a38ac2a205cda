"""The image that is launched from, and where its type is offered, against moto."""

from __future__ import annotations

import boto3
import pytest
import yaml
from ansible_collections.vaultops.cluster.plugins.modules import aws_image_info
from kit.fault_proxy import Answer, FaultProxy, Rule

REGION = "eu-central-1"
RETURNED = yaml.safe_load(aws_image_info.RETURN)
AMAZON_LINUX = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"
MINE = "ami-12c6146b"


@pytest.fixture
def look(aws, run_module):
    def call(image, instance_type="m7i.large", check=False, url=aws):
        where = {"region": REGION, "endpoint_url": url}
        return run_module(aws_image_info, check, image=image, instance_type=instance_type, **where)

    return call


@pytest.mark.parametrize("check", [False, True])
def test_an_image_by_its_id_and_its_type_are_told_whole(look, check):
    said = look(MINE, check=check)
    assert said["changed"] is False
    for part in ("image", "type"):
        assert set(said[part]) == set(RETURNED[part]["contains"])
    assert said["image"] == {
        "id": MINE,
        "name": "Windows_Server-2008-R2_SP1-English-64Bit-Base-2017.10.13",
        "state": "available",
        "available": True,
        "architecture": "x86_64",
        "root_type": "ebs",
        "root_device": "/dev/sda1",
        "root_gib": 15,
        "devices": [],
        "deprecated": "",
    }
    assert said["type"] == {
        "name": "m7i.large",
        "zones": [f"{REGION}{zone}" for zone in "abc"],
        "architectures": ["x86_64"],
        "hypervisor": "nitro",
    }


def test_an_image_by_a_parameter(look, aws):
    ssm = boto3.client("ssm", REGION, endpoint_url=aws)
    value = ssm.get_parameter(Name=AMAZON_LINUX)["Parameter"]["Value"]
    assert look(f"resolve:ssm:{AMAZON_LINUX}")["image"]["id"] == value
    for image in ("ami-760aaa0f", MINE):
        ssm.put_parameter(Name="/golden", Value=image, Type="String", Overwrite=True)
    assert look("resolve:ssm:/golden")["image"]["id"] == MINE
    assert look("resolve:ssm:/golden:1")["image"]["id"] == "ami-760aaa0f"


def test_the_newest_image_of_an_owner(look):
    found = look("newest:137112412989:al2023-ami-2023*-x86_64")["image"]
    assert found["name"].startswith("al2023-ami-2023.")
    assert look("newest:099720109477:ubuntu/images/hvm-ssd/ubuntu-xenial-*")["image"]["id"] == "ami-785db401"


@pytest.mark.parametrize(
    ("image", "says"),
    [
        ("debian", "names no image"),
        ("ami-0123", f"the image ami-0123 does not exist in {REGION}, or this account may not use it. Images belong"),
        ("resolve:ssm:/none", f"the parameter /none does not exist in {REGION}. Check vault_ec2_image_id"),
        ("resolve:ssm:/odd", "the parameter /odd of vault_ec2_image_id holds no id of an image, but 'latest'"),
        ("resolve:ssm:/old", "the image ami-0123, which /old names, does not exist"),
        ("newest:1:none-*", f"1 has no image named none-* in {REGION}"),
    ],
)
def test_what_is_not_there_is_told_with_its_cure(look, aws, image, says):
    ssm = boto3.client("ssm", REGION, endpoint_url=aws)
    for name, value in (("/odd", "latest"), ("/old", "ami-0123")):
        ssm.put_parameter(Name=name, Value=value, Type="String")
    said = look(image)
    assert said["failed"], said
    assert says in said["msg"]


def test_a_type_that_nobody_offers_is_told_without_a_question_about_it(look, aws):
    with FaultProxy(("127.0.0.1", 0), aws, []) as proxy:
        said = look(MINE, instance_type="m99i.large", url=proxy.url)
    assert said["type"] == {"name": "m99i.large", "zones": [], "architectures": [], "hypervisor": ""}
    assert "DescribeInstanceTypes" not in proxy.calls


@pytest.mark.parametrize(
    ("operation", "service"),
    [("DescribeImages", "ec2"), ("GetParameters", "ssm"), ("DescribeInstanceTypeOfferings", "ec2")],
)
def test_a_refusal_is_no_absence(look, aws, operation, service):
    denied = Rule(operation, Answer("AccessDenied", "not authorized", 403), every=True)
    with FaultProxy(("127.0.0.1", 0), aws, [denied]) as proxy:
        said = look(f"resolve:ssm:{AMAZON_LINUX}", url=proxy.url)
    assert f"{service}:{operation} was refused in {REGION}: AccessDenied" in said["msg"]
    assert "Allow it in the policy of the identity that runs this" in said["msg"]
