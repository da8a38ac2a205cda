#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Read what somebody who helps wants to see of a node, without its secrets."""

from __future__ import annotations

DOCUMENTATION = r"""
module: vault_support_info
short_description: Read a node's configuration, units and journals without their secrets
version_added: 1.0.0
description:
  - Reads configuration, units, journals, versions, memory and disks. What can't be read is in the result with the reason.
  - Of the configuration only values of settings that are known to be harmless are shown. Comments are left out. Of the units
    neither comments nor what goes to the environment are shown. Audit entries are left out of the journals.
  - Values that are not shown, and those of the process's environment and of the files that units take it from, are removed
    wherever else they stand. So is what looks like a token, a key, a password or a share of a key.
author: vaultops maintainers (@vaultops)
options:
  configs:
    description: Vault's configuration.
    type: list
    elements: path
    default: [/etc/vault.d/vault.hcl, /etc/vault.d/reload.hcl]
  folders:
    description: Directories whose disks are of interest.
    type: list
    elements: path
    default: [/]
  lines:
    description: How many lines of each journal are read at most.
    type: int
    default: 1000
extends_documentation_fragment:
  - vaultops.cluster.attributes
  - vaultops.cluster.attributes.info
"""

EXAMPLES = r"""
- name: Read what somebody who helps wants to see
  vaultops.cluster.vault_support_info:
    folders: [/opt/vault/data, /var/log/vault]
  register: support
"""

RETURN = r"""
files:
  description: Texts by name, such as C(vault.journal).
  returned: success
  type: dict
"""

import typing as t

from ..module_utils._common.module import run_module
from ..module_utils._node import installation, support


def run(params: dict[str, t.Any], _check_mode: bool) -> dict[str, t.Any]:
    return {"changed": False, "files": support.collect(params["configs"], params["folders"], params["lines"])}


OPTIONS: dict[str, t.Any] = {
    "configs": {"type": "list", "elements": "path", "default": installation.CONFIG},
    "folders": {"type": "list", "elements": "path", "default": ["/"]},
    "lines": {"type": "int", "default": 1000},
}


def main() -> None:
    run_module(run, OPTIONS)


if __name__ == "__main__":
    main()
