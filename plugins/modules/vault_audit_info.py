#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Look whether a Vault cluster answers requests that are audited, and which audit devices it has."""

from __future__ import annotations

DOCUMENTATION = r"""
module: vault_audit_info
short_description: Look at the audit devices of a Vault cluster, and at whether they let requests through
version_added: 1.0.0
description:
  - Sends the active node a request that Vault takes without a token and writes to its audit devices before it answers. While an
    audit device is blocked, such as by a disk that hangs, this request hangs, though the node's health says that it is well.
  - Then logs in, and reads which audit devices are enabled.
  - Based on V(sys/internal/ui/mounts) and V(sys/audit) of the Vault API. The identity's policy needs V(read) and V(sudo) on
    V(sys/audit).
author: vaultops maintainers (@vaultops)
extends_documentation_fragment:
  - vaultops.cluster.vault
  - vaultops.cluster.vault.auth
  - vaultops.cluster.attributes
  - vaultops.cluster.attributes.info
"""

EXAMPLES = r"""
- name: Look at the audit devices
  vaultops.cluster.vault_audit_info:
    nodes:
      vault-1: https://10.0.1.10:8200
    ca_cert: /etc/vaultops/ca.crt
    cert_auth_public_key: /etc/vaultops/status.crt
    cert_auth_private_key: /etc/vaultops/status.key
  register: audit

- name: Two of them are there
  ansible.builtin.assert:
    that: audit.requests == 'answered' and audit.devices | length > 1
"""

RETURN = r"""
node:
  description: Name of the active node, which was asked.
  returned: success
  type: str
requests:
  description:
    - What became of the request. V(answered), V(hang) if no answer came within O(timeout), or V(fail) if Vault answered with a
      failure of its own (HTTP 5xx), as it does when no audit device can be written to.
  returned: success
  type: str
devices:
  description: All devices by path, with type and options; null if requests hang or fail, or the list can't be read.
  returned: success
  type: dict
problem:
  description: Why there are no devices, or null.
  returned: success
  type: str
"""

import typing as t

from ..module_utils._common.module import run_module
from ..module_utils._vault.audit import api
from ..module_utils._vault.client import AUTH_SPEC, CONNECTION_SPEC, HVAC, Cluster, Connection
from ..module_utils._vault.errors import VaultError


def run(params: dict[str, t.Any], _check_mode: bool) -> dict[str, t.Any]:
    cluster = Cluster(Connection.from_params(params))
    name = cluster.active()
    said = {"changed": False, "node": name, "requests": "answered", "devices": None, "problem": None}
    try:
        api.ask_what_is_audited(name, cluster.client(name))
    except VaultError as error:
        if error.reach == "timeout":
            return {**said, "requests": "hang", "problem": str(error)}
        # A node that was sealed or stepped down meanwhile is none that fails: 503.
        if error.status and error.status >= 500 and error.status != 503:
            return {**said, "requests": "fail", "problem": str(error)}
        raise
    try:
        with cluster.login(name) as client:
            return {**said, "devices": api.read_devices(name, client)}
    except VaultError as error:
        return {**said, "problem": str(error)}


OPTIONS: dict[str, t.Any] = {**CONNECTION_SPEC, **AUTH_SPEC}


def main() -> None:
    run_module(run, OPTIONS, libraries=HVAC)


if __name__ == "__main__":
    main()
