"""From a cluster of another tool to an inventory: what is refused, what the inventory is told to say, and that this is enough."""

from __future__ import annotations

import functools
import json

import pytest
import yaml
from ansible_collections.vaultops.cluster.plugins.module_utils._plan.taken_over import compare
from kit.foreign import ANSIBLE_VAULT, BBC, DROP_IN, KEY, SHELL_SCRIPT, TERRAFORM, UNIT
from kit.templates import BASE, NODES, render

OF_NODE = {"vault_api_addr": "api_addr", "vault_cluster_addr": "cluster_addr", "vault_node_id": "node_id"}


@functools.cache
def laid_down(said, version):
    inventory = json.loads(said)
    node = {**NODES[0], **{OF_NODE[name]: value for name, value in inventory.items() if name in OF_NODE}}
    variables = {**inventory, "vault_version": version, "vault_join": "static", "vault_nodes": [node, *NODES[1:]]}
    return [
        {"path": UNIT, "content": render("vault.service.j2", variables)},
        {"path": "/etc/vault.d/vault.hcl", "content": render("vault.hcl.j2", variables)},
        {"path": "/etc/vault.d/reload.hcl", "content": render("reload.hcl.j2", variables)},
    ]


def adopt(foreign, without=(), inventory=None, found=None):
    inventory = inventory or {}
    now = {"vault_server_telemetry": BASE["vault_server_telemetry"], "vault_api_port": 8200, "vault_cluster_port": 8201}
    inputs = {
        "version": foreign.version,
        "settings": {**now, **inventory},
        "seal_in_use": {"key_id": KEY, "region": ""},
    }
    return compare(found or foreign.found(), laid_down(json.dumps(inventory), foreign.version), list(without), inputs)


CASES = {
    "a shell script": (
        SHELL_SCRIPT,
        {
            "vault_api_addr": "https://vault-1.example.com:8200",
            "vault_server_data_dir": "/var/lib/vault",
            "vault_server_log_level": "warn",
            "vault_server_settings": {"max_lease_ttl": "87600h", "plugin_directory": "/opt/vault/plugins"},
            "vault_server_unauthenticated_metrics": True,
        },
        [
            "drop-in.Environment.AWS_REGION",
            "listener.tcp.address",
            "listener.tcp.tls_disable",
            "seal.awskms.access_key",
            "seal.awskms.secret_key",
            "unit.Environment.HTTPS_PROXY",
        ],
    ),
    "ansible-community/ansible-vault": (
        ANSIBLE_VAULT,
        {
            "vault_cluster_name": "dc1",
            "vault_listener_settings": {
                "x_forwarded_for_authorized_addrs": ["10.0.0.0/16"],
                "x_forwarded_for_hop_skips": 0,
                "x_forwarded_for_reject_not_present": False,
            },
            "vault_raft_settings": {"trailing_logs": 20000},
            "vault_server_data_dir": "/var/vault",
            "vault_server_settings": {
                "default_lease_ttl": "768h",
                "max_lease_ttl": "768h",
                "plugin_directory": "/usr/local/lib/vault/plugins",
            },
            "vault_server_telemetry": {
                "disable_hostname": True,
                "prometheus_retention_time": "30s",
                "statsd_address": "127.0.0.1:8125",
            },
            "vault_tls_min_version": "tls12",
        },
        ["listener.tcp.address", "listener.tcp.cluster_address", "unit.Environment.NO_PROXY", "unit.Group"],
    ),
    "the BBC's collection": (
        BBC,
        {
            "vault_api_addr": "https://vault-1.example.com:8200",
            "vault_cluster_addr": "https://vault-1.example.com:8201",
            "vault_listener_settings": {"x_forwarded_for_authorized_addrs": ["127.0.0.0/24", "10.0.0.0/16"]},
            "vault_server_data_dir": "/var/lib/vault/data",
            "vault_server_ui": False,
        },
        [],
    ),
    "HashiCorp's Terraform module": (
        TERRAFORM,
        {
            "vault_api_addr": "https://ip-10-0-1-10.eu-central-1.compute.internal:8200",
            "vault_cluster_addr": "https://ip-10-0-1-10.eu-central-1.compute.internal:8201",
            "vault_listener_settings": {"tls_disable_client_certs": True},
            "vault_node_id": "i-0abc1234def567890",
            "vault_raft_settings": {"autopilot_redundancy_zone": "eu-central-1a"},
            "vault_server_performance_multiplier": 5,
            "vault_server_settings": {
                "default_lease_ttl": "1h",
                "license_path": "/opt/vault/license/license.hclic",
                "max_lease_ttl": "768h",
                "plugin_directory": "/opt/vault/plugins",
            },
        },
        ["drop-in.Environment.VAULT_ENABLE_FILE_PERMISSIONS_CHECK", "listener.tcp.address"],
    ),
}


@pytest.mark.parametrize(("foreign", "lines", "rest"), CASES.values(), ids=CASES)
def test_the_lines_are_what_the_inventory_has_to_say_and_the_rest_has_to_be_named(foreign, lines, rest):
    first = adopt(foreign)
    assert first["problems"]
    told = yaml.safe_load("\n".join(first["lines"]))
    assert told == lines

    second = adopt(foreign, inventory=lines)
    assert second["lost"] == rest
    assert second["lines"] == []

    # What may be named; the check of permissions has to go from its file.
    third = adopt(foreign, rest, lines, {**foreign.found(), "drop_ins": {}} if foreign is TERRAFORM else None)
    assert third["problems"] == []


@pytest.mark.parametrize("foreign", [case[0] for case in CASES.values()], ids=CASES)
def test_no_secret_is_told(foreign):
    said = str(adopt(foreign))
    assert "AKIA" not in said
    assert "wJalr" not in said


def test_the_file_of_each_setting_is_told():
    said = " ".join(adopt(ANSIBLE_VAULT)["problems"])
    assert "trailing_logs (/etc/vault.d/vault_main.hcl" in said
    said = " ".join(adopt(SHELL_SCRIPT)["problems"])
    assert "seal.awskms.access_key (/etc/vault.d/vault.hcl; a node has its credentials from its instance role)" in said
    assert f"{DROP_IN} belongs to a drop-in of the unit, which stays in force, and sets AWS_REGION" in said
    assert "AWS_DEFAULT_REGION" not in said, "it says what is written"


def test_a_cluster_that_people_open_by_hand_is_left_alone_whatever_is_named():
    by_hand = BBC._replace(configs={path: text[: text.index("seal ")] for path, text in BBC.configs.items()})
    said = adopt(by_hand, ["seal.shamir"], CASES["the BBC's collection"][1])["problems"]
    assert len(said) == 1
    assert "seal.shamir (/etc/vault/config.hcl)" in said[0]


def test_a_variable_that_a_drop_in_has_too_does_not_go_with_the_unit():
    found = SHELL_SCRIPT.found()
    found["drop_ins"] = {DROP_IN: "[Service]\nEnvironment=HTTPS_PROXY=http://proxy:3128\n"}
    assert "unit.Environment.HTTPS_PROXY" not in adopt(SHELL_SCRIPT, found=found)["lost"]
