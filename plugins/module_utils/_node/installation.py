# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The unit and the configuration that a node's Vault has, as text, and which of these files the collection did not make."""

from __future__ import annotations

import glob
import os
import re
import shlex
import typing as t

from .._common.errors import Problem
from . import environment, unit_file
from .service import properties_in, show

MARK = "# Made by vaultops.cluster"
CONFIG = ["/etc/vault.d/vault.hcl", "/etc/vault.d/reload.hcl"]


def read(service: str) -> dict[str, t.Any]:
    """Texts by path. Of variables, only a value that is known to be no secret leaves the node; any other is empty."""
    manager = manager_variables()
    unit, drop_ins = unit_files(service)
    texts = {path: text_of(path) for path in [*unit, *drop_ins]}
    settings = [setting for text in texts.values() for setting in unit_file.sections(text)]
    files = variables_of_files(texts)
    configs = {path: text_of(path) for path in config_files(settings)}
    return {
        "unit": {path: texts[path] for path in unit},
        "drop_ins": {path: texts[path] for path in drop_ins},
        "configs": configs,
        "environment_files": {path: _told({one.name: one.value for one in found}) for path, found in files.items()},
        "manager_environment": manager,
        "foreign": foreign({**texts, **configs}),
    }


def foreign(texts: t.Mapping[str, str]) -> list[str]:
    """Files of somebody else. An empty one says nothing, whoever made it."""
    return [path for path, text in texts.items() if text.strip() and not text.startswith(MARK)]


def unit_files(service: str) -> tuple[list[str], list[str]]:
    values = properties_in(show(("FragmentPath", "DropInPaths"), service))
    return [path for path in [values.get("FragmentPath", "")] if path], shlex.split(values.get("DropInPaths", ""))


def config_files(settings: list[tuple[str, str]]) -> list[str]:
    """Those that the command names, as Vault reads them, and those that the collection would replace."""
    return _files([*_named(settings), *CONFIG])


def named(settings: list[tuple[str, str]]) -> list[str]:
    """Those that the command names alone."""
    return _files(_named(settings))


def _named(settings: list[tuple[str, str]]) -> list[str]:
    return re.findall(r"(?:^|\s)--?config[=\s](\S+)", " ".join(unit_file.arguments(settings)))


def _files(paths: t.Iterable[str]) -> list[str]:
    found: list[str] = []
    for path in paths:
        if os.path.isdir(path):
            found += [os.path.join(path, name) for name in sorted(os.listdir(path)) if name.endswith((".hcl", ".json"))]
        elif os.path.exists(path):
            found.append(path)
    return list(dict.fromkeys(os.path.normpath(path) for path in found))


def variables_of_files(texts: unit_file.Texts) -> dict[str, list[unit_file.Variable]]:
    """What the files set that EnvironmentFile names, by path, as it stands there: of a secret, too."""
    patterns = [pattern for pattern, _where in unit_file.environment_files(texts)]
    paths = [path for pattern in patterns for path in sorted(glob.glob(pattern))]
    return {path: unit_file.of_file(path, text_of(path)) for path in paths}


def manager_variables() -> dict[str, str]:
    """What systemd gives to every service."""
    return _told(environment.pairs(unit_file.words(properties_in(show(("Environment",))).get("Environment", ""))))


def _told(variables: t.Mapping[str, str]) -> dict[str, str]:
    return {name: environment.told(name, value) for name, value in variables.items()}


def text_of(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            return stream.read()
    except OSError as error:
        raise Problem(
            f"{path} is part of how Vault is run here, and can't be read ({error.strerror})",
            "What is not known can't be taken over.",
        ) from error
