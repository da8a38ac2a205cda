# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What each node is to a run that changes it: from what the node itself shows, beside what its API says. Pure.

Blindness is not emptiness. A node counts as empty only when the machine itself shows no process, no listener and no data. A
node with any of these must have answered, or its own files must say that it is this cluster's; else the run stops.
"""

from __future__ import annotations

import typing as t

from .._common import product
from .._common.product import Flavour

# empty          no process, no listener, no data
# uninitialized  Vault runs, and its own API says that it holds nothing
# stopped        no process, and data that is this cluster's by the node's own files
# serving        active or standby, by its own API
# other          initialised and not serving, by its own API: sealed, removed, without a leader
EMPTY, UNINITIALIZED, STOPPED, SERVING, OTHER = "empty", "uninitialized", "stopped", "serving", "other"

# By how the controller failed to reach it, as vault_status_info says it.
CURE = "Mend the way to it: the node's address, and its port."
CURES = {
    "tls": "If its certificate has expired, playbooks/rotate_certificates.yml puts a new one in its place; else name the account "
    "and the region of the CA that signed it, or its file (vault_ca_file).",
    "ca_file": "Name the account and the region of the CA that signed its certificate, or its file (vault_ca_file).",
}

Part = t.Mapping[str, t.Any]


class Standings(t.TypedDict):
    nodes: dict[str, str]  # by name
    problems: list[str]
    untouched: bool  # every node is empty, or says that it holds nothing


class Wanted(t.TypedDict):
    cluster_name: str
    version: str  # empty: whatever the nodes have
    trusted: list[str]  # SHA-256 of the CA certificates on the controller
    signed: list[
        str
    ]  # nodes that serve a certificate of the cluster's CA, be it valid otherwise or not: that is an answer, too
    ca_file: str
    ports: t.Mapping[str, t.Any]  # by the names of their inputs
    flavour: Flavour
    # Whether a node with data on which Vault is stopped is known by the id in its configuration, too: what somebody else set up
    # has its CA anywhere.
    by_id: bool


def stand(nodes: t.Sequence[Part], status: Part, observed: t.Mapping[str, Part], wanted: Wanted) -> Standings:
    """*nodes*: as inputs.nodes() has them; *status*: a result of vault_status_info; *observed*: vault_node_info's, by name."""
    answers = {node["name"]: node for node in status["nodes"]}
    found: dict[str, str] = {}
    problems: list[str] = []
    for node in nodes:
        name = node["name"]
        here = observed.get(name)
        if not here or "service" not in here:
            problems.append(
                f"{name} could not be read: the run did not reach the machine, so nobody knows what is on it. Mend the "
                "connection ('ansible -m ping'), or run without --limit."
            )
            continue
        standing = _standing(here, answers[name], name in wanted["signed"])
        found[name] = standing or OTHER
        problems += _problems(node, here, answers[name], standing, wanted)
    untouched = not problems and all(standing in (EMPTY, UNINITIALIZED) for standing in found.values())
    if not wanted["trusted"] and any(_is_something(here) for here in observed.values() if "service" in here):
        problems = [_lost_ca(observed, wanted)]
    return {"nodes": found, "problems": problems, "untouched": untouched and not problems}


def forgetful_voters(
    nodes: t.Sequence[Part], standings: t.Mapping[str, str], servers: t.Sequence[Part], rejoining: str | t.Sequence[str]
) -> list[str]:
    """Node ids of Raft's voters that hold no data, apart from those that somebody named."""
    named = _named(rejoining)
    voters = {server["node_id"] for server in servers if server["voter"]}
    return [
        node["node_id"]
        for node in nodes
        if standings.get(node["name"]) in (EMPTY, UNINITIALIZED)
        and node["node_id"] in voters
        and node["node_id"] not in named
    ]


def _named(node_ids: str | t.Sequence[str]) -> list[str]:
    """As somebody typed them, with commas, or as the inventory lists them."""
    return node_ids.split(",") if isinstance(node_ids, str) else list(node_ids)


def forgotten(
    nodes: t.Sequence[Part], standings: t.Mapping[str, str], active: str | None, rejoining: str | t.Sequence[str]
) -> list[str]:
    """Node ids of nodes without data beside some that are stopped with theirs, while nobody leads who could say whose it was."""
    named = _named(rejoining)
    if active is not None or STOPPED not in standings.values():
        return []
    return [node["node_id"] for node in nodes if standings.get(node["name"]) == EMPTY and node["node_id"] not in named]


def seal_in_use(observed: t.Mapping[str, Part], standings: t.Mapping[str, str]) -> dict[str, t.Any]:
    """Key and region that the nodes with data name in their configuration; nothing where there is none, or not one."""
    found = {
        (here["configured"]["kms_key_id"], here["configured"]["region"])
        for name, here in observed.items()
        if standings.get(name) in (SERVING, OTHER, STOPPED) and here["configured"]["kms_key_id"]
    }
    if len(found) != 1:
        return {}
    key_id, region = found.pop()
    return {"key_id": key_id, "region": region or ""}


def clock_problem(name: str, seen: Part, now: float, skew: float, flavour: Flavour = product.VAULT) -> str:
    """Why AWS, certificates and tokens would not work with the clock of this node, or nothing. *now* and *skew* in seconds.

    The node looked at its clock between the controller's question and *now*.
    """
    if seen["asked_at"] - skew < seen["time"] < now + skew:
        return ""
    return (
        f"The clock of {name} differs from this controller's by more than {skew:g} s "
        f"({seen['time'] - seen['asked_at']:.1f} s). AWS would refuse its signatures, and {product.named(flavour)} its "
        "certificates and tokens. Set the clock (chrony), then run again."
    )


def turns(names: t.Sequence[str], wants: t.Mapping[str, bool], active: str | None) -> list[str]:
    """Nodes that run and differ from what they should be, in the order in which they are changed: the active one last."""
    return sorted((name for name in names if wants.get(name)), key=lambda name: name == active)


def _standing(here: Part, answer: Part, signed: bool) -> str | None:
    """None where the node alone can't tell, and its API did not."""
    if answer["initialized"] is None:
        if not _runs(here):
            return STOPPED if here["has_data"] else EMPTY
        return OTHER if signed else None
    if answer["initialized"]:
        return SERVING if answer["state"] in ("active", "standby") else OTHER
    # Vault makes its database before anything is in it: whether it is initialised, only it can say.
    return UNINITIALIZED


def _runs(here: Part) -> bool:
    """A unit that is starting and does not listen yet serves nobody: such as one that KMS keeps from unsealing."""
    starting = here["service"]["main_pid"] and here["service"]["active_state"] == "activating"
    return bool(here["listens"] or here["outside"] or (here["service"]["main_pid"] and not starting))


def _is_something(here: Part) -> bool:
    return bool(here["has_data"] or _runs(here))


def _problems(node: Part, here: Part, answer: Part, standing: str | None, wanted: Wanted) -> list[str]:
    name, server = node["name"], product.named(wanted["flavour"])
    others = [flavour for flavour in here["flavours"] if flavour != wanted["flavour"]]
    if others and _is_something(here):
        return [_another_product(name, others[0], wanted["flavour"])]
    if here["has_data"] and (moved := _moved(here["configured"], wanted["ports"])):
        return [f"{name}: {moved} Nothing was changed."]
    if standing is None:
        return [
            f"{name}: {_what(here, server)}, and this controller can't talk to it: {_plain(answer, name)} Nothing was changed: "
            f"what can't be seen is not taken for empty. {CURES.get(str(answer.get('reach')), CURE)} Then run again."
        ]
    if standing in (SERVING, OTHER, UNINITIALIZED) and not _runs(here):
        return [
            f"{name}: something answers at {answer['url']}, and on the machine that the inventory's connection leads to "
            f"no {server} runs. Address and connection lead to different machines: correct vault_address or ansible_host."
        ]
    hidden = (here.get("volumes") or {}).get("problems") or []
    if standing in (EMPTY, STOPPED, UNINITIALIZED) and hidden:  # what a volume holds that is not mounted, nobody sees
        return [f"{name}: {problem} Nothing was changed." for problem in hidden]
    if standing is not None and here["outside"]:
        return [
            f"{name}: {_what(here, server)}. It would be neither restarted nor stopped with the unit, and a second {server} "
            f"started beside it. Stop it, and have the unit 'vault' run {server}. Nothing was changed."
        ]
    if standing == STOPPED:
        return _stopped_problems(node, here, wanted, server)
    return []


def _another_product(name: str, found: Flavour, wanted: Flavour) -> str:
    return (
        f"{name}: its server is {product.NAMES[found]}, and vault_flavour is {wanted}. A run does not make a cluster of the one "
        f"into one of the other: their data part ways with every version. Set vault_flavour to {found}, or set up a new "
        "cluster beside this one. Nothing was changed."
    )


def _moved(configured: Part, ports: t.Mapping[str, t.Any]) -> str:
    """Why a node that listens on other ports is left as it is. What somebody else wrote is not read for its ports."""
    for name, setting in (("vault_api_port", "api_port"), ("vault_cluster_port", "cluster_port")):
        has, wants = configured.get(setting), ports.get(name)
        if configured["ours"] and has and wants and int(wants) != has:
            return (
                f"its configuration has port {has}, and {name} is {wants}. Ports are part of every node's address, by which the "
                f"others and all clients know it, so they are not changed under a cluster. Set {name} to {has}; docs/settings.md "
                "says how a cluster gets other ports."
            )
    return ""


def _stopped_problems(node: Part, here: Part, wanted: Wanted, server: str) -> list[str]:
    """Data without an answer: the node's own files have to say whose it is."""
    name, configured = node["name"], here["configured"]
    start = f"Start {server} on it as it is ('systemctl start vault'), so that it can be asked; then run again."
    known = wanted["by_id"] and configured["node_id"] == node["node_id"]
    if not known and not set(here["trusted"]) & set(wanted["trusted"]):
        return [
            f"{name} holds Raft data, {server} does not run on it, and the CA that it trusts is not the one in "
            f"{wanted['ca_file']}: the data may be another cluster's. {start}"
        ]
    for setting, has, wants in (
        ("cluster_name", configured["cluster_name"], wanted["cluster_name"]),
        ("node_id", configured["node_id"], node["node_id"]),
    ):
        if has is not None and has != wants:
            return [
                f"{name} holds Raft data, {server} does not run on it, and its configuration has {setting} {has}, where the "
                f"inventory has {wants}. Correct the inventory, or take the node out of it."
            ]
    if wanted["version"] and here["current"] not in (None, wanted["version"]):
        return [
            f"{name} holds Raft data of {server} {here['current']}, and {server} does not run on it; vault_version is "
            f"{wanted['version']}. {start} playbooks/rolling_upgrade.yml changes the version."
        ]
    return []


def _what(here: Part, server: str) -> str:
    pids = here["processes"] or ([here["service"]["main_pid"]] if here["service"]["main_pid"] else [])
    if pids:
        outside = ", outside the unit 'vault'" if here["outside"] else ""
        process = "processes" if len(pids) > 1 else "process"
        return f"{server} runs on it ({process} {', '.join(map(str, pids))}{outside})"
    return f"something listens on its {server} port"


def _plain(answer: Part, name: str) -> str:
    error = str(answer["error"] or "it gave no answer").removeprefix(f"{name}: ")
    return error if error.endswith((".", "!", "?")) else f"{error}."


def _lost_ca(observed: t.Mapping[str, Part], wanted: Wanted) -> str:
    server = product.named(wanted["flavour"])
    there = [
        f"{name} ({_brief(here, server)})"
        for name, here in observed.items()
        if "service" in here and _is_something(here)
    ]
    return (
        f"There is no CA certificate in {wanted['ca_file']} on this controller, and a cluster exists: {', '.join(there)}. A new "
        "CA would cut off every client, so none is made. Name the account and the region that the cluster was made in, or the "
        "file of its CA (vault_ca_file). Nothing was changed."
    )


def _brief(here: Part, server: str) -> str:
    runs = f"{server} runs" if _runs(here) else f"{server} is stopped"
    return f"{runs}, {'with' if here['has_data'] else 'without'} data"
