"""The load balancer has its name in a hosted zone, and a record that leads elsewhere stays."""

from __future__ import annotations

import boto3
import pytest
from ansible_collections.vaultops.cluster.plugins.modules import aws_load_balancer_alias
from kit.fault_proxy import Answer, FaultProxy, Rule

REGION = "eu-central-1"
NAME = "vault.prod.internal"


@pytest.fixture
def zone(aws):
    zones = boto3.client("route53", REGION, endpoint_url=aws)
    made = zones.create_hosted_zone(Name="prod.internal", CallerReference="x")["HostedZone"]["Id"]
    return made.removeprefix("/hostedzone/")


@pytest.fixture
def balancer(aws):
    """Make the load balancer, or make it anew."""
    ec2 = boto3.client("ec2", REGION, endpoint_url=aws)
    elb = boto3.client("elbv2", REGION, endpoint_url=aws)
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
    return lambda: elb.create_load_balancer(Name="vault-prod", Subnets=[subnet], Type="network")["LoadBalancers"][0]


@pytest.fixture
def named(aws, run_module, zone):
    def call(check=False, **more):
        options = {"name": NAME, "zone_id": zone, "load_balancer": "vault-prod", "region": REGION, "endpoint_url": aws}
        return run_module(aws_load_balancer_alias, check, **{**options, **more})

    return call


def records(aws, zone):
    listed = boto3.client("route53", REGION, endpoint_url=aws).list_resource_record_sets(HostedZoneId=zone)
    return [one for one in listed["ResourceRecordSets"] if one["Type"] not in ("NS", "SOA")]


def put(aws, zone, record, action="CREATE"):
    batch = {"Changes": [{"Action": action, "ResourceRecordSet": record}]}
    zones = boto3.client("route53", REGION, endpoint_url=aws)
    zones.change_resource_record_sets(HostedZoneId=zone, ChangeBatch=batch)


def said(result):
    return result["changed"], result["there"]


def test_the_name_is_made_once_and_goes_again(aws, named, zone, balancer):
    assert said(named(check=True)) == (True, False)
    there = balancer()
    assert said(named(check=True)) == (True, False)
    assert records(aws, zone) == []

    assert said(named()) == (True, False)
    (made,) = records(aws, zone)
    assert (made["Name"], made["Type"]) == (f"{NAME}.", "A")
    assert made["AliasTarget"]["DNSName"].rstrip(".") == there["DNSName"]
    assert made["AliasTarget"]["HostedZoneId"] == there["CanonicalHostedZoneId"]
    for check in (True, False):
        assert said(named(check=check)) == (False, True)

    assert said(named(check=True, state="absent")) == (True, True)
    assert records(aws, zone) == [made]
    assert said(named(state="absent")) == (True, True)
    assert records(aws, zone) == []
    assert said(named(state="absent")) == (False, False)


def test_the_name_follows_a_load_balancer_that_was_made_anew(aws, named, zone, balancer):
    there = balancer()
    before = {
        "HostedZoneId": there["CanonicalHostedZoneId"],
        "DNSName": f"vault-prod-0abc.elb.{REGION}.amazonaws.com",
        "EvaluateTargetHealth": False,
    }
    put(aws, zone, {"Name": NAME, "Type": "A", "AliasTarget": before})
    assert said(named(check=True)) == said(named()) == (True, True)
    (found,) = records(aws, zone)
    assert found["AliasTarget"]["DNSName"].rstrip(".") == there["DNSName"]


@pytest.mark.parametrize("kind", ["A", "AAAA", "CNAME"])
def test_a_record_that_leads_elsewhere_stays(aws, named, zone, balancer, kind):
    balancer()
    value = {"A": "10.0.0.1", "AAAA": "fd00::1", "CNAME": "elsewhere.example.com"}[kind]
    put(aws, zone, {"Name": NAME, "Type": kind, "TTL": 60, "ResourceRecords": [{"Value": value}]})
    before = records(aws, zone)
    for check in (True, False):
        result = named(check=check)
        assert result["failed"]
        assert f"The {kind} record {NAME} leads elsewhere than to the load balancer vault-prod." in result["msg"]
    assert said(named(state="absent")) == (False, False)
    assert records(aws, zone) == before


@pytest.mark.parametrize(
    ("rule", "code", "cure"),
    [
        ("GET /2013-04-01/hostedzone/{}/rrset?name&maxitems", "NoSuchHostedZone", "Check vault_load_balancer_zone_id"),
        (
            "POST /2013-04-01/hostedzone/{}/rrset/",
            "InvalidChangeBatch",
            "Check that vault_tls_server_name lies in the zone",
        ),
        ("DescribeLoadBalancers", "AccessDenied", "Allow it in the policy of the identity that runs this"),
    ],
)
def test_what_aws_refuses_is_named_with_the_cure(aws, named, zone, balancer, rule, code, cure):
    balancer()
    with FaultProxy(("127.0.0.1", 0), aws, [Rule(rule.format(zone), Answer(code, "no", 400), every=True)]) as proxy:
        result = named(endpoint_url=proxy.url)
    assert result["failed"]
    assert f" was refused in {REGION}: {code}: no" in result["msg"]
    assert cure in result["msg"]
    assert records(aws, zone) == []
