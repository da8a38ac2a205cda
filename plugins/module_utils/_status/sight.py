# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether a controller sees the cluster at all. One that sees nothing knows of no outage. Pure."""

from __future__ import annotations

import typing as t

from .._common import words

Part = t.Mapping[str, t.Any]

CURES = {
    "ca_file": "Name the CA's file (vault_ca_file), or put it there.",
    "tls": "What answers is not trusted: compare the CA file with the CA that signed the nodes' certificates.",
    "timeout": "Look at the way there: security groups, routes, VPN, and whether the machines run.",
    "unroutable": "Look at the addresses in the inventory, at DNS and at this controller's routes.",
}
# The machine itself said that nothing listens there, or that the answer was Vault's.
TOLD = ("answered", "refused", "broken")


def unseen(nodes: t.Sequence[Part], ca_problem: str = "") -> str | None:
    """Why this controller can't see the cluster, or None when at least one machine told something.

    *nodes*: as vault_status_info returns them; *ca_problem*: why this run could not fetch the CA certificates, with the cure.
    """
    if not nodes or any(node.get("reach") in (*TOLD, None) for node in nodes):
        return None
    why: dict[str, str] = {}
    for node in nodes:
        why.setdefault(str(node["reach"]), str(node["error"] or ""))
    worst = next(kind for kind in (*CURES, *why) if kind in why)
    if worst == "ca_file" and ca_problem:
        return f"The CA certificates by which it trusts the nodes could not be fetched: {words.one_line(ca_problem)}"
    error = words.sentence(words.one_line(why[worst]))
    return f"{error} {CURES.get(worst, '')}".strip()


def outage(document: Part) -> str | None:
    """Why nobody can use the cluster, or None. *document*: what document.document() returns."""
    cluster, requests = document["cluster"], document["audit"]["requests"]
    if cluster["state"] in ("fresh", "unseen"):
        return None
    if cluster["active"] is not None:
        if requests in ("hang", "fail"):
            node = document["audit"]["node"]
            return f"The cluster {cluster['name']} serves nobody: requests {requests} on {node}, which is active."
        return None
    return f"The cluster {cluster['name']} serves nobody: it is {cluster['state']} ({cluster['reason']})."


def not_seen(document: Part) -> str | None:
    cluster = document["cluster"]
    if cluster["state"] != "unseen":
        return None
    return (
        f"This controller can't see the cluster {cluster['name']}, so nobody knows from here whether it serves. "
        f"{cluster['reason']}"
    )
