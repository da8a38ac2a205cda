#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Put what was read of a cluster into one archive."""

from __future__ import annotations

DOCUMENTATION = r"""
module: vault_support_bundle
short_description: Put what was read of a cluster into one archive
version_added: 1.0.0
description:
  - Writes a C(.tar.gz) that its owner alone may read, with a directory for each node.
  - Everything is searched once more for what looks like a token, a key, a password or a share of a key.
  - In check mode, nothing is written.
author: vaultops maintainers (@vaultops)
options:
  path:
    description: The archive. Its directory is made.
    type: path
    required: true
  nodes:
    description: By node, a result of M(vaultops.cluster.vault_support_info), or of a run of it that failed.
    type: dict
    required: true
  files:
    description: Further texts by name.
    type: dict
    default: {}
extends_documentation_fragment:
  - vaultops.cluster.attributes
  - vaultops.cluster.attributes.change
"""

EXAMPLES = r"""
- name: Write the archive
  vaultops.cluster.vault_support_bundle:
    path: /srv/vault-out/support/prod.tar.gz
    nodes:
      vault-1: "{{ hostvars['vault-1'].support }}"
  delegate_to: localhost
"""

RETURN = r"""
path:
  description: The archive.
  returned: success
  type: str
names:
  description: What is in the archive.
  returned: success
  type: list
  elements: str
"""

import io
import json
import os
import tarfile
import time
import typing as t

from ..module_utils._common import files as written
from ..module_utils._common.errors import Problem
from ..module_utils._common.module import run_module
from ..module_utils._node import redact


def run(params: dict[str, t.Any], check_mode: bool) -> dict[str, t.Any]:
    texts = {name: redact.text(text) for name, text in contents(params).items()}
    top = os.path.basename(params["path"]).removesuffix(".tar.gz")
    if not check_mode:
        try:
            os.makedirs(os.path.dirname(params["path"]), mode=0o700, exist_ok=True)
            written.write(params["path"], archive(top, texts))
        except OSError as error:
            raise Problem(f"{params['path']} could not be written ({error.strerror})") from error
    return {"changed": not check_mode, "path": params["path"], "names": sorted(texts)}


def contents(params: t.Mapping[str, t.Any]) -> dict[str, str]:
    """A node that was not read is there with the reason."""
    found = dict(params["files"])
    for node, result in params["nodes"].items():
        for name, text in (result.get("files") or {"unread": f"{result.get('msg') or 'nobody looked'}\n"}).items():
            found[f"{node}/{name}"] = text
    # Ansible before 2.19 makes of a text that is JSON what the text says.
    return {name: text if isinstance(text, str) else json.dumps(text) for name, text in found.items()}


def archive(top: str, texts: t.Mapping[str, str]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, text in sorted(texts.items()):
            entry = tarfile.TarInfo(f"{top}/{name}")
            data = text.encode()
            entry.size, entry.mode, entry.mtime = len(data), 0o600, int(time.time())
            tar.addfile(entry, io.BytesIO(data))
    return packed.getvalue()


OPTIONS: dict[str, t.Any] = {
    "path": {"type": "path", "required": True},
    "nodes": {"type": "dict", "required": True},
    "files": {"type": "dict", "default": {}},
}


def main() -> None:
    run_module(run, OPTIONS)


if __name__ == "__main__":
    main()
