"""How nodes are reached."""

from __future__ import annotations

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._plan import reach

ID = "i-0123456789abcdef0"


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


@pytest.mark.parametrize("leaving", [["vault-2", 7], "vault-2,7", "vault-2, 7"])
def test_who_leaves_is_not_asked(leaving):
    hosts = [
        {"inventory_hostname": "vault-1"},
        {"inventory_hostname": "vault-2"},
        {"inventory_hostname": "vault-3", "vault_node_id": "7"},
    ]
    assert reach.staying(hosts, leaving) == hosts[:1]
    assert reach.staying(hosts, []) == hosts
