#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Write down something about a cluster."""

from __future__ import annotations

DOCUMENTATION = r"""
module: vault_record
short_description: Write down something about a Vault cluster, where every controller finds it
version_added: 1.0.0
description:
  - Writes a text to the bucket, and a copy to a directory. Without a bucket the directory is all there is.
  - What is there is never written over, unless O(replace).
  - Run it on the controller.
author: vaultops maintainers (@vaultops)
options:
  name:
    description: Name of the record, which may contain slashes.
    type: str
    required: true
  content:
    description: The text.
    type: str
    required: true
  replace:
    description: Whether what is there is replaced.
    type: bool
    default: false
  records:
    required: true
extends_documentation_fragment:
  - vaultops.cluster.records
  - vaultops.cluster.attributes
  - vaultops.cluster.attributes.change
"""

EXAMPLES = r"""
- name: Keep the report of a drill
  vaultops.cluster.vault_record:
    name: drills/20261101T000000Z.json
    content: "{{ report | to_nice_json }}"
    records:
      bucket: example-vault-snapshots
      prefix: records/prod
      region: eu-central-1
"""

RETURN = r"""
where:
  description: Where it is kept; null where nothing is written down.
  returned: success
  type: str
"""

import typing as t

from ..module_utils._common.module import run_module
from ..module_utils._objects import aws, records


def run(params: dict[str, t.Any], check_mode: bool) -> dict[str, t.Any]:
    kept, name, data = records.Records(params["records"]), params["name"], params["content"].encode()
    if not kept.are_kept:
        return {"changed": False, "where": None}
    held = kept.read(name)
    changed = held is None or held.data != data
    if changed and not check_mode:
        # Read and not to be replaced: the writing itself says that something is there.
        kept.write(name, data, held.version if held and params["replace"] else None)
    return {"changed": changed, "where": kept.where(name)}


OPTIONS: dict[str, t.Any] = {
    "name": {"type": "str", "required": True},
    "content": {"type": "str", "required": True},
    "replace": {"type": "bool", "default": False},
    "records": {"type": "dict", "required": True, "options": records.SPEC},
}


def main() -> None:
    run_module(run, OPTIONS, libraries=aws.BOTO3)


if __name__ == "__main__":
    main()
