# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether to initialise, to finish an init that was cut short, or to keep the hands off. Pure."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ..custody.record import Record
from ..status.state import ClusterState


@dataclass(frozen=True)
class Plan:
    step: str  # initialise, recover, tidy, nothing, refuse
    cause: str = ""
    cure: str = ""


def plan(cluster: ClusterState, record: Record | None, journal_exists: bool, where: str) -> Plan:
    """Decide from what the nodes say, what the sink holds, and whether a journal was left on the controller."""
    status = record["status"] if record else "none"
    if cluster["state"] == "fresh":
        if status == "stored":
            return Plan(
                "refuse",
                f"no node is initialised, yet {where} holds the recovery keys of an earlier cluster",
                "Nothing is overwritten. If the nodes lost their data, restore a snapshot; if that cluster is really "
                "gone, name another place for the new one's keys.",
            )
        if journal_exists:
            return Plan(
                "refuse",
                "no node is initialised, yet a journal with recovery keys of an earlier init is on the controller",
                "If that cluster's data is really gone, move the journal away and run again.",
            )
        return Plan("initialise")

    if cluster["state"] in ("split", "down"):
        return Plan(
            "refuse",
            f"the cluster is {cluster['state']} ({cluster['reason']})",
            "Init is only safe when every node answers that it is not initialised.",
        )
    if status == "prepared":
        if journal_exists:
            return Plan("recover")
        return Plan(
            "refuse",
            f"an init that began at {record['since'] if record else '?'} reached Vault, but its answer never reached "
            "the controller: the recovery keys and the root token are lost. The cluster runs and unseals itself, but "
            "nobody can ever administer it, and it holds no data yet",
            "To start again, on every node: 'systemctl stop vault', then empty its Raft directory (default "
            "/opt/vault/data), then run this playbook again.",
        )
    if record and record["cluster_id"] and cluster["cluster_id"] and record["cluster_id"] != cluster["cluster_id"]:
        return Plan(
            "refuse",
            f"{where} holds the recovery keys of cluster {record['cluster_id']}, and the nodes are in cluster "
            f"{cluster['cluster_id']}",
            "Name the place where this cluster's keys are kept.",
        )
    # The sink has returned the keys, so the journal has done its work.
    return Plan("tidy") if journal_exists and status == "stored" else Plan("nothing")


def payload(
    shares: int, threshold: int, pgp_keys: list[str] | None = None, root_token_pgp_key: str | None = None
) -> dict[str, t.Any]:
    """The body of sys/init for a seal that unseals itself: recovery keys only."""
    body: dict[str, t.Any] = {"recovery_shares": shares, "recovery_threshold": threshold}
    if pgp_keys:
        body["recovery_pgp_keys"] = pgp_keys
    if root_token_pgp_key:
        body["root_token_pgp_key"] = root_token_pgp_key
    return body


def share_problem(shares: int, threshold: int, pgp_keys: list[str] | None, sink: str) -> str | None:
    """Why Vault would refuse these numbers, or None."""
    if not 1 <= shares <= 255:
        return f"recovery_shares must be between 1 and 255, not {shares}"
    if threshold > shares or threshold < 1 or (threshold == 1 and shares > 1):
        return f"recovery_threshold must be between 2 and {shares} (1 only with a single share), not {threshold}"
    if sink == "pgp" and not pgp_keys:
        return "the pgp sink is a plain file, so it only takes shares encrypted to PGP keys: give pgp_keys"
    if pgp_keys and len(pgp_keys) != shares:
        return f"there are {shares} recovery shares and {len(pgp_keys)} PGP keys: give one key a share"
    return None
