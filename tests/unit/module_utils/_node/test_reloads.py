"""What a running server takes of its configuration, in the form in which the role writes it."""

from __future__ import annotations

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._common import product
from ansible_collections.vaultops.cluster.plugins.module_utils._common.product import Product
from ansible_collections.vaultops.cluster.plugins.module_utils._node import reloads
from kit.templates import render

NOW = Product.of("1.21.1")
ALL = {
    "vault_join": "static",
    "vault_server_settings": {
        "introspection_endpoint": True,
        "log_requests_level": "info",
        "max_lease_ttl": "24h",
        "user_lockout": {"all": {"lockout_threshold": 3}, "ldap": {"disable_lockout": True}},
    },
    "vault_listener_settings": {
        "custom_response_headers": {"default": {"X-Frame-Options": ["DENY"]}, "404": {"X-Gone": ["}"]}},
        "profiling": {"unauthenticated_pprof_access": True},
    },
    "vault_raft_settings": {"snapshot_interval": "2m", "trailing_logs": 10000, "raft_wal": True},
    "vault_seal_settings": {},
    "vault_server_telemetry": {"disable_hostname": True},
}


def hcl(**changes):
    """A vault.hcl of all settings. *changes*: by the name of the input without what all names share."""
    inputs = {name: dict(value) if isinstance(value, dict) else value for name, value in ALL.items()}
    for name, change in changes.items():
        inputs[f"vault_{name}_settings"] |= change
    inputs = {
        name: {one: given for one, given in value.items() if given is not None} if isinstance(value, dict) else value
        for name, value in inputs.items()
    }
    return render("vault.hcl.j2", inputs)


@pytest.mark.parametrize(
    ("changes", "enough"),
    [
        ({}, True),
        ({"listener": {"custom_response_headers": {}}}, True),
        ({"listener": {"custom_response_headers": None}}, True),
        ({"listener": {"custom_response_headers": {"5xx": {"A": ['b {"', "}"]}}}}, True),
        ({"server": {"user_lockout": None, "introspection_endpoint": None}}, True),
        ({"server": {"user_lockout": {"userpass": {"lockout_duration": "1m"}}}}, True),
        ({"server": {"log_requests_level": "debug"}}, True),
        # The server goes on with the last one.
        ({"server": {"log_requests_level": None}}, False),
        ({"raft": {"trailing_logs": None, "snapshot_interval": "9m", "snapshot_threshold": 8000}}, True),
        ({"server": {"max_lease_ttl": "25h"}}, False),
        ({"server": {"cache_size": 1}, "listener": {"custom_response_headers": None}}, False),
        ({"listener": {"redact_cluster_name": True}}, False),
        ({"listener": {"profiling": None}}, False),
        ({"raft": {"raft_wal": None}}, False),
        ({"seal": {"role_arn": "arn:aws:iam::111122223333:role/seal"}}, False),
    ],
)
def test_a_reload_is_enough_where_the_server_takes_all_that_differs(changes, enough):
    assert reloads.are_enough(hcl(), hcl(**changes), NOW) is enough
    assert reloads.are_enough(hcl(**changes), hcl(), NOW) is enough


@pytest.mark.parametrize(
    ("name", "first", "before"),
    [("snapshot_interval", "1.19.0", "1.18.9"), ("trailing_logs", "2.0.0", "1.9.9")],
)
def test_a_release_that_does_not_take_it_is_restarted(name, first, before):
    changed = hcl(raft={name: None})
    assert reloads.are_enough(hcl(), changed, Product.of(f"{first}+ent"))
    assert not reloads.are_enough(hcl(), changed, Product.of(before))


@pytest.mark.parametrize("version", [None, "", "vault"])
def test_of_a_process_that_nobody_knows_the_version_of_nothing_is_known(version):
    assert not reloads.are_enough(hcl(), hcl(), product.told(version))


def test_what_somebody_else_wrote_is_not_read():
    theirs = hcl().partition("\n")[2]
    assert not reloads.are_enough(theirs, theirs, NOW)
    assert not reloads.are_enough(None, hcl(), NOW)
    assert not reloads.are_enough(hcl().replace("  }\n}\n", "  }\n  # mine\n}\n"), hcl(), NOW)


def test_a_block_that_does_not_end_takes_the_rest_along():
    cut = hcl().replace("  custom_response_headers {", "  custom_response_headers {\n  x {")
    assert not reloads.are_enough(cut.rpartition("  }\n")[0], hcl(), NOW)
