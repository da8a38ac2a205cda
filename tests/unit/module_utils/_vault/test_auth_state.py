"""Which STS Vault is told to ask who logs in."""

from __future__ import annotations

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._aws import endpoints
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.auth import state


@pytest.mark.parametrize("region", ["eu-central-1", "us-gov-west-1", "cn-north-1"])
def test_who_is_restored_in_another_region_logs_in_by_that_one_s_sts(region):
    """By what playbooks give where the inventory names no endpoint, and by what a module takes then."""
    for url in (endpoints.urls(region)["sts"], None):
        said = state.aws_config(region, url, "vault.prod.internal")
        assert said == {
            "sts_endpoint": endpoints.url("sts", region),
            "sts_region": region,
            "use_sts_region_from_client": True,
            "iam_server_id_header_value": "vault.prod.internal",
        }


@pytest.mark.parametrize(
    ("region", "url"),
    [
        ("eu-central-1", "http://127.0.0.1:5000"),
        ("us-east-1", endpoints.url("sts", "us-east-1", fips=True)),
        ("eu-central-1", "https://vpce-1.sts.eu-central-1.vpce.amazonaws.com"),
        # Vault knows no name of this partition by itself.
        ("eusc-de-east-1", endpoints.url("sts", "eusc-de-east-1")),
    ],
)
def test_another_url_than_the_region_s_own_is_asked_whoever_logs_in(region, url):
    said = state.aws_config(region, url, None)
    assert (said["sts_endpoint"], said["use_sts_region_from_client"]) == (url, False)
