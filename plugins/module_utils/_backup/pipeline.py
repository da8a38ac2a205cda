# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Vault's stream becomes an encrypted file, in one pass and a few MiB of memory."""

from __future__ import annotations

import contextlib
import typing as t

from .._snapshot.encryption import FRAME_BYTES, Key
from .store import Draft
from .vault import Download
from .verification import Verified, Verifier


def run(open_download: t.Callable[[], Download], key: Key, context: dict[str, str], draft: Draft) -> Verified:
    """Returns once the whole snapshot is verified and its encrypted form is on the disk; raises in every other case."""
    with contextlib.closing(_Source(open_download)) as source:
        with key.encrypt(source, context) as encrypted:
            while True:
                chunk = encrypted.read(FRAME_BYTES)
                if not chunk:
                    break
                draft.write(chunk)
        verified = source.verified()
    draft.close()
    return verified


class _Source:
    """What the encryption reads. The download is only opened when KMS has given a key, so that it never waits for one."""

    def __init__(self, open_download: t.Callable[[], Download]) -> None:
        self._open = open_download
        self._download: Download | None = None
        self._verifier = Verifier()

    def read(self, size: int) -> bytes:
        """Full, except at the end: a short read is the end to the SDK."""
        if self._download is None:
            self._download = self._open()
        chunks, missing = [], size
        while missing:
            chunk = self._download.read(missing)
            if not chunk:
                break
            missing -= len(chunk)
            chunks.append(chunk)
        whole = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        self._verifier.feed(whole)
        return whole

    def verified(self) -> Verified:
        return self._verifier.finish()

    def close(self) -> None:
        if self._download is not None:
            self._download.close()
        self._verifier.abandon()
