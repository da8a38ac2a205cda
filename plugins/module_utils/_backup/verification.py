# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Verify a snapshot while it passes by, in a thread of its own: the stream is read once, and never held."""

from __future__ import annotations

import hashlib
import queue
import threading
import typing as t
from dataclasses import dataclass

from .._snapshot.archive import BrokenSnapshot, Summary, verify
from .._snapshot.errors import Exit, Failure

CHUNKS_AHEAD = 4


@dataclass(frozen=True)
class Verified:
    summary: Summary
    plain_bytes: int
    plain_sha256: str


class Verifier:
    """Feed it every byte, then finish it; or abandon it, which may be done at any time, and twice."""

    def __init__(self) -> None:
        self._incoming: queue.Queue[bytes] = queue.Queue(CHUNKS_AHEAD)
        self._chunks = _Chunks(self._incoming)
        self._summary: Summary | None = None
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self._ended = False

    def feed(self, chunk: bytes) -> None:
        if self._error is not None:
            raise self._failure(self._error)
        if chunk:
            self._incoming.put(chunk)

    def finish(self) -> Verified:
        self.abandon()
        if self._error is not None or self._summary is None:
            raise self._failure(self._error) from self._error
        return Verified(self._summary, self._chunks.size, self._chunks.digest.hexdigest())

    def abandon(self) -> None:
        if not self._ended:
            self._ended = True
            self._incoming.put(b"")
        self._thread.join()

    def _run(self) -> None:
        try:
            self._summary = verify(t.cast(t.BinaryIO, self._chunks))
        except Exception as error:  # whatever it is, the feeder has to hear of it
            self._error = error
        # The feeder may be waiting for room.
        while self._chunks.read(1 << 20):
            pass

    @staticmethod
    def _failure(error: Exception | None) -> Failure:
        if isinstance(error, BrokenSnapshot):
            return Failure(Exit.SNAPSHOT, f"Vault's snapshot is broken: {error}")
        return Failure(Exit.SNAPSHOT, f"Vault's snapshot could not be verified ({error!r})")


class _Chunks:
    """The queue, as a file that is read to its end once."""

    def __init__(self, incoming: queue.Queue[bytes]) -> None:
        self._incoming = incoming
        self._at_end = False
        self.digest = hashlib.sha256()
        self.size = 0

    def read(self, size: int) -> bytes:
        """One chunk, whatever its size: zlib takes it whole."""
        del size
        if self._at_end:
            return b""
        chunk = self._incoming.get()
        self._at_end = not chunk
        self.digest.update(chunk)
        self.size += len(chunk)
        return chunk
