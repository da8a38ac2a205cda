#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Read or write a record about the cluster that lies on a node."""

from __future__ import annotations

DOCUMENTATION = r"""
module: vault_node_record
short_description: Read or write a record about the cluster that lies on a node
version_added: 1.0.0
description:
  - For what is written down about a cluster that has no bucket. Each node has it, and whoever writes puts together what the nodes
    have.
  - Run it on the nodes. It needs nothing there but Python.
author: vaultops maintainers (@vaultops)
options:
  directory:
    description: Where the node keeps records. It is made, and must be a directory that only its owner, root, may write to.
    type: path
    default: /var/lib/vaultops-records
  name:
    description: Name of the record.
    type: str
    required: true
  content:
    description: The text. Without it the record is only read.
    type: str
  replaces:
    description: What was read there, in whose place O(content) is put. Without it nothing may be there.
    type: str
extends_documentation_fragment:
  - vaultops.cluster.attributes
  - vaultops.cluster.attributes.change
"""

EXAMPLES = r"""
- name: Read which canaries were written
  vaultops.cluster.vault_node_record:
    name: prod.canaries.json
  register: canaries
"""

RETURN = r"""
content:
  description: What is there now; null where nothing is.
  returned: success
  type: str
"""

import os
import typing as t

from ..module_utils._common import files, lock
from ..module_utils._common.errors import Problem
from ..module_utils._common.module import run_module
from ..module_utils._node.lease import prepare


def run(params: dict[str, t.Any], check_mode: bool) -> dict[str, t.Any]:
    directory, content = params["directory"], params["content"]
    path = os.path.join(directory, params["name"])
    there = read(path)
    if content is None or content == there:
        return {"changed": False, "content": there}
    if not check_mode:
        prepare(directory)
        with lock.locked(directory):
            if read(path) != params["replaces"]:
                raise Problem(
                    f"another run wrote {path} since it was read, and nothing was written over that",
                    "Let the other run end, and run again.",
                )
            files.write(path, content.encode())
    return {"changed": True, "content": content}


def read(path: str) -> str | None:
    """None only where nothing is."""
    try:
        with open(path, encoding="utf-8") as stream:
            return stream.read()
    except FileNotFoundError:
        return None


OPTIONS: dict[str, t.Any] = {
    "directory": {"type": "path", "default": "/var/lib/vaultops-records"},
    "name": {"type": "str", "required": True},
    "content": {"type": "str"},
    "replaces": {"type": "str"},
}


def main() -> None:
    run_module(run, OPTIONS, OSError, ValueError)


if __name__ == "__main__":
    main()
