# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether others than root could replace what root runs."""

from __future__ import annotations

import grp
import os
import pwd
import stat
import typing as t

from .._common import product
from .._common.errors import Problem
from . import selinux
from .names import group_name, user_name

OPEN = 0o755


def weakness(status: os.stat_result, trusted: t.Container[int], shared: t.Callable[[int], bool]) -> str | None:
    """How others than *trusted* could change what lies there. *shared* tells whether a group has somebody in it."""
    if status.st_uid not in trusted:
        return f"belongs to {user_name(status.st_uid)}"
    # In a folder such as /tmp (sticky) only owners remove and rename.
    if stat.S_ISLNK(status.st_mode) or (stat.S_ISDIR(status.st_mode) and status.st_mode & stat.S_ISVTX):
        return None
    if status.st_mode & stat.S_IWOTH:
        return "may be written by everybody"
    if status.st_mode & stat.S_IWGRP and shared(status.st_gid):
        return f"may be written by the group {group_name(status.st_gid)}"
    return None


def weak(path: str) -> str | None:
    """The same for a path; None for one that does not exist."""
    try:
        return weakness(os.lstat(path), (0, os.geteuid()), _shared)
    except FileNotFoundError:
        return None


def refuse_foreign(paths: t.Iterable[str], own: t.Collection[str], server: str = product.named(None)) -> None:
    """Folders above *paths* that are not the collection's *own* are not its to change: they are named, with their cure.

    *server*: what root runs from there, in words.
    """
    above = {parent for path in paths for parent in [*_parents(path), *_parents(os.path.realpath(path))]}
    for parent in sorted(above - set(own)):
        why = weak(parent)
        if why:
            raise Problem(
                f"{parent} {why}, so others than root could replace the {server} that root runs",
                f"See what needs that, then: chown root:root {parent} && chmod go-w {parent}.",
            )


def to_mend(paths: t.Iterable[str]) -> dict[str, str]:
    """Which of the collection's own *paths* others may change, or user vault can't use, and why."""
    found = {}
    for path in paths:
        if not os.path.lexists(path):
            continue
        if os.path.islink(path):
            raise Problem(f"{path} is a symbolic link", "Put what it leads to in its place, or move it away.")
        why = weak(path)
        mode = stat.S_IMODE(os.lstat(path).st_mode)
        types = selinux.wrong(path)
        if why:
            found[path] = why
        elif types:
            found[path] = str(types)
        elif mode & OPEN != OPEN:
            found[path] = f"has mode {mode:04o}, so user vault can't use it"
    return found


def mend(paths: t.Iterable[str]) -> None:
    """Parents first: what is in a folder stays in place once the folder is root's."""
    for path in paths:
        try:
            # Whoever may write to the folder can put a symbolic link here after the look at it.
            handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            try:
                os.fchown(handle, os.geteuid(), os.getegid())
                os.fchmod(handle, OPEN)
            finally:
                os.close(handle)
            selinux.give(path, path)
        except OSError as error:
            raise Problem(f"{path} can't be made root's ({error})", f"Then: chown root:root {path}.") from error


def _parents(path: str) -> list[str]:
    found = []
    while path != os.path.dirname(path):
        path = os.path.dirname(path)
        found.append(path)
    return found


def _shared(gid: int) -> bool:
    """Debian lets the group staff write to /usr/local, and has nobody in it."""
    if gid == 0:
        return False
    try:
        members = grp.getgrgid(gid).gr_mem
    except KeyError:
        members = []
    return bool(members) or any(user.pw_gid == gid and user.pw_uid != 0 for user in pwd.getpwall())
