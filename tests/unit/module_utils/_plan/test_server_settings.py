"""Settings that have no input of their own: what Vault would not take as it is meant, and how they are written."""

from __future__ import annotations

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._common import product
from ansible_collections.vaultops.cluster.plugins.module_utils._plan import server_settings

NOW = "1.21.1"
GOOD = {
    "server": {
        "default_lease_ttl": "768h",
        "max_lease_ttl": 2764800,
        "plugin_directory": "/opt/vault/plugins",
        "introspection_endpoint": True,
        "experiments": ["events.alpha1"],
        "user_lockout": {"all": {"lockout_duration": "10m", "lockout_threshold": 5}, "ldap": {"disable_lockout": True}},
    },
    "listener": {
        "proxy_protocol_behavior": "allow_authorized",
        "proxy_protocol_authorized_addrs": ["10.0.0.0/8"],
        "x_forwarded_for_hop_skips": 0,
        "redact_cluster_name": True,
        "profiling": {"unauthenticated_pprof_access": True},
        "custom_response_headers": {
            "default": {"X-Frame-Options": ["DENY"]},
            "4xx": {},
            404: {"X-Gone": ["yes", "no"]},
        },
    },
    "raft": {"snapshot_interval": "2m", "trailing_logs": 10000, "raft_wal": True},
    "seal": {"role_arn": "arn:aws:iam::111122223333:role/seal"},
}


@pytest.mark.parametrize("stanza", GOOD)
def test_what_vault_knows_is_taken(stanza):
    assert server_settings.problems(GOOD[stanza], stanza, NOW) == []
    assert server_settings.problems({}, stanza, NOW) == []


@pytest.mark.parametrize(
    ("stanza", "settings", "said"),
    [
        ("server", ["max_lease_ttl"], "vault_server_settings is no mapping"),
        (
            "server",
            {"max_leas_ttl": "1h"},
            "max_leas_ttl is no setting of the top level. The nearest one is max_lease_ttl.",
        ),
        ("server", {"nothing_like_it": 1}, "nothing_like_it is no setting of the top level."),
        ("server", {"api_addr": "https://x:8200"}, "api_addr is that of vault_address. Set it there."),
        ("server", {"disable_sealwrap": True}, "disable_sealwrap needs Vault Enterprise, and vault_version is 1.21.1"),
        (
            "server",
            {"service_registration": {"consul": {}}},
            "service_registration is not set: clients find the nodes by",
        ),
        ("server", {"entropy": {"seal": {}}}, "entropy is not set: a node's role may not ask KMS for random bytes."),
        (
            "server",
            {"observations": {}},
            "observations is not set: what is asked of Vault is in the entries of its audit",
        ),
        ("server", {"reporting": {}}, "reporting needs Vault Enterprise, and vault_version is 1.21.1"),
        ("server", {"max_lease_ttl": "for ever"}, "max_lease_ttl is no duration"),
        ("server", {"max_lease_ttl": True}, "max_lease_ttl is no duration"),
        # Vault takes days alone, and whole ones.
        ("server", {"max_lease_ttl": "1d12h"}, "max_lease_ttl is no duration"),
        ("server", {"max_lease_ttl": "40.5d"}, "max_lease_ttl is no duration"),
        ("server", {"max_lease_ttl": "72h"}, "max_lease_ttl is less than default_lease_ttl, and Vault would not start"),
        ("server", {"default_lease_ttl": "769h"}, "max_lease_ttl is less than default_lease_ttl"),
        ("raft", {"snapshot_interval": 0}, "snapshot_interval is less than a second"),
        (
            "raft",
            {"autopilot_reconcile_interval": "1s"},
            "autopilot_reconcile_interval is less than autopilot_update_interval",
        ),
        (
            "raft",
            {"autopilot_update_interval": "11s"},
            "autopilot_reconcile_interval is less than autopilot_update_interval",
        ),
        ("listener", {"tls_require_and_verify_client_cert": True}, "is not set to true: runs of this collection and"),
        ("listener", {"x_forwarded_for_reject_not_present": True}, "is not set to true: runs of this collection and"),
        ("listener", {"proxy_protocol_behavior": "deny_unauthorized"}, 'is not set to "deny_unauthorized": runs of'),
        ("server", {"pid_file": "/run/vault/pid"}, "pid_file is not set: systemd knows the process of its unit."),
        ("server", {"plugin_directory": "/opt/${x}"}, "plugin_directory is no text without ${"),
        ("server", {True: "x"}, "True is no name in quotes."),
        ("server", {"cache_size": -1}, "cache_size is no whole number"),
        ("server", {"disable_cache": "yes"}, "disable_cache is no true or false"),
        ("server", {"experiments": "events.alpha1"}, "experiments is no list of texts"),
        ("server", {"user_lockout": {"all": 5}}, "user_lockout has all, which is no mapping"),
        ("server", {"user_lockout": {"all": {"lockout": 5}}}, "user_lockout has no all.lockout."),
        (
            "server",
            {"user_lockout": {"all": {"lockout_threshold": "x"}}},
            "user_lockout has all.lockout_threshold, which is no",
        ),
        ("listener", {"tls_disable": True}, "tls_disable is not set: nodes speak TLS alone."),
        ("listener", {"custom_response_headers": {"6xx": {}}}, "custom_response_headers has 6xx, which is no status"),
        ("listener", {"custom_response_headers": {"2xx": {"X": "y"}}}, "which is no mapping of headers to lists"),
        ("listener", {"custom_response_headers": {"2xx": {"x-vault-a": ["b"]}}}, "Vault keeps those to itself"),
        (
            "listener",
            {"redact_version": True},
            "redact_version is not set: nodes are asked without a login for their version",
        ),
        ("raft", {"max_mount_and_namespace_table_entry_size": 1}, "needs Vault Enterprise"),
        ("listener", {"profiling": {"pprof": True}}, "profiling has no pprof."),
        ("raft", {"path": "/data"}, "path is that of vault_server_data_dir"),
        ("seal", {"secret_key": "hidden"}, "secret_key is not set: a node has its credentials from its instance role."),
    ],
)
def test_what_it_would_not_take_is_said(stanza, settings, said):
    (found,) = server_settings.problems(settings, stanza, NOW)
    assert said in found
    assert found.startswith(server_settings.STANZAS[stanza].variable)


def test_a_block_in_a_block_is_checked_and_written():
    given = {"reporting": {"license": {"enabled": False}, "snapshot_retention_time": "9600h"}}
    assert server_settings.problems(given, "server", "1.21.1+ent") == []
    assert server_settings.hcl(given, "server") == (
        'reporting {\n  license {\n    enabled = false\n  }\n  snapshot_retention_time = "9600h"\n}\n'
    )
    (found,) = server_settings.problems({"reporting": {"license": {"enabled": "x"}}}, "server", "1.21.1+ent")
    assert found == "vault_server_settings: reporting has license, which has enabled, which is no true or false."


def test_no_value_is_part_of_what_is_said():
    for stanza, about in server_settings.STANZAS.items():
        for name in [*about.settings, "unheard_of"]:
            for value in ("s3cret value", ["s3cret value", 1], {"s3cret": {"s3cret": 1}}):
                said = server_settings.problems({name: value}, stanza, NOW)
                assert not [one for one in said if "s3cret value" in one]


def test_a_setting_of_a_later_release_is_refused():
    assert server_settings.problems({"max_json_depth": 50}, "listener", "1.20.3") == []
    (found,) = server_settings.problems({"max_json_depth": 50}, "listener", "1.19.0")
    assert "Vault knows max_json_depth from 1.16.25, 1.18.14, 1.19.9, 1.20.3 on, and vault_version is 1.19.0" in found
    assert server_settings.problems({"max_json_depth": 50}, "listener", "2.0.0") == []


@pytest.mark.parametrize(
    ("version", "taken"),
    [("1.21.8", False), ("1.21.9+ent", True), ("2.0.3", False), ("2.0.4", True), ("2.2.2", True), ("10.0.0", True)],
)
def test_a_setting_that_older_lines_got_too(version, taken):
    found = server_settings.problems({"deny_slash_in_templated_paths": True}, "server", version)
    assert (found == []) is taken


@pytest.mark.parametrize(
    ("version", "says"), [("1.21.14+ent", "from 2.0.0 on"), ("2.0.0", "needs Vault Enterprise"), ("2.0.0+ent", "")]
)
def test_a_setting_of_2_0_that_is_enterprises(version, says):
    found = server_settings.problems({"max_token_header_size": 16384}, "listener", version)
    assert (says in found[0]) if says else found == []


def test_enterprise_has_its_own():
    assert server_settings.problems({"disable_sealwrap": True}, "server", "1.21.1+ent") == []


def test_how_they_are_written():
    assert (
        server_settings.hcl(GOOD["server"], "server")
        == """\
default_lease_ttl = "768h"
experiments = ["events.alpha1"]
introspection_endpoint = true
max_lease_ttl = 2764800
plugin_directory = "/opt/vault/plugins"
user_lockout "all" {
  lockout_duration = "10m"
  lockout_threshold = 5
}
user_lockout "ldap" {
  disable_lockout = true
}
"""
    )
    assert (
        server_settings.hcl(GOOD["listener"], "listener")
        == """\
custom_response_headers {
  "404" = {
    "X-Gone" = ["yes", "no"]
  }
  "4xx" = {
  }
  "default" = {
    "X-Frame-Options" = ["DENY"]
  }
}
profiling {
  unauthenticated_pprof_access = true
}
proxy_protocol_authorized_addrs = ["10.0.0.0/8"]
proxy_protocol_behavior = "allow_authorized"
redact_cluster_name = true
x_forwarded_for_hop_skips = 0
"""
    )


def test_what_a_reload_takes_is_a_setting():
    for stanza, names in product.RELOADED.items():
        for name in (name for name, fact in names.items() if fact.vault):
            assert not server_settings.STANZAS[stanza].settings[name].owner
