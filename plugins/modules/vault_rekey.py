#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Make new recovery keys, and let them count when custody has returned them."""

from __future__ import annotations

DOCUMENTATION = r"""
module: vault_rekey
short_description: Make new recovery keys and put them into custody
version_added: 1.0.0
description:
  - Gives the recovery keys in O(custody) to Vault, puts the new keys beside the old ones, reads the new keys back, and gives
    these to Vault to verify. Until then the old keys are those that count. Only after that the new keys take the old ones' place.
  - What is under way is noted in custody, with Vault's nonce. So a run that was cut short is finished by the next one, from
    any machine - it asks Vault which keys count.
  - The old keys stay in custody, marked as former ones, since a restored snapshot brings back the keys of its time. Two sets
    are kept.
  - Keys never are part of the result.
  - A rekey of somebody else is left alone, and is an error.
  - Where the keys are encrypted to people, people give theirs in O(recovery_keys). New keys that are encrypted to people
    (O(pgp_keys)) wait until a second run is given them, decrypted.
  - Where custody holds no keys, since somebody else initialised the cluster, people give the keys that count in
    O(recovery_keys). Vault says whether it takes them, and custody gets the new ones alone. Where custody holds keys, those in
    O(recovery_keys) are given to Vault only if it takes none of custody's, as after a snapshot from before was restored.
  - Vault 1 takes recovery keys without a login. Vault 2 wants a token, and the module logs in as the admin.
  - Based on V(sys/rekey-recovery-key) of the Vault API, and V(sys/rotate/recovery) of OpenBao's. Run it on the controller, one
    run at a time.
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
  recovery_shares:
    description: Number of new keys.
    type: int
    default: 5
  recovery_threshold:
    description: How many of them are needed.
    type: int
    default: 3
  pgp_keys:
    description: A PGP public key for every new key, in base64 without armour. Required by O(custody.sink=pgp).
    type: list
    elements: str
  recovery_keys:
    description: Keys of people, where custody holds none that count, or holds keys that are encrypted to these people.
    type: list
    elements: str
    default: []
  age_hours:
    description: Keys that are younger, and as they are wanted, stay. V(0) always makes new ones.
    type: int
    default: 1
  custody:
    required: true
extends_documentation_fragment:
  - vaultops.cluster.vault
  - vaultops.cluster.vault.auth
  - vaultops.cluster.vault.admin
  - vaultops.cluster.vault.custody
  - vaultops.cluster.attributes
  - vaultops.cluster.attributes.change
"""

EXAMPLES = r"""
- name: New recovery keys
  vaultops.cluster.vault_rekey:
    nodes:
      vault-1: https://10.0.1.10:8200
    ca_cert: /etc/vaultops/ca.crt
    cluster_name: prod
    auth_method: aws_iam
    region: eu-central-1
    recovery_shares: 5
    recovery_threshold: 3
    custody:
      sink: secretsmanager
      name: vault/prod/recovery
      region: eu-central-1
"""

RETURN = r"""
step:
  description:
    - V(begin) where new keys were made, V(verify) or V(settle) where a rekey that was cut short was finished, V(waits) where
      people have to give their new keys first, or V(nothing). In check mode what would be done.
  returned: success
  type: str
lines:
  description: In check mode the plan in words, else how things stand now.
  returned: success
  type: list
  elements: str
since:
  description: When the keys that count were made, in ISO 8601; null where custody does not hold them.
  returned: success
  type: str
waits:
  description: Whether new keys wait until people give theirs.
  returned: success
  type: bool
where:
  description: The sink in words.
  returned: success
  type: str
"""

import datetime
import typing as t

from ..module_utils._common import product
from ..module_utils._common.module import run_module
from ..module_utils._custody import sinks
from ..module_utils._custody.record import Record
from ..module_utils._vault.client import AUTH_SPEC, CONNECTION_SPEC, HVAC, Cluster, Connection
from ..module_utils._vault.errors import VaultError
from ..module_utils._vault.init.state import share_problem
from ..module_utils._vault.recovery import api
from ..module_utils._vault.recovery.given import with_people
from ..module_utils._vault.recovery.prove import doorway, without_checks
from ..module_utils._vault.recovery.rekey import Rekeyer
from ..module_utils._vault.recovery.state import MAKERS, Wanted, how_it_stands, plan_rekey
from ..module_utils._vault.session import ADMIN_SPEC
from ..module_utils._vault.unseal.state import distinct


def run(params: dict[str, t.Any], check_mode: bool) -> dict[str, t.Any]:
    wanted = Wanted(params["recovery_shares"], params["recovery_threshold"], params["pgp_keys"] or [])
    problem = share_problem(wanted.shares, wanted.threshold, wanted.pgp_keys, params["custody"]["sink"])
    if problem:
        raise VaultError(params["cluster_name"], problem)
    sink, given = sinks.open_sink(params["custody"], params["cluster_name"]), distinct(params["recovery_keys"])
    record, maker = sink.read(), MAKERS[params["flavour"]]
    now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
    with doorway(Cluster(Connection.from_params(params)), params, maker) as (name, client):
        attempt = api.read_rekey(name, client, maker) if check_mode else without_checks(name, client, maker)
        seal = api.read_seal(name, client)
        todo = plan_rekey(record, attempt, seal, wanted, sink.where, len(given), now, params["age_hours"])
        if todo.step == "refuse":
            raise VaultError(name, todo.cause, todo.cure)
        lines = todo.lines
        if todo.changes and not check_mode:
            rekeyer = Rekeyer(name, client, maker, sink, wanted, given, seal)
            record = carry_out(rekeyer, todo.step, record, params["cluster_name"])
            lines = how_it_stands(record, api.read_rekey(name, client, maker), sink.where)
    return {
        "changed": todo.changes,
        "step": todo.step,
        "lines": lines,
        "since": None if with_people(record) or record is None else record["since"],
        "waits": bool(record and record["rekey"] and record["rekey"]["recovery_keys"])
        and (not todo.changes or not check_mode),
        "where": sink.where,
    }


def carry_out(rekeyer: Rekeyer, step: str, record: Record | None, cluster: str) -> Record:
    if record is None:
        return rekeyer.begin(rekeyer.first(cluster), unheld=True)
    if step == "verify":
        return rekeyer.verify(record)
    if step == "settle":
        settled = rekeyer.settle(record)
        if settled:
            return settled
    return rekeyer.begin(record)


OPTIONS: dict[str, t.Any] = {
    **CONNECTION_SPEC,
    **AUTH_SPEC,
    **ADMIN_SPEC,
    "cluster_name": {"type": "str", "required": True},
    "flavour": {"type": "str", "choices": list(product.FLAVOURS), "default": product.VAULT},
    "recovery_shares": {"type": "int", "default": 5},
    "recovery_threshold": {"type": "int", "default": 3},
    "pgp_keys": {"type": "list", "elements": "str", "no_log": False},
    "recovery_keys": {"type": "list", "elements": "str", "default": [], "no_log": True},
    "age_hours": {"type": "int", "default": 1},
    "custody": {**sinks.OPTION, "required": True},
}


def main() -> None:
    run_module(run, OPTIONS, libraries={**HVAC, **sinks.LIBRARIES})


if __name__ == "__main__":
    main()
