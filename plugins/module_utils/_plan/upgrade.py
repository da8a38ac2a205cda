# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""In which order the nodes of a live cluster are restarted or upgraded, and what forbids it. Pure.

Decided from what runs now, never from what an earlier run did: so a run that was cut short is simply begun again.
"""

from __future__ import annotations

import typing as t

from .._common import product
from .._common.product import Flavour, Product
from .._common.versions import is_one
from .._common.versions import number as _number
from .._common.versions import text as _text
from . import crossing_check, crossings, editions, openbao

UPGRADING = "https://developer.hashicorp.com/vault/docs/upgrade"


class Step(t.TypedDict):
    node: str
    active: bool
    text: str  # what will be done, and why


class Way(t.TypedDict):
    """What becomes of a node whose turn has failed."""

    switch_back: bool  # the release of before is switched on again
    restart: bool  # and started
    text: str  # how the node stands, as far as it is known


class Plan(t.TypedDict):
    problems: list[str]
    steps: list[Step]  # in order; the active node is the last
    notes: list[str]


def upgrade(
    status: t.Mapping[str, t.Any],
    raft: t.Mapping[str, t.Any],
    installed: t.Mapping[str, t.Mapping[str, t.Any]],
    target: str,
    join: str,
    seen: t.Mapping[str, t.Any] | None = None,
    settings: t.Mapping[str, t.Mapping[str, t.Any]] | None = None,
    flavour: Flavour = product.VAULT,
    plugin: t.Mapping[str, str] | None = None,
) -> Plan:
    """*status*, *raft*: results of vault_status_info and vault_raft_info; *installed*: vault_node_info's, by node; *seen*: of
    vault_crossing_info, *settings*: vault_settings_info's, by node, where something of what is crossed has to be read;
    *plugin*: of OpenBao's seal, as the inventory names it.
    """
    problems = _cluster_problems(status, raft) or _version_problems(status, target, join, flavour)
    if not problems and flavour == product.OPENBAO:
        problems = openbao.upgrade_problems(Product.of(target, flavour), installed, plugin or {})
    notes: list[str] = []
    if not problems:
        oldest = min(_number(node["version"]) for node in status["nodes"])
        problems, notes = crossing_check.judge(oldest, _number(target), seen, settings or {}, flavour)
    if problems:
        return {"problems": problems, "steps": [], "notes": []}
    steps: list[Step] = []
    for node in in_order(status):
        if _is_done(node, installed[node["name"]], target):
            continue
        begun = " (switched already, and not restarted)" if installed[node["name"]].get("current") == target else ""
        what = f"{node['version']} -> {target}{begun}"
        steps.append({"node": node["name"], "active": node["state"] == "active", "text": _said(node, what)})
    return {"problems": [], "steps": steps, "notes": notes}


def reads(status: t.Mapping[str, t.Any], target: str, flavour: Flavour = product.VAULT) -> list[str]:
    """What has to be read before an upgrade to *target*; nothing where the versions allow none."""
    versions = [node["version"] or "" for node in status["nodes"]]
    if not all(map(is_one, (*versions, target))):
        return []
    return crossings.reads(min(map(_number, versions)), _number(target), flavour)


def restart(status: t.Mapping[str, t.Any], raft: t.Mapping[str, t.Any]) -> Plan:
    """Every node once."""
    problems = _cluster_problems(status, raft)
    steps: list[Step] = [
        {"node": node["name"], "active": node["state"] == "active", "text": _said(node, "restart")}
        for node in in_order(status)
    ]
    return {"problems": problems, "steps": [] if problems else steps, "notes": []}


def way_back(status: t.Mapping[str, t.Any], name: str, before: str | None, target: str) -> Way:
    """After a turn that failed: a node goes back only when it is known not to serve, and known that nobody has written
    what the older release can't read. *before*: the release that was switched on when the run began."""
    node = next(node for node in status["nodes"] if node["name"] == name)
    leading = next((other["version"] for other in status["nodes"] if other["state"] == "active"), None)
    older = before is not None and before != target
    if node["state"] in ("active", "standby"):
        if node["version"] == target:
            return _way(f"{name} runs {target} and answers as {_role(node)}, so it was left as it is.")
        text = f"{name} was not restarted: it runs {node['version']} and answers as {_role(node)}, as before."
        return _way(text, switch_back=older)
    how = f"After that, {name} was {node['state']}" + (f" ({node['error'].rstrip('.')})." if node.get("error") else ".")
    if node["reach"] not in ("answered", "refused", "broken"):
        return _way(f"{how} That does not tell whether it serves, so it was left as it is.")
    goes_on = f"{how} Its unit goes on trying."
    if not older:
        return _way(f"{goes_on} There is no older release to go back to.")
    if leading is None:
        return _way(
            f"{goes_on} It was not switched back: no node leads, so nobody knows what the new version has written."
        )
    if leading == target:
        return _way(
            f"{goes_on} It was not switched back: a leader of {target} may have written what {before} can not read."
        )
    return _way(how, switch_back=True, restart=True)


def order(status: t.Mapping[str, t.Any]) -> list[str]:
    """The nodes' names in the order of their turns."""
    return [node["name"] for node in in_order(status)]


def _way(text: str, switch_back: bool = False, restart: bool = False) -> Way:
    return {"switch_back": switch_back, "restart": restart, "text": text}


def _role(node: t.Mapping[str, t.Any]) -> str:
    return "the active node" if node["state"] == "active" else "a standby"


def in_order(status: t.Mapping[str, t.Any]) -> list[dict[str, t.Any]]:
    """Standbys as the inventory has them, the active node last: leadership moves once, and to a node that is done."""
    return sorted(status["nodes"], key=lambda node: node["state"] == "active")


def who(node: t.Mapping[str, t.Any]) -> str:
    """By role, where the node has told it."""
    return (
        f"{node['name']}, {_role(node)}"
        if node["state"] in ("active", "standby")
        else f"{node['name']} ({node['state']})"
    )


def _said(node: t.Mapping[str, t.Any], what: str) -> str:
    last = "; last, so that leadership moves only once, by SIGTERM" if node["state"] == "active" else ""
    return f"{who(node)}: {what}{last}"


def _is_done(node: t.Mapping[str, t.Any], installed: t.Mapping[str, t.Any], target: str) -> bool:
    # A binary that was not installed by this collection runs under no release's name: its own word counts.
    return node["version"] == target and installed.get("running") in (target, None)


def _cluster_problems(status: t.Mapping[str, t.Any], raft: t.Mapping[str, t.Any]) -> list[str]:
    cluster = status["cluster"]
    if cluster["state"] != "live":
        return [
            f"The cluster is {cluster['state']} ({cluster['reason']}), and one more node would be stopped. Bring every "
            "node of the inventory up first ('journalctl -u vault' on it says why it is not), or replace it."
        ]
    if not raft or raft.get("missing"):
        return [
            f"Not every voter is healthy: {raft.get('missing') or 'the peers could not be read'}. Wait until autopilot "
            "calls them healthy, or bring them back first."
        ]
    if raft["raft"]["failure_tolerance"] < 1:
        return [
            "The cluster tolerates no failure (failure_tolerance 0), so a restart would stop it. Add voters first: three "
            "tolerate one."
        ]
    return list(raft.get("differences") or [])


def _version_problems(status: t.Mapping[str, t.Any], target: str, join: str, flavour: Flavour) -> list[str]:
    if not is_one(target):
        return [f"vault_version is '{target}'. Give the whole version, such as 1.21.1."]
    hidden = [node["name"] for node in status["nodes"] if not is_one(node["version"] or "")]
    if hidden:
        return [
            f"{', '.join(hidden)} does not tell which version it runs, so nothing says what an upgrade would change. Take "
            "redact_version out of its listener for as long as the upgrade lasts."
        ]
    crossed = editions.problems([node["version"] for node in status["nodes"]], target)
    if crossed:
        return crossed
    wanted, running = _number(target), sorted({_number(node["version"]) for node in status["nodes"]})
    above = [_text(number) for number in running if number > wanted]
    if above:
        name = product.NAMES[flavour]
        return [
            f"{', '.join(above)} runs, and vault_version is {target}: {name}'s data can't go back. Set vault_version to "
            f"{above[-1]} or above; to go back all the same, restore a snapshot that was taken with {target} ({UPGRADING})."
        ]
    old = [number for number in running if number != wanted]
    if len(old) > 1:
        return [
            f"The nodes run {', '.join(map(_text, running))}, which no upgrade to {target} leaves behind. Finish the one "
            f"that was begun first, with vault_version {_text(old[-1])}."
        ]
    if join == "aws" and not Product.of(target, flavour).does(product.JOINS_BY_EC2_TAG):
        return [
            f"{product.NAMES[flavour]} {target} can't join by EC2 tag, so a node would not come back. Choose another version "
            f"({crossings.CHANGES})."
        ]
    if old and wanted[0] > old[0][0] + 1:
        return [f"From {_text(old[0])} to {target} is more than one major version. Go by way of the one between."]
    return [
        f"From {_text(old[0])} to {target}: {one.text} ({one.source})."
        for one in (crossings.crossed(old[0], wanted, flavour) if old else [])
        if one.refused
    ]
