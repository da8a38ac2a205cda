# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The cluster's identities as they should be, and how they differ from what is there. Pure."""

from __future__ import annotations

import typing as t

from ..._common.principals import sts_url

OPERATOR = "vaultops-operator"
ADMIN = "vaultops-admin"
STATUS = "vaultops-status"

# Long enough for one module call on a busy cluster; every call logs in for itself.
TOKEN_TTL_SECONDS = 900

# Says who may do what, and restores: bootstrap, another CA, nodes that come and go. Nothing outside sys/ and auth/, but who may
# write policies can grant itself the rest: no run logs in as this unless something of that kind has to be written.
ADMIN_POLICY = """\
path "sys/*" {
  capabilities = ["create", "read", "update", "patch", "delete", "list", "sudo"]
}

path "auth/*" {
  capabilities = ["create", "read", "update", "patch", "delete", "list", "sudo"]
}
"""

# Runs the cluster day by day; sees who may do what, and changes nothing of it. The policy of the canary is a value to be found
# again, and nobody's policy. A snapshot is readable for who may use the unseal key. All policies, mounts and plugins are read
# before an upgrade to a Vault that may not take them.
OPERATOR_POLICY = """\
path "sys/auth" { capabilities = ["read"] }
path "sys/audit" { capabilities = ["read", "sudo"] }
path "sys/mounts" { capabilities = ["read"] }
path "sys/plugins/catalog" { capabilities = ["read"] }
path "sys/policies/acl" { capabilities = ["list"] }
path "sys/policies/acl/*" { capabilities = ["read"] }
path "sys/policies/acl/vaultops-canary" { capabilities = ["create", "read", "update"] }
path "auth/aws/config/client" { capabilities = ["read"] }
path "auth/aws/role/vaultops-operator" { capabilities = ["read"] }
path "auth/aws/role/vaultops-admin" { capabilities = ["read"] }
path "auth/aws/role/vaultops-status" { capabilities = ["read"] }
path "auth/cert/certs/vaultops-operator" { capabilities = ["read"] }
path "auth/cert/certs/vaultops-admin" { capabilities = ["read"] }
path "auth/cert/certs/vaultops-status" { capabilities = ["read"] }
path "auth/cert/certs/vaultops-backup" { capabilities = ["read"] }
path "auth/cert/certs/vaultops-probe" { capabilities = ["read"] }
path "auth/cert/crls" { capabilities = ["list"] }
path "auth/cert/crls/vaultops" { capabilities = ["read"] }
path "sys/storage/raft/configuration" { capabilities = ["read"] }
path "sys/storage/raft/autopilot/state" { capabilities = ["read"] }
path "sys/storage/raft/autopilot/configuration" { capabilities = ["read", "update"] }
path "sys/storage/raft/snapshot" { capabilities = ["read"] }
path "sys/storage/raft/remove-peer" { capabilities = ["update"] }
path "sys/step-down" { capabilities = ["update", "sudo"] }
"""

# What playbooks/status.yml asks. To Vault the list of audit devices is root's, so it takes sudo; with read alone it shows names
# and places, enables nothing and disables nothing.
STATUS_POLICY = """\
path "sys/audit" { capabilities = ["read", "sudo"] }
path "sys/storage/raft/configuration" { capabilities = ["read"] }
path "sys/storage/raft/autopilot/state" { capabilities = ["read"] }
path "sys/storage/raft/autopilot/configuration" { capabilities = ["read"] }
"""


# What of an identity is managed, in the order in which it is written. The first three are the cluster's, and written once: the
# two methods, and which STS the second one asks. *role*: of the certificate login; *aws_role*: of the IAM login.
COMMON = ("cert_auth", "aws_auth", "aws_config")
PARTS = (*COMMON, "policy", "aws_role", "role")

# By part. A part that is not there is nobody's business here; a policy or a role that is None must not be there.
Identity = dict[str, t.Any]


def wanted(policy_name: str, policy: str, ca: str, **more: t.Any) -> Identity:
    """*more*: which certificates of the CA may log in (allowed_common_names, allowed_dns_sans), and from where."""
    role = {"certificate": ca.strip(), **more, **_token(policy_name)}
    return {"cert_auth": True, "policy": policy.strip(), "role": role}


def aws_config(region: str | None, url: str | None, server_id: str | None) -> dict[str, t.Any]:
    """Which STS Vault asks who logs in. *url*: of the one that is asked here; None, it is the region's own."""
    endpoint, own = sts_url(region, url), sts_url(region)
    return {
        "sts_endpoint": endpoint,
        "sts_region": region,
        # Who logs in says which region's STS is asked: restored in another region, Vault asks none of the one it comes from.
        # Another URL than the region's own, such as a stand-in's, would be overruled by this.
        "use_sts_region_from_client": endpoint == own,
        "iam_server_id_header_value": server_id or "",
    }


def aws_wanted(policy_name: str, principals: list[str], config: dict[str, t.Any]) -> Identity:
    """By principals and not by their ids in AWS: to look these up, the nodes would need rights in IAM and a way to it, which has
    no endpoint in most regions; and those of another account can't be looked up at all. Who may make a role of the same name
    again may also change the trust of the one that is there.
    """
    role = {
        "auth_type": "iam",
        "bound_iam_principal_arn": principals,
        "resolve_aws_unique_ids": False,
        **_token(policy_name),
    }
    return {"aws_auth": True, "aws_config": config, "aws_role": role}


def _token(policy: str) -> dict[str, t.Any]:
    return {"token_policies": [policy], "token_ttl": TOKEN_TTL_SECONDS, "token_max_ttl": TOKEN_TTL_SECONDS}


def bound(identity: Identity | None) -> list[str] | None:
    """The principals that an identity's IAM role lets in; None where there is no such role."""
    role = (identity or {}).get("aws_role")
    return role["bound_iam_principal_arn"] if role else None


def observed(found: Identity, like: Identity) -> Identity:
    """What is there, cut down to what is managed and cleaned of what makes no difference. *found*: each part of *like* as Vault
    has it, None where it is not there.
    """
    return {part: _managed(part, found[part], like[part]) for part in PARTS if part in like}


def _managed(part: str, found: t.Any, like: t.Any) -> t.Any:
    if part == "policy":
        return found.strip() if found is not None else None
    if not isinstance(found, dict):
        return found
    managed = {name: found.get(name) for name in (like or found)}
    if "certificate" in managed:
        managed["certificate"] = str(managed["certificate"] or "").strip()
    if "bound_iam_principal_arn" in managed:
        managed["bound_iam_principal_arn"] = sorted(managed["bound_iam_principal_arn"] or [])
    return managed


def steps(current: Identity, desired: Identity) -> list[str]:
    """Which of the parts have to be written, in the order in which they depend on each other."""
    return [part for part in PARTS if part in desired and current[part] != desired[part]]


Identities = dict[str, Identity]  # by role, in the order in which they are written


class Step(t.NamedTuple):
    role: str
    part: str
    gone: bool = False

    def __str__(self) -> str:
        words = self.part if self.part in COMMON else f"{self.part} {self.role}"
        return f"no {words}" if self.gone else words


def plan(current: Identities, desired: Identities) -> list[Step]:
    """What has to be written, one identity after the other, and then what has to go."""
    found = [
        Step(role, part, identity[part] is None)
        for role, identity in desired.items()
        for part in steps(current[role], identity)
    ]
    once = [step for number, step in enumerate(found) if str(step) not in map(str, found[:number])]
    return sorted(once, key=lambda step: step.gone)


_PLACES = {"policy": "sys/policies/acl", "role": "auth/cert/certs", "aws_role": "auth/aws/role"}


def path(part: str, role: str) -> str:
    return f"{_PLACES[part]}/{role}"


def written(identities: t.Mapping[str, t.Iterable[str]]) -> list[str]:
    """The paths whose writer can set up these identities, each given with its parts."""
    return [path(part, role) for role, parts in identities.items() for part in _PLACES if part in parts]


def may_write(capabilities: t.Mapping[str, t.Any], identities: t.Mapping[str, t.Iterable[str]]) -> bool:
    """Whether who has these capabilities, by path, can set up these identities. *capabilities*: Vault's answer."""
    return all(_writes(capabilities.get(place)) for place in written(identities))


def _writes(granted: t.Any) -> bool:
    return isinstance(granted, list) and ("root" in granted or {"create", "update"} <= set(granted))
