# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a unit and a configuration that somebody else made hold, and the new ones will not. Pure.

Names and files come out, and the values of settings that are known to hold no secret.
"""

from __future__ import annotations

import re
import typing as t

from .._node import environment
from . import adoption_settings, configuration, found_unit
from .configuration import Held
from .found_unit import Found, Lost
from .same_setting import normal, says_nothing

# Where the files lie is the collection's own business, and the certificate is proven by itself; who joins whom follows from the
# inventory.
REPLACED = re.compile(r"listener\.tcp\.tls_(cert|key)_file|storage\.raft\.retry_join(\..+)?")
# Without these the node would begin anew beside its data, or could not open it.
ESSENTIAL = re.compile(
    r"storage(\.raft\.path|\.(?!raft\b).+)|ha_storage.*|seal\.(?!awskms\b).+|seal\.awskms\.disabled|"
    r"unit\.Environment\.VAULT_(RAFT_PATH|SEAL_TYPE)"
)
# No seal at all: the one that people open.
SHAMIR = "seal.shamir"
# With these in force, the node does not start again.
FATAL = re.compile(rf"(drop-in|manager)\.Environment\.{environment.CHECK}")
# What Vault does where its configuration says nothing, and the new one says otherwise.
DEFAULTS = {
    "listener.tcp.tls_min_version": ("tls12", "a client that does not speak that version is refused"),
    "listener.tcp.address": ("127.0.0.1:8200", "other machines reach this node, as far as its firewalls let them"),
    "ui": ("false", "the node answers with the user interface, too"),
    "log_format": ("standard", "what reads Vault's log has to read that format"),
    "storage.raft.performance_multiplier": ("5", "the loss of the active node is noticed after another time"),
}


def compare(found: Found, files: list[dict[str, t.Any]], without: list[str], inputs: Found) -> dict[str, t.Any]:
    """*found*: a result of vault_installation_info. *files*: what is to be installed, with path and content.

    *inputs*: the version, what the inventory has for mappings of settings, and the key that was compared by itself
    (seal_in_use).

    *lost*: all that goes, by name, those named in *without* too. *goes*: the same in words, with the files. *problems*: why this
    may not be. *lines*: what the inventory would have to say for it to stay. *changes*: what Vault did by default, and will not.
    """
    new = {file["path"]: str(file["content"]) for file in files}
    written, _none = _held({path: text for path, text in new.items() if path.endswith((".hcl", ".json"))})
    held, unreadable = _held({path: text for path, text in found["configs"].items() if path in found["foreign"]})
    unit = found_unit.of_old(found)
    new_unit = found_unit.of_text("\n".join(text for path, text in new.items() if path.endswith(".service")))
    lost = _lost(held, written, inputs.get("seal_in_use") or {}) | _shamir(held, unit)
    lost |= found_unit.goes(unit, new_unit, written, found) | found_unit.stays(found, written)
    given = inputs.get("settings") or {}
    cures = adoption_settings.cures(lost, [*held, *unit], given, str(inputs.get("version", "")))
    refused = [name for name in lost if name not in without or ESSENTIAL.fullmatch(name)]
    return {
        "lost": sorted(lost),
        "goes": [
            f"this {'stays in force' if _is_staying(name) else 'goes'}: {_listed(name, lost)}" for name in sorted(lost)
        ],
        "problems": _unreadable(unreadable) + _problems(lost, set(without), cures),
        "lines": adoption_settings.lines([cures[name] for name in refused], given),
        "changes": _changes(held, written),
    }


# --- in words


def _unreadable(paths: list[str]) -> list[str]:
    return [
        f"{path} can't be read as HCL or JSON, so nobody knows what of it would be lost. Write it in the form of Vault's "
        "documentation, or move it away."
        for path in paths
    ]


def _problems(lost: Lost, without: set[str], cures: t.Mapping[str, adoption_settings.Cure]) -> list[str]:
    problems = []
    essential = [name for name in sorted(lost) if ESSENTIAL.fullmatch(name)]
    if SHAMIR in lost:
        problems.append(
            f"People unseal this cluster by hand: {_listed(SHAMIR, lost)}. playbooks/adopt_seal.yml brings it to the key that "
            "vault_kms_key_alias names, node by node. docs/adopt.md has the steps."
        )
    if elsewhere := [name for name in essential if name != SHAMIR]:
        problems.append(
            "The old configuration has its data or its seal elsewhere than the new one would "
            f"({', '.join(_listed(name, lost) for name in elsewhere)}). A node that is taken over keeps both: set the inventory "
            "to what is there."
        )
    refused = [name for name in sorted(lost) if name not in [*essential, *without] or FATAL.fullmatch(name)]
    staying = [name for name in refused if _is_staying(name)]
    problems += [_stays(name, lost[name]) for name in staying]
    rest = [name for name in refused if name not in staying]
    if rest:
        told = ", ".join(_listed(name, lost, cures[name]) for name in rest)
        problems.append(
            f"What runs was not set up by this collection, and holds settings that the new unit and configuration would not: "
            f"{told}. What may go, name in vault_adopt_without: {adoption_settings.flow(rest)}"
        )
    return problems


def _is_staying(name: str) -> bool:
    return name.startswith(("drop-in.", "manager."))


def _listed(name: str, lost: Lost, cure: adoption_settings.Cure | None = None) -> str:
    words = [", ".join(lost[name]), cure.why if cure else ""]
    told = "; ".join(word for word in words if word)
    return f"{name} ({told})" if told else name


def _stays(name: str, paths: list[str]) -> str:
    where, *what = name.split(".")
    variable = what[-1]
    sets = f"{variable}, which goes before {environment.stands_for(variable)}" if what[0] == "Environment" else variable
    wanted = "" if FATAL.fullmatch(name) else f" If that is wanted, name {name} in vault_adopt_without."
    if where == "manager":
        return (
            f"systemd itself gives every service {sets}. Take it out with 'systemctl unset-environment {variable}', and out of "
            f"DefaultEnvironment in /etc/systemd/system.conf where it stands there.{wanted}"
        )
    return (
        f"{', '.join(paths)} belongs to a drop-in of the unit, which stays in force, and sets {sets}. Take it out of that file, "
        f"and run 'systemctl daemon-reload'.{wanted}"
    )


def _changes(held: t.Sequence[Held], written: t.Sequence[Held]) -> list[str]:
    there = {one.name for one in held}
    new = {one.name: one.value for one in written}
    changes = []
    for name, (before, what) in DEFAULTS.items():
        if held and name not in there and str(new.get(name, before)) != before:
            keeps = adoption_settings.INPUTS.get(name)
            line = f" To keep it: {keeps[0]}: {before}" if keeps else ""
            changes.append(f"{name} was not set, so it was {before}, and becomes {new[name]}: {what}.{line}")
    return changes


# --- configuration


def _held(texts: t.Mapping[str, str]) -> tuple[list[Held], list[str]]:
    found: list[Held] = []
    unreadable = []
    for path, text in texts.items():
        try:
            found += configuration.held(path, text)
        except (ValueError, RecursionError):
            unreadable.append(path)
    return found, unreadable


def _lost(held: t.Sequence[Held], written: t.Sequence[Held], proven: t.Mapping[str, t.Any]) -> Lost:
    """Names with a value that the new one does not have. To say no, or nothing, is what is so without saying it."""
    new: dict[str, set[str]] = {}
    for one in written:
        new.setdefault(one.name, set()).add(normal(one.keys, one.value))
    # That key was compared with the alias's by KMS itself, however it is written.
    same = {"seal.awskms.kms_key_id": proven.get("key_id"), "seal.awskms.region": proven.get("region")}
    lost: Lost = {}
    for one in held:
        kept = normal(one.keys, one.value) in new[one.name] if one.name in new else says_nothing(one.keys, one.value)
        if not (kept or REPLACED.fullmatch(one.name) or (one.value and one.value == same.get(one.name))):
            found_unit.add(lost, one.name, one.path)
    return lost


def _shamir(held: t.Sequence[Held], unit: t.Sequence[Held]) -> Lost:
    """No seal is a seal too: the one that people open by hand. The new one opens itself, which takes a migration."""
    storage = sorted({one.path for one in held if one.keys[0] == "storage"})
    variables = {one.keys[-1] for one in unit}
    sealed = any(one.keys[0] == "seal" for one in held) or variables & {"VAULT_SEAL_TYPE", "VAULT_AWSKMS_SEAL_KEY_ID"}
    return {SHAMIR: storage} if storage and not sealed else {}
