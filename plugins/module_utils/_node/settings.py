# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What of a node's configuration and environment a newer Vault may take in another way."""

from __future__ import annotations

import os
import typing as t

from .._common import hcl
from .._common.errors import Problem
from . import environment, installation, unit_file

PREFIX = "VAULT_ALLOW_PENDING_REMOVAL_"


def read(service: str, pid: int | None, proc: str = "/proc") -> dict[str, t.Any]:
    unit, drop_ins = installation.unit_files(service)
    texts = {path: installation.text_of(path) for path in [*unit, *drop_ins]}
    found = switches(texts)
    settings = [setting for text in texts.values() for setting in unit_file.sections(text)]
    # What the unit does not say somebody has given to this process alone, or to systemd: it may be there after a restart too.
    known = {one["name"] for one in found}
    found += [one for one in of_the_process(pid, proc) if one["name"] not in known]
    return {
        "switches": found,
        **configuration(installation.config_files(settings)),
    }


def switches(texts: unit_file.Texts) -> list[dict[str, str]]:
    """Of the unit's own environment, and of its files: the last one counts."""
    of_files = installation.variables_of_files(texts).values()
    return _those([*unit_file.variables(texts), *(one for found in of_files for one in found)])


def _those(variables: t.Iterable[unit_file.Variable]) -> list[dict[str, str]]:
    return [one._asdict() for one in variables if one.name.startswith(PREFIX)]


def of_the_process(pid: int | None, proc: str) -> list[dict[str, str]]:
    if pid is None:
        return []
    try:
        with open(os.path.join(proc, str(pid), "environ"), encoding="utf-8", errors="replace") as stream:
            given = environment.pairs(stream.read().split("\0"))
    except (FileNotFoundError, ProcessLookupError):  # it has ended
        return []
    where = "the environment of the process that runs"
    return _those(unit_file.Variable(name, value, where) for name, value in given.items())


def configuration(paths: t.Iterable[str]) -> dict[str, t.Any]:
    """A file that nobody understands is named, and nothing is said of what it holds."""
    duplicates: list[dict[str, t.Any]] = []
    unreadable: list[dict[str, str]] = []
    for path in paths:
        text = installation.text_of(path)
        try:
            duplicates += [{"path": path, **one._asdict()} for one in hcl.duplicates(text)]
        except Problem as error:
            unreadable.append({"path": path, "problem": error.cause})
    return {"duplicates": duplicates, "unreadable": unreadable}
