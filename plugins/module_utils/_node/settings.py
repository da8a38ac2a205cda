# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What of a node's configuration and environment a newer Vault may take in another way."""

from __future__ import annotations

import os
import typing as t

from .._common import hcl
from .._common.errors import Problem
from . import installation

PREFIX = "VAULT_ALLOW_PENDING_REMOVAL_"


def read(service: str, pid: int | None, proc: str = "/proc") -> dict[str, t.Any]:
    unit, drop_ins = installation.unit_files(service)
    texts = {path: installation.text_of(path) for path in [*unit, *drop_ins]}
    lines = [(path, *setting) for path, text in texts.items() for setting in installation.sections(text)]
    found = switches(lines)
    # What the unit does not say somebody has given to this process alone, or to systemd: it may be there after a restart too.
    known = {one["name"] for one in found}
    found += [one for one in of_the_process(pid, proc) if one["name"] not in known]
    return {
        "switches": found,
        **configuration(installation.config_files([(key, value) for _path, key, value in lines])),
    }


def switches(lines: t.Sequence[tuple[str, str, str]]) -> list[dict[str, str]]:
    """Of the unit's own environment, and of its files: the last one counts. An empty setting takes back what came before."""
    direct: list[dict[str, str]] = []
    files: list[str] = []
    for path, key, value in lines:
        if key == "Environment":
            direct = direct + _those(path, installation.words(value)) if value else []
        elif key == "EnvironmentFile":
            files = [*files, value.lstrip("-")] if value else []
    return direct + [
        one
        for path in files
        if os.path.exists(path)
        for one in _those(path, installation.assignments(installation.text_of(path)))
    ]


def _those(where: str, words: t.Iterable[str]) -> list[dict[str, str]]:
    pairs = (word.partition("=") for word in words)
    return [
        {"name": name.strip(), "value": value.strip().strip("'\""), "where": where}
        for name, _equals, value in pairs
        if name.strip().startswith(PREFIX)
    ]


def of_the_process(pid: int | None, proc: str) -> list[dict[str, str]]:
    if pid is None:
        return []
    try:
        with open(os.path.join(proc, str(pid), "environ"), encoding="utf-8", errors="replace") as stream:
            return _those("the environment of the process that runs", stream.read().split("\0"))
    except (FileNotFoundError, ProcessLookupError):  # it has ended
        return []


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
