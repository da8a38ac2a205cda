#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Read what custody holds of a Vault cluster, without its keys."""

from __future__ import annotations

DOCUMENTATION = r"""
module: vault_custody_info
short_description: Read the custody record of a Vault cluster, without its keys
version_added: 1.0.0
description:
  - Reports whether the sink holds recovery keys, of which cluster, and whether an init was started and by whom.
  - Keys, root token and the journal's key are never part of the result.
  - A sink that can't be read is an error. A sink that holds another cluster's keys is an error too. The status is V(none) only
    after an explicit "not found".
  - The module does not contact Vault. Run it on the controller.
author: vaultops maintainers (@vaultops)
options:
  cluster_name:
    description: Name of the cluster.
    type: str
    required: true
  custody:
    required: true
extends_documentation_fragment:
  - vaultops.cluster.vault.custody
  - vaultops.cluster.attributes
  - vaultops.cluster.attributes.info
"""

EXAMPLES = r"""
- name: Look whether this cluster was ever initialised
  vaultops.cluster.vault_custody_info:
    cluster_name: prod
    custody:
      sink: secretsmanager
      name: vault/prod/recovery
      region: eu-central-1
      journal:
        bucket: example-vault-snapshots
        object: init/prod.journal
  register: custody
"""

RETURN = r"""
custody:
  description: What is in the sink, and in the journal.
  returned: success
  type: dict
  contains:
    where:
      description: The sink in words.
      type: str
    status:
      description:
        - V(none), V(prepared) for an init that was begun and has not finished, or V(stored).
        - V(elsewhere) where people have the keys that count, and a rekey with these keys was begun and has not finished.
      type: str
    cluster_id:
      description: Id of the cluster that the keys are of; null where that is not known.
      type: str
    since:
      description: When the init was begun, in ISO 8601; null with V(none).
      type: str
    who:
      description: User and host that began it; null with V(none), and where a version that did not say so wrote it.
      type: str
    root_token_held:
      description: Whether the sink still holds a root token that opens the cluster, not one that is encrypted to a person.
      type: bool
    journal:
      description:
        - Null without O(custody.journal), else V(none) without such an object.
        - V(ours) if it was made ready for the init that was begun, V(empty) if for one that was not, V(keys) if it holds the
          keys that the sink waits for, V(spent) if it holds keys that the sink has, V(sealed) if it may hold keys that can't
          be read here.
      type: str
"""

import typing as t

from ..module_utils._common.module import run_module
from ..module_utils._custody import sinks
from ..module_utils._custody.journal import Journal, open_home


def run(params: dict[str, t.Any], _check_mode: bool) -> dict[str, t.Any]:
    sink = sinks.open_sink(params["custody"], params["cluster_name"])
    record = sink.read()
    options = params["custody"]
    return {
        "changed": False,
        "custody": {
            "where": sink.where,
            "status": record["status"] if record else "none",
            "cluster_id": record["cluster_id"] if record else None,
            "since": record["since"] if record else None,
            "who": record["who"] if record else None,
            "root_token_held": bool(record and record["root_token"] and not record["root_token_pgp"]),
            "journal": Journal(open_home(options)).look(record) if options["journal"] else None,
        },
    }


OPTIONS: dict[str, t.Any] = {
    "cluster_name": {"type": "str", "required": True},
    "custody": {**sinks.OPTION, "required": True},
}


def main() -> None:
    run_module(run, OPTIONS, libraries=sinks.LIBRARIES)


if __name__ == "__main__":
    main()
