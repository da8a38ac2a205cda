# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Look at the nodes and at custody, and say what init has to do."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ..._custody.record import Record
from ..client import Cluster
from ..errors import VaultError
from ..status.api import read_nodes
from ..status.state import ClusterState, classify
from .custodian import Custodian
from .state import Plan, matters, plan, share_problem

# Besides the cluster's name and custody.
SPEC: dict[str, t.Any] = {
    "init_node": {"type": "str"},
    "recovery_shares": {"type": "int", "default": 5},
    "recovery_threshold": {"type": "int", "default": 3},
    "pgp_keys": {"type": "list", "elements": "str", "no_log": False},
    "root_token_pgp_key": {"type": "str", "no_log": False},
    "take_over": {"type": "str"},
}


@dataclass(frozen=True)
class Look:
    custody: Custodian
    record: Record | None
    status: ClusterState
    todo: Plan

    def result(self, record: Record | None) -> dict[str, t.Any]:
        """What the module says. *record*: what custody holds at its end."""
        return {
            "changed": self.todo.step != "nothing",
            "step": self.todo.step,
            "custody": {
                "where": self.custody.sink.where,
                "status": record["status"] if record else "none",
                "cluster_id": record["cluster_id"] if record else None,
                "root_token_held": bool(record and record["root_token"] and not record["root_token_pgp"]),
            },
        }


def look(cluster: Cluster, params: t.Mapping[str, t.Any]) -> Look:
    where = params["cluster_name"]
    problem = share_problem(
        params["recovery_shares"], params["recovery_threshold"], params["pgp_keys"], params["custody"]["sink"]
    )
    if problem:
        raise VaultError(where, problem)
    custody = Custodian(params["custody"], where)
    # The sink first: what another controller does meanwhile then looks unfinished, and not as if its cluster were gone.
    record = custody.sink.read()
    status = classify(read_nodes(cluster))
    # Where init has done its last, the sink says so, and no journal is left.
    under_way = matters(status, record)
    journal = custody.journal.look(record) if under_way else "none"
    where_else = custody.journal.where if under_way else ""
    untidy = custody.sink.untidy
    todo = plan(status, record, journal, custody.sink.where, params["take_over"] or "", untidy, where_else)
    if todo.step == "refuse":
        raise VaultError(where, todo.cause, todo.cure)
    return Look(custody, record, status, todo)
