# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a run of site.yml has to do, in words, by what was read before anything is changed. Pure.

No line at all means that there is nothing to do, so a part that was not read has to be given as something to do.
"""

from __future__ import annotations

import typing as t

from .._common import product
from .._common.product import Flavour
from .standing import turns

# What each standing of a node means for the run; a node that serves is only brought in line.
STANDINGS = {
    "empty": "{server} is installed, configured and started",
    "uninitialized": "what is there is brought in line, and the node joins or is initialised",
    "stopped": "what is there is brought in line, and {server} is started",
}
# Where all nodes are one of these, no cluster was initialised.
UNBORN = {"empty", "uninitialized"}
# What Vault reads when it starts, and never again.
RESTART_FILES = {"/etc/systemd/system/vault.service", "/etc/vault.d/vault.hcl"}
RELOAD_FILES = {"/etc/vault.d/reload.hcl", "/etc/vault.d/vault.hcl (what a reload brings into effect)"}
EFFECTS = {
    "restart": "{server} is restarted there, in this node's turn",
    "certificate": "{server} reads it anew, without a restart, in this node's turn",
    "reload": "{server} reads it anew, without a restart",
    "none": "{server} goes on as it is",
}
GATED = (
    "The turns are in this order, one node at a time. Before and after each turn every voter has to be healthy, by autopilot's "
    "word and by its own. Where that does not hold, the run ends."
)

# What is compared by one login to a cluster that serves, as vault_cluster_info names it: the part of a run that it belongs to,
# what is done where it differs, and what is said of it as long as nobody has seen whether it does.
COMPARED = {
    "identities": (
        "cluster",
        "who may do what is set up or changed",
        "who may do what may have to be set up or changed",
    ),
    "audit": ("cluster", "audit devices are enabled", "audit devices may have to be enabled"),
    "autopilot": ("cluster", "autopilot is set", "autopilot may have to be set"),
    "raft": ("cluster", "every node has to become a voter", "nodes may have to become voters"),
    "cert_role": ("backup", "the nodes are let take snapshots", "the nodes may have to be let take snapshots"),
    "probe_role": (
        "backup",
        "the login of the nodes' probe is set up, changed or removed",
        "the login of the nodes' probe may have to be set up or removed",
    ),
}

# What a role would do on a node, by the role's name without its prefix.
Todo = t.Mapping[str, t.Sequence[str]]
Observed = t.Mapping[str, t.Any]


def lines(
    standings: t.Mapping[str, str],
    todo: t.Mapping[str, Todo],
    observed: t.Mapping[str, Observed],
    cluster: t.Mapping[str, bool],
    active: str | None,
    restarts: bool = True,
    flavour: Flavour = product.VAULT,
) -> list[str]:
    """*standings*, *todo* and what vault_node_info has *observed* by node; *cluster*: what may have to be done once for all, and
    whether it has to; *active*: name of the active node; *restarts*: whether this run takes up what needs a restart."""
    server = product.named(flavour)
    found = [f"{what[0].upper()}{what[1:]}." for what, wanted in cluster.items() if wanted]
    for name, standing in standings.items():
        if standing in STANDINGS:
            brought_up = STANDINGS[standing].format(server=server)
            found.append(f"{name}: {'; '.join([*todo.get(name, {}).get('volumes', ()), brought_up])}.")
    running = [name for name, standing in standings.items() if standing not in STANDINGS]
    takes_turns = False
    for name in turns(running, dict.fromkeys(running, True), active):
        parts = list(dict.fromkeys(one for part in todo.get(name, {}).values() for one in part))
        if not parts:
            continue
        effect = effect_of(todo[name], observed.get(name, {}), restarts)
        takes_turns = takes_turns or effect in ("restart", "certificate")
        said = EFFECTS[effect].format(server=server)
        found.append(f"{name}{' (active)' if name == active else ''}: {'; '.join(parts)}. {said}.")
    return [*found, GATED] if takes_turns else found


def compared(
    found: t.Mapping[str, t.Any],
    standings: t.Mapping[str, str],
    active: str | None,
    takes_snapshots: bool,
    probes: bool = False,
) -> list[tuple[str, str, bool]]:
    """Part, words, and whether it has to be done. *found*: what vault_cluster_info has seen, nothing where it was not asked;
    *standings* of the nodes, by name; *probes*: whether the nodes are to probe, which they can be seen to do no more.

    A cluster that is not initialised yet has nothing of it. Of one that was, what nobody has seen is not known.
    """
    if active is None:
        until = "a node leads"
    elif (found.get("init") or {}).get("step") == "recover":
        until = "the recovery keys are in custody"
    else:
        until = "who may do what is set up"
    is_unborn = set(standings.values()) <= UNBORN
    said = []
    for name, (part, words, may) in COMPARED.items():
        if name == "cert_role" and not takes_snapshots:
            continue
        seen = found.get(name)
        if name == "probe_role" and not probes and seen is None:
            continue
        if seen is not None:
            differs = seen["missing"] is not None if name == "raft" else seen["changed"]
            said.append((part, words, bool(differs)))
        elif is_unborn:
            said.append((part, words, True))
        else:
            said.append((part, f"{may}: what is there can't be seen before {until}", True))
    return said


def effect_of(todo: Todo, observed: Observed, restarts: bool = True) -> str:
    """What becomes of the running Vault: restart, certificate, reload or none."""
    files = set(todo.get("server", ()))
    if restarts and (todo.get("install") or files & RESTART_FILES or observed.get("restart_reasons")):
        return "restart"
    if todo.get("tls"):
        return "certificate"
    if restarts and (files & RELOAD_FILES or observed.get("reload_reasons")):
        return "reload"
    return "none"
