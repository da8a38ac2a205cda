# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which KMS keys a cluster's data is sealed with, by a Raft snapshot of it.

The open-source server seals two entries of its storage, and a snapshot's checksums. Each names its key's ARN in plain text; all
else is encrypted by what these two hold. What a node's configuration names says nothing of what is stored.
"""

from __future__ import annotations

import re
import tarfile
import typing as t

ROOT_KEY, RECOVERY_KEY, CHECKSUMS = "core/hsm/barrier-unseal-keys", "core/recovery-key", "SHA256SUMS.sealed"
# Ids have one length: what follows in the message may be a letter as well.
_ARN = re.compile(rb"arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/(?:mrk-[0-9a-f]{32}|[0-9a-f-]{36})")
# As Vault writes an entry: its key, then the mark of its value and how long that is.
_ENTRY = re.compile(b"(" + b"|".join(re.escape(name.encode()) for name in (ROOT_KEY, RECOVERY_KEY)) + b")\x12")
CHUNK_BYTES = 1 << 20
# An entry is some hundred bytes.
MOST_BYTES = 1 << 16


def keys(stream: t.BinaryIO) -> dict[str, list[str]]:
    """The ARNs by what they seal. *stream*: a snapshot that archive.verify() has proven to be whole."""
    found: dict[str, set[str]] = {}
    with tarfile.open(fileobj=stream, mode="r|gz", bufsize=CHUNK_BYTES) as archive:
        for member in archive:
            content = archive.extractfile(member)
            if content is None:
                continue
            if member.name == CHECKSUMS:
                found[CHECKSUMS] = _arns(content.read(MOST_BYTES))
            elif member.name == "state.bin":
                for name, arns in _entries(content):
                    found.setdefault(name, set()).update(arns)
    return {name: sorted(arns) for name, arns in sorted(found.items())}


def problem(found: t.Mapping[str, t.Sequence[str]]) -> str:
    """Why these can't be judged by, or nothing."""
    without = [name for name in (ROOT_KEY, RECOVERY_KEY, CHECKSUMS) if not found.get(name)]
    return f"no KMS key is named by {', '.join(without)}" if without else ""


def _entries(content: t.IO[bytes]) -> t.Iterator[tuple[str, set[str]]]:
    buffer, more = b"", True
    while more:
        chunk = content.read(CHUNK_BYTES)
        more = bool(chunk)
        buffer += chunk
        # What may go on in the next chunk is looked at with that.
        until = len(buffer) - MOST_BYTES if more else len(buffer)
        if until <= 0:
            continue
        for match in _ENTRY.finditer(buffer):
            if match.start() < until:
                yield match.group(1).decode(), _arns(_value(buffer, match.end()))
        buffer = buffer[until:]


def _value(buffer: bytes, at: int) -> bytes:
    """The bytes that a length in protobuf's form announces."""
    length = shift = 0
    while at < len(buffer) and shift < 32:
        byte = buffer[at]
        at += 1
        length |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return buffer[at : at + min(length, MOST_BYTES)]
    return b""


def _arns(text: bytes) -> set[str]:
    return {arn.decode() for arn in _ARN.findall(text)}
