#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Write a value that a later restore has to bring back, and look for it there."""

from __future__ import annotations

DOCUMENTATION = r"""
module: vault_canary
short_description: Write a value that a restore has to bring back, and look for it
version_added: 1.0.0
description:
  - A canary is a random value in a policy that allows nothing, V(vaultops-canary), so that writing it needs no access to
    any secret. What was written when is kept in a file on the controller.
  - "After a restore, the value must be the newest one that was written before the snapshot was begun: an older one means
    lost writes, another one the wrong data."
  - Based on V(sys/policies/acl) of the Vault API.
author: vaultops maintainers (@vaultops)
options:
  state:
    description: V(written) writes a new value; V(found) compares what is there with what was written.
    type: str
    choices: [written, found]
    required: true
  record:
    description: File on the controller that tells what was written when.
    type: path
    required: true
  before:
    description: With O(state=found), when the snapshot was begun (UTC, ISO 8601).
    type: str
extends_documentation_fragment:
  - vaultops.cluster.vault
  - vaultops.cluster.vault.auth
  - vaultops.cluster.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: none
    details: Every value is a new one.
"""

EXAMPLES = r"""
- name: Write a value before a backup
  vaultops.cluster.vault_canary:
    nodes:
      vault-1: https://10.0.1.10:8200
    ca_cert: /etc/vaultops/ca.crt
    cert_auth_public_key: /etc/vaultops/operator.crt
    cert_auth_private_key: /etc/vaultops/operator.key
    state: written
    record: /etc/vaultops/canaries.json
"""

RETURN = r"""
written:
  description: When the value was written (UTC, ISO 8601); null when none had been written before the snapshot.
  returned: success
  type: str
"""

import json
import os
import secrets
import time
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._backup import manifest
from ..module_utils._vault.client import AUTH_SPEC, CONNECTION_SPEC, Cluster, Connection
from ..module_utils._vault.errors import VaultError
from ..module_utils._vault.module import answer
from ..module_utils._vault.operator import api

POLICY = "vaultops-canary"
KEPT = 500


def run(params: dict[str, t.Any], check_mode: bool) -> dict[str, t.Any]:
    cluster = Cluster(Connection.from_params(params))
    known = read(params["record"])
    where = cluster.active()
    if params["state"] == "written":
        moment = manifest.moment(time.time())
        value = f"# {moment} {secrets.token_hex(16)}"
        if not check_mode:
            with cluster.login(where) as client:
                api.write_policy(where, client, POLICY, value)
            write(params["record"], [*known, {"written": moment, "value": value}][-KEPT:])
        return {"changed": True, "written": moment}
    with cluster.login(where) as client:
        found = api.read_policy(where, client, POLICY)
    wanted = expected(known, params["before"])
    if wanted and found != wanted["value"]:
        raise VaultError(
            where,
            f"the canary of {wanted['written']} is not there ({'another one is' if found else 'there is none'})",
            "What was written before the snapshot was begun is not all in it.",
        )
    return {"changed": False, "written": wanted["written"] if wanted else None}


def expected(known: list[dict[str, str]], before: str) -> dict[str, str] | None:
    """The newest that was written before the second in which the snapshot was begun."""
    earlier = [canary for canary in known if canary["written"] < before]
    return max(earlier, key=lambda canary: canary["written"]) if earlier else None


def read(path: str) -> list[dict[str, str]]:
    if not os.path.exists(path):
        return []
    with open(path, encoding="utf-8") as stream:
        return json.load(stream)


def write(path: str, canaries: list[dict[str, str]]) -> None:
    with open(f"{path}.partial", "w", encoding="utf-8") as stream:
        json.dump(canaries, stream, indent=1)
        stream.flush()
        os.fsync(stream.fileno())
    os.rename(f"{path}.partial", path)


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **CONNECTION_SPEC,
            **AUTH_SPEC,
            "state": {"type": "str", "choices": ["written", "found"], "required": True},
            "record": {"type": "path", "required": True},
            "before": {"type": "str"},
        },
        required_if=[("state", "found", ["before"])],
        supports_check_mode=True,
    )
    answer(module, lambda: run(module.params, module.check_mode), OSError, ValueError)


if __name__ == "__main__":
    main()
