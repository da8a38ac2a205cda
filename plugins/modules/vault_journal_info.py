#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Read what Vault said last."""

from __future__ import annotations

DOCUMENTATION = r"""
module: vault_journal_info
short_description: Read what Vault said last, without audit entries
version_added: 1.0.0
description:
  - Returns the last messages of a service in the journal.
  - An audit device that writes to V(stdout) writes to the journal too. Its entries name paths, clients and hashed tokens; they
    are left out on the node, before anything is shown or logged.
  - It is asked after something else has failed, so a journal that can't be read is no failure of its own.
author: vaultops maintainers (@vaultops)
options:
  service:
    description: Name of the systemd service.
    type: str
    default: vault
  lines:
    description: How many messages are wanted.
    type: int
    default: 15
extends_documentation_fragment:
  - vaultops.cluster.attributes
  - vaultops.cluster.attributes.info
"""

EXAMPLES = r"""
- name: Read what Vault said
  vaultops.cluster.vault_journal_info:
  register: journal
"""

RETURN = r"""
text:
  description: The messages, one a line, or why they can't be read.
  returned: success
  type: str
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._node import journal
from ..module_utils._node.errors import NodeError


def main() -> None:
    module = AnsibleModule(
        argument_spec={"service": {"type": "str", "default": "vault"}, "lines": {"type": "int", "default": 15}},
        supports_check_mode=True,
    )
    try:
        text = "\n".join(journal.last_words(module.params["service"], module.params["lines"]))
    except NodeError as error:
        text = str(error)
    module.exit_json(changed=False, text=text)


if __name__ == "__main__":
    main()
