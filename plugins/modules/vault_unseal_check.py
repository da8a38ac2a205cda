#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Prove unseal keys to a Vault that serves."""

from __future__ import annotations

DOCUMENTATION = r"""
module: vault_unseal_check
short_description: Prove to a Vault cluster that serves that unseal keys open it
version_added: 1.0.0
description:
  - Gives the keys to the active node for a rekey that counts only when its new keys are given back, and cancels this rekey.
    Nothing is used up, and nothing changes. Vault's log has a line for each such rekey.
  - Where an awskms seal has taken over already, the same keys are the recovery keys, and are proven as those.
  - "A rekey of somebody else is left alone, and is an error."
  - Keys never are part of the result.
  - Based on V(sys/rekey), V(sys/rekey-recovery-key) and V(sys/seal-status) of the Vault API. Run it on the controller.
author: vaultops maintainers (@vaultops)
options:
  unseal_keys:
    description: The keys, each as it was given out, in hexadecimal or base64. At least as many as Vault needs to be opened.
    type: list
    elements: str
    required: true
extends_documentation_fragment:
  - vaultops.cluster.vault
  - vaultops.cluster.vault.auth
  - vaultops.cluster.attributes
attributes:
  check_mode:
    support: full
    details: Keys are counted, and none is given to Vault.
  diff_mode:
    support: none
    details: Nothing changes.
  idempotent:
    support: full
    details: Nothing changes.
"""

EXAMPLES = r"""
- name: The keys open this cluster
  vaultops.cluster.vault_unseal_check:
    nodes:
      vault-1: https://10.0.1.10:8200
    ca_cert: /etc/vaultops/ca.crt
    token: "{{ lookup('ansible.builtin.env', 'VAULT_TOKEN') }}"
    unseal_keys: "{{ lookup('ansible.builtin.env', 'VAULT_UNSEAL_KEYS').split(',') }}"
"""

RETURN = r"""
node:
  description: The node that was active.
  returned: success
  type: str
threshold:
  description: Keys that Vault wants.
  returned: success
  type: int
shares:
  description: Keys that there are.
  returned: success
  type: int
proven:
  description: Keys that Vault took; V(0) in check mode.
  returned: success
  type: int
"""

import typing as t

from ..module_utils._common.module import run_module
from ..module_utils._vault.client import AUTH_SPEC, CONNECTION_SPEC, HVAC, Cluster, Connection
from ..module_utils._vault.errors import VaultError
from ..module_utils._vault.recovery.prove import prove, without_checks
from ..module_utils._vault.recovery.state import RECOVERY_REKEY, UNSEAL_REKEY
from ..module_utils._vault.unseal import api, state


def run(params: dict[str, t.Any], check_mode: bool) -> dict[str, t.Any]:
    cluster, keys = Cluster(Connection.from_params(params)), params["unseal_keys"]
    name = cluster.active()
    with cluster.login(name) as client:
        seal = api.read(name, client)
        if lacking := state.too_few(keys, seal):
            raise VaultError(name, *lacking)
        proven = 0 if check_mode else proven_of(name, client, keys, seal)
    return {
        "changed": False,
        "node": name,
        "threshold": seal["threshold"],
        "shares": seal["shares"],
        "proven": proven,
    }


def proven_of(name: str, client: t.Any, keys: list[str], seal: state.Seal) -> int:
    maker = UNSEAL_REKEY if seal["type"] == state.SHAMIR else RECOVERY_REKEY
    attempt = without_checks(name, client, maker)
    if attempt["nonce"] is not None:
        raise VaultError(name, *state.others_rekey(attempt["nonce"]))
    proof = prove(name, client, maker, keys, seal["threshold"])
    if proof.refused:
        raise VaultError(name, *state.not_taken(proof.taken, proof.refused, proof.said))
    return len(proof.taken)


OPTIONS: dict[str, t.Any] = {
    **CONNECTION_SPEC,
    **AUTH_SPEC,
    "unseal_keys": {"type": "list", "elements": "str", "required": True, "no_log": True},
}


def main() -> None:
    run_module(run, OPTIONS, libraries=HVAC)


if __name__ == "__main__":
    main()
