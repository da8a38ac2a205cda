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
    - The texts of C(unit), C(drop_ins) and C(configs) by path; of C(environment_files) the variables by path.
    - "C(manager_environment): the variables that systemd itself gives every service."
    - Of a variable, only a value that is known to be no secret is told; any other is empty.
    - "C(foreign): the paths of those that this collection did not make."
  returned: success
  type: dict
"""

import typing as t

from ..module_utils._common.module import run_module
from ..module_utils._node import installation


def run(params: dict[str, t.Any], _check_mode: bool) -> dict[str, t.Any]:
    return {"changed": False, "installation": installation.read(params["service"])}


OPTIONS: dict[str, t.Any] = {"service": {"type": "str", "default": "vault"}}


def main() -> None:
    run_module(run, OPTIONS)


if __name__ == "__main__":
    main()
