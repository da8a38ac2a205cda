# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who looks at, runs and administers the cluster, by the options, and how that differs from what the cluster knows."""

from __future__ import annotations

import dataclasses
import functools
import typing as t

from ..._common.errors import Problem
from ..._common.principals import principals
from .. import iam
from ..client import Cluster, Connection
from ..errors import VaultError
from ..session import nobody, refused, with_certificate
from . import setup, state, unwritten

# Besides the cluster's name, custody, and who logs in.
SPEC: dict[str, t.Any] = {
    "admins": {"type": "list", "elements": "str", "default": []},
    "operators": {"type": "list", "elements": "str", "default": []},
    "viewers": {"type": "list", "elements": "str", "default": []},
    "client_ca": {"type": "path"},
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
    "vault_admin_key_file), or vault_admins, and run this once more."
)
UNPROVEN = "That these can log in is not proven from here, since nobody but they can show it: {others}."

KEPT = (
    "The certificates of {roles} may go on logging in: nobody here can show that an IAM principal administers. A run of site.yml "
    "by one of vault_admins, without a token, closes that login."
)


class People:
    """Who there is, by the options. IAM principals are, where they log in or are named; certificates where there are any."""

    def __init__(self, params: t.Mapping[str, t.Any]) -> None:
        self.params = params
        self.operator = Connection.from_params(params)
        self.by_iam = self.operator.auth_method == "aws_iam" or bool(params["admins"])
        if self.by_iam and not self.operator.region:
            raise Problem("region is not set, and IAM principals are to log in", "Give the region whose STS is asked.")
        bare = dataclasses.replace(self.operator, token=None)
        iam_admin = dataclasses.replace(bare, auth_method="aws_iam", role_id=params["admin_role"])
        cert_admin = with_certificate(bare, params)
        ways = [iam_admin if self.by_iam else None, cert_admin]
        if self.operator.auth_method != "aws_iam":
            ways.reverse()
        self.admins = [one for one in ways if one]
        self.admin = self.operator if self.operator.token or not self.admins else self.admins[0]
        self.caller = functools.cache(self._caller)

    def _caller(self, name: str) -> str:
        return iam.caller(name, self.operator)

    def has_no_admin(self) -> bool:
        return not self.admins

    def desired(self) -> state.Identities:
        """Without the principals yet: who is not named stays what he is, see with_principals."""
        params, operator = self.params, self.operator.role_id
        by_cert = self.operator.auth_method == "cert"
        everybody = (
            (params["admin_role"], state.ADMIN_POLICY, params["admin_common_name"], params["admin_public_key"]),
            (state.STATUS, state.STATUS_POLICY, params["status_common_name"], params["status_public_key"]),
            (
                operator,
                params["policy"] or state.OPERATOR_POLICY,
                params["common_name"],
                by_cert or self.operator.cert_auth_public_key,
            ),
        )
        found: state.Identities = {}
        for role, policy, common_name, certificate in everybody:
            if not (certificate or self.by_iam or role == operator):
                continue
            if certificate:
                found[role] = state.wanted(role, policy, self._client_ca(), allowed_common_names=[common_name])
            else:
                found[role] = {"cert_auth": True, "policy": policy.strip()}
                # Whoever lost his certificate for another way in must not have the old one open.
                if self.operator.auth_method == "aws_iam":
                    found[role]["role"] = None
            if self.by_iam:
                found[role] |= state.aws_wanted(role, [], self._client_config())
        return found

    def _client_ca(self) -> str:
        if not self.params["client_ca"]:
            raise Problem("there are certificates to log in with, and no client_ca", "Give the CA that signs them.")
        with open(self.params["client_ca"], encoding="utf-8") as stream:
            return stream.read()

    def _client_config(self) -> dict[str, t.Any]:
        operator = self.operator
        return state.aws_config(operator.region, operator.aws_sts_endpoint, operator.aws_iam_server_id)

    def with_principals(self, desired: state.Identities, current: state.Identities, name: str) -> state.Identities:
        """Whoever administers may operate, and whoever operates may look: one person's run does all three.

        Administrators that nobody names are those that there are; of a new cluster who runs this.
        """
        if not self.by_iam:
            return desired
        admins = (
            principals(self.params["admins"]) or state.bound(current[self.params["admin_role"]]) or [self.caller(name)]
        )
        operators = sorted({*admins, *principals(self.params["operators"])})
        viewers = sorted({*operators, *principals(self.params["viewers"])})
        bound = {self.params["admin_role"]: admins, self.operator.role_id: operators, state.STATUS: viewers}
        return {
            role: {**identity, "aws_role": {**identity["aws_role"], "bound_iam_principal_arn": bound[role]}}
            for role, identity in desired.items()
        }

    def writers(self, root_token: str | None) -> list[Connection]:
        """Who may be able to write, best first."""
        if self.operator.token:
            return [self.operator]
        return [
            *self.admins,
            *([dataclasses.replace(self.operator, token=root_token)] if root_token else []),
            self.operator,
        ]

    def provable(self, desired: state.Identities, caller: str | None) -> list[Connection]:
        """Who has to log in, whatever token was given: each certificate, and *caller* as whatever it may be."""
        params = self.params
        bare = dataclasses.replace(self.operator, token=None)
        by_cert = dataclasses.replace(bare, auth_method="cert")
        status = dataclasses.replace(
            by_cert,
            cert_auth_public_key=params["status_public_key"],
            cert_auth_private_key=params["status_private_key"],
            role_id=state.STATUS,
        )
        admin = with_certificate(bare, params)
        return [
            *([admin] if admin else []),
            *([status] if params["status_public_key"] else []),
            *([by_cert] if desired[self.operator.role_id].get("role") else []),
            *(
                dataclasses.replace(bare, auth_method="aws_iam", role_id=role)
                for role, identity in desired.items()
                if caller and caller in (state.bound(identity) or [])
            ),
        ]


@dataclasses.dataclass(frozen=True)
class Look:
    current: state.Identities
    desired: state.Identities
    steps: list[state.Step]
    writer: Connection | None  # who may write; not looked for where nothing has to be written
    root_token: str | None  # what custody holds, which is to be revoked
    proven: list[Connection]  # who has to log in afterwards
    warnings: list[str]

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
    desired, writer, warnings = people.desired(), None, []
    current, _refusal = setup.look(cluster, name, desired)
    if current is not None:
        desired = people.with_principals(desired, current, name)
    if current is None or state.plan(current, desired):
        writer = setup.writer(people.writers(root_token), name, desired)
        if writer is None:
            raise _nobody(cluster, name, people, None if current is None else state.plan(current, desired))
        if current is None:
            current, _refusal = setup.look(Cluster(writer), name, desired)
            if current is None:
                raise AssertionError("who may write may look")
            desired = people.with_principals(desired, current, name)
    steps = state.plan(current, desired)
    unnarrowed = state.Step(people.operator.role_id, "policy")
    if unnarrowed in steps and people.has_no_admin() and writer is people.operator:
        steps.remove(unnarrowed)
        desired[unnarrowed.role]["policy"] = current[unnarrowed.role]["policy"]
        warnings.append(UNNARROWED.format(operator=unnarrowed.role))
    proven: list[Connection] = []
    if steps or root_token:
        caller = people.caller(name) if people.by_iam else None
        if caller:
            refuse_lock_out(people, name, desired, caller)
        proven = people.provable(desired, caller)
        others = {one for step in steps if step.part == "aws_role" for one in state.bound(desired[step.role]) or []}
        if others - {caller}:
            warnings.append(UNPROVEN.format(others=", ".join(sorted(others - {caller}))))
        admin = people.params["admin_role"]
        if not [one for one in proven if (one.auth_method, one.role_id) == ("aws_iam", admin)]:
            kept = [step for step in steps if step.gone]
            for step in kept:
                steps.remove(step)
                desired[step.role][step.part] = current[step.role][step.part]
            if kept:
                warnings.append(KEPT.format(roles=", ".join(step.role for step in kept)))
    if root_token:
        refuse_unproven(people, name, proven)
    return Look(current, desired, steps, writer, root_token, proven, warnings)


def _nobody(cluster: Cluster, name: str, people: People, steps: list[state.Step] | None) -> VaultError:
    """Why nobody writes what differs. Who logs in is known to the cluster, and wants an administrator, not an identity."""
    admin = unwritten.Writer(people.admin, refused(Cluster(people.admin), name))
    if refused(cluster, name):
        return nobody(name, *admin)
    return unwritten.problem(name, people.operator.role_id, steps, admin, bool(people.params["policy"]))


def refuse_lock_out(people: People, name: str, desired: state.Identities, caller: str) -> None:
    """Whoever takes himself from the list could not put himself back. With a token or a certificate he could."""
    admins = state.bound(desired[people.params["admin_role"]]) or []
    if people.operator.auth_method != "aws_iam" or people.operator.token or caller in admins:
        return
    raise VaultError(
        name,
        f"{caller}, as whom this controller logs in, would not be among the administrators ({', '.join(admins)}), so that "
        "nothing could be proven from here, or put right again. Nothing was changed",
        "Add it to vault_admins, or let one of those run this.",
    )


def refuse_unproven(people: People, name: str, proven: list[Connection]) -> None:
    """Root is the last way in. It goes when an administrator's login has been seen, and whoever that is is here."""
    admin = people.params["admin_role"]
    if people.has_no_admin() and people.operator.auth_method == "cert":
        return
    if not [one for one in proven if one.role_id == admin]:
        raise VaultError(
            name,
            "the root token would be revoked, and no administrator's login can be proven from here. Nothing was changed",
            "Run this as one of vault_admins, or give the administrator's certificate (vault_admin_certificate_file and "
            "vault_admin_key_file).",
        )
