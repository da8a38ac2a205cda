# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Variables and arguments that Vault's server puts before its configuration, and which setting each stands for. Pure."""

from __future__ import annotations

import re
import typing as t

# None of these is a secret, so their values may be read.
SETTINGS = {
    "AWSKMS_WRAPPER_KEY_ID": "seal.awskms.kms_key_id",
    "AWS_DEFAULT_REGION": "seal.awskms.region",
    "AWS_KMS_ENDPOINT": "seal.awskms.endpoint",
    "AWS_REGION": "seal.awskms.region",
    "VAULT_ADVERTISE_ADDR": "api_addr",
    "VAULT_API_ADDR": "api_addr",
    "VAULT_AWSKMS_SEAL_KEY_ID": "seal.awskms.kms_key_id",
    "VAULT_CLUSTER_ADDR": "cluster_addr",
    "VAULT_LOG_FORMAT": "log_format",
    "VAULT_LOG_LEVEL": "log_level",
    "VAULT_RAFT_NODE_ID": "storage.raft.node_id",
    "VAULT_RAFT_PATH": "storage.raft.path",
    "VAULT_RAFT_RETRY_JOIN_AS_NON_VOTER": "storage.raft.retry_join_as_non_voter",
    "VAULT_REDIRECT_ADDR": "api_addr",
    "VAULT_SEAL_TYPE": "seal",
    "VAULT_UI": "ui",
}
# By any of these AWS's library finds credentials before it asks for those of the instance's role.
CREDENTIALS = frozenset(
    {
        "AWS_ACCESS_KEY",
        "AWS_ACCESS_KEY_ID",
        "AWS_CONFIG_FILE",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_DEFAULT_PROFILE",
        "AWS_PROFILE",
        "AWS_ROLE_ARN",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SECRET_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_SHARED_CREDENTIALS_FILE",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
    }
)
# Arguments of the command that go before it as well.
ARGUMENTS = {"log-format": "log_format", "log-level": "log_level"}
# With this one Vault does not start where the configuration is not its own user's, and the one that is laid down is root's.
CHECK = "VAULT_ENABLE_FILE_PERMISSIONS_CHECK"
# The rest of what AWS's library takes is where its credentials come from, and how it reaches AWS.
_OTHERS = re.compile(r"AWS_\w+|VAULT_RAFT_\w+")


def setting(kind: str, name: str) -> str:
    """The setting that a variable (of Environment) or an argument (of ExecStart) stands for, or nothing."""
    return {"Environment": SETTINGS, "ExecStart": ARGUMENTS}.get(kind, {}).get(name, "")


def overrides(name: str, value: str = "") -> bool:
    if name == CHECK:
        return value.lower() not in ("false", "f", "0")
    return name in SETTINGS or _OTHERS.fullmatch(name) is not None


def told(name: str, value: str) -> str:
    """The value of a variable that holds no secret; of any other, nothing."""
    return value if (name in SETTINGS or name == CHECK) and "@" not in value else ""


def stands_for(name: str) -> str:
    """What of the configuration a variable goes before, in words."""
    if name in SETTINGS:
        return SETTINGS[name]
    if name == CHECK:
        return "who owns the configuration: it is root's, and Vault would not start"
    return (
        "how Raft works" if name.startswith("VAULT_RAFT_") else "the credentials and the way to AWS of the node's role"
    )


def pairs(words: t.Iterable[str]) -> dict[str, str]:
    """NAME=value words as variables; the last one of a name counts."""
    return {name: value for name, is_set, value in (word.partition("=") for word in words) if is_set and name}
