# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Why identities stay as they are, where the operator logs in and nobody here may write: in words. Pure."""

from __future__ import annotations

import typing as t

from ..client import Connection
from ..errors import VaultError
from ..session import with_what
from .state import Step

CURE = (
    "Have an administrator run playbooks/site.yml once: one of vault_admins, or whoever has the administrator's certificate "
    "(vault_admin_certificate_file and vault_admin_key_file). Or give a token that may write under sys/ and auth/, once: "
    "VAULT_TOKEN=... in the environment. Where no administrator gets in any more, playbooks/regain_admin.yml lets one in."
)
OWN = " The policy is your own (vault_cluster_operator_policy), so see that it allows what playbooks/site.yml looks at."


class Writer(t.NamedTuple):
    """Who would write, and why Vault does not let that identity in, where it does not."""

    connection: Connection
    refusal: VaultError | None


def problem(name: str, operator: str, steps: t.Sequence[Step] | None, admin: Writer, own_policy: bool) -> VaultError:
    """*steps*: what the operator has seen to differ; None where its policy does not let it look."""
    cause = f"{_differs(operator, steps)}, and {_cannot(admin)}"
    return VaultError(name, cause, CURE + (OWN if own_policy and steps is None else ""), status=403)


def _differs(operator: str, steps: t.Sequence[Step] | None) -> str:
    if steps is None:
        return (
            f"'{operator}' logs in, and may not look at all that this collection compares: its policy in Vault is older than the "
            "collection, or somebody changed it"
        )
    if Step(operator, "policy") in steps:
        return (
            f"the policy of '{operator}' in Vault is not the one of this collection: it is older than the collection, or "
            "somebody changed it"
        )
    return f"something has to be written ({', '.join(map(str, steps))})"


def _cannot(admin: Writer) -> str:
    if admin.connection.token:
        return "the token that was given may not write it"
    who = f"the identity '{admin.connection.role_id}'"
    return (
        f"{who} can't log in {with_what(admin.connection, admin.refusal)}"
        if admin.refusal
        else f"{who} may not write it"
    )
