"""What the templates render, against files that were written by hand from the products' documentation."""

from __future__ import annotations

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._common import product
from ansible_collections.vaultops.cluster.plugins.module_utils._node import reloads
from kit.paths import GOLDEN
from kit.templates import render

# The example in Vault's own documentation.
IN_VAR_LOG = {"file": {"type": "file", "options": {"file_path": "/var/log/vault_audit.log"}}}
PLUGIN = {"version": "v0.1.0", "url": "https://mirror.example/openbao-plugin-kms-aws", "sha256": "ab" * 32}
OPENBAO = {"vault_flavour": "openbao", "vault_login_method": "cert"}
CASES = {
    "auto_join.hcl": ("vault.hcl.j2", {}),
    "static_join.hcl": ("vault.hcl.j2", {"vault_join": "static"}),
    "endpoint.hcl": ("vault.hcl.j2", {"vault_aws_endpoint_url": "https://vpce-1.kms.eu-central-1.vpce.amazonaws.com"}),
    "own_endpoint.hcl": (
        "vault.hcl.j2",
        {"vault_aws_endpoints": {"kms": "https://vpce-1.kms.eu-central-1.vpce.amazonaws.com"}},
    ),
    "fips.hcl": ("vault.hcl.j2", {"vault_aws_fips": True}),
    "telemetry_mlock.hcl": (
        "vault.hcl.j2",
        {
            "vault_join": "static",
            "vault_server_disable_mlock": False,
            "vault_server_telemetry": {"disable_hostname": True, "prometheus_retention_time": "24h"},
        },
    ),
    "open_metrics.hcl": ("vault.hcl.j2", {"vault_join": "static", "vault_server_unauthenticated_metrics": True}),
    "ipv6.hcl": (
        "vault.hcl.j2",
        {
            "vault_join": "static",
            "vault_nodes": [
                {
                    "name": "vault-1",
                    "node_id": "vault-1",
                    "address": "fd00::10",
                    "api_addr": "https://[fd00::10]:8200",
                    "cluster_addr": "https://[fd00::10]:8201",
                }
            ],
        },
    ),
    "settings.hcl": (
        "vault.hcl.j2",
        {
            "vault_join": "static",
            "vault_server_settings": {"max_lease_ttl": "24h", "user_lockout": {"all": {"lockout_threshold": 3}}},
            "vault_listener_settings": {
                "custom_response_headers": {"default": {"X-Frame-Options": ["DENY"]}},
                "x_forwarded_for_authorized_addrs": ["10.0.0.0/16"],
            },
            "vault_raft_settings": {"snapshot_interval": "2m"},
            "vault_seal_settings": {"role_arn": "arn:aws:iam::111122223333:role/seal"},
        },
    ),
    "tls12.hcl": ("vault.hcl.j2", {"vault_join": "static", "vault_tls_min_version": "tls12"}),
    "openbao_2.5.hcl": ("vault.hcl.j2", {**OPENBAO, "vault_version": "2.5.5"}),
    "openbao_2.6.hcl": ("vault.hcl.j2", {**OPENBAO, "vault_version": "2.6.2", "vault_join": "static"}),
    "openbao_2.7.hcl": ("vault.hcl.j2", {**OPENBAO, "vault_version": "2.7.0", "vault_kms_plugin": PLUGIN}),
    "openbao.service": ("vault.service.j2", OPENBAO),
    "vault.service": ("vault.service.j2", {}),
    "mlock.service": ("vault.service.j2", {"vault_server_disable_mlock": False}),
    "volumes.service": ("vault.service.j2", {"__vault_server_mounts": ["/opt/vault/data", "/var/log/vault"]}),
    "shared_log_dir.service": ("vault.service.j2", {"vault_audit_devices": IN_VAR_LOG}),
    "shared_log_dir.logrotate": ("logrotate.j2", {"vault_audit_devices": IN_VAR_LOG}),
    "two_audit_files.logrotate": (
        "logrotate.j2",
        {
            "vault_audit_devices": {
                "one": {"type": "file", "options": {"file_path": "/var/log/vault/audit.log"}},
                "two": {"type": "file", "options": {"file_path": "/mnt/audit/vault/audit.log"}},
                "journal": {"type": "file", "options": {"file_path": "stdout"}},
            }
        },
    ),
}


@pytest.mark.parametrize("golden", CASES)
def test_rendered_as_written_by_hand(golden):
    template, variables = CASES[golden]
    assert render(template, variables) == (GOLDEN / golden).read_text()


def test_who_needs_no_token_is_said_only_while_somebody_asks_for_it():
    assert "enable_unauthenticated_access" not in render("reload.hcl.j2", {})
    opened = render("reload.hcl.j2", {"vault_server_unauthenticated_access": ["generate-root"]})
    assert opened == render("reload.hcl.j2", {}) + 'enable_unauthenticated_access = ["generate-root"]\n'


def test_openbao_has_one_file_and_the_other_tells_a_time():
    assert set(render("reload.hcl.j2", OPENBAO).splitlines()[-1][:2]) == {"#", " "}
    assert "reload.hcl" not in render("vault.service.j2", OPENBAO)


@pytest.mark.parametrize(("value", "written"), [(True, "true"), (600, "600"), ("0600", "0600"), ('a"b', 'a\\"b')])
def test_options_of_openbaos_audit_devices_are_texts(value, written):
    devices = {"one": {"type": "file", "options": {"file_path": "stdout", "x": value}}}
    assert f'    x = "{written}"\n' in render("vault.hcl.j2", {**OPENBAO, "vault_audit_devices": devices})


def test_an_audit_device_more_of_openbao_is_a_matter_of_a_reload():
    server = product.Product.of("2.6.2", "openbao")
    device = {"type": "file", "options": {"file_path": "/var/log/vault/two.log"}}
    one, two = (
        render("vault.hcl.j2", {**OPENBAO, "vault_audit_devices": devices})
        for devices in ({"one": device}, {"one": device, "two": device})
    )
    other = render("vault.hcl.j2", {**OPENBAO, "vault_audit_devices": {"one": device}, "vault_cluster_name": "other"})
    assert reloads.are_enough(one, two, server)
    assert not reloads.are_enough(one, other, server)
    assert not reloads.are_enough(one, two, product.Product.of("2.2.2"))
