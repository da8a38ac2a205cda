#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Read what of a node's configuration and environment a newer Vault may take in another way."""

from __future__ import annotations

DOCUMENTATION = r"""
module: vault_settings_info
short_description: Read what of a node's configuration and environment a newer Vault may take in another way
version_added: 1.0.0
description:
  - Reads the configuration that the unit names, the unit with its drop-ins, and its environment files, and says what of them an
    upgrade depends on. Which upgrade that is, this module does not know.
  - The texts are judged on the node, and are not part of the result.
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
- name: Look for names that are set twice
  vaultops.cluster.vault_settings_info:
  register: settings
"""

RETURN = r"""
switches:
  description: Each C(VAULT_ALLOW_PENDING_REMOVAL_...) of the environment, with name, value and where it is set. Of several of one
    name, the last one counts.
  returned: success
  type: list
  elements: dict
duplicates:
  description: Names that a configuration file sets twice in one block, each with path, name and line.
  returned: success
  type: list
  elements: dict
unreadable:
  description: Configuration files that could not be understood, each with path and problem.
  returned: success
  type: list
  elements: dict
"""

import typing as t

from ..module_utils._common.module import run_module
from ..module_utils._node import service, settings


def run(params: dict[str, t.Any], _check_mode: bool) -> dict[str, t.Any]:
    unit = service.read_unit(params["service"])
    return {"changed": False, **settings.read(params["service"], unit["main_pid"])}


OPTIONS: dict[str, t.Any] = {"service": {"type": "str", "default": "vault"}}


def main() -> None:
    run_module(run, OPTIONS, OSError)


if __name__ == "__main__":
    main()
