"""The lab's AWS: credentials that expire when a test says so, and those of everybody else that do not."""

from __future__ import annotations

import re
import subprocess
import sys

import boto3
import pytest
import requests
from botocore.exceptions import ClientError
from kit.paths import ROOT
from labkit.settings import REGION


@pytest.fixture(scope="module")
def url():
    command = [sys.executable, str(ROOT / "tests/lab/aws_standin.py"), "-p", "0"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        for line in process.stderr:
            if found := re.search(r"http://127\.0\.0\.1:\d+", line):
                break
        yield found[0]
        process.terminate()


@pytest.fixture
def expire(url):
    yield lambda **said: requests.put(f"{url}/lab/expired", json=said, timeout=10).raise_for_status()
    requests.delete(f"{url}/lab/expired", timeout=10).raise_for_status()


def client(url, service, key="lab"):
    return boto3.client(service, region_name=REGION, endpoint_url=url, aws_access_key_id=key, aws_secret_access_key="x")


def refusal(call) -> str:
    try:
        call()
    except ClientError as error:
        return error.response["Error"]["Code"]
    return ""


ASKED = {
    "kms": (lambda client: client.list_keys(), "ExpiredTokenException"),
    "sts": (lambda client: client.get_caller_identity(), "ExpiredToken"),
    "iam": (lambda client: client.list_roles(), "ExpiredToken"),
    "s3": (lambda client: client.list_buckets(), "ExpiredToken"),
    "ec2": (lambda client: client.describe_instances(), "RequestExpired"),
}


@pytest.mark.parametrize("service", ASKED)
def test_each_service_refuses_one_key_in_its_own_words_until_it_is_good_again(url, expire, service):
    ask, code = ASKED[service]
    expire(key="lab")
    assert refusal(lambda: ask(client(url, service))) == code
    assert refusal(lambda: ask(client(url, service, "node"))) == ""
    requests.delete(f"{url}/lab/expired", timeout=10)
    assert refusal(lambda: ask(client(url, service))) == ""


def test_they_expire_with_the_call_that_is_named_and_stay_so(url, expire):
    mine, node = client(url, "kms"), client(url, "kms", "node")
    expire(key="lab", first="ListKeys", count=2)
    assert [refusal(node.list_keys), refusal(mine.list_aliases), refusal(mine.list_keys)] == ["", "", ""]
    assert refusal(mine.list_keys) == refusal(mine.list_aliases) == "ExpiredTokenException"
    assert refusal(node.list_keys) == ""
