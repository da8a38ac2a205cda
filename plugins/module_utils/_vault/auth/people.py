# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who looks at, runs and administers the cluster, by the options, and how that differs from what the cluster knows."""

from __future__ import annotations

import dataclasses
import typing as t

from ..client import Cluster, Connection
from ..session import as_admin, nobody
from . import setup, state

# Besides the cluster's name, custody, and who logs in.
SPEC: dict[str, t.Any] = {
    "client_ca": {"type": "path", "required": True},
    "common_name": {"type": "str", "default": "vaultops-operator"},
    "admin_common_name": {"type": "str", "default": "vaultops-admin"},
    "status_common_name": {"type": "str", "default": "vaultops-status"},
    "status_public_key": {"type": "path"},
    "status_private_key": {"type": "path", "no_log": False},
    "policy": {"type": "str"},
}
TOGETHER = [("status_public_key", "status_private_key")]

UNNARROWED = (
    "{operator} may still write policies, and so grant itself any policy: there is no admin's certificate, and no other "
    "identity that could replace it. Give admin_public_key and admin_private_key (vault_admin_certificate_file and "
    "vault_admin_key_file), and run this once more."
)


class People:
    """Who there is, by the options."""

    def __init__(self, params: t.Mapping[str, t.Any]) -> None:
        self.params = params
        self.operator = Connection.from_params(params)
        self.admin = as_admin(self.operator, params)

    def has_no_admin(self) -> bool:
        return not self.params["admin_public_key"]

    def desired(self) -> state.Identities:
        params = self.params
        with open(params["client_ca"], encoding="utf-8") as stream:
            ca = stream.read()

        def identity(role: str, policy: str, common_name: str) -> state.Identity:
            return state.wanted(role, policy, ca, allowed_common_names=[common_name])

        found = {}
        if not self.has_no_admin():
            found[params["admin_role"]] = identity(
                params["admin_role"], state.ADMIN_POLICY, params["admin_common_name"]
            )
        if params["status_public_key"]:
            found[state.STATUS] = identity(state.STATUS, state.STATUS_POLICY, params["status_common_name"])
        role = self.operator.cert_auth_role
        found[role] = identity(role, params["policy"] or state.OPERATOR_POLICY, params["common_name"])
        return found

    def writers(self, root_token: str | None) -> list[Connection]:
        """Who may be able to write, best first."""
        if self.operator.token:
            return [self.operator]
        return [
            *([] if self.has_no_admin() else [self.admin]),
            *([dataclasses.replace(self.operator, token=root_token)] if root_token else []),
            self.operator,
        ]

    def proven(self) -> list[Connection]:
        """Whose certificates have to log in, whatever token was given."""
        params, bare = self.params, dataclasses.replace(self.operator, token=None)
        status = dataclasses.replace(
            bare,
            cert_auth_public_key=params["status_public_key"],
            cert_auth_private_key=params["status_private_key"],
            cert_auth_role=state.STATUS,
        )
        return [
            *([] if self.has_no_admin() else [as_admin(bare, params)]),
            *([status] if params["status_public_key"] else []),
            bare,
        ]


@dataclasses.dataclass(frozen=True)
class Look:
    current: state.Identities
    desired: state.Identities
    steps: list[state.Step]
    writer: Connection | None  # who may write; not looked for where nothing has to be written
    root_token: str | None  # what custody holds, which is to be revoked
    warning: str | None

    @property
    def differs(self) -> bool:
        return bool(self.steps or self.root_token)

    def result(self) -> dict[str, t.Any]:
        return {
            "changed": self.differs,
            "steps": [str(step) for step in self.steps],
            "root_token_revoked": bool(self.root_token),
            "diff": {"before": self.current, "after": self.desired},
        }


def look(cluster: Cluster, name: str, people: People, root_token: str | None) -> Look:
    """*cluster*: as the operator, who compares."""
    desired = people.desired()
    current, writer, warning = setup.look(cluster, name, desired), None, None
    if current is None or state.plan(current, desired):
        writer = setup.writer(people.writers(root_token), name, list(desired))
        if writer is None:
            raise nobody(name, people.admin.cert_auth_role)
        current = current or setup.look(Cluster(writer), name, desired)
    assert current is not None
    steps = state.plan(current, desired)
    unnarrowed = state.Step(people.operator.cert_auth_role, "policy")
    if unnarrowed in steps and people.has_no_admin() and writer is people.operator:
        steps.remove(unnarrowed)
        desired[unnarrowed.role]["policy"] = current[unnarrowed.role]["policy"]
        warning = UNNARROWED.format(operator=unnarrowed.role)
    return Look(current, desired, steps, writer, root_token, warning)
