# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""An alias as it is and as it should be. Pure."""

from __future__ import annotations

import re
import typing as t

if t.TYPE_CHECKING:
    from .key_state import Key

NAME = re.compile(r"alias/(?!aws/)[a-zA-Z0-9/_-]{1,250}")


class Alias(t.TypedDict):
    name: str
    key_arn: str | None  # None: there is no such alias


def full_name(name: str) -> str:
    return name if name.startswith("alias/") else f"alias/{name}"


def name_problem(name: str) -> str | None:
    if NAME.fullmatch(full_name(name)):
        return None
    return f"{name!r} is no name for an alias: letters, digits, '/', '_' and '-', and not alias/aws/"


def present_problem(current: Alias, target: Key, repoint: bool) -> str | None:
    """Why the alias can't be pointed there, or None."""
    if target["key_state"] != "Enabled":
        return (
            f"{target['arn']} is {target['key_state']}, and an alias that points at it would stop Vault from unsealing"
        )
    if current["key_arn"] not in (None, target["arn"]) and not repoint:
        return (
            f"{current['name']} points at {current['key_arn']}, not at {target['arn']}. Whatever the old key encrypted, "
            "snapshots included, needs the old key for ever. If that is understood, set repoint=true"
        )
    return None


def seal_problems(
    wanted: list[Key], used: list[Key], alias: str, region: str, in_use: t.Mapping[str, str], typed: str = ""
) -> list[str]:
    """Why a cluster must not be given this alias: its nodes are sealed with another key.

    *wanted* and *used* are what kms_key_info finds for the alias, and for *in_use*, which the nodes' configuration names.
    """
    if not wanted or typed == alias or (used and _identity(wanted[0]) == _identity(used[0])):
        return []
    uses = f"{in_use['key_id']} in {in_use.get('region') or region}"
    is_there = f"which is {used[0]['arn']}" if used else "where there is no such key any more"
    return [
        f"The running nodes are sealed with {uses}, {is_there}, and {alias} in {region} is {wanted[0]['arn']}. With another "
        "key Vault seals itself anew, and whatever the old key encrypted, snapshots included, goes on needing it. Put "
        "back alias and region. If the other key is meant, playbooks/move_seal_key.yml moves the cluster to it, node by node. "
        f"Without the proofs of that playbook: -e vault_kms_change={alias}."
    ]


def _identity(key: Key) -> str | None:
    """A multi-region key and its replicas open each other's ciphertext."""
    return key["key_id"] if key["multi_region"] else key["arn"]


def present_step(current: Alias, target: Key) -> str | None:
    if current["key_arn"] == target["arn"]:
        return None
    return "update" if current["key_arn"] else "create"
