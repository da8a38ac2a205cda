#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Remove what Vault holds on a node."""

from __future__ import annotations

DOCUMENTATION = r"""
module: vault_wipe_data
short_description: Remove Vault's data, audit logs, certificate and key from a node
version_added: 1.0.0
description:
  - Removes Raft's directory if it belongs to the user that Vault runs as. Also removes audit files with their rotated files, and
    certificate, keys, CA and the certificates that were replaced.
  - The directory of a removed file is removed only if it is empty and does not belong to the system.
author: vaultops maintainers (@vaultops)
options:
  data:
    description: Raft's directory.
    type: path
    default: /opt/vault/data
  tls:
    description: The directory of certificate, key and CA.
    type: path
    default: /etc/vault.d/tls
  audit_files:
    description: Files of audit devices.
    type: list
    elements: path
    default: []
  owner:
    description: The user that Vault runs as.
    type: str
    default: vault
extends_documentation_fragment:
  - vaultops.cluster.attributes
  - vaultops.cluster.attributes.change
"""

EXAMPLES = r"""
- name: Remove what the scratch machine holds
  vaultops.cluster.vault_wipe_data:
    audit_files: [/var/log/vault/audit.log]
"""

RETURN = r"""
paths:
  description: What was removed, or would be.
  returned: success
  type: list
  elements: str
"""

import typing as t

from ..module_utils._common.module import run_module
from ..module_utils._node import wipe


def run(params: dict[str, t.Any], check_mode: bool) -> dict[str, t.Any]:
    there = wipe.found(params["data"], params["tls"], params["audit_files"], params["owner"])
    if not check_mode:
        wipe.remove(there)
    return {"changed": bool(there), "paths": there, "diff": {"before": "\n".join(there), "after": ""}}


OPTIONS: dict[str, t.Any] = {
    "data": {"type": "path", "default": "/opt/vault/data"},
    "tls": {"type": "path", "default": "/etc/vault.d/tls"},
    "audit_files": {"type": "list", "elements": "path", "default": []},
    "owner": {"type": "str", "default": "vault"},
}


def main() -> None:
    run_module(run, OPTIONS)


if __name__ == "__main__":
    main()
