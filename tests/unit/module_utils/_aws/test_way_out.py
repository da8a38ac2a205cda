"""What a node calls by itself, and what is said of one that it can't reach."""

from __future__ import annotations

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._aws import endpoints, way_out

MIRROR = "https://releases.hashicorp.com"


def addresses(region, *inputs):
    return [one["address"] for one in way_out.wanted(endpoints.urls(region), *inputs)]


def test_what_is_switched_off_is_not_asked():
    assert addresses("eu-central-1", True, "snapshots", MIRROR) == [
        "ec2.eu-central-1.amazonaws.com:443",
        "s3.eu-central-1.amazonaws.com:443",
        "releases.hashicorp.com:443",
    ]
    assert addresses("eu-central-1", False, "", "file:///srv/mirror") == []


@pytest.mark.parametrize(
    ("mirror", "address"),
    [
        ("http://mirror.example", "mirror.example:80"),
        ("https://mirror.example:8443/hashicorp", "mirror.example:8443"),
        ("http://[fd00::1]/x", "[fd00::1]:80"),
    ],
)
def test_a_mirror_is_asked_where_it_is(mirror, address):
    assert addresses("eu-central-1", False, "", mirror) == [address]


def test_who_can_not_reach_what_and_why_it_has_to():
    found = way_out.wanted(endpoints.urls("eu-central-1"), True, "snapshots", MIRROR)
    (said,) = way_out.problems("vault-1", found, [found[0]["address"], found[2]["address"]])
    assert said.startswith(
        "vault-1 can't reach S3 (s3.eu-central-1.amazonaws.com:443), which it needs to send snapshots"
    )
    assert "a gateway endpoint" in said
    assert way_out.problems("vault-1", found, [one["address"] for one in found]) == []
    assert len(way_out.problems("vault-1", found, [])) == 3
