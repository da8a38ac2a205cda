# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether nodes want a token for what recovery keys do, by their own word. Pure."""

from __future__ import annotations

import typing as t

from ..._common import product

# By its name in enable_unauthenticated_access what of a family of endpoints is read.
ENDPOINTS = {"rekey": "/v1/sys/rekey-recovery-key/init", "generate-root": "/v1/sys/generate-root/attempt"}
# What is said of a node that serves: a standby passes the question on to the active node.
CURE = (
    "Run playbooks/regain_admin.yml or site.yml, which take it back; 'journalctl -u vault' says what a reload has done."
)


class Guard(t.TypedDict):
    name: str
    guarded: bool | None  # whether this version wants a token; None where the node does not tell its version
    open: (
        list[str] | None
    )  # for which families it wants none; None where that is not known, or the version wants one for none
    problem: str | None  # why something is not known


def unknown(name: str, problem: str) -> Guard:
    return {"name": name, "guarded": None, "open": None, "problem": problem}


def of_version(name: str, seal: t.Mapping[str, t.Any]) -> Guard:
    """*seal*: what sys/seal-status says. Which families are open is still to be asked."""
    if seal.get("sealed", True):
        return unknown(name, f"{name}: it is sealed.")
    server = product.told(seal.get("version"))
    guarded = server.does(product.UNAUTHENTICATED_ACCESS) if server else None
    return {"name": name, "guarded": guarded, "open": None, "problem": None}


def beyond(guards: t.Iterable[Guard], allowed: t.Collection[str]) -> dict[str, list[str]]:
    """By node what is open and should not be."""
    found = {one["name"]: [family for family in one["open"] or [] if family not in allowed] for one in guards}
    return {name: families for name, families in found.items() if families}


def problem(guards: t.Sequence[Guard], allowed: t.Collection[str]) -> tuple[str, str, str] | None:
    """Where, cause and cure, as long as nobody has seen that all is shut but *allowed*."""
    blind = [one for one in guards if one["problem"]]
    if blind:
        said = " ".join(str(one["problem"]) for one in blind)
        names = ", ".join(one["name"] for one in blind)
        return names, f"nobody knows for what it wants no token ({said.rstrip('.')})", "Bring it up, and run again."
    found = beyond(guards, allowed)
    if found:
        families = ", ".join(sorted({family for each in found.values() for family in each}))
        return ", ".join(found), f"it does {families} for who has no token (enable_unauthenticated_access)", CURE
    return None
