# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Look at the peers, and say how they differ from what is wanted."""

from __future__ import annotations

import typing as t

from . import api
from .state import Raft, normalise, peer_differences, quorum_problem

SPEC: dict[str, t.Any] = {"voters": {"type": "int"}, "expected_peers": {"type": "dict"}}


def read(name: str, client: t.Any) -> Raft:
    return normalise(api.read_configuration(name, client), api.read_autopilot_state(name, client))


def result(name: str, client: t.Any, raft: Raft, params: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    return {
        "changed": False,
        "raft": raft,
        "missing": quorum_problem(raft, params["voters"]) if params["voters"] else None,
        "autopilot": api.read_autopilot_config(name, client),
        "differences": peer_differences(raft, params["expected_peers"] or addresses(raft)),
    }


def addresses(raft: Raft) -> dict[str, str]:
    return {server["node_id"]: server["address"] for server in raft["servers"]}
