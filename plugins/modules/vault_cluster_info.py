#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What of a Vault cluster differs from what is wanted, by one login."""

from __future__ import annotations

DOCUMENTATION = r"""
module: vault_cluster_info
short_description: See what of a Vault cluster differs from what is wanted, by one login
version_added: 1.0.0
description:
  - Asks in one go, and by one login, what M(vaultops.cluster.vault_init), M(vaultops.cluster.vault_raft_info),
    M(vaultops.cluster.vault_operator), M(vaultops.cluster.vault_audit), M(vaultops.cluster.vault_raft_autopilot) and
    M(vaultops.cluster.vault_cert_role) would say in check mode, and changes nothing. What differs is a matter of theirs.
  - Each part is an option of its own. A part that was not asked for is null in the result.
  - The parts are asked in the order of that list. The first that is in error ends the module, with the words of the other.
  - Where no node is active, or keys wait in the journal to be brought into custody, O(init) alone is answered. Where no node is
    active and O(init) was not asked for, that is an error.
  - Where the identities differ, who logs in here may not be able to look at what follows O(identities) yet. Then
    who may write the identities looks. A part that nobody may look at is null.
author: vaultops maintainers (@vaultops)
options:
  cluster_name:
    description: Name of the cluster. Required with O(custody).
    type: str
  init:
    description: Whether init, and custody of the recovery keys, are finished. Wants O(custody).
    type: dict
    suboptions:
      init_node:
        description: Node to initialise, as in M(vaultops.cluster.vault_init).
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
        description: A PGP public key for every share, in base64 without armour.
        type: list
        elements: str
      root_token_pgp_key:
        description: A PGP public key to encrypt the root token to.
        type: str
      take_over:
        description: Who began an init that has not finished, and is known to have ended.
        type: str
  raft:
    description: The peers, as M(vaultops.cluster.vault_raft_info) sees them when it waits for nothing.
    type: dict
    suboptions:
      voters:
        description: How many healthy voters there should be.
        type: int
      expected_peers:
        description: Node ids and cluster addresses (host:port) as the inventory has them.
        type: dict
  identities:
    description:
      - The operator, the admin and the status identity, as M(vaultops.cluster.vault_operator) sets them up. The operator is who
        logs in here.
      - Where something has to be written and nobody may, that is an error.
    type: dict
    suboptions:
      admins:
        description:
          - ARNs of the IAM users and roles that may administer. The ARN of an assumed role stands for the role.
          - Empty, who administers by IAM stays as it is; where nobody does, and O(auth_method=aws_iam), it is who runs this.
          - Whoever is taken from the list can't log in any more.
        type: list
        elements: str
        default: []
      operators:
        description: ARNs of those that may operate. Those of O(identities.admins) may as well.
        type: list
        elements: str
        default: []
      viewers:
        description: ARNs of those that may look. Those of O(identities.operators) and O(identities.admins) may as well.
        type: list
        elements: str
        default: []
      client_ca:
        description: Path of the CA certificate, in PEM, that signs the identities' client certificates.
        type: path
      common_name:
        description: Common name of the operator's certificate.
        type: str
        default: vaultops-operator
      admin_common_name:
        description: The same for the admin.
        type: str
        default: vaultops-admin
      status_common_name:
        description: The same for the status identity.
        type: str
        default: vaultops-status
      status_public_key:
        description: Path of the client certificate, in PEM, of the status identity, where it has one.
        type: path
      status_private_key:
        description: Path of its private key, in PEM.
        type: path
      policy:
        description: The operator's policy, in HCL. Default is what this collection's playbooks do day by day.
        type: str
  audit:
    description: The audit devices.
    type: dict
    suboptions:
      devices:
        description: Path of the device -> C(type) and C(options), as in M(vaultops.cluster.vault_audit).
        type: dict
        required: true
      declared:
        description: Whether the server's configuration declares the devices, likewise.
        type: bool
        default: false
  autopilot:
    description: The settings of autopilot, as in M(vaultops.cluster.vault_raft_autopilot). What is not named may be as it is.
    type: dict
    suboptions:
      cleanup_dead_servers:
        description: Whether dead servers are removed by themselves.
        type: bool
      dead_server_last_contact_threshold:
        description: How long a server must be silent to count as dead.
        type: str
      last_contact_threshold:
        description: How long a server may be silent and still count as healthy.
        type: str
      max_trailing_logs:
        description: How many log entries a server may be behind and still count as healthy.
        type: int
      min_quorum:
        description: How many servers clean-up always leaves.
        type: int
      server_stabilization_time:
        description: How long a new server must be healthy before it becomes a voter.
        type: str
  cert_role:
    description: One role of C(auth/cert) with its policy, as in M(vaultops.cluster.vault_cert_role).
    type: dict
    suboptions:
      name: &role_name
        description: Name of role and policy.
        type: str
        required: true
      state: &role_state
        description: Whether role and policy are to be there.
        type: str
        choices: [present, absent]
        default: present
      policy: &role_policy
        description: The policy, in HCL.
        type: str
      client_ca: &role_client_ca
        description: Path of the CA certificate(s), in PEM, that sign the client certificates.
        type: path
      dns_names: &role_dns_names
        description: Names of which a certificate must hold at least one.
        type: list
        elements: str
  probe_role:
    description: Another one, by which the nodes' probe logs in.
    type: dict
    suboptions:
      name: *role_name
      state: *role_state
      policy: *role_policy
      client_ca: *role_client_ca
      dns_names: *role_dns_names
  custody:
    description: Where the recovery keys are kept. Read once at most.
    required: false
extends_documentation_fragment:
  - vaultops.cluster.vault
  - vaultops.cluster.vault.auth
  - vaultops.cluster.vault.admin
  - vaultops.cluster.vault.custody
  - vaultops.cluster.attributes
  - vaultops.cluster.attributes.info
"""

EXAMPLES = r"""
- name: See whether audit devices or autopilot have to be set
  vaultops.cluster.vault_cluster_info:
    nodes:
      vault-1: https://10.0.1.10:8200
      vault-2: https://10.0.1.11:8200
      vault-3: https://10.0.1.12:8200
    ca_cert: /etc/vaultops/ca.crt
    cert_auth_public_key: /etc/vaultops/operator.crt
    cert_auth_private_key: /etc/vaultops/operator.key
    audit:
      devices:
        file:
          type: file
          options: {file_path: /var/log/vault/audit.log}
    autopilot:
      min_quorum: 3
  register: found
"""

RETURN = r"""
init:
  description: What M(vaultops.cluster.vault_init) would say, or null.
  returned: success
  type: dict
raft:
  description: What M(vaultops.cluster.vault_raft_info) would say, or null.
  returned: success
  type: dict
identities:
  description: What M(vaultops.cluster.vault_operator) would say, or null; with C(diff).
  returned: success
  type: dict
audit:
  description: What M(vaultops.cluster.vault_audit) would say, or null; with C(diff).
  returned: success
  type: dict
autopilot:
  description: What M(vaultops.cluster.vault_raft_autopilot) would say, or null; with C(diff).
  returned: success
  type: dict
cert_role:
  description: What M(vaultops.cluster.vault_cert_role) would say, or null; with C(diff).
  returned: success
  type: dict
probe_role:
  description: The same of O(probe_role).
  returned: success
  type: dict
"""

import contextlib
import functools
import typing as t

from ..module_utils._common.module import require, run_module
from ..module_utils._custody import sinks
from ..module_utils._vault.audit import look as audit
from ..module_utils._vault.auth import cert_role, people
from ..module_utils._vault.client import AUTH_SPEC, CONNECTION_SPEC, HVAC, Connection
from ..module_utils._vault.errors import VaultError
from ..module_utils._vault.init import look as init
from ..module_utils._vault.raft import autopilot
from ..module_utils._vault.raft import look as raft
from ..module_utils._vault.session import ADMIN_SPEC, can_log_in, root_token_from, session, usable_root_token
from ..module_utils._vault.visit import Visit

PARTS: dict[str, t.Any] = {
    "init": init.SPEC,
    "raft": raft.SPEC,
    "identities": people.SPEC,
    "audit": audit.SPEC,
    "autopilot": autopilot.SPEC,
    "cert_role": cert_role.SPEC,
    "probe_role": cert_role.SPEC,
}
NEEDED: dict[str, t.Any] = {
    "identities": {"required_together": people.TOGETHER},
    "cert_role": {"required_if": cert_role.NEEDS},
    "probe_role": {"required_if": cert_role.NEEDS},
}

Answer = tuple[str, t.Union[dict[str, t.Any], list[str]]]  # noqa: UP007  evaluated


def run(params: dict[str, t.Any], _check_mode: bool) -> dict[str, t.Any]:
    if params["custody"]:
        require(sinks.LIBRARIES)
    with Visit(Connection.from_params(params)) as visit:
        return {"changed": False, **dict.fromkeys(PARTS), **dict(answers(visit, params))}


def answers(visit: Visit, params: dict[str, t.Any]) -> t.Iterator[Answer]:
    """Part by part, as far as there is somebody to ask."""
    root_token = functools.cache(root_token_from(params["custody"], params["cluster_name"]))
    if params["init"] is not None:
        begun = init.look(visit, {**params, **params["init"]})
        yield "init", begun.result(begun.record)
        if begun.status["active"] is None or begun.todo.step == "recover":
            return
        visit.leading = begun.status["active"]
        root_token = functools.cache(lambda: usable_root_token(begun.record))
    name = visit.active()
    if params["raft"] is not None:
        with session(visit, root_token) as (_name, client):
            yield "raft", raft.result(name, client, raft.read(name, client), params["raft"])
    if params["identities"] is not None:
        who = people.look(visit, name, people.People({**params, **params["identities"]}), root_token())
        if who.warnings:
            yield "warnings", who.warnings
        yield "identities", who.result()
        if who.differs:
            yield from as_seen(visit, name, params, who.writer)
            return
    for part, see in LOOKS.items():
        if params[part] is not None:
            with visit.login(name) as client:
                yield part, see(name, client, params[part])


def as_seen(visit: Visit, name: str, params: dict[str, t.Any], writer: Connection | None) -> t.Iterator[Answer]:
    """The parts that are left, by who logs in here, or else by who is going to set up the identities; without what neither may
    look at. Only a refusal says that.
    """
    with contextlib.ExitStack() as ends:
        others = [ends.enter_context(Visit(writer))] if writer and writer != visit.connection else []
        able = [one for one in (visit, *others) if can_log_in(one, name)]
        for part, see in LOOKS.items():
            if params[part] is None:
                continue
            for one in able:
                try:
                    with one.login(name) as client:
                        yield part, see(name, client, params[part])
                        break
                except VaultError as error:
                    if error.status != 403:
                        raise


def see_audit(name: str, client: t.Any, wanted: dict[str, t.Any]) -> dict[str, t.Any]:
    return audit.result(*audit.look(name, client, wanted["devices"], wanted["declared"]))


def see_autopilot(name: str, client: t.Any, wanted: dict[str, t.Any]) -> dict[str, t.Any]:
    return autopilot.result(*autopilot.look(name, client, wanted))


def see_cert_role(name: str, client: t.Any, wanted: dict[str, t.Any]) -> dict[str, t.Any]:
    return cert_role.look(name, client, wanted["name"], cert_role.wanted(wanted)).result()


# What is looked at last, in this order.
LOOKS = {
    "audit": see_audit,
    "autopilot": see_autopilot,
    "cert_role": see_cert_role,
    "probe_role": see_cert_role,
}


OPTIONS: dict[str, t.Any] = {
    **CONNECTION_SPEC,
    **AUTH_SPEC,
    **ADMIN_SPEC,
    "cluster_name": {"type": "str"},
    "custody": sinks.OPTION,
    **{part: {"type": "dict", "options": spec, **NEEDED.get(part, {})} for part, spec in PARTS.items()},
}


def main() -> None:
    run_module(
        run,
        OPTIONS,
        OSError,
        ValueError,
        libraries=HVAC,
        required_by={"custody": ["cluster_name"], "init": ["custody"]},
        required_together=[
            ("cert_auth_public_key", "cert_auth_private_key"),
            ("admin_public_key", "admin_private_key"),
        ],
    )


if __name__ == "__main__":
    main()
