#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Read what is installed and running on a node."""

from __future__ import annotations

DOCUMENTATION = r"""
module: vault_node_info
short_description: Read what of Vault is installed and running on a node
version_added: 1.0.0
description:
  - Reads releases, service, configuration and clock of a node in one call, and compares what runs with what lies on
    its disk.
  - "Needs nothing on the node but Python and systemd."
author: vaultops maintainers (@vaultops)
options:
  service:
    description: Name of the systemd service.
    type: str
    default: vault
  releases:
    description: Directory of the installed releases.
    type: path
    default: /opt/vault/releases
  link:
    description: Symbolic link to the binary of the release that is switched on.
    type: path
    default: /usr/local/bin/vault
  restart_files:
    description: Files that only a restart brings into effect.
    type: list
    elements: path
    default: [/etc/vault.d/vault.hcl, /etc/systemd/system/vault.service]
  reload_files:
    description: Files that a reload brings into effect.
    type: list
    elements: path
    default: [/etc/vault.d/reload.hcl]
  data:
    description: Raft's directory.
    type: path
    default: /opt/vault/data
  asked_at:
    description: The asking controller's clock, in seconds since the epoch; returned as it is, to compare clocks with.
    type: float
extends_documentation_fragment:
  - vaultops.cluster.attributes
  - vaultops.cluster.attributes.info
"""

EXAMPLES = r"""
- name: Look at the node
  vaultops.cluster.vault_node_info:
  register: node
"""

RETURN = r"""
machine:
  description: The processor as C(uname -m) says it.
  returned: success
  type: str
time:
  description: The node's clock, in seconds since the epoch.
  returned: success
  type: float
asked_at:
  description: What was given as O(asked_at).
  returned: success
  type: float
releases:
  description: Versions that are laid down.
  returned: success
  type: list
  elements: str
current:
  description: The version that is switched on, or null.
  returned: success
  type: str
running:
  description: The version that runs, or null.
  returned: success
  type: str
service:
  description: exists, active_state, sub_state, main_pid, restarts, started and reloaded (seconds since the epoch).
  returned: success
  type: dict
restart_reasons:
  description: Why the process should be restarted; empty when it runs what is on the disk.
  returned: success
  type: list
  elements: str
reload_reasons:
  description: Why the process should be reloaded.
  returned: success
  type: list
  elements: str
has_data:
  description: Whether there is a Raft database on the disk.
  returned: success
  type: bool
"""

import os
import time
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._node import service
from ..module_utils._node.errors import NodeError


def run(params: dict[str, t.Any]) -> dict[str, t.Any]:
    unit = service.read_unit(params["service"])
    current = installed_release(params["link"])
    running = service.running_release(unit["main_pid"])
    releases = params["releases"]
    return {
        "changed": False,
        "machine": os.uname().machine,
        "time": time.time(),
        "asked_at": params["asked_at"],
        "releases": sorted(name for name in os.listdir(releases) if name[0] != ".") if os.path.isdir(releases) else [],
        "current": current,
        "running": running,
        "service": unit,
        "restart_reasons": service.restart_reasons(
            unit["started"], running, current, [*params["restart_files"], params["link"]]
        ),
        "reload_reasons": service.reload_reasons(unit["started"], unit["reloaded"], params["reload_files"]),
        "has_data": os.path.exists(os.path.join(params["data"], "raft", "raft.db")),
    }


def installed_release(link: str) -> str | None:
    match = service.RELEASE.search(os.path.realpath(link))
    return match.group(1) if match else None


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "service": {"type": "str", "default": "vault"},
            "releases": {"type": "path", "default": "/opt/vault/releases"},
            "link": {"type": "path", "default": "/usr/local/bin/vault"},
            "restart_files": {
                "type": "list",
                "elements": "path",
                "default": ["/etc/vault.d/vault.hcl", "/etc/systemd/system/vault.service"],
            },
            "reload_files": {"type": "list", "elements": "path", "default": ["/etc/vault.d/reload.hcl"]},
            "data": {"type": "path", "default": "/opt/vault/data"},
            "asked_at": {"type": "float"},
        },
        supports_check_mode=True,
    )
    try:
        module.exit_json(**run(module.params))
    except NodeError as error:
        module.fail_json(msg=str(error))


if __name__ == "__main__":
    main()
