#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Read what is written down about a cluster."""

from __future__ import annotations

DOCUMENTATION = r"""
module: vault_record_info
short_description: Read what is written down about a Vault cluster
version_added: 1.0.0
description:
  - Returns the texts of all records in one folder, from the bucket, or without a bucket from the directory.
  - A bucket or a directory that can't be read is an error. An empty result means that nothing is there.
  - Run it on the controller.
author: vaultops maintainers (@vaultops)
options:
  folder:
    description: The part of the records' names before the last C(/).
    type: str
    required: true
  suffix:
    description: What the names end with. Others are left out.
    type: str
    default: .json
  limit:
    description: How many records to read at most, those whose names come last.
    type: int
    default: 500
  records:
    required: true
extends_documentation_fragment:
  - vaultops.cluster.records
  - vaultops.cluster.attributes
  - vaultops.cluster.attributes.info
"""

EXAMPLES = r"""
- name: Read the reports of the drills
  vaultops.cluster.vault_record_info:
    folder: drills
    records:
      bucket: example-vault-snapshots
      prefix: records/prod
      region: eu-central-1
  register: drills
"""

RETURN = r"""
texts:
  description: The text of each record by its name.
  returned: success
  type: dict
kept:
  description: Whether there is a bucket or a directory at all.
  returned: success
  type: bool
"""

import concurrent.futures
import typing as t

from ..module_utils._common.module import run_module
from ..module_utils._objects import aws, records

AT_ONCE = 8


def run(params: dict[str, t.Any], _check_mode: bool) -> dict[str, t.Any]:
    kept = records.Records(params["records"])
    names = [name for name in kept.names(f"{params['folder'].strip('/')}/") if name.endswith(params["suffix"])]
    chosen = names[-params["limit"] :]
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        held = dict(zip(chosen, pool.map(kept.read, chosen), strict=True))
    # What was removed since it was listed is not there.
    texts = {name: one.data.decode(errors="replace") for name, one in held.items() if one}
    return {"changed": False, "texts": texts, "kept": kept.are_kept}


OPTIONS: dict[str, t.Any] = {
    "folder": {"type": "str", "required": True},
    "suffix": {"type": "str", "default": ".json"},
    "limit": {"type": "int", "default": 500},
    "records": {"type": "dict", "required": True, "options": records.SPEC},
}


def main() -> None:
    run_module(run, OPTIONS, libraries=aws.BOTO3)


if __name__ == "__main__":
    main()
