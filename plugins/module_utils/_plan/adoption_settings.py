# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What keeps a setting of a configuration that somebody else made: the lines of the inventory that write it again. Pure.

Values are told where their setting is known to hold no secret, and nowhere else.
"""

from __future__ import annotations

import json
import re
import typing as t

from .._node import environment
from . import server_settings
from .configuration import Held

Keys = tuple[str, ...]
# Where the four stanzas with settings of their own are.
STANZAS: dict[str, Keys] = {
    "listener": ("listener", "tcp"),
    "raft": ("storage", "raft"),
    "seal": ("seal", "awskms"),
    "server": (),
}
# Settings that have an input: its name, and the kind of its value.
INPUTS: dict[str, tuple[str, str]] = {
    "api_addr": ("vault_api_addr", "text"),
    "cluster_addr": ("vault_cluster_addr", "text"),
    "cluster_name": ("vault_cluster_name", "text"),
    "disable_mlock": ("vault_server_disable_mlock", "flag"),
    "listener.tcp.telemetry.unauthenticated_metrics_access": ("vault_server_unauthenticated_metrics", "flag"),
    "listener.tcp.tls_min_version": ("vault_tls_min_version", "text"),
    "log_level": ("vault_server_log_level", "level"),
    "seal.awskms.region": ("vault_aws_region", "text"),
    "storage.raft.node_id": ("vault_node_id", "text"),
    "storage.raft.path": ("vault_server_data_dir", "text"),
    "storage.raft.performance_multiplier": ("vault_server_performance_multiplier", "number"),
    "ui": ("vault_server_ui", "flag"),
}
PORTS = {"listener.tcp.address": "vault_api_port", "listener.tcp.cluster_address": "vault_cluster_port"}
OF_ONE_NODE = ("vault_api_addr", "vault_cluster_addr", "vault_node_id")
# Telemetry has tokens among its settings; these are places, times and switches.
_TELEMETRY = re.compile(
    r"(statsd|statsite|dogstatsd)_addr(ess)?|dogstatsd_tags|disable_hostname|enable_hostname_label|metrics_prefix|"
    r"prometheus_retention_time|usage_gauge_period|maximum_gauge_cardinality|lease_metrics_epsilon|"
    r"num_lease_metrics_buckets|add_lease_metrics_namespace_labels|add_mount_point_rollback_metrics|"
    r"filter_default|prefix_filter"
)
_FLAGS = {"true": True, "1": True, "false": False, "0": False}


class Kept(t.NamedTuple):
    variable: str
    value: t.Any  # None: it is not told


class Cure(t.NamedTuple):
    """How a setting can be kept, or in words why it can't."""

    kept: Kept | None
    why: str = ""


def cures(lost: t.Iterable[str], held: t.Sequence[Held], given: t.Mapping[str, t.Any], version: str) -> dict[str, Cure]:
    """By the name of each lost setting. *given*: what the inventory has now, for mappings and ports."""
    return {name: _cure(name, held, given, version) for name in lost}


def lines(cured: t.Iterable[Cure], given: t.Mapping[str, t.Any]) -> list[str]:
    """Lines of YAML for the inventory. Of a mapping that it has already, what is missing alone: what is there may be a secret."""
    wanted: dict[str, t.Any] = {}
    for cure in cured:
        if cure.kept is None or cure.kept.value is None:
            continue
        variable, value = cure.kept
        if isinstance(value, dict):
            value = _merged(wanted.get(variable, {}), value)
        wanted[variable] = value
    return [f"{variable}: {flow(wanted[variable])}{_where(variable, given)}" for variable in sorted(wanted)]


def flow(value: t.Any) -> str:
    """A value as YAML on one line, with as few quotes as can be: messages are shown as JSON, which would escape them."""
    if isinstance(value, t.Mapping):
        return f"{{{', '.join(f'{flow(name)}: {flow(item)}' for name, item in value.items())}}}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(flow, value))}]"
    if isinstance(value, str):
        plain = _PLAIN.fullmatch(value) and not _ANOTHER.fullmatch(value)
        quoted = value.replace("'", "''")
        return value if plain else f"'{quoted}'"
    return json.dumps(value)


_PLAIN = re.compile(r"[A-Za-z/][\w./=+@-]*(:[\w./+@-]+)*|\d[\d.]*[A-Za-z/]([\w./]*\w)?", re.ASCII)
# Texts that YAML takes for something else.
_ANOTHER = re.compile(r"(?i)y|n|yes|no|on|off|true|false|null|[\d_:.]+(e[\d+-]+)?|0[xob]\w+|\d+-\d+-\d+.*")


def _where(variable: str, given: t.Mapping[str, t.Any]) -> str:
    if given.get(variable) and isinstance(given[variable], t.Mapping):
        return "  # beside what it has"
    return "  # of this host alone" if variable in OF_ONE_NODE else ""


def _cure(name: str, held: t.Sequence[Held], given: t.Mapping[str, t.Any], version: str) -> Cure:
    mine = [one for one in held if one.name == name]
    if not mine:
        return Cure(None)
    keys = mine[0].keys
    if keys[0] == "unit":
        return _of_unit(keys, mine)
    values = {json.dumps(one.value) for one in mine}
    if name in PORTS:
        return _port(name, mine, given)
    if name in INPUTS:
        variable, kind = INPUTS[name]
        return _checked(variable, _as(mine[0].value, kind), values)
    if name == "seal.awskms.endpoint":
        return _checked("vault_aws_endpoints", {"kms": str(mine[0].value)}, values)
    if keys[0] == "telemetry" and len(keys) == 2:
        told = mine[0].value if _TELEMETRY.fullmatch(keys[1]) else None
        return _checked("vault_server_telemetry", None if told is None else {keys[1]: told}, values)
    return _of_stanza(keys, held, given, version)


def _of_unit(keys: Keys, mine: t.Sequence[Held]) -> Cure:
    """Of a variable or an argument that stood for a setting."""
    setting = environment.setting(*keys[1:]) if len(keys) > 2 else ""
    if setting not in INPUTS or not all(one.value for one in mine):
        if keys[1] != "Environment":
            return Cure(None)
        own = environment.overrides(keys[-1])
        return Cure(
            None, "instead: the inventory, and the node's instance role" if own else "a drop-in of the unit keeps it"
        )
    variable, kind = INPUTS[setting]
    return _checked(variable, _as(mine[0].value, kind), {json.dumps(one.value) for one in mine})


def _port(name: str, mine: t.Sequence[Held], given: t.Mapping[str, t.Any]) -> Cure:
    port = str(mine[0].value).rpartition(":")[2]
    why = "the new listener is on all of the node's addresses"
    if len(mine) != 1 or not port.isdigit() or port == str(given.get(PORTS[name])):
        return Cure(None, why)
    return Cure(Kept(PORTS[name], int(port)), why)


def _checked(variable: str, value: t.Any, values: t.Collection[str]) -> Cure:
    if len(values) > 1:
        return Cure(None, f"{variable} has one value, and this has {len(values)}")
    if value is None:
        return Cure(Kept(variable, None), f"belongs into {variable}; its value is not shown")
    if not _may_be_told(value):
        return Cure(None, f"belongs into {variable}; its value can't be written there as it is")
    return Cure(Kept(variable, value))


def _of_stanza(keys: Keys, held: t.Sequence[Held], given: t.Mapping[str, t.Any], version: str) -> Cure:
    if keys[0] in ("listener", "storage", "seal") and keys[:2] not in STANZAS.values():
        return Cure(
            None, "the new configuration has a listener on TCP, Raft storage and the awskms seal, and nothing beside"
        )
    stanza, prefix = next((one, at) for one, at in STANZAS.items() if keys[: len(at)] == at)
    about = server_settings.STANZAS[stanza]
    setting = keys[len(prefix)] if len(keys) > len(prefix) else ""
    known = about.settings.get(setting)
    if known is None:
        return Cure(None, "the new configuration has no place for it")
    if known.owner:
        return Cure(None, f"instead: {known.owner}" if known.owner.startswith("vault_") else known.owner)
    value = _whole((*prefix, setting), held, known)
    if value is None:
        return Cure(None, "it has several values")
    wrong = server_settings.problems({setting: value}, stanza, version)
    if wrong:
        return Cure(None, wrong[0].partition(": ")[2].rstrip("."))
    return _checked(about.variable, {setting: value}, [])


def _whole(at: Keys, held: t.Sequence[Held], known: server_settings.Setting) -> t.Any:
    """The value of a setting with all that it has inside; None where one part has several."""
    parts: dict[Keys, t.Any] = {}
    for one in held:
        if one.keys[: len(at)] == at:
            inside = one.keys[len(at) :]
            if parts.setdefault(inside, one.value) != one.value:
                return None
    if () in parts:
        return _as(parts[()], known.kind)
    value: dict[str, t.Any] = {}
    for inside, part in parts.items():
        into = value
        for name in inside[:-1]:
            into = into.setdefault(name, {})
        into[inside[-1]] = _as(part, _kind_inside(inside, known))
    return value


def _kind_inside(inside: Keys, known: server_settings.Setting) -> str:
    if known.kind == "headers":
        return "header"
    setting = known
    for name in inside:
        setting = setting.inside.get(name, setting)  # a label is no setting
    return setting.kind


def _as(value: t.Any, kind: str) -> t.Any:
    """A value as its kind wants it. What can't be that stays as it is, and is found wrong where it is checked."""
    text = str(value).strip()
    if kind == "flag":
        return _FLAGS.get(text.lower(), value)
    if kind in ("number", "duration") and text.isdigit():
        return int(text)
    if kind == "list" and isinstance(value, str):
        return [one.strip() for one in value.split(",")]
    if kind == "header":
        return value if isinstance(value, list) else [value]
    if kind == "level":
        return {"err": "error", "warning": "warn"}.get(text.lower(), text.lower())
    if kind == "text":
        return text if not isinstance(value, bool) else text.lower()
    return value


def _may_be_told(value: t.Any) -> bool:
    """Not what has a password in an address, several lines, or a template, which an inventory would evaluate."""
    text = json.dumps(value, ensure_ascii=False)
    return not re.search(r"://[^/\"]*@|\{\{|\{%|\{#|\\[bfnrtu]", text)


def _merged(one: t.Mapping[str, t.Any], other: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    made = dict(one)
    for name, value in other.items():
        before = made.get(name)
        made[name] = _merged(before, value) if isinstance(before, dict) and isinstance(value, dict) else value
    return made
