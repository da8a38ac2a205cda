#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Read which KMS keys the data of a cluster is sealed with."""

from __future__ import annotations

DOCUMENTATION = r"""
module: vault_seal_info
short_description: Read which KMS keys the data of a cluster is sealed with
version_added: 1.0.0
description:
  - Reads a Raft snapshot from the active node, verifies that the snapshot is whole, and looks for the keys' ARNs in it. Nothing
    of the snapshot is kept.
  - "Only what is stored counts: a node may be configured with another key than the key that opens its data, and Vault's own seal
    status does not tell."
  - Based on V(sys/storage/raft/snapshot) of the Vault API.
author: vaultops maintainers (@vaultops)
extends_documentation_fragment:
  - vaultops.cluster.vault
  - vaultops.cluster.vault.auth
  - vaultops.cluster.attributes
  - vaultops.cluster.attributes.info
"""

EXAMPLES = r"""
- name: See which key opens the cluster
  vaultops.cluster.vault_seal_info:
    nodes:
      vault-1: https://10.0.1.10:8200
    ca_cert: /etc/vaultops/ca.crt
    cert_auth_public_key: /etc/vaultops/operator.crt
    cert_auth_private_key: /etc/vaultops/operator.key
  register: sealed
"""

RETURN = r"""
key_arns:
  description: ARNs of all keys that something is sealed with. More than one, while a cluster moves from key to key.
  returned: success
  type: list
  elements: str
entries:
  description: The ARNs by what they seal.
  returned: success
  type: dict
node:
  description: The node that was active.
  returned: success
  type: str
raft_index:
  description: Raft's last index in the snapshot.
  returned: success
  type: int
"""

import tempfile
import typing as t

from ..module_utils._common.module import run_module
from ..module_utils._snapshot import sealed
from ..module_utils._snapshot.archive import BrokenSnapshot, verify
from ..module_utils._vault.client import AUTH_SPEC, CONNECTION_SPEC, HVAC, Cluster, Connection
from ..module_utils._vault.errors import VaultError
from ..module_utils._vault.snapshot import api

OPTIONS: dict[str, t.Any] = {**CONNECTION_SPEC, **AUTH_SPEC}


def run(params: dict[str, t.Any], _check_mode: bool) -> dict[str, t.Any]:
    cluster = Cluster(Connection.from_params(params))
    name = cluster.active()
    with tempfile.TemporaryFile() as stream:
        with cluster.login(name) as client:
            api.save(name, client, t.cast(t.BinaryIO, stream), cluster.connection.timeout)
        stream.seek(0)
        try:
            summary = verify(t.cast(t.BinaryIO, stream))
        except BrokenSnapshot as error:
            raise VaultError(name, f"what it gave as a snapshot is none: {error}", "Run again.") from error
        stream.seek(0)
        found = sealed.keys(t.cast(t.BinaryIO, stream))
    problem = sealed.problem(found)
    if problem:
        raise VaultError(
            name,
            f"its snapshot does not say which key opens it: {problem}",
            "It is known for clusters that a key of AWS KMS unseals.",
        )
    arns = sorted({arn for those in found.values() for arn in those})
    return {"changed": False, "key_arns": arns, "entries": found, "node": name, "raft_index": summary["index"]}


def main() -> None:
    run_module(run, OPTIONS, OSError, libraries=HVAC)


if __name__ == "__main__":
    main()
