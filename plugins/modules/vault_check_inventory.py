#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Its work is done on the controller, by the action plugin of this name: these are its documents."""

from __future__ import annotations

DOCUMENTATION = r"""
module: vault_check_inventory
short_description: Check what an inventory says, and what the controller has, before anything is asked
version_added: 1.0.0
description:
  - Stops where a group has no host, since Ansible ends well where a play matches none.
  - "Stops where the controller lacks a Python package or a collection that the modules need."
  - "Stops where a variable of the groups C(vault) and C(vault_drill) begins with C(vault_) and is no input of this collection, or
    has a value of another type, or none of its choices. The nearest name is offered. No value is ever shown."
  - Stops where C(--tags) names a part that the playbook does not have, since Ansible ends well where no task has the tag.
  - It runs on the controller, whatever the connection of the host is, and no host is asked.
author: vaultops maintainers (@vaultops)
options:
  groups:
    description: Groups that must have hosts.
    type: list
    elements: str
    default: []
  parts:
    description:
      - What the playbook can be limited to by C(--tags). Where it is limited to something else, the module stops.
      - C(--skip-tags) is refused where it leaves out a step, since others build on that.
    type: list
    elements: str
    default: []
extends_documentation_fragment:
  - vaultops.cluster.attributes
  - vaultops.cluster.attributes.info
"""

EXAMPLES = r"""
- name: The inventory has nodes, and says nothing that nobody understands
  vaultops.cluster.vault_check_inventory:
    groups: [vault]
"""

RETURN = r"""
msg:
  description: What is wrong, and its cure; empty where nothing is.
  returned: always
  type: str
"""
