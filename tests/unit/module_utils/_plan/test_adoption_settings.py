"""What the inventory has to say for a setting to stay: lines that can be pasted, and no secret in them."""

from __future__ import annotations

import pytest
import yaml
from ansible_collections.vaultops.cluster.plugins.module_utils._node import environment
from ansible_collections.vaultops.cluster.plugins.module_utils._plan import (
    adoption_settings,
    configuration,
    same_setting,
    server_settings,
)
from hypothesis import given, settings
from hypothesis import strategies as st

VERSION = "1.21.1"


def cured(text, version=VERSION, **given):
    held = configuration.held("/etc/vault.d/vault.hcl", text)
    cures = adoption_settings.cures({one.name for one in held}, held, given, version)
    return yaml.safe_load("\n".join(adoption_settings.lines(cures.values(), given))) or {}, cures


def listener(inside):
    return f'listener "tcp" {{\n{inside}\n}}\n'


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ('max_lease_ttl = "87600h"', {"vault_server_settings": {"max_lease_ttl": "87600h"}}),
        ('cache_size = "32768"\ndisable_cache = "1"', {"vault_server_settings": {"cache_size": 32768, "disable_cache": True}}),
        ('default_lease_ttl = "3600"', {"vault_server_settings": {"default_lease_ttl": 3600}}),
        (
            'user_lockout "all" {\n  lockout_threshold = "3"\n  lockout_duration = "10m"\n}',
            {"vault_server_settings": {"user_lockout": {"all": {"lockout_threshold": 3, "lockout_duration": "10m"}}}},
        ),
        (
            listener('x_forwarded_for_authorized_addrs = "10.0.0.0/16, 10.1.0.0/16"\nx_forwarded_for_hop_skips = "1"'),
            {
                "vault_listener_settings": {
                    "x_forwarded_for_authorized_addrs": ["10.0.0.0/16", "10.1.0.0/16"],
                    "x_forwarded_for_hop_skips": 1,
                }
            },
        ),
        (
            listener('custom_response_headers {\n  "2xx" = {\n    "X-A" = ["b", "c"]\n    "Y" = "max-age=1, d"\n  }\n}'),
            {"vault_listener_settings": {"custom_response_headers": {"2xx": {"X-A": ["b", "c"], "Y": ["max-age=1, d"]}}}},
        ),
        (listener("profiling {\n  unauthenticated_pprof_access = true\n}"),
         {"vault_listener_settings": {"profiling": {"unauthenticated_pprof_access": True}}}),
        (listener('address = "0.0.0.0:8300"\ncluster_address = "10.0.1.10:8301"'),
         {"vault_api_port": 8300, "vault_cluster_port": 8301}),
        (listener("telemetry {\n  unauthenticated_metrics_access = 1\n}"), {"vault_server_unauthenticated_metrics": True}),
        ('storage "raft" {\n  snapshot_threshold = "4096"\n  performance_multiplier = "3"\n  path = "/srv/raft"\n}',
         {"vault_raft_settings": {"snapshot_threshold": 4096}, "vault_server_performance_multiplier": 3,
          "vault_server_data_dir": "/srv/raft"}),
        ('seal "awskms" {\n  role_arn = "arn:aws:iam::111122223333:role/seal"\n  region = "eu-west-1"\n'
         '  endpoint = "https://kms.example"\n}',
         {"vault_seal_settings": {"role_arn": "arn:aws:iam::111122223333:role/seal"}, "vault_aws_region": "eu-west-1",
          "vault_aws_endpoints": {"kms": "https://kms.example"}}),
        ('api_addr = "https://vault-1.example.com:8200"\nui = "false"\nlog_level = "ERR"\ndisable_mlock = false',
         {"vault_api_addr": "https://vault-1.example.com:8200", "vault_server_ui": False, "vault_server_log_level": "error",
          "vault_server_disable_mlock": False}),
        ('telemetry {\n  statsd_address = "127.0.0.1:8125"\n}', {"vault_server_telemetry": {"statsd_address": "127.0.0.1:8125"}}),
    ],
)  # fmt: skip
def test_the_lines_say_the_setting_in_the_inventorys_own_form(text, lines):
    found, _cures = cured(text)
    assert found == lines
    for variable, told in found.items():
        stanza = next((one for one, about in server_settings.STANZAS.items() if about.variable == variable), "")
        assert not stanza or server_settings.problems(told, stanza, VERSION) == []


def test_a_block_in_a_block_stays_as_it_is():
    text = 'reporting {\n  license {\n    enabled = "false"\n  }\n  snapshot_retention_time = "9600"\n}'
    found, _cures = cured(text, "1.21.1+ent")
    assert found == {
        "vault_server_settings": {"reporting": {"license": {"enabled": False}, "snapshot_retention_time": 9600}}
    }


def test_what_the_inventory_has_already_may_be_a_secret_and_is_not_in_the_line():
    given = {"vault_server_telemetry": {"circonus_api_token": "HIDDEN"}}
    found, cures = cured('telemetry {\n  statsd_address = "h:1"\n}', **given)
    assert found == {"vault_server_telemetry": {"statsd_address": "h:1"}}
    (line,) = adoption_settings.lines(cures.values(), given)
    assert line == "vault_server_telemetry: {statsd_address: h:1}  # beside what it has"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('seal "awskms" {\n  access_key = "AKIAHIDDEN"\n}', "a node has its credentials from its instance role"),
        ('seal "awskms" {\n  secret_key = "HIDDEN"\n}', "a node has its credentials from its instance role"),
        ('seal "awskms" {\n  session_token = "HIDDEN"\n}', "a node has its credentials from its instance role"),
        ('telemetry {\n  circonus_api_token = "HIDDEN"\n}', "its value is not shown"),
        ('telemetry {\n  circonus_submission_url = "https://x/HIDDEN"\n}', "its value is not shown"),
        ('service_registration "consul" {\n  token = "HIDDEN"\n}', "clients find the nodes by their addresses"),
        ('entropy "seal" {\n  mode = "HIDDEN"\n}', "a node's role may not ask KMS for random bytes"),
        ('observations {\n  ledger_path = "/HIDDEN"\n}', "in the entries of its audit devices"),
        ('reporting {\n  license {\n    enabled = "HIDDEN"\n  }\n}', "needs Vault Enterprise"),
        ('sentinel {\n  additional_enabled_modules = ["HIDDEN"]\n}', "no place for it"),
        ('listener "unix" {\n  address = "/run/HIDDEN"\n}', "a listener on TCP"),
        ('api_addr = "https://user:HIDDEN@host:8200"', "can't be written there as it is"),
        ('cluster_addr = "https://{{ GetHIDDEN }}:8201"', "can't be written there as it is"),
        ('max_lease_ttl = "HIDDEN"', "is no duration"),
        ("disable_performance_standby = true", "needs Vault Enterprise"),
        (listener('tls_disable = "true"'), "nodes speak TLS alone"),
        (listener('tls_key_file = "HIDDEN"'), "instead: vault_node_tls_dir"),
        (listener('x_forwarded_for_hop_skips = "HIDDEN"'), "is no whole number"),
        (listener("max_request_size = 1\n}\nlistener tcp {\nmax_request_size = 2"), "several values"),
        (listener('address = "a:1"\n}\nlistener tcp {\naddress = "HIDDEN:2"'), "on all of the node's addresses"),
    ],
)
def test_what_can_not_be_kept_says_why_and_no_value_is_told(text, why):
    found, cures = cured(text)
    assert found == {}
    said = " ".join(cure.why for cure in cures.values())
    assert why in said
    assert "HIDDEN" not in said


def test_a_setting_that_the_version_does_not_know_yet_is_not_offered():
    found, cures = cured(listener("max_json_depth = 300"), version="1.20.2")
    assert found == {}
    assert "1.20.3 on, and" in cures["listener.tcp.max_json_depth"].why
    assert cured(listener("max_json_depth = 300"))[0] == {"vault_listener_settings": {"max_json_depth": 300}}


VALUES = st.recursive(
    st.one_of(st.booleans(), st.integers(), st.text("aZ019.:/-_+=@' yesnoe#,[]{}&*!|>%\"")),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text("ab_2x", min_size=1), inner)),
)


@settings(max_examples=50)
@given(VALUES)
def test_a_line_is_yaml_that_means_the_value(value):
    assert yaml.safe_load(f"x: {adoption_settings.flow(value)}") == {"x": value}


@pytest.mark.parametrize(
    "value", ["87600h", "/opt/vault", "10.0.0.0/16", "https://10.0.1.10:8200", "tls12", "eu-west-1"]
)
def test_usual_values_need_no_quotes(value):
    assert adoption_settings.flow(value) == value


@pytest.mark.parametrize(
    ("name", "one", "other", "same"),
    [
        ("max_lease_ttl", "768h", 2764800, True),
        ("max_lease_ttl", "1h30m", "90m", True),
        ("max_lease_ttl", "32d", "768h", True),
        ("max_lease_ttl", "1h", "2h", False),
        ("max_lease_ttl", "x", "y", False),
        ("disable_cache", "1", True, True),
        ("cache_size", "1", True, False),
        ("log_level", "ERR", "error", True),
        ("listener.tcp.proxy_protocol_authorized_addrs", "a, b", ["a", "b"], True),
        ("storage.raft.path", "/opt/vault/data/", "/opt/vault/data", True),
        ("telemetry.usage_gauge_period", 0, False, False),
        ("telemetry.disable_hostname", "1", True, True),
        ("user_lockout.all.lockout_duration", "60", "1m", True),
    ],
)
def test_two_ways_to_write_a_value_are_one(name, one, other, same):
    keys = tuple(name.split("."))
    assert (same_setting.normal(keys, one) == same_setting.normal(keys, other)) is same


def test_every_variable_of_a_setting_with_an_input_is_one_that_can_be_kept():
    stand_for = {*environment.SETTINGS.values(), *environment.ARGUMENTS.values()}
    none = {
        "seal",
        "seal.awskms.kms_key_id",
        "seal.awskms.endpoint",
        "log_format",
        "storage.raft.retry_join_as_non_voter",
    }
    assert stand_for - none <= set(adoption_settings.INPUTS)
