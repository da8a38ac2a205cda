#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Install OpenBao's plugin for its seal on a node."""

from __future__ import annotations

DOCUMENTATION = r"""
module: vault_plugin
short_description: Install a plugin of OpenBao on a node
version_added: 1.0.0
description:
  - Downloads the plugin, compares its SHA-256, and lays it down in a directory of its own version. Nothing is left behind by a
    plugin that has another sum.
  - A version that is installed is compared and not fetched again. Versions that were installed before stay, so that a process
    which runs can start the one that its configuration names.
  - Which plugin is used says the server's configuration. In check mode nothing is downloaded.
author: vaultops maintainers (@vaultops)
options:
  version:
    description: Version of the plugin, such as V(v0.1.0).
    type: str
    required: true
  url:
    description: Where the plugin is, as a binary or as the C(.tar.gz) that its publisher packs it in. V(file://) URLs work.
    type: str
    required: true
  sha256:
    description: SHA-256 of the binary.
    type: str
    required: true
  name:
    description: Name of the binary on the node.
    type: str
    default: openbao-plugin-kms-aws
  directory:
    description: Directory that holds one directory for each version.
    type: path
    default: /opt/vault/plugins
  home:
    description: Directory of this collection on the node, which is root's.
    type: path
    default: /opt/vault
extends_documentation_fragment:
  - vaultops.cluster.attributes
  - vaultops.cluster.attributes.change
"""

EXAMPLES = r"""
- name: Install the plugin for the seal by AWS KMS
  vaultops.cluster.vault_plugin:
    version: v0.1.0
    url: https://mirror.example.com/openbao-plugin-kms-aws_linux_amd64_v1.tar.gz
    sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
"""

RETURN = r"""
path:
  description: The binary.
  returned: success
  type: str
"""

import os
import typing as t

from ..module_utils._common import product
from ..module_utils._common.module import run_module
from ..module_utils._node import guard, installed, plugin


def run(params: dict[str, t.Any], check_mode: bool) -> dict[str, t.Any]:
    path = os.path.join(params["directory"], params["version"], params["name"])
    own = plugin.own_paths(params["home"], path)
    guard.refuse_foreign(own, own, product.NAMES[product.OPENBAO])
    mend = guard.to_mend(own)
    if mend and not check_mode:
        guard.mend(mend)
    there = plugin.is_there(path, params["sha256"])
    if not there and not check_mode:
        plugin.install(params["url"], path, params["sha256"])
    elif not check_mode and plugin.kept_sum(path, params["home"]) is None:
        installed.keep(path, params["version"], params["sha256"], params["sha256"])
    return {
        "changed": bool(mend) or not there,
        "path": path,
        "diff": {"before": {"there": there, "owners": mend}, "after": {"there": True, "owners": {}}},
    }


OPTIONS: dict[str, t.Any] = {
    "version": {"type": "str", "required": True},
    "url": {"type": "str", "required": True},
    "sha256": {"type": "str", "required": True},
    "name": {"type": "str", "default": "openbao-plugin-kms-aws"},
    "directory": {"type": "path", "default": "/opt/vault/plugins"},
    "home": {"type": "path", "default": "/opt/vault"},
}


def main() -> None:
    run_module(run, OPTIONS, OSError)


if __name__ == "__main__":
    main()
