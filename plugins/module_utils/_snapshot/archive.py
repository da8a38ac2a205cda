# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a Raft snapshot must hold to count as one.

Vault can answer 200 and break off in the middle, so nothing is taken on trust.
"""

from __future__ import annotations

import hashlib
import json
import tarfile
import typing as t
import zlib

MEMBERS = {"meta.json", "state.bin", "SHA256SUMS", "SHA256SUMS.sealed"}
CHUNK_BYTES = 1 << 20
# All but the state are a few hundred bytes, and are kept in memory.
SMALL_BYTES = 1 << 20


class BrokenSnapshot(Exception):
    """Why this is no snapshot that could be restored."""


class Summary(t.TypedDict):
    index: int  # Raft's last index in it
    term: int
    state_bytes: int
    sha256: str  # of the state


def verify(stream: t.BinaryIO) -> Summary:
    """Read a snapshot to the end of its gzip stream, and prove that it is whole."""
    try:
        plain = _Inflated(stream)
        found = _members(plain)
        # tar ends before gzip does: the checksum of the whole comes last.
        while plain.read(CHUNK_BYTES):
            pass
    except (EOFError, OSError, tarfile.TarError, zlib.error) as error:
        raise BrokenSnapshot(f"it is damaged or was cut off ({error})") from error
    if set(found) != MEMBERS:
        raise BrokenSnapshot(f"it holds {', '.join(sorted(found)) or 'nothing'}, and not {', '.join(sorted(MEMBERS))}")
    try:
        return _judged(found)
    except (KeyError, ValueError) as error:
        raise BrokenSnapshot(f"its meta.json or SHA256SUMS can't be read ({error})") from error


class _Inflated:
    """The content of one gzip stream, which must be all there is. zlib itself compares its checksum and length.

    The standard library's reader does the same at a third of the speed.
    """

    def __init__(self, stream: t.BinaryIO) -> None:
        self._stream = stream
        self._inflate = zlib.decompressobj(wbits=31)
        self._pending = b""

    def read(self, size: int) -> bytes:
        while not self._inflate.eof:
            self._pending = self._pending or self._stream.read(CHUNK_BYTES)
            if not self._pending:
                raise EOFError("it ends before its gzip stream does")
            plain = self._inflate.decompress(self._pending, size)
            self._pending = self._inflate.unconsumed_tail
            if plain:
                return plain
        if self._inflate.unused_data or self._stream.read(1):
            raise EOFError("something follows its gzip stream")
        return b""


class _Member(t.TypedDict):
    size: int
    sha256: str
    text: bytes  # empty for the state


def _members(plain: t.Any) -> dict[str, _Member]:
    found: dict[str, _Member] = {}
    with tarfile.open(fileobj=plain, mode="r|", bufsize=CHUNK_BYTES) as archive:
        for entry in archive:
            content = archive.extractfile(entry)
            if content is None or entry.name in found:
                raise BrokenSnapshot(f"its member {entry.name} is no plain file, or is there twice")
            digest, size, text = hashlib.sha256(), 0, b""
            while chunk := content.read(CHUNK_BYTES):
                digest.update(chunk)
                size += len(chunk)
                if entry.name != "state.bin":
                    if size > SMALL_BYTES:
                        raise BrokenSnapshot(f"its member {entry.name} is far too big")
                    text += chunk
            found[entry.name] = {"size": size, "sha256": digest.hexdigest(), "text": text}
    return found


def _judged(found: dict[str, _Member]) -> Summary:
    listed = {
        name: digest
        for digest, name in (line.split() for line in found["SHA256SUMS"]["text"].decode().splitlines() if line.strip())
    }
    for name in ("meta.json", "state.bin"):
        if listed.get(name) != found[name]["sha256"]:
            raise BrokenSnapshot(f"the checksum of its member {name} is wrong")
    meta = json.loads(found["meta.json"]["text"])
    if meta["Size"] != found["state.bin"]["size"]:
        raise BrokenSnapshot(f"its state has {found['state.bin']['size']} bytes, and {meta['Size']} are announced")
    if not found["SHA256SUMS.sealed"]["size"]:
        raise BrokenSnapshot("its checksums were not sealed, so no seal could ever prove them")
    return {
        "index": meta["Index"],
        "term": meta["Term"],
        "state_bytes": meta["Size"],
        "sha256": found["state.bin"]["sha256"],
    }
