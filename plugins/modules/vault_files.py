#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Write the files of a node as one set."""

from __future__ import annotations

DOCUMENTATION = r"""
module: vault_files
short_description: Write a set of directories and files in one call
version_added: 1.0.0
description:
  - Compares all directories and files first. Then Vault checks a new C(vault.hcl). Only then the module replaces the files that
    differ, each atomically. Of a file with the right content only owner, mode and SELinux type are set, and it keeps its time.
  - One call for each node saves most of the time of a run over SSH, compared with one or two calls for each file.
author: vaultops maintainers (@vaultops)
options:
  directories:
    description: Directories, parents first.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: Absolute path.
        type: path
        required: true
      owner:
        description: Owning user.
        type: str
        default: root
      group:
        description: Owning group.
        type: str
        default: root
      mode:
        description: Permissions as four octal digits.
        type: str
        default: "0755"
      own:
        description:
          - Whether a directory that exists and belongs to another user than O(directories[].owner) is an error. Otherwise it
            is given to that user. A directory of the system, such as C(/var/log), never is.
        type: bool
        default: false
  written:
    description:
      - Files that a service writes to, in directories that are not its own. They must exist and belong to it; they and
        their directories are left as they are.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: Absolute path.
        type: path
        required: true
      owner:
        description: The user that writes.
        type: str
        required: true
  files:
    description: Files, in the order in which they are put in place.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: Absolute path.
        type: path
        required: true
      content:
        description: Content that may be shown.
        type: str
      secret_content:
        description: Content that is kept out of output, logs and diffs.
        type: str
      owner:
        description: Owning user.
        type: str
        default: root
      group:
        description: Owning group.
        type: str
        default: root
      mode:
        description: Permissions as four octal digits.
        type: str
        default: "0644"
      vault_config:
        description:
          - Whether this is Vault's configuration, to be judged by C(vault operator diagnose) before it is put in place.
          - The judgement includes a round trip to KMS through the seal.
        type: bool
        default: false
  removed:
    description:
      - Files that an earlier run of this collection wrote, and that are not wanted any more. A file that does not begin with
        this collection's mark is an error.
    type: list
    elements: path
    default: []
  reloads:
    description:
      - What makes M(vaultops.cluster.vault_node_info) see that a reload is enough, where all that differs in a file with
        O(files[].vault_config) is what a running Vault takes with a reload.
      - That file keeps its time, by which a restart is judged, and another one gets a new time. Without this option every new
        configuration wants a restart.
    type: dict
    suboptions:
      version:
        description: The version that runs; empty where none does.
        type: str
        required: true
      flavour:
        description: Whether that is a version of V(vault) or of V(openbao).
        type: str
        choices: [vault, openbao]
        default: vault
      noticed_by:
        description: The file by whose time a reload is judged.
        type: path
        required: true
  binary:
    description: The Vault binary that judges the configuration.
    type: path
    default: /usr/local/bin/vault
  data_path:
    description: Raft's directory in the configuration. The judgement uses a scratch directory in its place.
    type: path
    default: /opt/vault/data
  listener_files:
    description:
      - Certificate and key that the configuration names. In check mode, where one of them does not exist yet, the listener is
        not judged by them.
    type: list
    elements: path
    default: []
extends_documentation_fragment:
  - vaultops.cluster.attributes
  - vaultops.cluster.attributes.change
"""

EXAMPLES = r"""
- name: Write the configuration
  vaultops.cluster.vault_files:
    directories:
      - {path: /etc/vault.d, group: vault, mode: "0750"}
    files:
      - path: /etc/vault.d/vault.hcl
        content: "{{ lookup('ansible.builtin.template', 'vault.hcl.j2') }}"
        group: vault
        mode: "0640"
        vault_config: true
"""

RETURN = r"""
paths:
  description: What was changed, or would be.
  returned: success
  type: list
  elements: str
"""

import os
import typing as t

from ..module_utils._common import product
from ..module_utils._common.module import run_module
from ..module_utils._node import config_check, reloads
from ..module_utils._node.files import (
    Entry,
    check_written,
    difference,
    from_options,
    left_over,
    look,
    put,
    put_for_reload,
    remove,
)

ATTRIBUTES: dict[str, t.Any] = {
    "path": {"type": "path", "required": True},
    "owner": {"type": "str", "default": "root"},
    "group": {"type": "str", "default": "root"},
}


def run(params: dict[str, t.Any], check_mode: bool) -> dict[str, t.Any]:
    configs = {file["path"] for file in params["files"] if file["vault_config"]}
    entries = [from_options(item) for item in params["directories"] + params["files"]]
    for item in params["written"]:
        check_written(item["path"], item["owner"])
    differing = [(item, diff) for item in entries if (diff := difference(item, look(item)))]
    leftover = [(path, diff) for path in params["removed"] if (diff := left_over(path))]
    for item, _diff in differing:
        if item.path in configs and os.path.exists(params["binary"]):
            absent = check_mode and not all(os.path.exists(path) for path in params["listener_files"])
            without = (config_check.LISTENER,) if absent else ()
            config_check.check(params["binary"], item, entries, params["data_path"], without, check_mode)
    if not check_mode:
        for item, _diff in differing:
            if item.path in configs and only_reloads(item, params["reloads"]):
                put_for_reload(item, params["reloads"]["noticed_by"])
            else:
                put(item)
        for path, _diff in leftover:
            remove(path)
    return {
        "changed": bool(differing or leftover),
        "paths": [item.path for item, _diff in differing] + [path for path, _diff in leftover],
        "diff": [diff for _item, diff in differing] + [diff for _path, diff in leftover],
    }


def only_reloads(item: Entry, options: dict[str, t.Any] | None) -> bool:
    there = look(item).content
    if options is None or there == item.content:  # of the same content nothing is to be read anew
        return False
    return reloads.are_enough(there, item.content, product.told(options["version"], options["flavour"]))


OPTIONS: dict[str, t.Any] = {
    "directories": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            **ATTRIBUTES,
            "mode": {"type": "str", "default": "0755"},
            "own": {"type": "bool", "default": False},
        },
    },
    "written": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {"path": {"type": "path", "required": True}, "owner": {"type": "str", "required": True}},
    },
    "files": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            **ATTRIBUTES,
            "mode": {"type": "str", "default": "0644"},
            "content": {"type": "str"},
            "secret_content": {"type": "str", "no_log": True},
            "vault_config": {"type": "bool", "default": False},
        },
        "mutually_exclusive": [("content", "secret_content")],
        "required_one_of": [("content", "secret_content")],
    },
    "removed": {"type": "list", "elements": "path", "default": []},
    "reloads": {
        "type": "dict",
        "options": {
            "version": {"type": "str", "required": True},
            "flavour": {"type": "str", "choices": list(product.FLAVOURS), "default": product.VAULT},
            "noticed_by": {"type": "path", "required": True},
        },
    },
    "binary": {"type": "path", "default": "/usr/local/bin/vault"},
    "data_path": {"type": "path", "default": "/opt/vault/data"},
    "listener_files": {"type": "list", "elements": "path", "default": []},
}


def main() -> None:
    run_module(run, OPTIONS)


if __name__ == "__main__":
    main()
