# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether a snapshot may be restored over what runs, and whether it has been. Pure."""

from __future__ import annotations

import typing as t

from ..status.state import ClusterState, Node

# Vault's words where its seal can't open the snapshot's checksums.
OTHER_SEAL = "could not verify hash file"


def obstacle(cluster: ClusterState, cluster_name: str, confirm: str | None) -> str | None:
    """Why it may not, or None."""
    if cluster["state"] == "fresh":
        return None
    if cluster["state"] != "live":
        return (
            f"the cluster is {cluster['state']} ({cluster['reason']}). Bring every node up first: restored data has to reach "
            "all of them"
        )
    if confirm != cluster_name:
        return (
            "it serves, and everything that was written since the snapshot would be gone. If that is wanted, type its name: "
            f"confirm={cluster_name}"
        )
    return None


def removed(nodes: t.Sequence[Node]) -> str | None:
    """That nodes were told that they are no members, or None. It holds for good, so there is nothing to wait for.

    A snapshot says who led when it was taken. Until the restored cluster has said who leads now, its standbys ask that node; and
    one that lives, in a cluster of other nodes, answers that it does not know them.
    """
    names = [node["name"] for node in nodes if node["state"] == "removed"]
    if not names:
        return None
    return (
        f"{', '.join(names)} heard from a node of the cluster that the snapshot was taken of that it is no member: that cluster "
        "still runs"
    )


def missing(cluster: ClusterState, nodes: t.Sequence[Node], cluster_id: str, index: int) -> str | None:
    """What is not yet as the snapshot has it, or None. Vault answers before it has applied anything."""
    if cluster["state"] != "live":
        return f"the cluster is {cluster['state']} ({cluster['reason']})"
    if cluster["cluster_id"] != cluster_id:
        return f"the cluster has the id {cluster['cluster_id']}, and the snapshot {cluster_id}"
    behind = [node["name"] for node in nodes if (node["raft_index"] or 0) < index]
    return f"{', '.join(behind)} has not reached Raft index {index} yet" if behind else None
