# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The SELinux types of files, through what Ansible's own modules use.

A file is compared with its policy as restorecon does by itself: by its type alone. User, role and level are whoever's made it.
"""

from __future__ import annotations

import errno
import os
import re
import typing as t

from .._common.errors import Problem

try:
    from ansible.module_utils.compat import selinux as library
except ImportError:  # a system without libselinux
    library = None

ENFORCING, PERMISSIVE, DISABLED = "enforcing", "permissive", "disabled"
# What the library says of a path that the policy says nothing of, and of a file that has no context.
_NOTHING = (errno.ENOENT, errno.ENODATA, errno.ENOTSUP)
_TYPE = 2
_MOUNT_POINT = 4


class Types(t.NamedTuple):
    now: str
    wanted: str

    def __str__(self) -> str:
        return f"has the SELinux type {self.now}, and the policy says {self.wanted}"


def enabled() -> bool:
    return library is not None and library.is_selinux_enabled() == 1


def mode() -> str:
    """What the kernel does now, whatever the configuration says."""
    if not enabled():
        return DISABLED
    return ENFORCING if library.security_getenforce() == 1 else PERMISSIVE


def wrong(path: str) -> Types | None:
    """The type of what is at *path* and that of the policy, where these differ and the type can be changed."""
    if not enabled() or not os.path.lexists(path):
        return None
    now, wanted = _context(path), _policy(path, os.lstat(path).st_mode)
    if not now or not wanted or _type(now) == _type(wanted) or not _takes_types(path):
        return None
    return Types(_type(now), _type(wanted))


def give(path: str, place: str) -> None:
    """The type that the policy has for *place*, to what is at *path*, which will be there or is there."""
    if not enabled() or not _takes_types(path):
        return
    now, wanted = _context(path), _policy(place, os.lstat(path).st_mode)
    if not now or not wanted or _type(now) == _type(wanted):
        return
    parts = now.split(":")
    parts[_TYPE] = _type(wanted)
    try:
        library.lsetfilecon(path, ":".join(parts))
    except OSError as error:
        raise Problem(
            f"{place} can't be given the SELinux type {_type(wanted)} ({error.strerror})",
            f"See what denies that (ausearch -m avc -ts recent). By hand it is: restorecon -v {place}",
        ) from error


def labelled(mountinfo: str, mount_point: str) -> bool:
    """Whether a file system keeps a type for each of its files: one that is mounted with context=, or NFS, does not."""
    rows = [line.split() for line in mountinfo.splitlines()]
    options = [row[-1].split(",") for row in rows if _plain(row[_MOUNT_POINT]) == mount_point]
    return bool(options) and "seclabel" in options[-1]


def _takes_types(path: str) -> bool:
    place = os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))
    while not os.path.ismount(place):
        place = os.path.dirname(place)
    with open("/proc/self/mountinfo", encoding="utf-8", errors="replace") as stream:
        return labelled(stream.read(), place)


def _context(path: str) -> str:
    return _asked(lambda: library.lgetfilecon_raw(path))


def _policy(path: str, file_mode: int) -> str:
    return _asked(lambda: library.matchpathcon(path, file_mode))


def _asked(question: t.Callable[[], list[t.Any]]) -> str:
    try:
        return str(question()[1])
    except OSError as error:
        if error.errno in _NOTHING:
            return ""
        raise Problem(f"SELinux does not answer ({error.strerror})", "See: sestatus") from error


def _type(context: str) -> str:
    return context.split(":")[_TYPE]


def _plain(place: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found.group(1), 8)), place)
