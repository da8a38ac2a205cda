#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Let only some users of a node reach the instance metadata service."""

from __future__ import annotations

DOCUMENTATION = r"""
module: vault_metadata_guard
short_description: Let only some users of a node reach the instance metadata service
version_added: 1.0.0
description:
  - "Any user that reaches the instance metadata service has the credentials of the node's role, and these credentials can use
    the unseal key."
  - Loads a table of its own into nftables, which rejects what other users send to 169.254.169.254 and fd00:ec2::254, and a
    service that loads it at boot. C(nftables.service) is given a drop-in, by which it loads the table again whenever it
    has emptied the kernel of rules. Other tables are not looked at.
  - Root always reaches the service, and so do the agent of Systems Manager and cloud-init.
  - The module tests with the rules themselves whether nftables supports them. A node without support is not changed,
    and reported.
author: vaultops maintainers (@vaultops)
options:
  state:
    description: Whether the table is there.
    type: str
    choices: [present, absent]
    default: present
  users:
    description: Who reaches the service besides root. Users that the node does not have are left out.
    type: list
    elements: str
    default: [vault, vault-backup, ec2-instance-connect]
  rules:
    description: File of the rules.
    type: path
    default: /etc/vaultops-metadata.nft
  units:
    description: Directory of systemd's units.
    type: path
    default: /etc/systemd/system
extends_documentation_fragment:
  - vaultops.cluster.attributes
  - vaultops.cluster.attributes.change
"""

EXAMPLES = r"""
- name: Only root and Vault reach the instance metadata service
  vaultops.cluster.vault_metadata_guard:
"""

RETURN = r"""
guarded:
  description: Whether other users are, or would be, kept out.
  returned: success
  type: bool
reason:
  description: With O(state=present), why they are not; empty where they are.
  returned: success
  type: str
uids:
  description: Who reaches the service.
  returned: success
  type: list
  elements: int
"""

import typing as t

from ..module_utils._common.module import run_module
from ..module_utils._node import metadata_service

OPTIONS: dict[str, t.Any] = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "users": {"type": "list", "elements": "str", "default": ["vault", "vault-backup", "ec2-instance-connect"]},
    "rules": {"type": "path", "default": metadata_service.RULES},
    "units": {"type": "path", "default": metadata_service.UNITS},
}


def main() -> None:
    run_module(metadata_service.bring, OPTIONS)


if __name__ == "__main__":
    main()
