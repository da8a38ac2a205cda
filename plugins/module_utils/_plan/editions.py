# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Vault's editions, which an upgrade never crosses. Pure."""

from __future__ import annotations

import typing as t

from .._common.versions import edition

COMMUNITY = "the community edition"


def problems(running: t.Iterable[str], target: str) -> list[str]:
    """Why nodes that run these versions can't go to *target*, or nothing."""
    others = sorted({version for version in running if edition(version) != edition(target)})
    if not others:
        return []
    return [
        f"{', '.join(others)} runs, and {target} is {_said(target)}. Data of one edition is not for another: what Enterprise "
        "has written (namespaces, replication, its seals) is lost to the other one. Nothing was changed. Keep the edition."
    ]


def _said(version: str) -> str:
    return f"the edition {edition(version)}" if edition(version) else COMMUNITY
