# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the files of a systemd unit say: their settings, the command, and the variables that they set. Pure."""

from __future__ import annotations

import os
import re
import shlex
import typing as t

from . import environment

# A unit and its drop-ins by path, in the order in which systemd reads them.
Texts = t.Mapping[str, str]


class Given(t.NamedTuple):
    value: str
    where: str  # the file that says it


class Variable(t.NamedTuple):
    name: str
    value: str
    where: str


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


def words(command: str) -> list[str]:
    try:
        return shlex.split(command)
    except ValueError:
        return command.split()


def variables(texts: Texts) -> list[Variable]:
    """What Environment sets. Of one name in one file the last value counts; of more files each is told, the last one last."""
    found: dict[tuple[str, str], Variable] = {}
    for value, where in _gathered(texts, "Environment"):
        for name, content in environment.pairs(words(value)).items():
            found[name, where] = Variable(name, content, where)
    return list(found.values())


def environment_files(texts: Texts) -> list[Given]:
    """What EnvironmentFile names: paths, or patterns of paths. One that begins with a hyphen may be missing."""
    return [Given(value.strip("\"'").lstrip("-"), where) for value, where in _gathered(texts, "EnvironmentFile")]


def of_file(path: str, text: str) -> list[Variable]:
    """What a file sets that EnvironmentFile names. systemd reads it after what Environment says."""
    lines = (line.strip() for line in text.splitlines())
    given = (line.split("=", 1) for line in lines if "=" in line and line[0] not in "#;")
    last = {name.strip(): value.strip().strip("\"'") for name, value in given}
    return [Variable(name, value, path) for name, value in last.items()]


def _gathered(texts: Texts, key: str) -> list[Given]:
    """The values of a key that may be given more than once. An empty one takes back those before it, in other files too."""
    found: list[Given] = []
    for path, text in texts.items():
        for name, value in sections(text):
            if name == key:
                found = [*found, Given(value, path)] if value else []
    return found
