"""Every setting that may stand beside the others, on a real Vault, on ports that are not the usual ones.

It starts with them, knows them all, and takes a change of them with a reload or with a restart, as the plan has said.
"""

from __future__ import annotations

import json
import typing as t

import pytest
import requests
from ansible_collections.vaultops.cluster.plugins.module_utils._node import config_check
from ansible_collections.vaultops.cluster.plugins.module_utils._plan import server_settings
from kit.changes import assert_nothing_lost, clients, make_cluster
from labkit.aws import ca_file
from labkit.settings import cache, inventory_version

API, CLUSTER = 9200, 9201
NOTHING = "Nothing to do: every node, the cluster and the unseal key are as they should be."
CIPHERS = "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"
SETTINGS: dict[str, dict[str, t.Any]] = {
    "server": {
        "allow_audit_log_prefixing": True,
        "cache_size": 65536,
        "cluster_cipher_suites": CIPHERS,
        "default_lease_ttl": "24h",
        "default_max_request_duration": "90s",
        "detect_deadlocks": "statelock",
        "disable_cache": False,
        "disable_printable_check": True,
        "enable_post_unseal_trace": False,
        "enable_response_header_hostname": True,
        "enable_response_header_raft_node_id": True,
        "experiments": ["secrets.import.alpha1"],
        "imprecise_lease_role_tracking": True,
        "introspection_endpoint": True,
        "log_file": "/var/log/vault/",
        "log_requests_level": "debug",
        "log_rotate_bytes": 1048576,
        "log_rotate_duration": "24h",
        "log_rotate_max_files": 3,
        "max_lease_ttl": "48h",
        "plugin_directory": "/opt/vault/releases",
        "plugin_file_permissions": "755",
        "plugin_file_uid": 0,
        "plugin_tmpdir": "/tmp",
        "post_unseal_trace_directory": "/opt/vault/data",
        "raw_storage_endpoint": True,
        "remove_irrevocable_lease_after": "48h",
        "user_lockout": {
            "all": {"lockout_threshold": 7, "lockout_duration": "10m"},
            "userpass": {"disable_lockout": True},
        },
    },
    "listener": {
        "cors_allowed_headers": ["X-Custom"],
        "cors_allowed_origins": ["https://example.com"],
        "cors_enabled": True,
        "custom_response_headers": {"default": {"X-Frame-Options": ["DENY"]}, "4xx": {"X-Refused": ["yes"]}},
        "disable_replication_status_endpoints": True,
        "http_idle_timeout": "5m",
        "http_read_header_timeout": "10s",
        "http_read_timeout": "30s",
        "http_write_timeout": "0",
        "inflight_requests_logging": {"unauthenticated_in_flight_requests_access": True},
        "max_json_array_element_count": 20000,
        "max_json_depth": 200,
        "max_json_object_entry_count": 20000,
        "max_json_string_value_length": 2097152,
        "max_json_token": 1000000,
        "max_request_duration": "90s",
        "max_request_size": 33554432,
        "profiling": {"unauthenticated_pprof_access": True},
        "proxy_protocol_authorized_addrs": ["192.0.2.1"],
        "proxy_protocol_behavior": "allow_authorized",
        "redact_cluster_name": True,
        "require_request_header": False,
        "tls_cipher_suites": CIPHERS,
        "tls_client_ca_file": "/etc/vault.d/tls/ca.crt",
        "tls_disable_client_certs": False,
        "tls_max_version": "tls13",
        "tls_require_and_verify_client_cert": False,
        "x_forwarded_for_authorized_addrs": ["192.0.2.1"],
        "x_forwarded_for_client_cert_header": "X-Client-Cert",
        "x_forwarded_for_client_cert_header_decoders": "BASE64",
        "x_forwarded_for_hop_skips": 0,
        "x_forwarded_for_reject_not_authorized": False,
        "x_forwarded_for_reject_not_present": False,
    },
    "raft": {
        "autopilot_reconcile_interval": "10s",
        "autopilot_update_interval": "2s",
        "max_entry_size": 1048576,
        "raft_log_verification_interval": "60s",
        "raft_log_verifier_enabled": True,
        "raft_wal": True,
        "snapshot_interval": "2m",
        "snapshot_threshold": 8192,
        "trailing_logs": 10000,
    },
}


def inputs(**changes: dict[str, t.Any]) -> dict[str, t.Any]:
    return {
        "vault_api_port": API,
        "vault_cluster_port": CLUSTER,
        "vault_backup": True,
        "vault_snapshot_bucket": "",
        "vault_probe": True,
        "vault_backup_bundle_dir": str(cache() / "backup-tool"),
        **{f"vault_{name}_settings": {**given, **changes.get(name, {})} for name, given in SETTINGS.items()},
    }


@pytest.fixture(scope="module")
def cluster(fresh_lab):
    fresh_lab.api_port = API
    yield make_cluster(fresh_lab, **inputs())
    fresh_lab.api_port = 8200


def play(bench, *arguments: str, **changes: dict[str, t.Any]) -> tuple[str, str]:
    """What it says in one line, and its plan."""
    code, output = bench.play("-e", json.dumps(inputs(**changes)), *arguments)
    assert code == 0, output
    said = " ".join(output.split())
    return said, said.partition(" : The plan]")[2].partition("TASK [")[0]


def pids(bench) -> list[str]:
    return bench.on_nodes("systemctl show -p MainPID --value vault")


def headers(bench) -> list[t.Mapping[str, str]]:
    bench.require_network()
    return [
        requests.get(
            f"https://{node.address}:{API}/v1/sys/health?standbyok=true", verify=ca_file(bench.lab), timeout=10
        ).headers
        for node in bench.lab.nodes
    ]


def test_every_setting_of_this_release_is_there():
    for stanza, given in SETTINGS.items():
        known = server_settings.STANZAS[stanza].settings
        assert set(given) == {name for name, one in known.items() if not one.owner and not one.only}
        assert server_settings.problems(given, stanza, inventory_version()) == []


def test_vault_starts_with_them_and_warns_of_none(cluster):
    files = "-config=/etc/vault.d/vault.hcl -config=/etc/vault.d/reload.hcl"
    said = cluster.on_nodes(f"vault operator diagnose -format=json -skip=storage {files} || true")
    for report in map(json.loads, said):
        parsed = [one for one in config_check._walk(report) if one.get("name") == "Parse Configuration"]
        assert parsed and not [warning for one in parsed for warning in one.get("warnings") or []]
    assert (
        cluster.on_nodes("journalctl -u vault --no-pager | grep -ci 'unknown or unsupported field' || true")
        == ["0\n"] * 3
    )


def test_it_listens_on_the_ports_alone_that_it_was_given(cluster):
    for listening in cluster.on_nodes("ss -Hltn | awk '{print $4}'"):
        ports = {line.rpartition(":")[2] for line in listening.split()}
        assert {str(API), str(CLUSTER)} <= ports and not {"8200", "8201"} & ports
    cluster.on_nodes("systemctl start vault-backup.service vault-probe.service")


def test_every_answer_has_hsts(cluster):
    for found in headers(cluster):
        assert found["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains"
        assert found["X-Frame-Options"] == "DENY"


def test_what_a_reload_takes_is_reloaded(cluster):
    changes = {
        "listener": {"custom_response_headers": {"default": {"X-New": ["yes"], "Strict-Transport-Security": []}}},
        "raft": {"trailing_logs": 20000},
        "server": {"introspection_endpoint": False, "user_lockout": {"all": {"lockout_threshold": 9}}},
    }
    before = pids(cluster)
    _said, plan = play(cluster, "--check", **changes)
    assert plan.count("Vault reads it anew, without a restart.") == 3 and "Vault is restarted" not in plan, plan
    assert "X-New" not in headers(cluster)[0], "a look changes nothing"
    assert play(cluster, **changes)[1] == plan
    assert pids(cluster) == before
    for found in headers(cluster):
        assert found["X-New"] == "yes"
        assert not {"X-Frame-Options", "Strict-Transport-Security"} & set(found)
    said, plan = play(cluster, **changes)
    assert NOTHING in plan and said.count("changed=0") == 4
    play(cluster)
    assert (pids(cluster), headers(cluster)[0]["X-Frame-Options"]) == (before, "DENY")


def test_what_it_does_not_take_is_restarted_node_by_node(cluster):
    changes = {"server": {"max_lease_ttl": "72h"}, "listener": {"custom_response_headers": {}}}
    before = pids(cluster)
    _said, plan = play(cluster, "--check", **changes)
    assert plan.count("Vault is restarted there, in this node's turn.") == 3, plan
    with clients(cluster) as probe:
        play(cluster, **changes)
    assert_nothing_lost(probe.report())
    assert not set(pids(cluster)) & set(before)
    said, plan = play(cluster, **changes)
    assert NOTHING in plan and said.count("changed=0") == 4


def test_other_ports_are_refused(cluster):
    before = pids(cluster)
    for name, has, wants in (("vault_api_port", API, 9300), ("vault_cluster_port", CLUSTER, 9301)):
        code, output = cluster.play("-e", json.dumps({**inputs(), name: wants}))
        said = " ".join(output.split())
        assert code != 0 and f"has port {has}, and {name} is {wants}." in said and "Nothing was changed." in said, (
            output
        )
    assert pids(cluster) == before
