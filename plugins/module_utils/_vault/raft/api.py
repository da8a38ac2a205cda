# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Raft and autopilot calls, one function each. All are sent to an unsealed node, which forwards them to the leader."""

from __future__ import annotations

import typing as t

from ..client import call, data

CONFIGURATION = "/v1/sys/storage/raft/configuration"
AUTOPILOT_STATE = "/v1/sys/storage/raft/autopilot/state"
AUTOPILOT_CONFIG = "/v1/sys/storage/raft/autopilot/configuration"
REMOVE_PEER = "/v1/sys/storage/raft/remove-peer"


def read_configuration(where: str, client: t.Any) -> dict[str, t.Any]:
    return data(where, call(where, lambda: client.adapter.get(CONFIGURATION)))["config"]


def read_autopilot_state(where: str, client: t.Any) -> dict[str, t.Any]:
    return data(where, call(where, lambda: client.adapter.get(AUTOPILOT_STATE)))


def read_autopilot_config(where: str, client: t.Any) -> dict[str, t.Any]:
    return data(where, call(where, lambda: client.adapter.get(AUTOPILOT_CONFIG)))


def write_autopilot_config(where: str, client: t.Any, config: dict[str, t.Any]) -> None:
    call(where, lambda: client.adapter.post(AUTOPILOT_CONFIG, json=config))


def step_down(where: str, client: t.Any) -> None:
    """Sent to the active node itself: it hands the leadership over, and stays out of elections for 10 s."""
    call(where, lambda: client.adapter.put("/v1/sys/step-down"))


def remove_peer(where: str, client: t.Any, node_id: str) -> None:
    call(where, lambda: client.adapter.post(REMOVE_PEER, json={"server_id": node_id}))
