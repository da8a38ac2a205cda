# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a node's seal wants of whoever opens it, and whether the keys at hand are enough. Pure."""

from __future__ import annotations

import typing as t

SHAMIR = "shamir"


class Seal(t.TypedDict):
    """As one node tells it."""

    type: str  # of its configuration: shamir, awskms
    sealed: bool
    migrating: bool  # the configuration names another type than what is stored
    threshold: int
    shares: int


def wants(seal: Seal) -> str:
    """nothing: it is open; keys: it is opened by keys, and then ready to take over the new seal; itself: it opens by its KMS key;
    stanza: its process has not read the new seal."""
    if not seal["sealed"]:
        return "nothing"
    if seal["migrating"]:
        return "keys"
    return "stanza" if seal["type"] == SHAMIR else "itself"


def distinct(keys: t.Sequence[str]) -> list[str]:
    return list(dict.fromkeys(keys))


def too_few(keys: t.Sequence[str], seal: Seal) -> tuple[str, str] | None:
    """Cause and cure."""
    count = len(distinct(keys))
    if count >= seal["threshold"]:
        return None
    return (
        f"{seal['threshold']} of the {seal['shares']} unseal keys are needed, and {count} different ones were given",
        "Give them in the environment as VAULT_UNSEAL_KEYS, separated by commas.",
    )


def others_rekey(nonce: str) -> tuple[str, str]:
    """Cause and cure."""
    return (
        f"somebody's rekey is under way (nonce {nonce}). Nothing of it was touched",
        f"Let it end. If nobody is at it any more: 'vault operator rekey -cancel -nonce={nonce}', and run again.",
    )


def not_taken(taken: t.Sequence[int], refused: t.Sequence[int], said: str) -> tuple[str, str]:
    """Cause and cure. *taken*, *refused*: places of keys, from 0; *said*: by Vault. Of the keys themselves nothing is told."""
    if not taken:
        return (
            f"of the keys in VAULT_UNSEAL_KEYS Vault takes no {len(refused)} together: {said}",
            "One of them is wrong, or of another cluster, or a rekey has made new ones since. Nothing was changed.",
        )
    places = ", ".join(str(place + 1) for place in refused)
    return (
        f"Vault does not take every key in VAULT_UNSEAL_KEYS, counted from 1: not {places} ({said})",
        "Leave it out, or give the right one. Nothing was changed.",
    )
