# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The one error of what runs on a node. Standard library only: nodes have nothing else."""

from __future__ import annotations


class NodeError(Exception):
    """A cause, and what to do about it. Ansible adds the host."""

    def __init__(self, cause: str, cure: str = "") -> None:
        super().__init__(f"{cause.rstrip('.')}. {cure}".strip())
