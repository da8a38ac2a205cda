# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where a node's programs are."""

from __future__ import annotations

import os
import shutil

# Some remote shells have not all of these in their PATH.
_SYSTEM = "/usr/sbin:/sbin:/usr/bin:/bin"


def find(name: str) -> str | None:
    """The path of program *name*; None where the node has none."""
    return shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}:{_SYSTEM}")
