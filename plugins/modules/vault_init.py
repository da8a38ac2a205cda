#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Initialise a Vault cluster and put its recovery keys into custody."""

from __future__ import annotations

DOCUMENTATION = r"""
module: vault_init
short_description: Initialise a Vault cluster and put its recovery keys into custody
version_added: 1.0.0
description:
  - Initialises a cluster whose seal unseals itself, when every node answers that it is not initialised.
  - "Custody has two phases. Before init the module reserves the sink, and verifies that the sink and the journal can store
    the answer. After init the module writes the keys to both, and reads them back from the sink. In the journal the keys are
    encrypted with a key that only the sink holds."
  - The journal is where every controller finds it. So any controller finishes what another one has begun. It makes the
    reservation its own first, and a controller whose reservation is not its own any more does not ask Vault. Of two
    controllers that start at once, one continues.
  - A reservation whose journal is not to be found is not used, and the error names its holder.
  - Recovery keys and root token are never part of the result. They go from Vault to the sink inside this module.
  - The next run finishes an interrupted run, or reports which keys are lost and how to start again.
  - A cluster that is already initialised is not changed.
  - Based on V(sys/init) of the Vault API. Run it on the controller.
author: vaultops maintainers (@vaultops)
options:
  cluster_name:
    description: Name of the cluster, recorded with the keys.
    type: str
    required: true
  init_node:
    description: Node to initialise. The others join it. Default is the first of O(nodes).
    type: str
  recovery_shares:
    description: Number of recovery keys.
    type: int
    default: 5
  recovery_threshold:
    description: How many of them are needed.
    type: int
    default: 3
  pgp_keys:
    description:
      - A PGP public key for every share, in base64 without armour (V(gpg --export KEY | base64 -w0)).
      - Required by O(custody.sink=pgp).
    type: list
    elements: str
  root_token_pgp_key:
    description:
      - A PGP public key to encrypt the root token to. An operator then has to decrypt the root token and pass it once as a token.
    type: str
  take_over:
    description:
      - Who began an init that has not finished, as the error that asks for this names them. Their reservation is then
        replaced.
      - Only for a run that is known to have ended, and whose journal is not to be found. Where the journal is found, the next
        run continues by itself.
    type: str
  custody:
    required: true
extends_documentation_fragment:
  - vaultops.cluster.vault
  - vaultops.cluster.vault.custody
  - vaultops.cluster.attributes
  - vaultops.cluster.attributes.change
"""

EXAMPLES = r"""
- name: Initialise the cluster
  vaultops.cluster.vault_init:
    nodes:
      vault-1: https://10.0.1.10:8200
      vault-2: https://10.0.1.11:8200
      vault-3: https://10.0.1.12:8200
    ca_cert: /etc/vaultops/ca.crt
    cluster_name: prod
    custody:
      sink: secretsmanager
      name: vault/prod/recovery
      region: eu-central-1
      journal:
        bucket: example-vault-snapshots
        object: init/prod.journal
"""

RETURN = r"""
step:
  description: V(initialise), V(recover) when keys were brought from the journal to the sink, V(tidy) when what an earlier
    run or version left is put in order (a journal that is no longer needed, keys that don't name their cluster's id, a
    secret without its tag, a file that others may read), or V(nothing).
  returned: success
  type: str
custody:
  description: Where the keys are.
  returned: success
  type: dict
  contains:
    where:
      description: The sink in words.
      type: str
    status:
      description:
        - V(none) for a cluster that was adopted, V(stored), or V(prepared) in check mode only.
        - V(elsewhere) for a cluster that was adopted, where a rekey with people's keys has not finished.
      type: str
    cluster_id:
      description: Id of the cluster that the keys are of; null where that is not known yet.
      type: str
    root_token_held:
      description: Whether the sink still holds a root token that was not revoked.
      type: bool
"""

import typing as t

from ..module_utils._common.module import run_module
from ..module_utils._common.wait import Wait
from ..module_utils._custody import sinks
from ..module_utils._vault.client import CONNECTION_SPEC, HVAC, Cluster, Connection
from ..module_utils._vault.init.look import SPEC, look
from ..module_utils._vault.init.state import payload
from ..module_utils._vault.status.api import read_nodes
from ..module_utils._vault.status.state import classify

# A node unseals itself within seconds; the next run looks again.
ID_SECONDS = 30


def run(params: dict[str, t.Any], check_mode: bool) -> dict[str, t.Any]:
    cluster = Cluster(Connection.from_params(params))
    found = look(cluster, params)
    custody, record, step = found.custody, found.record, found.todo.step
    if not check_mode and step == "initialise":
        node = params["init_node"] or next(iter(params["nodes"]))
        shares, threshold = params["recovery_shares"], params["recovery_threshold"]
        body = payload(shares, threshold, params["pgp_keys"], params["root_token_pgp_key"])
        record, no_journal = custody.initialise(node, cluster.client(node), body, record, found.todo.take_over)
        if no_journal:
            record = custody.note(record, wait_for_id(cluster))
    elif not check_mode and step == "recover":
        record = custody.recover(found.status["cluster_id"])
    elif not check_mode and step == "tidy" and record:
        record = custody.tidy(record, found.status["cluster_id"])
    return found.result(record)


def wait_for_id(cluster: Cluster) -> str | None:
    """The id that the cluster has given itself, or None when it does not say so in time."""
    wait = Wait(ID_SECONDS)
    while not (found := classify(read_nodes(cluster))["cluster_id"]) and wait.again():
        pass
    return found


OPTIONS: dict[str, t.Any] = {
    **CONNECTION_SPEC,
    "cluster_name": {"type": "str", "required": True},
    **SPEC,
    "custody": {**sinks.OPTION, "required": True},
}


def main() -> None:
    run_module(run, OPTIONS, libraries={**HVAC, **sinks.LIBRARIES})


if __name__ == "__main__":
    main()
