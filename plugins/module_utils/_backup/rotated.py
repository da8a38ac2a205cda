# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Audit files that were rotated: which there are, what one is called in the archive, and what was sent. Pure but for reading.

logrotate gives a file another number each time, and compresses it some time after it was rotated: neither its name nor its bytes
stay. So a file is known by what it says, uncompressed, and by nothing else.
"""

from __future__ import annotations

import contextlib
import datetime
import gzip
import hashlib
import json
import os
import re
import typing as t
import zlib
from dataclasses import dataclass

CHUNK_BYTES = 1 << 20
# A line of an audit file is small; the first one of a file that is none is not read to its end.
LINE_BYTES = 64 << 10
# Vault is told to open its file anew a moment after the rotation, and logrotate needs its time to compress: until then one
# may still be written to.
SETTLE_SECONDS = 120
_SUFFIX = re.compile(r"[.-](\d+)(\.gz)?")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")


class Broken(Exception):
    """A compressed file that is not whole."""


@dataclass(frozen=True)
class Rotated:
    path: str
    live: str  # the audit file that it once was
    mark: str  # what this file has and no other: it is another one after each change, and the same under another name
    modified: float
    size: int

    @property
    def is_compressed(self) -> bool:
        return self.path.endswith(".gz")

    def is_settled(self, now: float) -> bool:
        # What claims to be from the future was written by another clock than today's.
        return not 0 <= now - self.modified < SETTLE_SECONDS

    def is_still(self, stream: t.BinaryIO) -> bool:
        """Whether that is this one: logrotate may have given its name to another, and Vault may still write to it."""
        return _mark(os.fstat(stream.fileno())) == self.mark

    def plain(self, stream: t.BinaryIO) -> t.BinaryIO:
        """From its beginning, as it was before it was compressed."""
        stream.seek(0)
        return t.cast(t.BinaryIO, gzip.GzipFile(fileobj=stream, mode="rb")) if self.is_compressed else stream


def find(files: t.Iterable[str]) -> list[Rotated]:
    """Those beside these audit files, the oldest first. A directory that is not there has none."""
    found = []
    for live in files:
        folder, name = os.path.split(live)
        with contextlib.suppress(FileNotFoundError):
            for entry in os.scandir(folder):
                is_one = entry.name.startswith(name) and _SUFFIX.fullmatch(entry.name[len(name) :])
                # No link is followed: whoever may write here would have other files sent.
                if is_one and entry.is_file(follow_symlinks=False):
                    with contextlib.suppress(FileNotFoundError):  # it was renamed meanwhile: the next run sees it
                        found.append(_rotated(live, entry))
    return sorted((one for one in found if one.size), key=lambda one: (one.modified, one.path))


def _rotated(live: str, entry: os.DirEntry[str]) -> Rotated:
    seen = entry.stat(follow_symlinks=False)
    return Rotated(entry.path, live, _mark(seen), seen.st_mtime, seen.st_size)


def _mark(seen: os.stat_result) -> str:
    return f"{seen.st_dev}:{seen.st_ino}:{seen.st_size}:{seen.st_mtime_ns}"


def key(one: Rotated, stream: t.BinaryIO) -> str:
    """Its name in the archive: the day of its first entry, that moment, and a sum of all that it says. Raises Broken, OSError."""
    digest, first = hashlib.sha256(), b""
    try:
        content = one.plain(stream)
        while chunk := content.read(CHUNK_BYTES):
            first = first or chunk[:LINE_BYTES].split(b"\n", 1)[0]
            digest.update(chunk)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise Broken(str(error)) from error
    begun = begun_at(first) or datetime.datetime.fromtimestamp(one.modified, datetime.timezone.utc)
    name = os.path.basename(one.live)
    return f"{begun:%Y/%m/%d}/{name}-{begun:%Y%m%dT%H%M%SZ}-{digest.hexdigest()[:16]}.gz"


def begun_at(line: bytes) -> datetime.datetime | None:
    """When an entry was written, by its own word, which is in UTC; None where it is no entry."""
    try:
        said = json.loads(line)
        match = _TIME.match(said["time"])
        return datetime.datetime.fromisoformat(f"{match.group()}+00:00") if match else None
    except (ValueError, KeyError, TypeError):
        return None


class Sent:
    """What was sent, as the tool has written it down. Where that is lost, the bucket refuses what it has."""

    def __init__(self, text: str) -> None:
        try:
            known = json.loads(text)
            self.keys: dict[str, float] = {str(name): float(when) for name, when in known["keys"].items()}
            self.marks: dict[str, str] = {str(mark): str(name) for mark, name in known["marks"].items()}
        except (ValueError, KeyError, TypeError, AttributeError):
            self.keys, self.marks = {}, {}

    def has(self, one: Rotated) -> bool:
        return self.marks.get(one.mark) in self.keys

    def add(self, one: Rotated, name: str, now: float) -> None:
        self.marks[one.mark] = name
        self.keys.setdefault(name, now)

    def forget(self, there: t.Iterable[Rotated], oldest: float) -> None:
        """Marks of files that are gone; and names that are as old as that, and of none that is there."""
        marks = {one.mark for one in there}
        self.marks = {mark: name for mark, name in self.marks.items() if mark in marks}
        named = set(self.marks.values())
        self.keys = {name: when for name, when in self.keys.items() if when >= oldest or name in named}

    def text(self) -> str:
        return json.dumps({"keys": self.keys, "marks": self.marks}, indent=1, sort_keys=True) + "\n"
