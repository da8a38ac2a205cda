"""Where AWS's services are in each partition: as boto3 has it, and no name written down that AWS might change."""

from __future__ import annotations

import boto3
import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._aws import endpoints, policies
from botocore.config import Config

REGIONS = {
    "eu-central-1": ("aws", "amazonaws.com"),
    "us-east-1": ("aws", "amazonaws.com"),
    "cn-north-1": ("aws-cn", "amazonaws.com.cn"),
    "us-gov-west-1": ("aws-us-gov", "amazonaws.com"),
    "eusc-de-east-1": ("aws-eusc", "amazonaws.eu"),
    "us-iso-east-1": ("aws-iso", "c2s.ic.gov"),
    "us-isob-east-1": ("aws-iso-b", "sc2s.sgov.gov"),
    "eu-isoe-west-1": ("aws-iso-e", "cloud.adc-e.uk"),
    "us-isof-south-1": ("aws-iso-f", "csp.hci.ic.gov"),
}


@pytest.mark.parametrize("region", REGIONS)
def test_a_region_is_of_its_partition(region):
    partition, suffix = REGIONS[region]
    assert (endpoints.partition_of(region), endpoints.dns_suffix(partition)) == (partition, suffix)
    assert boto3.session.Session().get_partition_for_region(region) == partition
    assert policies.root_of_account("111122223333", region)["arn"] == f"arn:{partition}:iam::111122223333:root"


def test_a_region_that_is_newer_than_botocore_is_known_by_its_name():
    assert endpoints.partition_of("cn-west-9") == "aws-cn"
    assert endpoints.url("kms", "eu-west-9") == "https://kms.eu-west-9.amazonaws.com"
    # Whoever mistypes it is told by whoever asks there.
    assert endpoints.partition_of("eu central 1") == "aws"


@pytest.mark.parametrize("fips", [False, True])
@pytest.mark.parametrize("region", REGIONS)
def test_urls_are_those_that_boto3_asks(region, fips):
    config = Config(use_fips_endpoint=fips, s3={"us_east_1_regional_endpoint": "regional"})
    keys = {"aws_access_key_id": "unit", "aws_secret_access_key": "unit"}
    asked = {
        service: boto3.client(service, region, config=config, **keys).meta.endpoint_url
        for service in endpoints.SERVICES
    }
    assert endpoints.urls(region, fips=fips) == asked


GIVEN = {"kms": "https://vpce-1.kms.eu-central-1.vpce.amazonaws.com"}
ONE = "http://10.0.1.1:5000"


@pytest.mark.parametrize(
    ("region", "how", "told"),
    [
        ("eu-central-1", {}, {}),
        ("cn-north-1", {}, {}),
        ("us-gov-west-1", {}, {}),
        ("eu-central-1", {"given": GIVEN}, GIVEN),
        ("eu-central-1", {"one": ONE}, dict.fromkeys(endpoints.SERVICES, ONE)),
        ("us-east-1", {"fips": True}, endpoints.urls("us-east-1", fips=True)),
        ("us-east-1", {"fips": True, "given": GIVEN}, {**endpoints.urls("us-east-1", fips=True), **GIVEN}),
        (
            "eusc-de-east-1",
            {},
            {service: f"https://{service}.eusc-de-east-1.amazonaws.eu" for service in ("kms", "sts", "ec2")},
        ),
    ],
)
def test_only_what_nobody_would_find_by_itself_is_told(region, how, told):
    """What is told stands in Vault's configuration, and a change of that restarts nodes."""
    assert endpoints.told(region, **how) == told
    assert told.items() <= endpoints.urls(region, **how).items()


@pytest.mark.parametrize(
    ("partition", "principal"),
    [("aws", "ec2.amazonaws.com"), ("aws-cn", "ec2.amazonaws.com.cn"), ("aws-eusc", "ec2.amazonaws.com")],
)
def test_ec2_takes_on_roles_by_its_name(partition, principal):
    assert endpoints.service_principal("ec2", partition) == principal
    assert endpoints.service_principal("events", partition) == "events.amazonaws.com"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"iam": "https://iam.example.com"}, "names iam, and nodes ask kms, sts, ec2, s3 alone"),
        ({"kms": "kms.example.com"}, "vault_aws_endpoints.kms is no URL"),
        ({"kms": "https://ada:secret@kms.example.com"}, "vault_aws_endpoints.kms is no URL"),
        ({"s3": "https://s3.example.com/bucket"}, "vault_aws_endpoints.s3 is no URL"),
    ],
)
def test_urls_that_nodes_could_not_use_are_refused(given, says):
    (problem,) = endpoints.problems(given, False)
    assert says in problem
    assert endpoints.problems(GIVEN, False) == []


def test_nodes_don_t_use_fips_endpoints_without_their_controller(monkeypatch, tmp_path):
    for name in ("AWS_USE_FIPS_ENDPOINT", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    (problem,) = endpoints.problems({}, True)
    assert "AWS_USE_FIPS_ENDPOINT=true" in problem
    assert endpoints.problems({}, True, ONE) == []
    (tmp_path / "config").write_text("[profile gov]\nuse_fips_endpoint = true\n")
    monkeypatch.setenv("AWS_PROFILE", "gov")
    assert endpoints.problems({}, True) == []
    monkeypatch.delenv("AWS_PROFILE")
    monkeypatch.setenv("AWS_USE_FIPS_ENDPOINT", "true")
    assert endpoints.problems({}, True) == []
