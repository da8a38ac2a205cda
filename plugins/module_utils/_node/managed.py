# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What lies on a node at the places that the roles manage, read in one go. What should lie there is not known here."""

from __future__ import annotations

import glob
import hashlib
import os
import pwd
import stat
import subprocess
import typing as t

from .._common.errors import Problem
from . import guard, installed, selinux, service
from .files import attributes
from .names import group_name, user_name

# What roles install is small; an audit file that is looked at is not read.
SUMMED_BYTES = 1 << 20


class Looked(t.TypedDict):
    kind: str  # file, directory, other
    attributes: str  # OWNER:GROUP MODE
    sha256: str | None  # of a file's content, where it is no longer than a file that a role lays down
    mislabelled: bool  # its SELinux type is another than the policy's


class User(t.TypedDict):
    group: str
    home: str
    shell: str


class Unit(t.TypedDict):
    enabled: bool
    active: bool
    stale: bool  # its file is newer than what systemd has read


def look_at(patterns: t.Iterable[str]) -> dict[str, Looked]:
    """By path, whatever exists of these paths; each may have shell wildcards."""
    found = {}
    for path in sorted({path for pattern in patterns for path in glob.glob(pattern)}):
        try:
            found[path] = _looked(path)
        except OSError:  # it has gone meanwhile
            continue
    return found


def _looked(path: str) -> Looked:
    status = os.lstat(path)
    kind = "directory" if stat.S_ISDIR(status.st_mode) else "file" if stat.S_ISREG(status.st_mode) else "other"
    return {
        "kind": kind,
        "attributes": attributes(user_name(status.st_uid), group_name(status.st_gid), stat.S_IMODE(status.st_mode)),
        "sha256": _digest(path) if kind == "file" and status.st_size <= SUMMED_BYTES else None,
        "mislabelled": selinux.wrong(path) is not None,
    }


def users(names: t.Iterable[str]) -> dict[str, User]:
    """Those of them that the node has."""
    found: dict[str, User] = {}
    for name in names:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        found[name] = {"group": group_name(entry.pw_gid), "home": entry.pw_dir, "shell": entry.pw_shell}
    return found


def units(names: t.Sequence[str]) -> dict[str, Unit]:
    """What systemd says of them; of one that it does not know, that it is nothing."""
    if not names:
        return {}
    said = service.show(("Id", "UnitFileState", "ActiveState", "NeedDaemonReload"), *names)
    found = map(service.properties_in, said.split("\n\n"))
    return {
        one["Id"]: {
            "enabled": one.get("UnitFileState") == "enabled",
            "active": one.get("ActiveState") == "active",
            "stale": one.get("NeedDaemonReload") == "yes",
        }
        for one in found
        if one.get("Id")
    }


def release_is_proven(version: str, home: str, releases: str, link: str) -> bool:
    """Whether the release is switched on, is what its signed archive held, and is root's: nothing is to be done about it.

    What is wrong otherwise, and whether it can be mended, is for the module vault_release to say.
    """
    folder = os.path.join(releases, version)
    # On the path it has the name that it has in the release.
    binary = os.path.join(folder, os.path.basename(link))
    try:
        if installed.switched_on(link) != binary:
            return False
        sums = installed.kept(folder, version)
        if sums is None or installed.stamp(binary) != sums.stamp:
            return False
        own = installed.own_paths(home, releases, [version], os.path.basename(link))
        guard.refuse_foreign([*own, link], own)
        return not guard.to_mend(own)
    except (Problem, OSError):
        return False


def python_version() -> str | None:
    """MAJOR.MINOR of the python3 that a user gets, which need not be the one that runs this."""
    command = ["python3", "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return None
    return done.stdout.strip() or None


def _digest(path: str) -> str:
    with open(path, "rb") as stream:
        return hashlib.sha256(stream.read(SUMMED_BYTES + 1)).hexdigest()
