# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How a cluster that people unseal by hand comes to a KMS key, and what forbids it. Pure.

A node that has restarted with the new seal in its configuration is opened by the unseal keys once more. Such a node changes what
is stored as soon as it becomes the active one, and from then on every node opens by KMS (vault/ha.go and migrateSeal in
vault/core.go, as of 1.21.1). So standbys come first and the active node last, and whoever becomes active meanwhile changes
nothing about that. Everything is decided from what each node says and has on its disk now, so a run that was cut short is begun
again.
"""

from __future__ import annotations

import typing as t

from . import seal_move, upgrade
from .words import GATED, PROVEN, Words, words

PAGE = "docs/adopt.md"
SHAMIR, KMS = "shamir", "awskms"
Part = t.Mapping[str, t.Any]

# How a node stands.
DONE = "done"  # open, and what it has stored has the new seal
READY = "ready"  # open, with the new seal in its configuration: it waits for a new leader
OLD = "old"  # open, with the old seal
HALF = "half"  # sealed or down on its way to the new seal
LEFT = "left"  # down, and left behind by a cluster that has the new seal: it does not start with the old one
WRONG = "wrong"


class Plan(t.TypedDict):
    problems: list[str]
    key_arn: str
    standing: dict[str, str]  # by node
    turns: list[str]  # in order: those that are down on their way first, the active node last
    restarts: list[str]  # of these, those whose process has not read the new seal
    ungated: list[str]  # of these, those that are down: the others can't be whole before their turn
    lacking: list[str]  # of these, those after whose turn others are still down: the cluster can't be whole yet
    wanting: bool  # whether what is stored has the old seal still, or a node is not open
    stored: bool  # whether anything stored may have been changed, so that the old seal does not come back by a restart


def plan(status: Part, raft: Part, written: t.Mapping[str, bool], wanted: seal_move.Wanted) -> Plan:
    """*status*, *raft*: results of vault_status_info and vault_raft_info; *written*: whether each node's configuration has the
    new seal, where that was looked at."""
    moved = any(_is_done(node) for node in status["nodes"])
    standing = {node["name"]: _standing(node, written.get(node["name"], False), moved) for node in status["nodes"]}
    ungated = [name for name in standing if standing[name] in (HALF, LEFT)]
    gated = [node["name"] for node in upgrade.in_order(status) if standing[node["name"]] == OLD]
    turns = [*ungated, *gated]
    wanting = any(how != DONE for how in standing.values())
    problems = _node_problems(status, standing) or seal_move.key_problems(wanted)
    if wanting and not problems:
        problems = _cluster_problems(status, raft, ungated)
    return {
        "problems": problems,
        "key_arn": wanted["key"][0]["arn"] if wanted["key"] else "",
        "standing": standing,
        "turns": [] if problems else turns,
        "restarts": [node["name"] for node in status["nodes"] if node["name"] in turns and node["seal_type"] != KMS],
        "ungated": ungated,
        "lacking": ungated[:-1],
        "wanting": wanting,
        "stored": moved,
    }


def in_words(made: Part, status: Part, about: Part) -> Words:
    """*about*: cluster, confirmed, alias, directory (of the snapshot)."""
    if not made["wanting"]:
        return words(
            [], f"the seal is {KMS} already on every node, and each of them has migrated to {made['key_arn']}."
        )
    by_name = {node["name"]: node for node in status["nodes"]}
    steps = [
        f"Every node has proven that its role can encrypt and decrypt with {made['key_arn']} ({about['alias']}).",
        "The unseal keys in VAULT_UNSEAL_KEYS are proven to the active node. Nothing is used up by that.",
    ]
    if any(made["standing"][name] == OLD for name in made["turns"]):
        steps.append(
            f"A verified snapshot is saved in {about['directory']} on this controller, before the first node changes."
        )
    steps += [f"{upgrade.who(by_name[name])}: {_turn(made['standing'][name])}" for name in made["turns"]]
    if READY in made["standing"].values() and not made["turns"]:
        steps.append("No node has to restart. What is stored is waited for to have the new seal.")
    if not made["stored"]:
        steps.append(
            "When the active node restarts, the one that leads next changes what is stored. From then on every node opens by "
            "KMS, and the unseal keys are the recovery keys."
        )
    steps.append(
        "Until then a node that restarts by itself wants the unseal keys, as it always did. The run can be begun again at any "
        "point."
    )
    if not about["confirmed"]:
        steps.append(f"All this only with -e vault_seal_adopt_confirm={about['cluster']}, which was not given.")
    return words(steps, "", (GATED, PROVEN))


def unsettled(status: Part) -> list[str]:
    """Nodes that are not open, or have not migrated to KMS yet."""
    return [node["name"] for node in status["nodes"] if not _is_done(node)]


def _turn(standing: str) -> str:
    begins = {
        OLD: "the seal is added to its configuration, it restarts,",
        LEFT: "it is down, and can't start with the old seal: the seal is added to its configuration, it restarts,",
        HALF: "it is down on its way to the new seal: it restarts where its process has not read the seal,",
    }[standing]
    return f"{begins} and is given as many unseal keys as it needs, or opens by KMS itself."


def _is_done(node: Part) -> bool:
    return _is_open(node) and node["seal_type"] == KMS and not node["migrating"]


def _is_open(node: Part) -> bool:
    return node["state"] in ("active", "standby")


def _standing(node: Part, written: bool, moved: bool) -> str:
    kinds = {(KMS, False): DONE, (KMS, True): READY, (SHAMIR, False): OLD}
    kind = kinds.get((str(node["seal_type"]), bool(node["migrating"])), WRONG)
    if _is_open(node):
        return kind
    if node["state"] == "sealed" and (kind in (DONE, READY) or (kind == OLD and written)):
        return HALF
    # Its host says that nothing listens there.
    if node["state"] == "unreachable" and node["reach"] == "refused" and (written or moved):
        return HALF if written else LEFT
    return WRONG


def _node_problems(status: Part, standing: t.Mapping[str, str]) -> list[str]:
    return [_wrong(node) for node in status["nodes"] if standing[node["name"]] == WRONG]


def _wrong(node: Part) -> str:
    name = node["name"]
    if node["state"] == "sealed" and node["seal_type"] == SHAMIR:
        return (
            f"{name} is sealed. Open it with the unseal keys first ('vault operator unseal', with VAULT_ADDR={node['url']}), "
            "wait until it has caught up, and run again."
        )
    if _is_open(node) or node["state"] == "sealed":
        return f"{name} has the seal {node['seal_type']}. Only {SHAMIR} is moved to {KMS} here."
    if node["state"] == "unreachable" and node["reach"] == "refused":
        return (
            f"{name}: Vault does not run there, and its configuration has the old seal. Start it ('systemctl start vault'; "
            f"'journalctl -u vault' says why it ended), open it with the unseal keys ('vault operator unseal', with "
            f"VAULT_ADDR={node['url']}), wait until it has caught up, and run again."
        )
    error = f": {str(node['error']).rstrip('.')}" if node["error"] else ""
    return f"{name} is {node['state']}{error}. Bring every node of the inventory up first; 'journalctl -u vault' on it says more."


def _cluster_problems(status: Part, raft: Part, down: t.Sequence[str]) -> list[str]:
    cluster = status["cluster"]
    if cluster["active"] is None:
        names = " and ".join(down) or "Each"
        return [
            f"No node leads ({cluster['reason']}), so nobody can say who belongs to the cluster, and no key is sent to anybody. "
            f"Open nodes by hand until one leads: {names} with 'vault operator unseal -migrate' where its configuration has the "
            f"new seal, else without -migrate. {PAGE} has the steps. Then run again."
        ]
    if not raft:
        return ["The peers of the cluster could not be read. Give a token that may, in the environment as VAULT_TOKEN."]
    if raft.get("differences"):
        return list(raft["differences"])
    if down:
        return []
    if raft.get("missing"):
        return [f"Not every voter is healthy: {raft['missing']}. Bring them back first, and run again."]
    if raft["raft"]["failure_tolerance"] < 1:
        return [
            "The cluster tolerates no failure (failure_tolerance 0), so a restart would stop it. Add voters first: three "
            "tolerate one."
        ]
    return []
