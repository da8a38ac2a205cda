# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The operator identity as it should be, and how it differs from what is there. Pure."""

from __future__ import annotations

import typing as t

# Long enough for one module call on a busy cluster; every call logs in for itself.
TOKEN_TTL_SECONDS = 900

# Runs the cluster and hands out access, and reads no secret: nothing outside sys/ and auth/.
POLICY = """\
path "sys/*" {
  capabilities = ["create", "read", "update", "patch", "delete", "list", "sudo"]
}

path "auth/*" {
  capabilities = ["create", "read", "update", "patch", "delete", "list", "sudo"]
}
"""


class Identity(t.TypedDict):
    cert_auth: bool
    policy: str | None
    role: dict[str, t.Any] | None


def wanted(policy_name: str, policy: str, ca: str, **names: list[str]) -> Identity:
    """*names*: which certificates of the CA may log in (allowed_common_names, allowed_dns_sans)."""
    return {
        "cert_auth": True,
        "policy": policy.strip(),
        "role": {
            "certificate": ca.strip(),
            **names,
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
