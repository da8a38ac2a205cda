# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which nodes a cluster that has lost its quorum is recovered from, and what forbids it. Pure.

Nobody can see that a machine is lost: it may be cut off, and serve. So people name what is lost, and every sign that a named node
lives, or that the others may be a quorum, forbids the recovery.
"""

from __future__ import annotations

import typing as t

from .._common import product
from .._common import words as said
from . import standing
from .inputs import Node
from .words import Words, words

PAGE = "docs/emergencies.md"
# How far asking a node came where something of it answers at the port of its API.
ANSWERS = ("answered", "tls", "ca_file", "broken")
RESTORE = "playbooks/restore.yml restores a snapshot."
NEW = "New machines join by playbooks/replace_node.yml, under node ids that were never used."

Part = t.Mapping[str, t.Any]


class Peer(t.TypedDict):
    id: str
    address: str


class Plan(t.TypedDict):
    problems: list[str]
    leads: str | None  # a node that leads: there is nothing to recover
    peers: list[Peer]  # all that are left
    fence: list[str]  # lost nodes whose machines are reached: Vault is kept from starting there
    unreached: list[str]


class Seen(t.TypedDict):
    """What was asked beside vault_status_info."""

    standings: t.Mapping[str, str]  # of those that are left
    lost: t.Mapping[str, Part]  # vault_node_info's of those that are lost; empty where the machine was not reached
    listening: t.Mapping[str, t.Sequence[str]]  # which addresses of lost nodes a node that is left can connect to


def plan(hosts: t.Sequence[Node], lost: t.Sequence[str], status: Part, seen: Seen) -> Plan:
    """*hosts*: all nodes of the inventory; *lost*: node ids that were typed; *status*: of vault_status_info, of *hosts*."""
    answers = {node["name"]: node for node in status["nodes"]}
    gone = [node for node in hosts if node["node_id"] in lost]
    left = [node for node in hosts if node["node_id"] not in lost]
    leads = next((name for name, node in answers.items() if node["state"] == "active"), None)
    if leads is not None:
        return {"problems": [], "leads": leads, "peers": [], "fence": [], "unreached": []}
    problems = count_problems(hosts, lost)
    if not problems:
        problems = [problem for node in gone for problem in _lost_problems(node, answers[node["name"]], seen)]
        problems += _left_problems(left, answers, seen["standings"])
    return {
        "problems": problems,
        "leads": None,
        "peers": [{"id": node["node_id"], "address": _host_port(node)} for node in left],
        # One that says itself that it holds nothing can do no harm.
        "fence": [n["name"] for n in gone if _reached(n, seen) and answers[n["name"]]["initialized"] is not False],
        "unreached": [node["name"] for node in gone if not _reached(node, seen)]
        + [node_id for node_id in lost if node_id not in {node["node_id"] for node in gone}],
    }


def count_problems(hosts: t.Sequence[Node], lost: t.Sequence[str]) -> list[str]:
    """Known before any node is asked. A node that was lost may have left the inventory."""
    left = [node for node in hosts if node["node_id"] not in lost]
    total = len({node["node_id"] for node in hosts} | set(lost))
    names = ", ".join(node["name"] for node in left)
    if not lost:
        return [
            "No node leads, and which nodes are lost for good is not said. Bring machines back first, if any can be: a quorum "
            f"of them needs no recovery ({PAGE}). Then name those that never come back: -e vault_lost=NODE_ID,..."
        ]
    if not left:
        return [f"Every node is named as lost, so there is nothing to recover from. {RESTORE}"]
    if len(left) * 2 > total:
        return [
            f"{names} are not named as lost, and are a quorum of {total} nodes. Bring them up as they are ('systemctl start "
            "vault'), and they elect a leader; nothing is lost that way."
        ]
    return []


def in_words(made: Part, hosts: t.Sequence[Node], status: Part, about: Part) -> Words:
    """*about*: cluster, confirmed, copies (by node: copy and written_at), snapshot (newest of the bucket), unread (why it could
    not be read), flavour, now."""
    if made["leads"] is not None:
        return words(
            [], f"{made['leads']} leads, so the cluster has a quorum. playbooks/status.yml says what else is wrong."
        )
    server = product.named(about.get("flavour"))
    names = {node["node_id"]: node["name"] for node in hosts}
    left = [names[peer["id"]] for peer in made["peers"]]
    indexes = {node["name"]: node["raft_index"] for node in status["nodes"]}
    steps = [_better(left, indexes, about), *_fenced(made, server)]
    steps += [
        f"{name}: {server} is stopped. All of its data{_reaching(indexes[name])}, last written "
        f"{said.ago(about['now'] - about['copies'][name]['written_at'])}, is copied to {about['copies'][name]['copy']} there."
        for name in left
    ]
    alone = "it is" if len(left) == 1 else "they are"
    steps += [
        f"{', '.join(left)}: a file tells {server} that {alone} the whole cluster, and {server} is started and started at boot.",
        _lost_writes(left),
        "At the end the cluster has to take a write, the peers have to be these, and the newest canary on record has to be "
        f"there. {NEW}",
    ]
    if not about["confirmed"]:
        steps.append(f"All this only with -e vault_recover_confirm={about['cluster']}, which was not given.")
    return words([step for step in steps if step], "")


def _lost_problems(node: Node, answer: Part, seen: Seen) -> list[str]:
    name, here = node["name"], seen["lost"].get(node["name"]) or {}
    beside = sorted({address for heard in seen["listening"].values() for address in heard if _is_at(address, node)})
    # Vault makes its database before anything is in it.
    if here.get("has_data") and answer["initialized"] is not False:
        return [
            f"{name} is named as lost, and its machine is reached and holds Raft data. If the data is whole, take {name} out of "
            "vault_lost: with it there may be a quorum. If the data is beyond repair, move it away, so that it can't come back "
            "(systemctl disable --now vault; mv the directory), then run again."
        ]
    if here:
        return []
    if answer["reach"] in ANSWERS:
        return [
            f"{name} is named as lost, and something answers at {answer['url']}, while the machine can't be reached to see what "
            "that is. Stop the machine, or mend the connection ('ansible -m ping'), then run again."
        ]
    if beside:
        who = ", ".join(sorted(other for other, heard in seen["listening"].items() if set(heard) & set(beside)))
        return [
            f"{name} is named as lost, and {who} can connect to {', '.join(beside)}: it lives, and only this controller does not "
            "reach it. Stop the machine, or mend the way to it, then run again."
        ]
    return []


def _left_problems(left: t.Sequence[Node], answers: t.Mapping[str, Part], standings: t.Mapping[str, str]) -> list[str]:
    problems = []
    empty = [node["name"] for node in left if standings[node["name"]] in (standing.EMPTY, standing.UNINITIALIZED)]
    if empty and len(empty) == len(left):
        return [f"{', '.join(empty)} holds no data, so there is nothing to recover from. {RESTORE}"]
    for node in left:
        name, state = node["name"], answers[node["name"]]["state"]
        if name in empty:
            problems.append(
                f"{name} holds no data: name it in vault_lost too. A new node joins when the cluster has a leader."
            )
        elif state == "sealed":
            problems.append(f"{name} is sealed, and would be so after a recovery: mend that first ({PAGE}).")
        elif state == "removed":
            problems.append(
                f"{name} was removed from the cluster before: name it in vault_lost, and move its data away."
            )
        # A standby without a leader says the same, and names none.
        elif state == "standby" and answers[name]["leader_address"]:
            problems.append(
                f"{name} hears a leader ({answers[name]['leader_address']}), so a quorum lives that this controller does not "
                "see. Find it, and mend the way to it."
            )
    ids = {node["cluster_id"] for node in answers.values() if node["cluster_id"]}
    if len(ids) > 1:
        problems.append(f"The nodes are of different clusters ({', '.join(sorted(ids))}).")
    return [f"{problem} Nothing was changed." for problem in problems]


def _better(left: t.Sequence[str], indexes: t.Mapping[str, int | None], about: Part) -> str:
    """What the newest snapshot has to do with it."""
    newest = about["snapshot"]
    if about["unread"]:
        return f"Whether a snapshot is newer than this could not be seen: {said.sentence(about['unread'])}"
    if not newest:
        return "No snapshot is known to compare with, so what follows is the only way that this run sees."
    begun = said.ago(newest["age_seconds"])
    made = f"The newest snapshot, {newest['name']}, was begun {begun} at Raft index {newest['raft_index']}"
    index = max((indexes[name] or 0 for name in left), default=0)
    written = max((about["copies"][name]["written_at"] for name in left), default=0.0)
    # Of a node that is stopped the index is not known; when it was written is.
    newer = newest["raft_index"] >= index if index else about["now"] - newest["age_seconds"] >= written
    if newer:
        return (
            f"{made}: that is not older than what {', '.join(left)} holds. Restoring it is the better way: "
            "playbooks/restore.yml, into nodes without data. It holds only what a quorum had confirmed."
        )
    behind = f", {index - newest['raft_index']} entries before {', '.join(left)}" if index else ""
    return (
        f"{made}{behind}: a restore would lose what was written since. It is the better way where the disk is suspect."
    )


def _fenced(made: Part, server: str) -> t.Iterator[str]:
    for name in made["fence"]:
        yield f"{name}: its machine is reached, and holds no data. {server} is stopped there, and not started at boot."
    if made["unreached"]:
        yield (
            f"{', '.join(made['unreached'])}: can't be reached, so it is your word that no machine comes back with its old data. "
            "Several that do elect a leader of their own, and the recovered node follows them without an error. Terminate the "
            "machines, or detach their disks, before."
        )


def _lost_writes(left: t.Sequence[str]) -> str:
    return (
        f"What may be lost: writes that only the lost nodes had confirmed. {', '.join(left)} can't know of them. What may "
        "come back: writes that no quorum had confirmed, so that a client was told of a failure, and they count nevertheless."
    )


def _reaching(index: int | None) -> str:
    return f" up to Raft index {index}" if index else ""


def _reached(node: Node, seen: Seen) -> bool:
    return bool(seen["lost"].get(node["name"]))


def _host_port(node: Part) -> str:
    return str(node["cluster_addr"]).removeprefix("https://")


def _is_at(address: str, node: Node) -> bool:
    return address in (_host_port(node), str(node["api_addr"]).removeprefix("https://"))
