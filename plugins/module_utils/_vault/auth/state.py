# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The cluster's identities as they should be, and how they differ from what is there. Pure."""

from __future__ import annotations

import typing as t

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
# again, and nobody's policy. A snapshot is readable for who may use the unseal key.
OPERATOR_POLICY = """\
path "sys/auth" { capabilities = ["read"] }
path "sys/audit" { capabilities = ["read", "sudo"] }
path "sys/policies/acl/vaultops-operator" { capabilities = ["read"] }
path "sys/policies/acl/vaultops-admin" { capabilities = ["read"] }
path "sys/policies/acl/vaultops-status" { capabilities = ["read"] }
path "sys/policies/acl/vaultops-backup" { capabilities = ["read"] }
path "sys/policies/acl/vaultops-canary" { capabilities = ["create", "read", "update"] }
path "auth/cert/certs/vaultops-operator" { capabilities = ["read"] }
path "auth/cert/certs/vaultops-admin" { capabilities = ["read"] }
path "auth/cert/certs/vaultops-status" { capabilities = ["read"] }
path "auth/cert/certs/vaultops-backup" { capabilities = ["read"] }
path "auth/cert/crls" { capabilities = ["list"] }
path "auth/cert/crls/vaultops" { capabilities = ["read"] }
path "sys/storage/raft/configuration" { capabilities = ["read"] }
path "sys/storage/raft/autopilot/state" { capabilities = ["read"] }
path "sys/storage/raft/autopilot/configuration" { capabilities = ["read", "update"] }
path "sys/storage/raft/snapshot" { capabilities = ["read"] }
path "sys/storage/raft/remove-peer" { capabilities = ["update"] }
path "sys/step-down" { capabilities = ["update", "sudo"] }
"""

# What playbooks/status.yml asks.
STATUS_POLICY = """\
path "sys/storage/raft/configuration" { capabilities = ["read"] }
path "sys/storage/raft/autopilot/state" { capabilities = ["read"] }
path "sys/storage/raft/autopilot/configuration" { capabilities = ["read"] }
"""


class Identity(t.TypedDict):
    cert_auth: bool
    policy: str | None
    role: dict[str, t.Any] | None


def wanted(policy_name: str, policy: str, ca: str, **more: t.Any) -> Identity:
    """*more*: which certificates of the CA may log in (allowed_common_names, allowed_dns_sans), and from where."""
    return {
        "cert_auth": True,
        "policy": policy.strip(),
        "role": {
            "certificate": ca.strip(),
            **more,
            "token_policies": [policy_name],
            "token_ttl": TOKEN_TTL_SECONDS,
            "token_max_ttl": TOKEN_TTL_SECONDS,
        },
    }


def observed(cert_auth: bool, policy: str | None, role: dict[str, t.Any] | None, like: Identity) -> Identity:
    """What is there, cut down to what is managed and cleaned of what makes no difference."""
    managed = {name: (role or {}).get(name) for name in (like["role"] or {})}
    managed["certificate"] = str(managed["certificate"] or "").strip()
    return {
        "cert_auth": cert_auth,
        "policy": policy.strip() if policy is not None else None,
        "role": managed if role is not None else None,
    }


def steps(current: Identity, desired: Identity) -> list[str]:
    """Which of the parts have to be written, in the order in which they depend on each other."""
    return [part for part in ("cert_auth", "policy", "role") if current[part] != desired[part]]  # type: ignore[literal-required]


Identities = dict[str, Identity]  # by role, in the order in which they are written


class Step(t.NamedTuple):
    role: str
    part: str

    def __str__(self) -> str:
        return self.part if self.part == "cert_auth" else f"{self.part} {self.role}"


def plan(current: Identities, desired: Identities) -> list[Step]:
    """What has to be written, one identity after the other."""
    found = [Step(role, part) for role, identity in desired.items() for part in steps(current[role], identity)]
    return [step for number, step in enumerate(found) if str(step) not in map(str, found[:number])]


def written(roles: t.Iterable[str]) -> list[str]:
    """The paths whose writer can set up these identities."""
    return [f"{place}/{role}" for role in roles for place in ("sys/policies/acl", "auth/cert/certs")]


def may_write(capabilities: t.Mapping[str, t.Any], roles: t.Iterable[str]) -> bool:
    """Whether who has these capabilities, by path, can set up these identities. *capabilities*: Vault's answer."""
    return all(_writes(capabilities.get(path)) for path in written(roles))


def _writes(granted: t.Any) -> bool:
    return isinstance(granted, list) and ("root" in granted or {"create", "update"} <= set(granted))
