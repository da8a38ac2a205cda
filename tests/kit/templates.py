"""Templates and variables as Ansible evaluates them."""

from __future__ import annotations

import jinja2
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from ansible_collections.vaultops.cluster.plugins.lookup.role_template import trust_as_template
from ansible_collections.vaultops.cluster.plugins.module_utils._aws import endpoints
from ansible_collections.vaultops.cluster.plugins.module_utils._plan import inputs, server_settings
from kit.paths import ROOT

ROLE = ROOT / "roles" / "vault_server"
INPUTS = ROOT / "roles" / "vault_inputs" / "defaults" / "main.yml"


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
USED = ("__vault_server_any", "__vault_server_log_dirs", "__vault_server_shared_files", "__vault_server_plugin_dir")


BASE = {
    "inventory_hostname": "vault-1",
    "vault_scratch_dir": "/s",
    "vault_nodes": NODES,
    "vault_cluster_name": "prod",
    "vault_version": "1.21.1",
    "vault_aws_region": "eu-central-1",
    "vault_server_telemetry": {},
    # By filters of the collection, which are not looked for here.
    "vault_volumes": {},
    "vault_ec2_replaced": {},
    "__vault_server_mounts": [],
}


def render(template: str, variables: dict) -> str:
    defaults = yaml.safe_load((ROLE / "defaults" / "main.yml").read_text())
    known = yaml.safe_load((ROLE / "vars" / "main.yml").read_text())
    inputs = {name: value for name, value in yaml.safe_load(INPUTS.read_text()).items() if name not in ASKS_HOSTVARS}
    known = {**inputs, **defaults, **BASE, **variables, **{name: known[name] for name in USED}}
    known |= by_filters(known)
    templar = Templar(loader=DataLoader(), variables={name: trusted(value) for name, value in known.items()})
    values = {name: templar.template(trusted(value)) for name, value in known.items()}
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(ROLE / "templates"),
        trim_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    from ansible.plugins.filter.core import FilterModule as Core

    environment.filters |= {**Core().filters(), "vaultops.cluster.server_settings": server_settings.hcl}
    return environment.get_template(template).render(values)


def by_filters(known: dict) -> dict:
    """What the inputs' own filters say, which are not looked for here."""
    given = (known["vault_aws_endpoint_url"], known["vault_aws_endpoints"], known["vault_aws_fips"])
    return {
        "vault_aws_urls": endpoints.urls(known["vault_aws_region"], *given),
        "vault_aws_told_urls": endpoints.told(known["vault_aws_region"], *given),
        "vault_leaving_ids": inputs.node_ids(known["vault_leaving"]),
    }


def trusted(value):
    if isinstance(value, str):
        return trust_as_template(value)
    if isinstance(value, dict):
        return {name: trusted(item) for name, item in value.items()}
    if isinstance(value, list):
        return [trusted(item) for item in value]
    return value
