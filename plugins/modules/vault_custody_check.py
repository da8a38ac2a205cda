#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Prove that Vault takes the recovery keys that custody holds, and change nothing."""

from __future__ import annotations

DOCUMENTATION = r"""
module: vault_custody_check
short_description: Prove that Vault takes the recovery keys in custody
version_added: 1.0.0
description:
  - Gives the recovery keys in O(custody) to a rekey that would have to be verified, and cancels the rekey when Vault has taken
    the keys. Each key is proven. The keys are never part of the result.
  - "Such a rekey has no lasting effect. Vault keeps it in the active node's memory, and the recovery keys stay those that they
    were (C(vault/rekey.go) of Vault 1.21.1: C(RecoveryRekeyUpdate) returns before C(performRecoveryRekey) where a verification
    is required). Vault's own log has a line for the rekey that was begun."
  - "The new keys that Vault gives out meanwhile are encrypted to a PGP key whose private half does not exist. The rekey is known
    by this key. So the next run finds what a killed run has left, and cancels it by its nonce after some seconds in which
    nothing moves."
  - A rekey of somebody else is left alone, and is an error. An attempt to make a root token is left alone, and is a warning.
  - In check mode nothing is given to Vault.
  - Of keys that are encrypted to people (O(custody.sink=pgp)) the module shows how many custody holds, and compares that with
    what Vault says. With O(recovery_keys) the keys that were decrypted are proven.
  - Vault 1 takes recovery keys without a login. Vault 2 wants a token, and the module logs in as the admin.
  - Based on V(sys/rekey-recovery-key) and V(sys/seal-status) of the Vault API, and V(sys/rotate/recovery) of OpenBao's. Run it
    on the controller.
author: vaultops maintainers (@vaultops)
options:
  cluster_name:
    description: Name of the cluster.
    type: str
    required: true
  flavour:
    description: Which server runs. With V(openbao) the module logs in as the admin, since OpenBao wants a token for that.
    type: str
    choices: [vault, openbao]
    default: vault
  recovery_keys:
    description: Keys that people have decrypted, where custody holds keys that are encrypted to them.
    type: list
    elements: str
    default: []
  custody:
    required: true
extends_documentation_fragment:
  - vaultops.cluster.vault
  - vaultops.cluster.vault.auth
  - vaultops.cluster.vault.admin
  - vaultops.cluster.vault.custody
  - vaultops.cluster.attributes
  - vaultops.cluster.attributes.info
"""

EXAMPLES = r"""
- name: The recovery keys in custody would work
  vaultops.cluster.vault_custody_check:
    nodes:
      vault-1: https://10.0.1.10:8200
    ca_cert: /etc/vaultops/ca.crt
    cluster_name: prod
    auth_method: aws_iam
    region: eu-central-1
    custody:
      sink: secretsmanager
      name: vault/prod/recovery
      region: eu-central-1
"""

RETURN = r"""
recovery_keys:
  description: How many keys there are, and how many of them Vault takes.
  returned: success
  type: dict
  contains:
    where:
      description: The sink in words.
      type: str
    since:
      description: When the keys were made, in ISO 8601.
      type: str
    shares:
      description: Keys that custody holds.
      type: int
    threshold:
      description: Keys that Vault wants.
      type: int
    proven:
      description: Keys that Vault took. V(0) in check mode, and where the keys are encrypted to people who gave none.
      type: int
    pgp:
      description: Whether the keys are encrypted to people.
      type: bool
lines:
  description: The same in words.
  returned: success
  type: list
  elements: str
"""

import typing as t

from ..module_utils._common import product
from ..module_utils._common.module import run_module
from ..module_utils._custody import sinks
from ..module_utils._custody.record import Record
from ..module_utils._vault.client import AUTH_SPEC, CONNECTION_SPEC, HVAC, Cluster, Connection
from ..module_utils._vault.errors import VaultError
from ..module_utils._vault.recovery import api, state
from ..module_utils._vault.recovery.prove import accepts, doorway, prove, without_checks
from ..module_utils._vault.session import ADMIN_SPEC


def run(params: dict[str, t.Any], check_mode: bool) -> dict[str, t.Any]:
    sink = sinks.open_sink(params["custody"], params["cluster_name"])
    record, maker = sink.read(), state.MAKERS[params["flavour"]]
    missing = state.not_in_custody(record, sink.where)
    if missing or record is None:
        raise VaultError(params["cluster_name"], *(missing or ("", "")))
    with doorway(Cluster(Connection.from_params(params)), params, maker) as (name, client):
        attempt = api.read_rekey(name, client, maker) if check_mode else without_checks(name, client, maker)
        noted = state.standing(attempt, record["rekey"])
        if noted == "others":
            raise VaultError(name, *state.others_rekey(attempt))
        seal, root = api.read_seal(name, client), api.read_root(name, client)
        problem = state.held_problem(record, seal, sink.where)
        if problem:
            raise VaultError(name, *problem)
        keys = params["recovery_keys"] if record["pgp"] else record["recovery_keys"]
        proven = 0
        if noted == "none" and keys and not check_mode:
            proven = proven_of(name, client, maker, record, keys, sink.where)
    warnings = state.under_way(record, attempt, root)
    return {
        "changed": False,
        "recovery_keys": {
            "where": sink.where,
            "since": record["since"],
            "shares": record["recovery_shares"],
            "threshold": seal["threshold"],
            "proven": proven,
            "pgp": record["pgp"],
        },
        "lines": state.checked(record, sink.where, proven, check_mode),
        **({"warnings": warnings} if warnings else {}),
    }


def proven_of(name: str, client: t.Any, maker: state.Maker, record: Record, keys: list[str], where: str) -> int:
    proof = prove(name, client, maker, keys, record["recovery_threshold"])
    if not proof.taken:
        others = (
            one
            for one in state.others_in_custody(record)
            if accepts(name, client, maker, one["recovery_keys"][: one["recovery_threshold"]]) is None
        )
        raise VaultError(name, *state.not_taken(record, next(others, None), where, proof.said))
    if proof.refused:
        raise VaultError(name, *state.some_refused(proof.taken, proof.refused, where, proof.said))
    return len(proof.taken)


OPTIONS: dict[str, t.Any] = {
    **CONNECTION_SPEC,
    **AUTH_SPEC,
    **ADMIN_SPEC,
    "cluster_name": {"type": "str", "required": True},
    "flavour": {"type": "str", "choices": list(product.FLAVOURS), "default": product.VAULT},
    "recovery_keys": {"type": "list", "elements": "str", "default": [], "no_log": True},
    "custody": {**sinks.OPTION, "required": True},
}


def main() -> None:
    run_module(run, OPTIONS, libraries={**HVAC, **sinks.LIBRARIES})


if __name__ == "__main__":
    main()
