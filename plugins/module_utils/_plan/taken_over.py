# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a unit and a configuration that somebody else made hold, and the new ones will not. Pure.

Only names come out: a value may be a secret.
"""

from __future__ import annotations

import json
import re
import typing as t

from .._node import installation

Settings = dict[str, set[str]]

# Where the files lie is the collection's own business, and the certificate is proven by itself; who joins whom follows from the
# inventory.
REPLACED = re.compile(r"listener\.tcp\.tls_(cert|key)_file|storage\.raft\.retry_join(\..+)?")
# Without these the node would begin anew beside its data, or could not open it.
ESSENTIAL = re.compile(r"storage(\.raft\.path|\.(?!raft\b).+)|ha_storage.*|seal\.(?!awskms\b).+")
# What keeps a setting as it is.
KEPT_BY = {
    "api_addr": "vault_api_addr",
    "cluster_addr": "vault_cluster_addr",
    "cluster_name": "vault_cluster_name",
    "disable_mlock": "vault_server_disable_mlock",
    "listener.tcp.telemetry.unauthenticated_metrics_access": "vault_server_unauthenticated_metrics",
    "listener.tcp.tls_min_version": "vault_tls_min_version",
    "log_level": "vault_server_log_level",
    "seal.awskms.endpoint": "vault_aws_endpoints",
    "seal.awskms.kms_key_id": "vault_kms_key_alias",
    "seal.awskms.region": "vault_aws_region",
    "storage.raft.node_id": "vault_node_id",
    "storage.raft.path": "vault_server_data_dir",
    "storage.raft.performance_multiplier": "vault_server_performance_multiplier",
    "telemetry": "vault_server_telemetry",
    "ui": "vault_server_ui",
    "unit.ExecStart.log-level": "vault_server_log_level",
}
UNIT_KEYS = ("User", "Group", "SupplementaryGroups", "ExecStartPre", "ExecStartPost", "ExecStopPost")
# A drop-in stays in force: with these the new unit or its configuration would not mean what they say.
OVERRIDES = re.compile(
    r"(AWS_\w+|VAULT_(AWSKMS_SEAL_KEY_ID|SEAL_TYPE|API_ADDR|CLUSTER_ADDR|REDIRECT_ADDR|RAFT_\w+|LOG_LEVEL|LOG_FORMAT|UI))"
)
DROP_IN_KEYS = ("ExecStart", *UNIT_KEYS)


def compare(found: t.Mapping[str, t.Any], files: list[dict[str, t.Any]], without: list[str]) -> dict[str, t.Any]:
    """*found*: a result of vault_installation_info. *files*: what is to be installed, with path and content.

    *lost*: all that goes, by name, those named in *without* too. *problems*: why this may not be.
    """
    new = {file["path"]: str(file["content"]) for file in files}
    wanted, _none = _configuration({path: text for path, text in new.items() if path.endswith((".hcl", ".json"))})
    held, unreadable = _configuration(
        {path: text for path, text in found["configs"].items() if path in found["foreign"]}
    )
    old_unit = _old_unit(found)
    lost = _lost(held, wanted) | _shamir(held, old_unit) | _overrides(found)
    lost |= _lost(old_unit, _unit("\n".join(text for path, text in new.items() if path.endswith(".service"))))
    return {"lost": sorted(lost), "problems": _problems(sorted(lost), unreadable, set(without))}


def _problems(lost: list[str], unreadable: list[str], without: set[str]) -> list[str]:
    problems = [
        f"{path} can't be read as HCL or JSON, so nobody knows what of it would be lost. Write it in the plain form of Vault's "
        "documentation (names without quotes), or move it away."
        for path in unreadable
    ]
    essential = [name for name in lost if ESSENTIAL.fullmatch(name)]
    if essential:
        problems.append(
            f"The old configuration has its data or its seal elsewhere than the new one would ({_listed(essential)}). A node "
            "that is taken over keeps both: set the inventory to what is there."
        )
    overrides = [name for name in lost if name.startswith("drop-in.") and name not in without]
    if overrides:
        problems.append(
            f"Drop-ins of the unit stay in force, and would override what is installed ({', '.join(overrides)}). Take these "
            "settings out, or name them in vault_adopt_without if that is wanted."
        )
    rest = [name for name in lost if name not in [*essential, *overrides] and name not in without]
    if rest:
        problems.append(
            f"What runs was not set up by this collection, and holds settings that the new unit and configuration would not: "
            f"{_listed(rest)}. Give the variable where one is named. What may go, name in vault_adopt_without: "
            f"{json.dumps(rest)}"
        )
    return problems


def _listed(names: list[str]) -> str:
    return ", ".join(f"{name} ({kept} keeps it)" if (kept := _kept_by(name)) else name for name in names)


def _kept_by(name: str) -> str | None:
    return KEPT_BY.get(name) or KEPT_BY.get(name.split(".")[0])


def _lost(old: Settings, new: Settings) -> set[str]:
    """Names whose values are not all in the new one. To say no, or nothing, is what is so without saying it."""
    return {
        name
        for name, values in old.items()
        if not REPLACED.fullmatch(name) and (values - new.get(name, set()) - (set() if name in new else {"false", ""}))
    }


def _shamir(held: Settings, unit: Settings) -> set[str]:
    """No seal is a seal too: the one that people open by hand. The new one opens itself, which takes a migration."""
    names = " ".join([*held, *unit])
    storage = any(name.startswith("storage") for name in held)
    return (
        set() if not storage or re.search(r"(^| )seal\.|Environment\.VAULT_(AWSKMS_)?SEAL", names) else {"seal.shamir"}
    )


# --- configuration


def _configuration(texts: t.Mapping[str, str]) -> tuple[Settings, list[str]]:
    settings: Settings = {}
    unreadable = []
    for path, text in texts.items():
        try:
            tree = json.loads(text) if path.endswith(".json") else _hcl(text)
            _flatten("", _table(tree), settings)
        except ValueError:
            unreadable.append(path)
    return settings, unreadable


def _table(tree: t.Any) -> dict[str, t.Any]:
    if not isinstance(tree, dict):
        raise ValueError("not a table of settings")
    return tree


def _hcl(text: str) -> t.Any:
    # Slow to load, and needed where somebody else's files are.
    import hcl2
    from lark.exceptions import LarkError

    # HCL 1, which Vault reads, allows names in quotes, such as status codes.
    plain = re.sub(r'(?m)^(\s*)"([A-Za-z_][\w-]*)"(?=\s*[={"])', r"\1\2", text)
    plain = re.sub(r'(?m)^(\s*)"(\d\w*)"(?=\s*[={])', r"\1_\2", plain)
    try:
        return hcl2.loads(plain if plain.endswith("\n") else plain + "\n")
    except (LarkError, RecursionError) as error:
        raise ValueError("not HCL") from error


def _flatten(prefix: str, value: t.Any, into: Settings) -> None:
    if isinstance(value, dict):
        inner = {_text(name): item for name, item in value.items() if name not in ("__is_block__", "__comments__")}
        for name, item in inner.items():
            _flatten(f"{prefix}.{name}" if prefix else {"backend": "storage"}.get(name, name), item, into)
        if prefix and not inner:
            into.setdefault(prefix, set()).add("set")
    elif isinstance(value, list) and any(isinstance(item, dict) for item in value):
        for item in value:
            _flatten(prefix, item, into)
    else:
        into.setdefault(prefix, set()).add(_normal(value))


def _normal(value: t.Any) -> str:
    if isinstance(value, list):
        return json.dumps([_normal(item) for item in value])
    text = _text(str(value)).strip()
    # Vault takes 1, "1", true and "true" for the same.
    text = {"True": "true", "False": "false", "1": "true", "0": "false"}.get(text, text)
    return text.rstrip("/") if text.startswith("/") else text


def _text(value: str) -> str:
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] == '"' else value


# --- unit


def _old_unit(found: t.Mapping[str, t.Any]) -> Settings:
    settings: Settings = {}
    for path, text in found["unit"].items():
        if path in found["foreign"]:
            settings |= _unit(text)
            for name in _in_files(text, found):
                settings[f"unit.Environment.{name}"] = {"set"}
    return settings


def _unit(text: str) -> Settings:
    given = installation.sections(text)
    settings: Settings = {}
    for name in _environment(given):
        settings.setdefault(f"unit.Environment.{name}", set()).add("set")
    for argument in installation.arguments(given)[1:]:
        name = argument.lstrip("-").split("=", 1)[0]
        if name not in ("server", "config") and not argument.startswith("/"):
            settings.setdefault(f"unit.ExecStart.{name}", set()).add(argument)
    for key, value in given:
        if key in UNIT_KEYS and value:
            settings.setdefault(f"unit.{key}", set()).add(value)
    return settings


def _environment(given: list[tuple[str, str]]) -> list[str]:
    words = [word for key, value in given if key == "Environment" for word in installation.words(value)]
    return [word.split("=", 1)[0] for word in words if "=" in word]


def _overrides(found: t.Mapping[str, t.Any]) -> set[str]:
    lost = set()
    for text in found["drop_ins"].values():
        given = installation.sections(text)
        lost |= {f"drop-in.{key}" for key, value in given if key in DROP_IN_KEYS and value}
        names = [*_environment(given), *_in_files(text, found)]
        lost |= {f"drop-in.Environment.{name}" for name in names if OVERRIDES.fullmatch(name)}
    return lost


def _in_files(text: str, found: t.Mapping[str, t.Any]) -> list[str]:
    files = [value.lstrip("-") for key, value in installation.sections(text) if key == "EnvironmentFile"]
    return [name for path in files for name in found["environment_files"].get(path, [])]
