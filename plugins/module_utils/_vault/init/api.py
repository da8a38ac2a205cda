# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The one call that gives the recovery keys out."""

from __future__ import annotations

import typing as t

from ..client import call

# Init writes the barrier and asks KMS several times: it takes longer than a read.
INIT_TIMEOUT_SECONDS = 90


def initialise(where: str, client: t.Any, payload: dict[str, t.Any]) -> dict[str, t.Any]:
    return call(where, lambda: client.adapter.put("/v1/sys/init", json=payload, timeout=INIT_TIMEOUT_SECONDS))
