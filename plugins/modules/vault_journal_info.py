#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Read what Vault said last."""

from __future__ import annotations

DOCUMENTATION = r"""
module: vault_journal_info
short_description: Read Vault's last log messages, without audit entries
version_added: 1.0.0
description:
  - Returns the last messages of a service in the journal.
  - An audit device that writes to V(stdout) writes to the journal too. Audit entries name paths, clients and hashed tokens, so
    the module drops them on the node, before anything is shown or logged.
  - The module runs after a failure of another task, so it does not fail when the journal can't be read.
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

import typing as t

from ..module_utils._common.errors import Problem
from ..module_utils._common.module import run_module
from ..module_utils._node import journal


def run(params: dict[str, t.Any], _check_mode: bool) -> dict[str, t.Any]:
    try:
        text = "\n".join(journal.last_words(params["service"], params["lines"]))
    except Problem as error:
        text = str(error)
    return {"changed": False, "text": text}


OPTIONS: dict[str, t.Any] = {"service": {"type": "str", "default": "vault"}, "lines": {"type": "int", "default": 15}}


def main() -> None:
    run_module(run, OPTIONS)


if __name__ == "__main__":
    main()
