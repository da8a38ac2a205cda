#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Read the unit and the configuration of a node's Vault."""

from __future__ import annotations

DOCUMENTATION = r"""
module: vault_installation_info
short_description: Read the unit and the configuration that a node's Vault has
version_added: 1.0.0
description:
  - Returns the text of the unit, of its drop-ins and of the configuration files that its command names, and which of them were
    not made by this collection.
  - "The texts may hold secrets: set C(no_log) on the task."
author: vaultops maintainers (@vaultops)
options:
  service:
    description: Name of the systemd service.
    type: str
    default: vault
extends_documentation_fragment:
  - vaultops.cluster.attributes
  - vaultops.cluster.attributes.info
"""

EXAMPLES = r"""
- name: Read what is there
  vaultops.cluster.vault_installation_info:
  register: installation
  no_log: true
"""

RETURN = r"""
installation:
  description:
    - The texts of C(unit), C(drop_ins) and C(configs) by path; of C(environment_files) the names that are set.
    - "C(foreign): the paths of those that this collection did not make."
  returned: success
  type: dict
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._node import installation
from ..module_utils._node.errors import NodeError


def main() -> None:
    module = AnsibleModule(argument_spec={"service": {"type": "str", "default": "vault"}}, supports_check_mode=True)
    try:
        module.exit_json(changed=False, installation=installation.read(module.params["service"]))
    except NodeError as error:
        module.fail_json(msg=str(error))


if __name__ == "__main__":
    main()
