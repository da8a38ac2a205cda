# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a playbook would do to nodes, in words, in the order in which it does it: where, why, and what restarts. Pure.

What only the run itself can find out is said as that.
"""

from __future__ import annotations

import math
import typing as t

from .._common import product
from .._common.product import Flavour
from . import upgrade as turns_of

Part = t.Mapping[str, t.Any]
Nodes = t.Sequence[str]

GATED = (
    "Before and after each of these turns every voter has to be healthy, by autopilot's word and by its own, and a node is "
    "restarted only if the others can do without it. Both are asked in that moment, and where they do not hold the run ends."
)
PROVEN = "At the end the cluster has to take a write, and every node to give it back."


class Words(t.TypedDict):
    changes: bool  # whether there is anything to do
    lines: list[str]


def words(steps: t.Sequence[str], nothing: str, after: t.Sequence[str] = ()) -> Words:
    """*nothing*: why there is nothing to do. *after*: what follows wherever there is something."""
    return {"changes": bool(steps), "lines": [*steps, *after] if steps else [f"Nothing to do: {nothing}"]}


def restart(plan: Part) -> Words:
    return words(_turns(plan), "there is no node to restart.", (GATED, PROVEN))


def upgrade(
    plan: Part,
    observed: t.Mapping[str, Part],
    target: str,
    saves_to: Part,
    flavour: Flavour = product.VAULT,
) -> Words:
    """*observed*: vault_node_info's results by node; *saves_to*: bucket, prefix, nodes and directory of a snapshot."""
    without = [name for name, here in observed.items() if target not in here.get("releases", ())]
    steps = []
    if without:
        server = f"{product.named(flavour)} {target}"
        steps.append(f"{_and(without)}: {server} is verified and installed, beside what runs. Nothing restarts.")
    turns = _turns(plan)
    if turns:
        steps += [saved(saves_to), *turns]
    after = (*plan["notes"], *((GATED,) if turns else ()), PROVEN)
    return words(steps, f"every node runs {target}.", after)


def replacement(
    plan: Part,
    target: t.Sequence[Part],
    status: Part,
    version: str,
    saves_to: Part,
    observed: t.Mapping[str, Part] | None = None,
    machines: t.Sequence[str] = (),
    flavour: Flavour = product.VAULT,
) -> Words:
    """*plan*: of replace.plan(); *target*: the nodes that shall be the cluster; *status*: of vault_status_info; *observed*:
    vault_node_info's results by node; *machines*: what is to be known of the new ones."""
    server = product.named(flavour)
    states = {node["name"]: node["state"] for node in status["nodes"]}
    joining, remaining = set(plan["joining"]), {node["name"] for node in target}
    steps = [saved(saves_to)] if plan["steps"] else []
    steps += [f"{step}." for step in plan["steps"]]
    to_make = [name for name in plan["joining"] if states[name] in ("unreachable", "uninitialized")]
    # In the order of the plan: before those that are removed at the end.
    at = len(steps) - len(plan["remove_last"])
    steps[at:at] = [
        f"{name}: {server} {version}, a new certificate and the configuration are installed, and {server} is started. Whether "
        "the node's role may use the unseal key is known only when the node has tried it, before anything is installed."
        + _volumes(observed, name)
        for name in to_make
    ]
    if plan["remove_first"] or plan["remove_last"]:
        gone = _and([*plan["remove_first"], *plan["remove_last"]])
        steps.append(f"{gone}: certificates that the private CA issued are revoked, and no snapshot is taken there.")
    steps += [
        f"{name}: {server} and its snapshots are stopped, and not started at boot. Nothing is deleted."
        for name, state in states.items()
        if name not in remaining and name not in joining and state != "unreachable"
    ]
    return words(
        steps, "the peers are the nodes of the inventory.", ("No node that stays is restarted.", PROVEN, *machines)
    )


# By the change, and by how far it has come: none, begun or switched.
ABOUT_THE_CA = {
    "begin": {
        "none": "A new key is made in KMS, and a CA of it. {published} holds the old CA, which goes on signing, and the new one.",
        "begun": "both CAs are trusted. Give what {published} holds to every client; then run with -e "
        "vault_tls_ca_change=switch.",
        "switched": "{published} holds the old CA, which signs again, and the new one.",
    },
    "switch": {
        "none": "This run will be refused: there is no new CA yet. Begin with -e vault_tls_ca_change=begin.",
        "begun": "From now on the new CA signs. {published} holds it and the old one.",
        "switched": "The new CA goes on signing. {published} holds it and the old one.",
    },
    "finish": {
        "none": "no change of the CA is under way.",
        "begun": "This run will be refused: the old CA still signs. Switch first, with -e vault_tls_ca_change=switch.",
        "switched": "{published} holds the new CA alone, and the alias leads to its key. No key is deleted. Whether something "
        "still needs the old CA, the run finds out by what is served, and then it is refused.",
    },
    "": dict.fromkeys(("none", "begun", "switched"), "The CA that signs now goes on signing."),
}
OLD_FILES = (
    "One node at a time, the active one last. What each listener serves is compared with the file in that moment, and the old "
    "files are put back where it differs."
)
REFUSED = "At the end {server} refuses what was replaced or revoked, and the cluster has to take a write."


def certificates(status: Part, todo: t.Mapping[str, t.Sequence[str]], about: Part) -> Words:
    """*status*: of vault_status_info; *todo*: what differs on each node; *about*: source, change (of the CA), state (how far
    that has come), published (where the CA certificates are) and flavour."""
    change, state = about["change"], about["state"]
    order = [(node["name"], turns_of.who(node)) for node in turns_of.in_order(status)]
    differing = [(who, todo[name]) for name, who in order if todo.get(name)]
    after = (OLD_FILES, REFUSED.format(server=_server(about)))
    if about["source"] == "given":
        turns = [f"{who}: what was given is put in place and reloaded, without a restart." for who, _what in differing]
        given = "certificate, key and CA that were given. Who may log in is compared all the same."
        return words(turns, f"every node has and serves the {given}", after)
    first = ABOUT_THE_CA[change][state].format(published=about["published"])
    if (change, state) in (("switch", "none"), ("finish", "begun")):
        return {"changes": False, "lines": [first]}
    if (change, state) in (("begin", "begun"), ("finish", "none")):
        turns = [f"{who}: put in place and reloaded, without a restart: {', '.join(what)}." for who, what in differing]
        return words(turns, first, after)
    if change in ("begin", "finish"):
        each = "the file of the CAs is put in place and reloaded"
    else:
        each = "the node makes a new key, a certificate of it is issued, and both are put in place and reloaded"
    return words([first, *(f"{who}: {each}, without a restart." for _name, who in order)], "", after)


def _volumes(observed: t.Mapping[str, Part] | None, name: str) -> str:
    """What a node that is brought up does about its volumes, to be said after the rest."""
    here = (observed or {}).get(name, {})
    return "".join(f" {one[0].upper()}{one[1:]}." for one in (here.get("volumes") or {}).get("todo") or [])


def restore(
    manifest: Part, standings: t.Mapping[str, str], about: Part, observed: t.Mapping[str, Part] | None = None
) -> Words:
    """*manifest*: of the snapshot that was proven; *standings*: by node; *about*: serves, confirmed, cluster, version, flavour,
    saves_to; *observed*: vault_node_info's results by node."""
    nodes, name, server = list(standings), manifest["name"], _server(about)
    steps = []
    if about["serves"]:
        steps += [
            f"The cluster {about['cluster']} serves: {saved(about['saves_to'], 'what it holds now')}",
            f"{name} is restored over it. Whatever was written since {manifest['started_at']} is gone.",
        ]
    else:
        steps += [
            f"{node}: {_BROUGHT_UP[state].format(server=server, version=about['version'])}{_volumes(observed, node)}"
            for node, state in standings.items()
            if state in _BROUGHT_UP
        ]
        empty = [node for node, state in standings.items() if state in _BROUGHT_UP]
        if empty:
            steps.append(
                f"Whether the role of {_and(empty)} may use the unseal key is known only when each has tried it, before "
                "anything is installed there. Should what was stopped turn out to serve, the cluster's name has to be typed."
            )
        steps.append(f"{name} is restored into nodes that serve nothing.")
    steps += [
        f"{_and(nodes)}: {server} restarts, on all of them at once, since Raft's own keys are the snapshot's. Nobody is served "
        "meanwhile.",
        "Operator, admin, status identity, who takes snapshots and which certificates are revoked are set up as they are "
        "today. Recovery keys, audit devices and Autopilot's settings are the snapshot's, the last two until site.yml has run.",
        "The newest value from before the snapshot has to be there, and a new one is written for the next restore. "
        + PROVEN,
    ]
    if about["serves"] and not about["confirmed"]:
        steps.append(f"All this only with -e vault_restore_confirm={about['cluster']}, which was not given.")
    return words(steps, "")


def regain(found: Part, left_open: Nodes) -> Words:
    """*found*: what vault_root_token says in check mode; *left_open*: nodes whose configuration lets in who has no token."""
    lines, changes = list(found["lines"]), bool(found["changed"])
    if left_open and not changes:
        lines = [line.removeprefix("Nothing to do: ") for line in lines]
    if left_open:
        lines.append(
            f"{_and(left_open)}: enable_unauthenticated_access is not what the inventory says. It is set right, and reloaded."
        )
    return {"changes": changes or bool(left_open), "lines": lines}


_BROUGHT_UP = {
    "empty": "{server} {version} is installed, configured and started.",
    "uninitialized": "what is there is brought in line, and {server} {version} is started anew where that needs it.",
    "stopped": "what is there is brought in line, and {server} {version} is started.",
}


def drill(machine: str, nodes: Nodes, about: Part) -> Words:
    """*about*: snapshot (what was asked for), bucket, flavour, and records (its bucket, prefix and directory)."""
    server = _server(about)
    which = "the newest snapshot" if about["snapshot"] == "newest" else about["snapshot"]
    where = f" of the bucket {about['bucket']}" if about["bucket"] and not about["snapshot"].startswith("/") else ""
    return words(
        [
            f"The controller fetches {which}{where}, decrypts it, and proves that it is whole and this cluster's. Which one that "
            f"is, and of which version of {server}, is known only then.",
            f"{machine}: {server} of that version is installed, configured and started, the snapshot is restored, the newest "
            "value from before it looked for, and a write tried. Whether the machine's role may use the unseal key is known only "
            "when the machine has tried it.",
            f"{machine}: {server} is stopped, and its data and its key are removed, whatever the end.",
            f"{_reported(about['records'])} The controller keeps no decrypted snapshot.",
            f"{_and(nodes)}: nothing restarts. Where the drill passes, the cluster gets a new canary, which the next drill has "
            "to bring back, and each node a file that tells monitoring of it.",
        ],
        "",
    )


def backup(nodes: Nodes, active: str | None, about: Part) -> Words:
    """*active*: the node that leads now, as far as it answered; *about*: bucket and prefix."""
    goes = f", and put into the bucket {about['bucket']} under {about['prefix']}" if about["bucket"] else ""
    leads = f"{active} now" if active else "which could not be seen"
    return words(
        [
            "The cluster gets a new canary, a value that a restore has to bring back.",
            f"{_and(nodes)}: the tool runs as its timer runs it. On the active node, {leads}, it takes a snapshot, which is "
            f"verified, encrypted, kept on the node{goes}. On the others it does nothing. Nothing restarts.",
            "Which node is the active one when it is its turn, and whether KMS and the bucket let it, is known only then.",
        ],
        "",
    )


def failover(plan: Part, about: Part) -> Words:
    """*plan*: of a restart of every node; *about*: kind, cluster, confirmed, flavour, settle_seconds, the limits and the
    records."""
    node, server = plan["steps"][-1]["node"], _server(about)
    how = {
        "graceful": f"{server} is stopped by SIGTERM, upon which it hands the leadership over",
        "crash": f"{server} is killed by SIGKILL, and not started anew by systemd",
    }[about["kind"]]
    settled = (
        f"The run waits {about['settle_seconds']} s, for which every voter has to be healthy: a node that was started a moment "
        "ago notices the loss of the leader later than it will."
    )
    steps = [
        *([settled] if about["settle_seconds"] else []),
        f"{node}, the active node: {how}. Writes fail until another node leads. The controller measures how long.",
        f"{node}: {server} is started again, and has to unseal by itself and to be a healthy voter again. Should the run be "
        f"killed, a timer on the node starts {server}.",
        f"The check fails where a new leader takes more than {about['leader_seconds']:g} s, the first write more than "
        f"{about['write_seconds']:g} s, or the way back more than {about['rejoin_seconds']:g} s, and where a write is lost. "
        f"{_reported(about['records'], 'failovers')}",
    ]
    if not about["confirmed"]:
        steps.append(f"All this only with -e vault_failover_confirm={about['cluster']}, which was not given.")
    return words(steps, "", (PROVEN,))


def unsettled_seconds(observed: t.Mapping[str, Part], now: float, settled: float) -> int:
    """How long it takes until every process has run for *settled* seconds. *observed*: vault_node_info's results by node."""
    youngest = max((here["service"]["started"] or now for here in observed.values()), default=now)
    return max(0, math.ceil(youngest + settled - now))


def _server(about: Part) -> str:
    return product.named(about.get("flavour"))


def _turns(plan: Part) -> list[str]:
    return [f"{step['text']}." for step in plan["steps"]]


def saved(to: Part, what: str = "The cluster's data") -> str:
    ways = []
    if to["nodes"]:
        goes = (
            f"the bucket {to['bucket']} under {to['prefix']}"
            if to["bucket"]
            else "the active node's directory of snapshots"
        )
        ways.append(f"encrypted, in {goes}")
    if to["directory"]:
        ways.append(f"in {to['directory']}/snapshots on the controller")
    return f"{what} is saved first, as a verified snapshot, {' and '.join(ways)}."


def _reported(records: Part, folder: str = "drills") -> str:
    places = [f"{records['prefix']} of the bucket {records['bucket']}"] if records["bucket"] else []
    places += [records["directory"]] if records["directory"] else []
    if not places:
        return "No report is kept, since there is no bucket and no directory (vault_output_dir)."
    return f"A report is kept in {' and '.join(places)}, under {folder}."


def _and(names: t.Iterable[str]) -> str:
    return ", ".join(names)
