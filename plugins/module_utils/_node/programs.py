# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where a node's programs are, and how one that is missing is installed there."""

from __future__ import annotations

import os
import shutil
import typing as t

from .._common.errors import Problem
from . import systems

# Some remote shells have not all of these in their PATH.
_SYSTEM = "/usr/sbin:/sbin:/usr/bin:/bin"
# The second is where the first may be missing (os-release(5)).
_OS_RELEASE = ("/etc/os-release", "/usr/lib/os-release")


def find(name: str) -> str | None:
    """The path of program *name*; None where the node has none."""
    return shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}:{_SYSTEM}")


def missing(names: t.Iterable[str]) -> list[str]:
    """Those that the node has none of; of names with | between them one is enough."""
    return [name for name in names if not any(find(one) for one in name.split("|"))]


def lacks(name: str, what_for: str) -> Problem:
    """The node has no program *name*: the error, with the command that installs it on this system."""
    return Problem(
        f"The node has no {name.replace('|', ' or ')}, which {what_for}",
        systems.cure([name], systems.family(os_release())),
    )


def os_release() -> dict[str, str]:
    for path in _OS_RELEASE:
        try:
            with open(path, encoding="utf-8", errors="replace") as stream:
                return systems.release(stream.read())
        except FileNotFoundError:
            continue
    return {}
