# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What of this cluster a newer Vault would not take, by what the cluster and its nodes have told. Pure.

What could not be read is a problem of its own, and never nothing.
"""

from __future__ import annotations

import typing as t

from .._common import product
from .._common.product import Flavour, Product
from .._common.versions import Number, crosses, text
from . import crossings
from .crossings import NODES, POLICIES, SWITCH, SWITCH_IGNORED, Crossing

Part = t.Mapping[str, t.Any]
Judged = tuple[list[str], list[str]]  # what forbids the upgrade, and what people should know

# As Go reads a truth value.
_TRUE = ("1", "t", "T", "TRUE", "true", "True")
_PLUGINS = {"auth": "auth method", "secret": "secrets engine"}


def judge(
    before: Number,
    after: Number,
    seen: Part | None,
    nodes: t.Mapping[str, Part],
    flavour: Flavour = product.VAULT,
) -> Judged:
    """*seen*: of vault_crossing_info, None where nobody asked; *nodes*: of vault_settings_info, by node."""
    notes: list[str] = []
    problems = _blind(crossings.reads(before, after, flavour), after, seen, nodes)
    crossed = [one for one in crossings.crossed(before, after, flavour) if not one.refused]
    notes += [f"{one.text} ({one.source})." for one in crossed if not one.reads]
    for one in {one.name: one for one in crossed if one.reads}.values():
        found, said = _CHECKS[one.name](one, before, after, seen or {}, nodes)
        problems += found
        notes += said
    unknown = Product(flavour, after).unknown
    if unknown:
        notes.append(f"{unknown} Read its release notes (docs/crossings.md).")
    return problems, notes


def _blind(wanted: t.Sequence[str], after: Number, seen: Part | None, nodes: t.Mapping[str, Part]) -> list[str]:
    told = all((seen or {}).get(part) is not None for part in wanted if part != NODES)
    if not told or (NODES in wanted and not (nodes and all("unreadable" in node for node in nodes.values()))):
        return [
            f"The cluster was not asked whether Vault {text(after)} takes what it holds. No node may be upgraded blind."
        ]
    found = []
    refused = list((seen or {}).get("missing") or [])
    if refused:
        rules = " ".join(f'path "{one["path"]}" {{ capabilities = {_listed(one["capabilities"])} }}' for one in refused)
        found.append(
            f"'{refused[0]['identity']}' may not read {', '.join(one['path'] for one in refused)}, so nobody knows whether Vault "
            f"{text(after)} takes what this cluster holds. site.yml gives the operator these rights, where an administrator runs "
            f"it. Where the operator's policy is your own (vault_cluster_operator_policy), add to it: {rules}"
        )
    found += [
        f"{name}: {one['path']} can't be understood ({one['problem']}), so nobody knows whether Vault {text(after)} takes it."
        for name, node in nodes.items()
        for one in node.get("unreadable") or []
    ]
    return found


def _listed(words: t.Iterable[str]) -> str:
    return "[" + ", ".join(f'"{word}"' for word in words) + "]"


def _duplicates(_one: Crossing, before: Number, after: Number, seen: Part, nodes: t.Mapping[str, Part]) -> Judged:
    ignored = crosses(before, after, SWITCH_IGNORED)
    allowing = {name: place for name, node in nodes.items() if (place := _switched_on(node))}
    problems, notes = [], []
    if ignored:
        problems += [
            f"{name}: {SWITCH} is set in {place}, and Vault {text(after)} ignores it. Mend what is set twice, remove the switch "
            "there, restart the node (playbooks/rolling_restart.yml), and run this again."
            for name, place in allowing.items()
        ]
    policies = seen.get(POLICIES) or {}
    for name, policy in policies.items():
        if policy.get("problem"):
            problems.append(
                f"The policy '{name}' can't be judged: {policy['problem']} Write it anew, or delete it where nobody needs it."
            )
        for twice in policy.get("duplicates") or []:
            said = f"The policy '{name}' sets {twice['name']} twice (line {twice['line']})"
            if not ignored and nodes and set(allowing) == set(nodes):
                notes.append(f"{said}. {SWITCH} allows that on every node, up to Vault 2.1.")
                continue
            problems.append(
                f"{said}: Vault {text(after)} refuses the policy, and every token that has it. Keep one of the two, the last one "
                "is what counts today, and write the policy; or delete it where nobody needs it."
            )
    for name, node in nodes.items():
        for twice in node.get("duplicates") or []:
            said = f"{name}: {twice['path']} sets {twice['name']} twice (line {twice['line']})"
            if not ignored and name in allowing:
                notes.append(f"{said}. {SWITCH} allows that, up to Vault 2.1.")
            else:
                problems.append(f"{said}: Vault {text(after)} does not start with that. Keep one of the two.")
    return problems, notes


def _switched_on(node: Part) -> str | None:
    """Where the switch is set that allows names that are set twice; the last place is the one that counts."""
    places = [one for one in node.get("switches") or [] if one["name"] == SWITCH]
    return str(places[-1]["where"]) if places and places[-1]["value"] in _TRUE else None


def _audit(one: Crossing, _before: Number, after: Number, seen: Part, _nodes: t.Mapping[str, Part]) -> Judged:
    devices = seen.get("audit") or {}
    options = {path: device.get("options") or {} for path, device in devices.items() if device["type"] == "file"}
    bad = [path for path, chosen in options.items() if _is_executable(chosen.get("mode"))]
    prefixed = [path for path, chosen in options.items() if chosen.get("prefix")]
    end = " No other device is left, so no node would serve." if bad and set(bad) == set(devices) else ""
    problems = [
        f"The audit device {path} has the mode {options[path]['mode']}: Vault {text(after)} sets up no file that may be executed "
        f"(CVE-2025-6000). Enable one with the mode 0600 under another path, and disable this one.{end}"
        for path in bad
    ]
    notes = [
        f"The audit device {path} has a prefix, and goes on working. Such a device is enabled anew only where the configuration "
        f"says allow_audit_log_prefixing ({one.source})."
        for path in prefixed
    ]
    return problems, notes


def _is_executable(mode: t.Any) -> bool:
    try:
        return bool(int(str(mode or "0"), 8) & 0o111)
    except ValueError:
        return False


def _templates(one: Crossing, _before: Number, _after: Number, seen: Part, _nodes: t.Mapping[str, Part]) -> Judged:
    return [], _named(
        one, seen, "templates", "Whether a value has one, only your identities tell; this run does not read them."
    )


def _parameters(one: Crossing, _before: Number, _after: Number, seen: Part, _nodes: t.Mapping[str, Part]) -> Judged:
    return [], _named(one, seen, "parameters", "Try the requests that depend on it.")


def _named(one: Crossing, seen: Part, field: str, advice: str) -> list[str]:
    names = sorted(name for name, policy in (seen.get(POLICIES) or {}).items() if policy.get(field))
    if not names:
        return []
    return [f"{one.text} ({one.source}). It may matter to these policies: {', '.join(names)}. {advice}"]


def _mounts(_one: Crossing, before: Number, after: Number, seen: Part, _nodes: t.Mapping[str, Part]) -> Judged:
    external = {(one["type"], one["name"]) for one in seen.get("plugins") or []}
    gone = {
        (one.kind, one.name)
        for one in crossings.REMOVED
        if crosses(before, after, (one.since,)) and (one.kind, one.name) not in external
    }
    return [
        f"The {_PLUGINS[one['kind']]} at {one['path']} is of the type {one['type']}, which is not built into Vault "
        f"{text(after)}. Move what uses it elsewhere and disable it, or register the plugin as an external one of that name."
        for one in seen.get("mounts") or []
        if (one["kind"], one["type"]) in gone
    ], []


_CHECKS: dict[str, t.Callable[[Crossing, Number, Number, Part, t.Mapping[str, Part]], Judged]] = {
    "audit": _audit,
    "duplicates": _duplicates,
    "mounts": _mounts,
    "parameters": _parameters,
    "templates": _templates,
}
