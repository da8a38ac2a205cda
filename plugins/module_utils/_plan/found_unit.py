# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What of a unit that somebody else made goes with it, and what of its drop-ins stays in force. Pure."""

from __future__ import annotations

import fnmatch
import typing as t

from .._node import environment, installation
from .configuration import Held
from .same_setting import normal

# By name, the files that have it.
Lost = dict[str, list[str]]
Found = t.Mapping[str, t.Any]
Settings = t.Sequence[Held]

KEYS = ("User", "Group", "SupplementaryGroups", "ExecStartPre", "ExecStartPost", "ExecStopPost")
DROP_IN_KEYS = ("ExecStart", *KEYS)


def of_old(found: Found) -> list[Held]:
    """The settings of the unit that was found, with the variables of the files that it names."""
    made: list[Held] = []
    for path, text in found["unit"].items():
        if path in found["foreign"]:
            made += of_text(text, path)
            for file, variables in _files(text, found).items():
                made += [Held(("unit", "Environment", name), value, file) for name, value in variables.items()]
    return made


def of_text(text: str, path: str = "") -> list[Held]:
    given = installation.sections(text)
    made = [Held(("unit", "Environment", name), value, path) for name, value in _environment(given).items()]
    for name, value in _arguments(installation.arguments(given)[1:]):
        made.append(Held(("unit", "ExecStart", name), value, path))
    return made + [Held(("unit", key), value, path) for key, value in given if key in KEYS and value]


def goes(old: Settings, new: Settings, written: Settings, found: Found) -> Lost:
    """*new*: of the unit that is laid down; *written*: of the configuration that is. What a drop-in has too does not go."""
    have = {(one.name, one.value) for one in new}
    kept = {f"unit.Environment.{name}" for _file, variables in _of_drop_ins(found) for name in variables}
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
        given = installation.sections(text)
        for key in [key for key, value in given if key in DROP_IN_KEYS and value]:
            add(lost, f"drop-in.{key}", path)
    for file, variables in _of_drop_ins(found):
        for name in _overriding(variables, written):
            add(lost, f"drop-in.Environment.{name}", file)
    for name in _overriding(found.get("manager_environment", {}), written):
        lost[f"manager.Environment.{name}"] = []
    return lost


def _of_drop_ins(found: Found) -> t.Iterator[tuple[str, t.Mapping[str, str]]]:
    """The variables that drop-ins set, by the file that has them."""
    for path, text in found["drop_ins"].items():
        yield path, _environment(installation.sections(text))
        yield from _files(text, found).items()


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


def _overriding(variables: t.Mapping[str, str], written: Settings) -> list[str]:
    return [
        name
        for name, value in variables.items()
        if environment.overrides(name, value)
        and not (value and _is_written(environment.SETTINGS.get(name, ""), value, written))
    ]


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


def _environment(given: list[tuple[str, str]]) -> dict[str, str]:
    values = installation.gathered(given, "Environment")
    return environment.pairs(word for value in values for word in installation.words(value))


def _files(text: str, found: Found) -> dict[str, t.Mapping[str, str]]:
    named = installation.named_files(installation.sections(text))
    return {
        path: variables
        for path, variables in found["environment_files"].items()
        if any(path == name or fnmatch.fnmatchcase(path, name) for name in named)
    }
