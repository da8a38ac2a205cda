# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A set of files and directories that belong together: compare all, check all, then put them in place."""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
import re
import stat
import typing as t
from dataclasses import dataclass

from .._common import files
from .._common.errors import Problem
from . import paths, selinux
from .installation import MARK
from .names import group_name, user_name

HIDDEN = "(secret content, not shown)"
NO_VALUE = "(not shown)"
# A section of a unit; the begin of a block, and its end.
_PLAIN = re.compile(r"\s*(\[\w+\]|[\w\s\"-]*\{|[]})]+,?)?\s*")


@dataclass(frozen=True)
class Entry:
    """A file, or a directory where there is no content."""

    path: str
    owner: str
    group: str
    mode: int
    content: str | None = None
    secret: bool = False
    # Whether it is left alone, and is an error, where it exists and is another user's. Otherwise it is brought in line.
    own: bool = False

    @property
    def is_directory(self) -> bool:
        return self.content is None


@dataclass(frozen=True)
class Found:
    """What is at a path now: None for what does not exist."""

    content: str | None = None
    attributes: str | None = None
    # Its SELinux type, where that is another than the policy's.
    types: selinux.Types | None = None


def from_options(item: t.Mapping[str, t.Any]) -> Entry:
    """An entry of what vault_files is given as directories or files; what is left out has its default."""
    secret = item.get("secret_content")
    content = secret if secret is not None else item.get("content")
    return Entry(
        item["path"],
        item.get("owner", "root"),
        item.get("group", "root"),
        int(item.get("mode", "0755" if content is None else "0644"), 8),
        content,
        secret=secret is not None,
        own=item.get("own", False),
    )


def attributes(owner: str, group: str, mode: int) -> str:
    return f"{owner}:{group} {mode:04o}"


def look(entry: Entry) -> Found:
    try:
        status = os.lstat(entry.path)
    except FileNotFoundError:
        return Found()
    kind_is_right = stat.S_ISDIR(status.st_mode) if entry.is_directory else stat.S_ISREG(status.st_mode)
    if not kind_is_right:
        raise Problem(
            f"{entry.path} is not a {'directory' if entry.is_directory else 'regular file'}",
            "Something else put it there. Move it away, then run again.",
        )
    content = None
    if not entry.is_directory:
        with open(entry.path, encoding="utf-8", errors="replace", newline="") as stream:
            content = stream.read()
    found = Found(
        content,
        attributes(user_name(status.st_uid), group_name(status.st_gid), stat.S_IMODE(status.st_mode)),
        selinux.wrong(entry.path),
    )
    if entry.own and user_name(status.st_uid) != entry.owner:
        raise Problem(
            f"The directory {entry.path} is there and belongs to {user_name(status.st_uid)}",
            f"It is not taken from its owner. If nobody else uses it: chown {entry.owner}:{entry.group} {entry.path}. Else "
            f"name another directory, one that does not exist yet or is {entry.owner}'s.",
        )
    return found


def check_written(path: str, owner: str) -> None:
    """A file in a directory that is not its writer's: the file has to be there, and the writer's."""
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        raise Problem(
            f"{path} does not exist, and {owner} may not make files in {os.path.dirname(path)}",
            f"Name a file in a directory of its own, such as /var/log/vault/audit.log. Or, for a log that is in use "
            f"already: install -o {owner} -g {owner} -m 0600 /dev/null {path}",
        ) from None
    if not stat.S_ISREG(status.st_mode) or user_name(status.st_uid) != owner:
        raise Problem(
            f"{path} is not a regular file of {owner}",
            "It is not taken from its owner. Name another file, in a directory of its own.",
        )


def difference(entry: Entry, found: Found) -> dict[str, t.Any] | None:
    """An Ansible diff, or None where nothing differs. Secret content is never part of it."""
    wanted = attributes(entry.owner, entry.group, entry.mode)
    if found.content == entry.content and found.attributes == wanted and found.types is None:
        return None
    there = found.attributes
    if found.types:
        there, wanted = f"{there} {found.types.now}", f"{wanted} {found.types.wanted}"
    return {
        "before_header": f"{entry.path} {there or '(absent)'}",
        "after_header": f"{entry.path} {wanted}",
        "before": _shown(entry, found.content, there, "before"),
        "after": _shown(entry, entry.content, wanted, "after"),
    }


def left_over(path: str) -> dict[str, t.Any] | None:
    """An Ansible diff of a file of this collection that is to go, or None where there is none."""
    entry = Entry(path, "root", "root", 0o644, "")
    found = look(entry)
    if found.content is None:
        return None
    if not found.content.startswith(MARK):
        raise Problem(f"{path} is there, and is not this collection's", "Move it away, then run again.")
    return {
        "before_header": f"{path} {found.attributes}",
        "after_header": f"{path} (absent)",
        "before": _shown(entry, found.content, found.attributes, "before"),
        "after": "",
    }


def remove(path: str) -> None:
    try:
        os.unlink(path)
    except OSError as error:
        raise Problem(f"{path} could not be removed ({error})") from error


def put(entry: Entry) -> None:
    """Give the path its content in one step, and its attributes with it.

    A file whose content is right keeps its time, by which a restart is judged: only its attributes are set.
    """
    try:
        uid, gid = pwd.getpwnam(entry.owner).pw_uid, grp.getgrnam(entry.group).gr_gid
    except KeyError as error:
        raise Problem(f"{entry.path} is to belong to {entry.owner}:{entry.group}, which does not exist") from error
    if entry.is_directory and paths.is_standard(entry.path):
        raise Problem(f"{entry.path} is a directory that others use", "It keeps its owner and its mode. Name another.")
    try:
        if entry.is_directory:
            files.make_folder(entry.path)
            os.chown(entry.path, uid, gid)
            os.chmod(entry.path, entry.mode)
            selinux.give(entry.path, entry.path)
        elif not _mended_in_place(entry, uid, gid):
            files.write(entry.path, (entry.content or "").encode(), entry.mode, (uid, gid), selinux.give)
    except OSError as error:
        raise Problem(f"{entry.path} could not be written ({error})") from error


def _mended_in_place(entry: Entry, uid: int, gid: int) -> bool:
    """Whether that was enough. A file with a second name elsewhere is not touched: the other name is not this entry's."""
    if not os.path.lexists(entry.path):
        return False
    handle = os.open(entry.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(handle, "rb") as stream:
        status = os.fstat(handle)
        alone = stat.S_ISREG(status.st_mode) and status.st_nlink == 1
        if not alone or stream.read() != (entry.content or "").encode():
            return False
        os.fchown(handle, uid, gid)
        os.fchmod(handle, entry.mode)
        selinux.give(entry.path, entry.path)
    return True


def put_for_reload(entry: Entry, noticed_by: str) -> None:
    """Give an existing file its content, and leave its time as it is; the file *noticed_by* gets a new one.

    It gets it first as well: a run that is killed in between leaves a reload to do, and not none.
    """
    times = os.stat(entry.path)
    _touch(noticed_by)
    put(entry)
    os.utime(entry.path, ns=(times.st_atime_ns, times.st_mtime_ns))
    _touch(noticed_by)


def _touch(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):  # it is made anew in the same call, and is new then
        os.utime(path)


def _shown(entry: Entry, content: str | None, shown_attributes: str | None, side: str) -> str:
    if shown_attributes is None:
        return ""
    head = f"# {shown_attributes}\n"
    if entry.is_directory or content is None:
        return head
    if entry.secret:
        return f"{head}{HIDDEN} {side}\n"
    return head + (_without_values(content) if str(entry.content).startswith(MARK) else content)


def _without_values(content: str) -> str:
    """Somebody else's configuration may hold secrets in any place: what is kept is names, and what has no value."""
    if content.startswith(MARK):
        return content
    lines = [re.sub(r"=.*", f"= {NO_VALUE}", line) for line in content.splitlines()]
    return "".join(f"{line if _PLAIN.fullmatch(line) or '=' in line else NO_VALUE}\n" for line in lines)
