# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether to initialise, to finish an init that was cut short, or to do nothing. Pure."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ..._custody.record import Record, holder
from ..status.state import ClusterState


@dataclass(frozen=True)
class Plan:
    step: str  # initialise, recover, tidy, nothing, refuse
    cause: str = ""
    cure: str = ""
    take_over: bool = False  # initialise in the place of somebody else, whose reservation is there


def matters(cluster: ClusterState, record: Record | None) -> bool:
    """Whether there may be a journal of an init. Its removal comes before the cluster's id, which ends an init."""
    if cluster["state"] == "fresh":
        return True
    return record is not None and (record["status"] == "prepared" or record["cluster_id"] is None)


def plan(
    cluster: ClusterState,
    record: Record | None,
    journal: str,
    where: str,
    take_over: str = "",
    untidy: bool = False,
    journal_where: str = "journal of init",
) -> Plan:
    """Decide from what the nodes say, what the sink holds, and what the journal is.

    *journal* is what Journal.look says of it, *journal_where* where it is; *take_over*, whose reservation may be taken over;
    *untidy*, whether the sink wants something to be put in order.
    """
    if cluster["state"] == "fresh":
        return _fresh(record, journal, where, take_over, journal_where)
    if cluster["state"] in ("split", "down"):
        return Plan(
            "refuse",
            f"the cluster is {cluster['state']} ({cluster['reason']})",
            "Init is only safe when every node answers that it is not initialised.",
        )
    if record is None:
        return Plan("nothing")
    if record["status"] == "prepared":
        return _cut_short(record, journal, journal_where)
    if record["cluster_id"] and cluster["cluster_id"] and record["cluster_id"] != cluster["cluster_id"]:
        return Plan(
            "refuse",
            f"{where} holds the recovery keys of cluster {record['cluster_id']}, and the nodes are in cluster "
            f"{cluster['cluster_id']}",
            "Name the place where this cluster's keys are kept.",
        )
    if journal == "sealed":
        return Plan(
            "refuse",
            f"the recovery keys are in custody, yet the {journal_where} is of another init, and may hold the keys of another "
            "cluster",
            "Keep it safe and move it away, and give each cluster a name of its own.",
        )
    # The sink has returned the keys, so the journal has done its work.
    unbound = cluster["cluster_id"] is not None and record["cluster_id"] is None
    return Plan("tidy" if journal != "none" or unbound or untidy else "nothing")


def _fresh(record: Record | None, journal: str, where: str, take_over: str, journal_where: str) -> Plan:
    """No node is initialised."""
    if record and record["status"] != "prepared":
        return Plan(
            "refuse",
            f"no node is initialised, yet {where} holds the recovery keys of an earlier cluster",
            "Nothing is overwritten. If the nodes lost their data, restore a snapshot; if that cluster is really "
            "gone, name another place for the new one's keys.",
        )
    if journal not in ("none", "ours", "empty"):
        return Plan(
            "refuse",
            f"no node is initialised, yet the {journal_where} holds the recovery keys of an earlier init",
            "If that cluster's data is really gone, move the journal away and run again.",
        )
    if record is None or journal == "ours":
        return Plan("initialise")
    # Whoever began it keeps its journal elsewhere, and may have asked other nodes.
    if take_over == holder(record):
        return Plan("initialise", take_over=True)
    return Plan(
        "refuse",
        f"{_somebody(record)} began an init of this cluster at {record['since']}, whose journal is not the {journal_where}, "
        f"and may be at it right now (the reservation is in {where})",
        "If that run goes on, let it end; if it was cut short, run again with the inputs of that run. If neither can be, and no "
        f"run is at it any more, say so: -e vault_custody_take_over='{holder(record)}'.",
    )


def _cut_short(record: Record, journal: str, journal_where: str) -> Plan:
    """A node is initialised, and the sink holds the reservation for that."""
    if journal == "keys":
        return Plan("recover")
    began = f"an init that {_somebody(record)} began at {record['since']} reached Vault, but its answer "
    again = (
        "To start again, on every node: 'systemctl stop vault', then empty its Raft directory (default "
        "/opt/vault/data), then run this playbook again."
    )
    if journal == "ours" or (journal == "none" and record["run"] is None):
        return Plan(
            "refuse",
            began
            + f"never reached the {journal_where}: the recovery keys and the root token are lost. The cluster runs and "
            "unseals itself, but nobody can ever administer it, and it holds no data yet",
            again,
        )
    return Plan(
        "refuse",
        began + f"is not in custody, and the {journal_where} is not that init's",
        "If that run goes on, let it end; if it was cut short, run again with the inputs of that run: the keys may be in the "
        f"journal that those name. If there is none, the recovery keys and the root token are lost. {again}",
    )


def _somebody(record: Record) -> str:
    return record["who"] or "somebody, by a version that did not say who,"


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
