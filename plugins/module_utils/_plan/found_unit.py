# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What of a unit that somebody else made goes with it, and what of its drop-ins stays in force. Pure."""

from __future__ import annotations

import fnmatch
import typing as t

from .._node import environment, unit_file
from .configuration import Held
from .same_setting import normal

# By name, the files that have it.
Lost = dict[str, list[str]]
Found = t.Mapping[str, t.Any]
Settings = t.Sequence[Held]

KEYS = ("User", "Group", "SupplementaryGroups", "ExecStartPre", "ExecStartPost", "ExecStopPost")
DROP_IN_KEYS = ("ExecStart", *KEYS)


def of_old(found: Found) -> list[Held]:
    """The settings of the unit that was found, and the variables of the files that it names. A drop-in may take them back."""
    made: list[Held] = []
    for path, text in found["unit"].items():
        if path in found["foreign"]:
            made += _of_unit(text, path)
    texts = {**found["unit"], **found["drop_ins"]}
    return made + [
        Held(("unit", "Environment", one.name), one.value, one.where)
        for where, variables in _variables(texts, found)
        if where in found["unit"] and where in found["foreign"]
        for one in variables
    ]


def of_text(text: str, path: str = "") -> list[Held]:
    given = unit_file.variables({path: text})
    return _of_unit(text, path) + [Held(("unit", "Environment", one.name), one.value, path) for one in given]


def _of_unit(text: str, path: str) -> list[Held]:
    given = unit_file.sections(text)
    made = [
        Held(("unit", "ExecStart", name), value, path) for name, value in _arguments(unit_file.arguments(given)[1:])
    ]
    return made + [Held(("unit", key), value, path) for key, value in given if key in KEYS and value]


def goes(old: Settings, new: Settings, written: Settings, found: Found) -> Lost:
    """*new*: of the unit that is laid down; *written*: of the configuration that is. What a drop-in has too does not go."""
    have = {(one.name, one.value) for one in new}
    kept = {f"unit.Environment.{one.name}" for one in _of_drop_ins(found)}
    lost: Lost = {}
    for one in old:
        if one.name in kept:
            continue
        setting = environment.setting(*one.keys[1:]) if len(one.keys) > 2 else ""
        if (one.name, one.value) not in have and not (one.value and _is_written(setting, str(one.value), written)):
            add(lost, one.name, one.path)
    return lost


def stays(found: Found, written: Settings) -> Lost:
    """What is in force whatever is laid down, and says something else."""
    lost: Lost = {}
    for path, text in found["drop_ins"].items():
        given = unit_file.sections(text)
        for key in [key for key, value in given if key in DROP_IN_KEYS and value]:
            add(lost, f"drop-in.{key}", path)
    for one in _of_drop_ins(found):
        if _overrides(one.name, one.value, written):
            add(lost, f"drop-in.Environment.{one.name}", one.where)
    for name, value in found.get("manager_environment", {}).items():
        if _overrides(name, value, written):
            lost[f"manager.Environment.{name}"] = []
    return lost


def _of_drop_ins(found: Found) -> list[unit_file.Variable]:
    """The variables that drop-ins set, and the files that those name."""
    return [one for _where, variables in _variables(found["drop_ins"], found) for one in variables]


def add(lost: Lost, name: str, path: str) -> None:
    paths = lost.setdefault(name, [])
    if path not in paths:
        paths.append(path)


def _is_written(setting: str, value: str, written: Settings) -> bool:
    """Whether the new configuration says that too. Of a secret the value is not known."""
    if setting == "seal":
        return value == "awskms"
    keys = tuple(setting.split("."))
    return any(one.keys == keys and normal(keys, one.value) == normal(keys, value) for one in written)


def _overrides(name: str, value: str, written: Settings) -> bool:
    is_written = value and _is_written(environment.SETTINGS.get(name, ""), value, written)
    return environment.overrides(name, value) and not is_written


def _arguments(words: list[str]) -> list[tuple[str, str]]:
    """Name and value of each argument that says more than where the configuration is."""
    found = []
    left = list(words)
    while left:
        word = left.pop(0)
        name, is_set, value = word.lstrip("-").partition("=")
        if not is_set and name in environment.ARGUMENTS and left:
            value = left.pop(0)
        if name not in ("server", "config") and not word.startswith("/"):
            found.append((name, value or word))
    return found


def _variables(texts: unit_file.Texts, found: Found) -> t.Iterator[tuple[str, list[unit_file.Variable]]]:
    """By the unit's file, or the drop-in, that has them or names a file that has them; each of them has its own file."""
    for one in unit_file.variables(texts):
        yield one.where, [one]
    for pattern, where in unit_file.environment_files(texts):
        for path, values in found["environment_files"].items():
            if path == pattern or fnmatch.fnmatchcase(path, pattern):
                yield where, [unit_file.Variable(name, value, path) for name, value in values.items()]
