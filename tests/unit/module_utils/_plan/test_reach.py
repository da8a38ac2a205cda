"""How nodes are reached, and which of them may still boot."""

from __future__ import annotations

import datetime as dt

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._plan import reach

ID = "i-0123456789abcdef0"
NOW = dt.datetime(2026, 1, 1, 12, tzinfo=dt.timezone.utc)


@pytest.mark.parametrize(
    ("host", "target"),
    [
        ({"ansible_connection": "amazon.aws.aws_ssm", "ansible_host": ID}, ID),
        (
            {
                "ansible_connection": "community.aws.aws_ssm",
                "ansible_aws_ssm_instance_id": ID,
                "ansible_host": "10.0.0.1",
            },
            ID,
        ),
        # Somebody has set the connection, and left the address: that is said by who looks at the agents.
        ({"ansible_connection": "amazon.aws.aws_ssm", "ansible_host": "10.0.0.1"}, "10.0.0.1"),
        # SSH through Systems Manager.
        ({"ansible_host": ID}, ID),
        ({"ansible_host": "10.0.0.1"}, None),
        ({"ansible_connection": "ssh", "ansible_host": "i-like-names"}, None),
        ({}, None),
    ],
)
def test_who_is_reached_by_a_session(host, target):
    assert reach.by_session([{"inventory_hostname": "vault-1", **host}]) == ({"vault-1": target} if target else {})


@pytest.mark.parametrize(
    ("launched", "waits"),
    [
        (NOW - dt.timedelta(seconds=5), True),
        ((NOW - dt.timedelta(minutes=9)).isoformat(), True),
        ((NOW - dt.timedelta(minutes=1)).strftime("%Y-%m-%dT%H:%M:%SZ"), True),
        (NOW - dt.timedelta(minutes=11), False),
        ((NOW - dt.timedelta(days=90)).isoformat(), False),
        (None, False),
        ("", False),
    ],
)
def test_a_node_that_was_launched_a_moment_ago_may_still_boot(launched, waits):
    host = {"inventory_hostname": "vault-1", **({} if launched is None else {"aws_launch_time": launched})}
    assert reach.launched_lately([host], NOW.timestamp()) == (["vault-1"] if waits else [])
