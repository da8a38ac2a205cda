"""Clusters as other tools set them up: what those tools write, in the words of this project.

Each is the first of three nodes with Raft and the unseal key alias/vault-unseal in eu-central-1, where the tool knows of one.
"""

from __future__ import annotations

import typing as t

UNIT = "/etc/systemd/system/vault.service"
DROP_IN = "/etc/systemd/system/vault.service.d/override.conf"
KEY = "arn:aws:kms:eu-central-1:111122223333:key/0f1e2d3c-aaaa-bbbb-cccc-1234567890ab"


class Foreign(t.NamedTuple):
    version: str
    unit: dict[str, str]
    configs: dict[str, str]
    drop_ins: dict[str, str]
    environment_files: dict[str, dict[str, str]]

    def found(self) -> dict[str, t.Any]:
        """As vault_installation_info would say it."""
        return {
            "unit": self.unit,
            "configs": self.configs,
            "drop_ins": self.drop_ins,
            "environment_files": self.environment_files,
            "manager_environment": {},
            "foreign": [*self.unit, *self.configs, *self.drop_ins],
        }


# A setup by hand: HashiCorp's package, whose unit is kept, a configuration from somebody's script, and a drop-in from a bad day.
SHELL_SCRIPT = Foreign(
    "1.21.1",
    {
        "/usr/lib/systemd/system/vault.service": (
            "[Service]\nType=notify\nEnvironmentFile=/etc/vault.d/vault.env\nUser=vault\nGroup=vault\n"
            "ExecStart=/usr/bin/vault server -config=/etc/vault.d/vault.hcl\n"
        )
    },
    {
        "/etc/vault.d/vault.hcl": f"""\
# written by setup.sh
ui            = true
disable_mlock = true
log_level     = "warn"
api_addr      = "https://vault-1.example.com:8200"
cluster_addr  = "https://10.0.1.10:8201"

max_lease_ttl     = "87600h"   # certificates for ten years
plugin_directory  = "/opt/vault/plugins"

storage "raft" {{
  path    = "/var/lib/vault"
  node_id = "vault-1"
  retry_join {{ leader_api_addr = "https://10.0.1.11:8200" }}
  retry_join {{ leader_api_addr = "https://10.0.1.12:8200" }}
}}

listener "tcp" {{
  address       = "0.0.0.0:8200"
  tls_cert_file = "/etc/ssl/vault.pem"
  tls_key_file  = "/etc/ssl/vault.key"
  telemetry {{ unauthenticated_metrics_access = "true" }}
}}

listener "tcp" {{
  address     = "127.0.0.1:8100"
  tls_disable = 1
}}

seal "awskms" {{
  kms_key_id = "{KEY}"
  access_key = "AKIAIOSFODNN7EXAMPLE"
  secret_key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
}}
"""
    },
    {DROP_IN: "[Service]\nLimitNOFILE=1048576\nEnvironment=AWS_REGION=eu-west-1 AWS_DEFAULT_REGION=eu-central-1\n"},
    {"/etc/vault.d/vault.env": {"HTTPS_PROXY": ""}},
)

# The role ansible-community/ansible-vault with Raft, TLS and its awskms seal, which is a file of its own in the same directory.
ANSIBLE_VAULT = Foreign(
    "1.21.1",
    {
        "/lib/systemd/system/vault.service": (
            "[Service]\nUser=vault\nGroup=bin\nEnvironment=NO_PROXY=169.254.169.254\n"
            "ExecStart=/bin/sh -c 'exec /usr/local/bin/vault server -config=/etc/vault.d -log-level=info '\n"
        )
    },
    {
        "/etc/vault.d/vault_main.hcl": """\
cluster_name = "dc1"
max_lease_ttl = "768h"
default_lease_ttl = "768h"
disable_clustering = "False"
cluster_addr = "https://10.0.1.10:8201"
api_addr = "https://10.0.1.10:8200"
plugin_directory = "/usr/local/lib/vault/plugins"

listener "tcp" {
  address = "10.0.1.10:8200"
  cluster_address = "10.0.1.10:8201"
  tls_cert_file = "/etc/vault/tls/server.crt"
  tls_key_file = "/etc/vault/tls/private/server.key"
  tls_min_version  = "tls12"
  tls_disable = "false"
  x_forwarded_for_authorized_addrs = "10.0.0.0/16"
  x_forwarded_for_hop_skips = "0"
  x_forwarded_for_reject_not_present = "false"
  }

storage "raft" {
  path = "/var/vault"
  node_id = "vault-1"
  trailing_logs = "20000"
  retry_join {
    leader_api_addr = "https://10.0.1.11:8200"
    leader_ca_cert_file = "/etc/vault/tls/ca.crt"
    leader_client_cert_file = "/etc/vault/tls/server.crt"
    leader_client_key_file = "/etc/vault/tls/private/server.key"
  }
}

// with Raft
disable_mlock = true
ui = true

telemetry {
  statsd_address = "127.0.0.1:8125"
  prometheus_retention_time = "30s"
  disable_hostname = true
}
""",
        "/etc/vault.d/vault_awskms.hcl": f'seal "awskms" {{\n  kms_key_id = "{KEY}"\n  region     = "eu-central-1"\n}}\n',
    },
    {},
    {},
)

# The BBC's collection, which leaves the seal to its people; here one added awskms by its variable for further configuration.
BBC = Foreign(
    "1.21.1",
    {
        UNIT: (
            "[Service]\nType=notify\nUser=vault\nGroup=vault\nMemorySwapMax=0G\n"
            "ExecStart=/usr/local/bin/vault server -config=/etc/vault/config.hcl\n"
        )
    },
    {
        "/etc/vault/config.hcl": """\
storage "raft" {
  path = "/var/lib/vault/data"
  node_id = "vault-1"
  retry_join {
    leader_api_addr = "https://vault-2.example.com:8200"
  }
}

listener "tcp" {
  # the API
  address = "0.0.0.0:8200"
  # between the servers
  cluster_address = "0.0.0.0:8201"
  tls_cert_file = "/var/lib/vault/tls.crt"
  tls_key_file = "/var/lib/vault/tls.key"
  x_forwarded_for_authorized_addrs = "127.0.0.0/24,10.0.0.0/16"
}

api_addr = "https://vault-1.example.com:8200"
cluster_addr = "https://vault-1.example.com:8201"
disable_mlock = true
ui = false
seal "awskms" { region = "eu-central-1" kms_key_id = "alias/vault-unseal" }
"""
    },
    {},
    {},
)

# HashiCorp's Terraform module for Vault Enterprise on AWS, whose user data writes all of it.
TERRAFORM = Foreign(
    "1.21.1+ent",
    {
        UNIT: (
            "[Service]\nUser=vault\nGroup=vault\nAmbientCapabilities=CAP_IPC_LOCK\n"
            "ExecStart=/usr/bin/vault server -config=/etc/vault.d/server.hcl\n"
        )
    },
    {
        "/etc/vault.d/server.hcl": f"""\
disable_mlock = true
ui            = true

default_lease_ttl = "1h"
max_lease_ttl     = "768h"

listener "tcp" {{
  address       = "[::]:8200"
  tls_cert_file = "/etc/vault.d/tls/cert.pem"
  tls_key_file  = "/etc/vault.d/tls/key.pem"

  tls_require_and_verify_client_cert = false
  tls_disable_client_certs           = true
}}

storage "raft" {{
  path                   = "/opt/vault/data"
  node_id                = "i-0abc1234def567890"
  performance_multiplier = 5

  autopilot_redundancy_zone = "eu-central-1a"

  retry_join {{
    auto_join             = "provider=aws region=eu-central-1 tag_key=Environment tag_value=prod addr_type=private_v4"
    auto_join_scheme      = "https"
    leader_tls_servername = "vault.example.com"
  }}
}}

license_path = "/opt/vault/license/license.hclic"

seal "awskms" {{
  region     = "eu-central-1"
  kms_key_id = "{KEY}"
}}

api_addr      = "https://ip-10-0-1-10.eu-central-1.compute.internal:8200"
cluster_addr  = "https://ip-10-0-1-10.eu-central-1.compute.internal:8201"

plugin_directory = "/opt/vault/plugins"
"""
    },
    {DROP_IN: '[Service]\nEnvironment="VAULT_ENABLE_FILE_PERMISSIONS_CHECK=true"\n'},
    {},
)
