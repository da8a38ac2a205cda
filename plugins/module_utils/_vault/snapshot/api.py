# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The snapshot call. Sent to the active node: a standby redirects, and what stands in between may cut the stream off."""

from __future__ import annotations

import typing as t

from ..client import call
from ..errors import VaultError

SNAPSHOT = "/v1/sys/storage/raft/snapshot"
CHUNK_BYTES = 1 << 20


def save(where: str, client: t.Any, stream: t.BinaryIO, timeout: int) -> None:
    """Write the active node's snapshot to the stream. *timeout*: seconds without a byte."""

    def download() -> None:
        answer = client.session.get(
            f"{client.url}{SNAPSHOT}",
            headers={"X-Vault-Token": client.token},
            timeout=timeout,
            stream=True,
        )
        with answer:
            if answer.status_code != 200:
                raise VaultError(
                    where, f"the snapshot was refused with HTTP {answer.status_code}", status=answer.status_code
                )
            for chunk in answer.iter_content(CHUNK_BYTES):
                stream.write(chunk)

    call(where, download)
