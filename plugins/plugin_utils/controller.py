# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the controller needs besides Ansible, against what it has."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import pathlib
import sys

from ansible_collections.vaultops.cluster.plugins.module_utils._plan import controller

COLLECTIONS = ("amazon.aws", "community.aws")


def missing_on_controller(requirements: str) -> str:
    """*requirements*: path of meta/requirements.txt."""
    lines = pathlib.Path(requirements).read_text(encoding="utf-8").split()
    collections = [name for name in COLLECTIONS if not _has_collection(name)]
    return controller.problem(controller.lacking(lines, _version), collections, sys.executable, requirements)


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _has_collection(name: str) -> bool:
    try:
        return importlib.util.find_spec(f"ansible_collections.{name}") is not None
    except ModuleNotFoundError:
        return False
