#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Format and mount the volumes that a node was launched with."""

from __future__ import annotations

DOCUMENTATION = r"""
module: vault_volumes
short_description: Format and mount the volumes that a node was launched with
version_added: 1.0.0
description:
  - Makes a file system (ext4) on each new volume, and has systemd mount the volume at every boot.
  - A disk is the volume where its hardware says so. The serial number of an EBS volume's NVMe disk is the volume's id, and udev
    has a name made of it in C(/dev/disk/by-id). The mount unit uses this name, so that the order of the disks does not matter.
  - A disk is formatted only where no signature is on it, where its beginning and its end are zeros, where nothing has it in
    use, and where its mount point holds nothing. Anything else is an error, before any of the volumes is touched.
  - What journald has written below C(/var/log/journal) is taken along onto the volume.
author: vaultops maintainers (@vaultops)
options:
  volumes:
    description: The volumes, as the filter P(vaultops.cluster.node_volumes#filter) has them.
    type: list
    elements: dict
    required: true
    suboptions:
      purpose:
        description: What the volume is for.
        type: str
        choices: [data, audit, journal]
        required: true
      id:
        description: Id of the volume; empty where the instance was launched with one that is not attached any more.
        type: str
        required: true
      path:
        description: Where it is mounted; empty where there is no single place.
        type: str
        required: true
  owner:
    description: User that a new file system belongs to, but for that of the journal.
    type: str
    default: vault
extends_documentation_fragment:
  - vaultops.cluster.attributes
  - vaultops.cluster.attributes.change
"""

EXAMPLES = r"""
- name: Format and mount
  vaultops.cluster.vault_volumes:
    volumes:
      - {purpose: data, id: vol-0123456789abcdef0, path: /opt/vault/data}
"""

RETURN = r"""
steps:
  description: What was done, or would be, in words.
  returned: success
  type: list
  elements: str
"""

import typing as t

from ..module_utils._common.module import run_module
from ..module_utils._node import volume_plan, volumes

OPTIONS: dict[str, t.Any] = {
    "volumes": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": volume_plan.SPEC,
    },
    "owner": {"type": "str", "default": "vault"},
}


def run(params: dict[str, t.Any], check_mode: bool) -> dict[str, t.Any]:
    return volumes.bring(params["volumes"], params["owner"], check_mode)


def main() -> None:
    run_module(run, OPTIONS)


if __name__ == "__main__":
    main()
