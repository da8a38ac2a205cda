#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Read what a machine has of what a node needs."""

from __future__ import annotations

DOCUMENTATION = r"""
module: vault_machine_info
short_description: Read what a machine has of what a node of Vault needs
version_added: 1.0.0
description:
  - Reads which system the machine runs, which programs it lacks, whether SELinux is enforced, and which ports firewalld keeps
    closed, by firewalld's own answer.
  - Nothing is installed or opened.
author: vaultops maintainers (@vaultops)
options:
  purposes:
    description: What the machine's programs are wanted for.
    type: list
    elements: str
    choices: [vault, audit, volumes, backup]
    default: [vault]
  address:
    description:
      - The node's address, or a name that the node resolves. The interface that has the address tells which zone of firewalld
        counts. Where none has it, all active zones are asked.
    type: str
    default: ""
  ports:
    description: TCP ports that others must reach.
    type: list
    elements: int
    default: []
extends_documentation_fragment:
  - vaultops.cluster.attributes
  - vaultops.cluster.attributes.info
"""

EXAMPLES = r"""
- name: Look at the machine
  vaultops.cluster.vault_machine_info:
    purposes: [vault, audit]
    address: 10.0.1.10
    ports: [8200, 8201]
  register: machine
"""

RETURN = r"""
machine:
  description:
    - name (of the system), family (debian, redhat, amazon, or empty), known (whether docs/nodes.md lists the system), python
      (which runs Ansible's modules), systemd (its version; 0 where it does not say).
    - selinux (enforcing, permissive, disabled); missing (programs, and such of which one is enough, with V(|) between them);
      firewall (see the next line).
    - "firewall: runs; zones, which were judged; interfaces, with O(address), none where all active zones were judged;
      every_address, whether all addresses of the interfaces are known; family, ipv4 or ipv6; closed, which of O(ports) firewalld
      keeps closed; unsure, which of them its zones keep closed, and because, policies and direct rules that may open these."
  returned: success
  type: dict
"""

import typing as t

from ..module_utils._common.module import run_module
from ..module_utils._node import machine, systems


def run(params: dict[str, t.Any], _check_mode: bool) -> dict[str, t.Any]:
    return {"changed": False, "machine": machine.look(params["purposes"], params["address"], params["ports"])}


OPTIONS: dict[str, t.Any] = {
    "purposes": {"type": "list", "elements": "str", "choices": list(systems.PROGRAMS), "default": ["vault"]},
    "address": {"type": "str", "default": ""},
    "ports": {"type": "list", "elements": "int", "default": []},
}


def main() -> None:
    run_module(run, OPTIONS)


if __name__ == "__main__":
    main()
