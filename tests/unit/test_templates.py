"""What the templates render, against files that were written by hand from the products' documentation."""

from __future__ import annotations

from pathlib import Path

import jinja2
import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar

ROOT = Path(__file__).parents[2]
ROLE = ROOT / "roles" / "vault_server"
INPUTS = ROOT / "roles" / "vault_inputs" / "defaults" / "main.yml"
GOLDEN = ROOT / "tests" / "golden"

NODES = [
    {
        "name": f"vault-{n}",
        "node_id": f"vault-{n}",
        "address": f"10.0.1.{9 + n}",
        "api_addr": f"https://10.0.1.{9 + n}:8200",
        "cluster_addr": f"https://10.0.1.{9 + n}:8201",
    }
    for n in (1, 2, 3)
]
ASKS_HOSTVARS = ("vault_hosts", "vault_all_urls")
# Of the role's own variables, those that templates look at.
USED = ("__vault_server_any", "__vault_server_log_dirs", "__vault_server_shared_files")
BASE = {
    "inventory_hostname": "vault-1",
    "vault_controller_dir": "/c",
    "vault_custody_sink": "pgp",
    "vault_nodes": NODES,
    "vault_cluster_name": "prod",
    "vault_version": "1.21.1",
    "vault_aws_region": "eu-central-1",
    "vault_server_telemetry": {},
}
# The example in Vault's own documentation.
IN_VAR_LOG = {"file": {"type": "file", "options": {"file_path": "/var/log/vault_audit.log"}}}
CASES = {
    "auto_join.hcl": ("vault.hcl.j2", {}),
    "static_join.hcl": ("vault.hcl.j2", {"vault_join": "static"}),
    "endpoint.hcl": ("vault.hcl.j2", {"vault_aws_endpoint_url": "https://vpce-1.kms.eu-central-1.vpce.amazonaws.com"}),
    "telemetry_mlock.hcl": (
        "vault.hcl.j2",
        {
            "vault_join": "static",
            "vault_server_disable_mlock": False,
            "vault_server_telemetry": {"disable_hostname": True, "prometheus_retention_time": "24h"},
        },
    ),
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
    "tls12.hcl": ("vault.hcl.j2", {"vault_join": "static", "vault_tls_min_version": "tls12"}),
    "vault.service": ("vault.service.j2", {}),
    "mlock.service": ("vault.service.j2", {"vault_server_disable_mlock": False}),
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


def render(template: str, variables: dict) -> str:
    defaults = yaml.safe_load((ROLE / "defaults" / "main.yml").read_text())
    inputs = {name: value for name, value in yaml.safe_load(INPUTS.read_text()).items() if name not in ASKS_HOSTVARS}
    known = yaml.safe_load((ROLE / "vars" / "main.yml").read_text())
    known = {**inputs, **defaults, **BASE, **variables, **{name: known[name] for name in USED}}
    templar = Templar(loader=DataLoader(), variables={name: trusted(value) for name, value in known.items()})
    values = {name: templar.template(trusted(value)) for name, value in known.items()}
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(ROLE / "templates"),
        trim_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    from ansible.plugins.filter.core import FilterModule as Core

    environment.filters |= Core().filters()
    return environment.get_template(template).render(values)


def trusted(value):
    from ansible.template import trust_as_template

    if isinstance(value, str):
        return trust_as_template(value)
    if isinstance(value, dict):
        return {name: trusted(item) for name, item in value.items()}
    if isinstance(value, list):
        return [trusted(item) for item in value]
    return value
