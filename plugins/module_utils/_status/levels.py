# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How good something is: ok, notice, problem or unknown. Pure."""

from __future__ import annotations

import typing as t

Part = t.Mapping[str, t.Any]

LEVEL_OF_CLUSTER = {"live": "ok", "fresh": "notice", "partial": "notice"}
LEVEL_OF_STATE = {
    "active": "ok",
    "standby": "ok",
    "isolated": "problem",
    "sealed": "problem",
    "unreachable": "problem",
    "removed": "problem",
    "uninitialized": "notice",
    "unknown_peer": "notice",
}
WORDS_OF_STATE = {
    "isolated": "can't reach the active node",
    "unreachable": "does not answer",
    "uninitialized": "not joined",
    "active": "active node",
    "unknown_peer": "not in inventory",
}


class Tile(t.NamedTuple):
    name: str
    level: str
    value: str | int | None


def level(good: t.Any, otherwise: str = "problem") -> str:
    return "unknown" if good is None else "ok" if good else otherwise


def of_cluster(cluster: Part) -> str:
    return LEVEL_OF_CLUSTER.get(cluster["state"], "problem")


def of_node(node: Part) -> str:
    found = LEVEL_OF_STATE.get(node["state"], "unknown")
    peer = node["peer"]
    return "notice" if found == "ok" and peer is not None and not peer["healthy"] else found


def of_key(key: Part) -> str:
    return "unknown" if key["problem"] else level(key["enabled"])


def of_snapshots(document: Part) -> str:
    last = document["snapshots"]["last"]
    if document["snapshots"]["problem"]:
        return "unknown"
    return level(last is not None and last["age_seconds"] <= document["limits"]["snapshot_seconds"])


def words_of(node: Part) -> str:
    state = str(node["state"])
    return WORDS_OF_STATE.get(state, state)
