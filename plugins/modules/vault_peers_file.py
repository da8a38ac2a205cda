#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Tell Vault at its next start which Raft peers there are left."""

from __future__ import annotations

DOCUMENTATION = r"""
module: vault_peers_file
short_description: Tell Vault at its next start which Raft peers are left
version_added: 1.0.0
description:
  - Writes C(raft/peers.json) into Raft's directory, for a cluster that has lost its quorum for good. Vault reads the file at
    its next start, takes the peers for the whole cluster, and removes the file.
  - Keeps a copy of the whole directory first. The copy's name follows from when the data was last written, so a run that was
    killed makes no second one.
  - Refuses where Vault runs. In check mode Vault may run, since the module only looks.
  - "The file makes entries valid that no quorum has confirmed. With a peer of before that comes back with its data, there are two
    clusters: write the file only where every other peer is known not to come back."
  - Run it on the nodes. It needs nothing there but Python.
author: vaultops maintainers (@vaultops)
options:
  data:
    description: Raft's directory.
    type: path
    default: /opt/vault/data
  copies:
    description: The directory in which the copy is kept.
    type: path
    default: /opt/vault
  peers:
    description: All peers that are left, the same list on each of them.
    type: list
    elements: dict
    required: true
    suboptions:
      id:
        description: The node id.
        type: str
        required: true
      address:
        description: Where the other peers reach it, as HOST:PORT.
        type: str
        required: true
extends_documentation_fragment:
  - vaultops.cluster.attributes
  - vaultops.cluster.attributes.change
"""

EXAMPLES = r"""
- name: One node is left
  vaultops.cluster.vault_peers_file:
    peers:
      - id: vault-1
        address: 10.0.1.10:8201
"""

RETURN = r"""
path:
  description: The file.
  returned: success
  type: str
copy:
  description: The copy of Raft's directory.
  returned: success
  type: str
written_at:
  description: When Raft last took an entry there, in seconds since the epoch.
  returned: success
  type: float
"""

import os
import typing as t

from ..module_utils._common import files
from ..module_utils._common.errors import Problem
from ..module_utils._common.module import run_module
from ..module_utils._node import here, peers


def run(params: dict[str, t.Any], check_mode: bool) -> dict[str, t.Any]:
    data = params["data"]
    path, wanted, owner = (
        os.path.join(data, "raft", "peers.json"),
        peers.text(params["peers"]) + "\n",
        peers.owner_of(data),
    )
    there = peers.read(path)
    copy, written_at = peers.copy_of(data, params["copies"]), peers.written_at(data)
    to_copy = not os.path.isdir(copy)
    if to_copy:
        peers.check_room(data, params["copies"])
    if not check_mode:
        refuse_running()
        if to_copy:
            peers.keep_copy(data, copy)
        if there != wanted:
            files.write(path, wanted.encode(), 0o600, owner)
    return {
        "changed": to_copy or there != wanted,
        "path": path,
        "copy": copy,
        "written_at": written_at,
        "diff": {"before_header": path, "after_header": path, "before": there or "", "after": wanted},
    }


def refuse_running() -> None:
    pids = here.processes()
    if pids:
        raise Problem(
            f"Vault runs (process {', '.join(map(str, pids))}), and reads the file at its start alone",
            "Stop it, and see that nothing starts it again; then run again.",
        )


OPTIONS: dict[str, t.Any] = {
    "data": {"type": "path", "default": "/opt/vault/data"},
    "copies": {"type": "path", "default": "/opt/vault"},
    "peers": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {"id": {"type": "str", "required": True}, "address": {"type": "str", "required": True}},
    },
}


def main() -> None:
    run_module(run, OPTIONS, OSError)


if __name__ == "__main__":
    main()
