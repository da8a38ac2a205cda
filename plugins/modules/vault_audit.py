#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Enable the audit devices of a Vault cluster."""

from __future__ import annotations

DOCUMENTATION = r"""
module: vault_audit
short_description: Enable audit devices of a Vault cluster
version_added: 1.0.0
description:
  - Enables the devices that are missing. Devices that are not named here are left alone.
  - Vault can't change a device. It can only drop the device together with the key that hashes the device's entries. So an
    existing device with other settings is an error.
  - OpenBao enables none by its API, but those that its configuration declares, when it becomes active and when it is reloaded.
    With O(declared) the module waits until all of them are there, and writes nothing.
  - Based on V(sys/audit) of the Vault API.
author: vaultops maintainers (@vaultops)
options:
  devices:
    description:
      - Path of the device -> C(type) (V(file), V(syslog) or V(socket)) and C(options).
      - Vault refuses all requests when every device is blocked, so give at least two on independent storage.
    type: dict
    required: true
  declared:
    description: Whether the server's configuration declares the devices.
    type: bool
    default: false
  wait_timeout:
    description: Seconds to wait for devices that are declared.
    type: int
    default: 30
extends_documentation_fragment:
  - vaultops.cluster.vault
  - vaultops.cluster.vault.auth
  - vaultops.cluster.vault.admin
  - vaultops.cluster.attributes
  - vaultops.cluster.attributes.change
"""

EXAMPLES = r"""
- name: Log requests to a file and to the journal
  vaultops.cluster.vault_audit:
    nodes:
      vault-1: https://10.0.1.10:8200
    ca_cert: /etc/vaultops/ca.crt
    cert_auth_public_key: /etc/vaultops/operator.crt
    cert_auth_private_key: /etc/vaultops/operator.key
    devices:
      file:
        type: file
        options: {file_path: /var/log/vault/audit.log}
      journal:
        type: file
        options: {file_path: stdout}
"""

RETURN = r"""
devices:
  description: All devices by path, with type and options; in check mode as they would be.
  returned: success
  type: dict
"""

import typing as t

from ..module_utils._common.module import run_module
from ..module_utils._common.wait import Wait
from ..module_utils._vault.audit import api
from ..module_utils._vault.audit.look import SPEC, look, result
from ..module_utils._vault.client import AUTH_SPEC, CONNECTION_SPEC, HVAC, Cluster, Connection
from ..module_utils._vault.errors import VaultError
from ..module_utils._vault.session import ADMIN_SPEC, admin_login


def run(params: dict[str, t.Any], check_mode: bool) -> dict[str, t.Any]:
    cluster = Cluster(Connection.from_params(params))
    name = cluster.active()
    with cluster.login(name) as client:
        before, missing = look(name, client, params["devices"], params["declared"])
        if missing and params["declared"] and not check_mode:
            await_declared(name, client, params)
            return result(before, missing)
    if missing and not check_mode:
        with admin_login(cluster.connection, params, name) as client:
            for path, device in missing.items():
                api.enable_device(name, client, path, device)
    return result(before, missing)


def await_declared(name: str, client: t.Any, params: dict[str, t.Any]) -> None:
    wait = Wait(params["wait_timeout"])
    while missing := look(name, client, params["devices"], declared=True)[1]:
        if not wait.again():
            raise VaultError(
                name,
                f"after {params['wait_timeout']} s it has no audit device {', '.join(sorted(missing))}, which its configuration "
                "declares",
                "Its journal says why ('journalctl -u vault'), such as a file that can't be opened. Mend that, or take the "
                "device out of vault_audit_devices, and run playbooks/site.yml before any node restarts: with a device that "
                "can't be set up no node becomes active.",
            )


OPTIONS: dict[str, t.Any] = {
    **CONNECTION_SPEC,
    **AUTH_SPEC,
    **ADMIN_SPEC,
    **SPEC,
    "wait_timeout": {"type": "int", "default": 30},
}


def main() -> None:
    run_module(run, OPTIONS, libraries=HVAC)


if __name__ == "__main__":
    main()
