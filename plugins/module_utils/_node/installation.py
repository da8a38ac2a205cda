# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The unit and the configuration that a node's Vault has, as text, and which of these files the collection did not make."""

from __future__ import annotations

import glob
import os
import re
import shlex
import typing as t

from .._common.errors import Problem
from . import environment
from .service import properties_in, show

MARK = "# Made by vaultops.cluster"
CONFIG = ["/etc/vault.d/vault.hcl", "/etc/vault.d/reload.hcl"]


def read(service: str) -> dict[str, t.Any]:
    """Texts by path. Of variables, only a value that is known to be no secret leaves the node; any other is empty."""
    manager = manager_variables()
    unit, drop_ins = unit_files(service)
    texts = {path: text_of(path) for path in [*unit, *drop_ins]}
    settings = [setting for text in texts.values() for setting in sections(text)]
    configs = {path: text_of(path) for path in config_files(settings)}
    return {
        "unit": {path: texts[path] for path in unit},
        "drop_ins": {path: texts[path] for path in drop_ins},
        "configs": configs,
        "environment_files": variables(settings),
        "manager_environment": manager,
        "foreign": foreign({**texts, **configs}),
    }


def foreign(texts: t.Mapping[str, str]) -> list[str]:
    """Files of somebody else. An empty one says nothing, whoever made it."""
    return [path for path, text in texts.items() if text.strip() and not text.startswith(MARK)]


def unit_files(service: str) -> tuple[list[str], list[str]]:
    values = properties_in(show(("FragmentPath", "DropInPaths"), service))
    return [path for path in [values.get("FragmentPath", "")] if path], shlex.split(values.get("DropInPaths", ""))


def sections(text: str) -> list[tuple[str, str]]:
    """The settings of a unit file in order; what is in which section makes no difference here."""
    joined = re.sub(r"\\\n\s*", " ", text)
    lines = (line.strip() for line in joined.splitlines())
    pairs = (line.split("=", 1) for line in lines if "=" in line and line[0] not in "#;[")
    return [(key.strip(), value.strip()) for key, value in pairs]


def arguments(settings: list[tuple[str, str]]) -> list[str]:
    """Of the command that counts: the last one, and what a shell is given in one word."""
    commands = [value for key, value in settings if key == "ExecStart" and value]
    if not commands:
        return []
    found = words(commands[-1].lstrip("-@:+!"))
    if len(found) > 2 and os.path.basename(found[0]) in ("sh", "bash", "dash") and found[1] == "-c":
        found = words(" ".join(found[2:]))
    return found


def config_files(settings: list[tuple[str, str]]) -> list[str]:
    """Those that the command names, as Vault reads them, and those that the collection would replace."""
    return _files([*_named(settings), *CONFIG])


def named(settings: list[tuple[str, str]]) -> list[str]:
    """Those that the command names alone."""
    return _files(_named(settings))


def _named(settings: list[tuple[str, str]]) -> list[str]:
    return re.findall(r"(?:^|\s)--?config[=\s](\S+)", " ".join(arguments(settings)))


def _files(paths: t.Iterable[str]) -> list[str]:
    found: list[str] = []
    for path in paths:
        if os.path.isdir(path):
            found += [os.path.join(path, name) for name in sorted(os.listdir(path)) if name.endswith((".hcl", ".json"))]
        elif os.path.exists(path):
            found.append(path)
    return list(dict.fromkeys(os.path.normpath(path) for path in found))


def gathered(settings: list[tuple[str, str]], key: str) -> list[str]:
    """The values of a key that may be given more than once. An empty one takes back those before it, as systemd has it."""
    found: list[str] = []
    for name, value in settings:
        if name == key:
            found = [*found, value] if value else []
    return found


def named_files(settings: list[tuple[str, str]]) -> list[str]:
    """What EnvironmentFile names: paths, or patterns of paths. One that begins with a hyphen may be missing."""
    return [value.strip("\"'").lstrip("-") for value in gathered(settings, "EnvironmentFile")]


def variables(settings: list[tuple[str, str]]) -> dict[str, dict[str, str]]:
    """Of files that EnvironmentFile names, by path."""
    return {path: _variables(path) for path in _environment_files(settings)}


def manager_variables() -> dict[str, str]:
    """What systemd gives to every service."""
    return _told(environment.pairs(words(properties_in(show(("Environment",))).get("Environment", ""))))


def _environment_files(settings: list[tuple[str, str]]) -> list[str]:
    return [path for name in named_files(settings) for path in sorted(glob.glob(name))]


def _variables(path: str) -> dict[str, str]:
    given = (line.split("=", 1) for line in assignments(text_of(path)))
    return _told({name.strip(): value.strip().strip("\"'") for name, value in given})


def assignments(text: str) -> list[str]:
    """The lines of an EnvironmentFile that set a variable."""
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if "=" in line and line[0] not in "#;"]


def _told(variables: t.Mapping[str, str]) -> dict[str, str]:
    return {name: environment.told(name, value) for name, value in variables.items()}


def words(command: str) -> list[str]:
    try:
        return shlex.split(command)
    except ValueError:
        return command.split()


def text_of(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            return stream.read()
    except OSError as error:
        raise Problem(
            f"{path} is part of how Vault is run here, and can't be read ({error.strerror})",
            "What is not known can't be taken over.",
        ) from error
