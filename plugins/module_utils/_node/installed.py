# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Releases that are installed: each folder keeps the sums of what it was made from, and the binary is held against them."""

from __future__ import annotations

import hashlib
import json
import os
import typing as t
from dataclasses import asdict, dataclass

from .._common import files
from .._common.errors import Problem
from .guard import weak

RECORD = "vaultops-sums.json"
CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class Sums:
    """SHA-256 of the signed archive and of the binary in it, and what *stamp* said of the file when it was compared."""

    version: str
    archive: str
    binary: str
    stamp: list[int]


def own_paths(home: str, releases: str, versions: t.Iterable[str], binary: str) -> list[str]:
    """What is the collection's own, parents first: only root may change it."""
    own = [home, releases] if releases.startswith(f"{home}/") else [releases]
    for version in versions:
        own += [os.path.join(releases, version), os.path.join(releases, version, binary)]
    return own


def switched_on(link: str) -> str | None:
    """The binary that the link leads to, or None where there is no link."""
    return os.readlink(link) if os.path.islink(link) else None


def stamp(path: str) -> list[int]:
    """Differs after any write: nobody can set the time of change (ctime). Reading 400 MB at each run costs 0.6 s."""
    status = os.lstat(path)
    return [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino]


def keep(path: str, version: str, archive: str, binary: str) -> Sums:
    """Write the sums beside the binary at *path* that was just unpacked from the signed archive."""
    sums = Sums(version, archive, binary, stamp(path))
    _write(os.path.dirname(path), sums)
    return sums


def kept(folder: str, version: str) -> Sums | None:
    """The sums that were kept for this version; None where there are none, or none that only root can have written."""
    path = os.path.join(folder, RECORD)
    if not os.path.isfile(path) or os.path.islink(path) or weak(path):
        return None
    with open(path, encoding="utf-8", errors="replace") as stream:
        return parse(stream.read(), version)


def parse(text: str, version: str) -> Sums | None:
    try:
        found = json.loads(text)
        sums = Sums(**found)
    except (ValueError, TypeError, RecursionError):
        return None
    known = all(isinstance(word, str) for word in (sums.version, sums.archive, sums.binary))
    # A folder under another name is another version: an old release must not pass as a new one.
    return sums if known and isinstance(sums.stamp, list) and sums.version == version else None


def verify(path: str, sums: Sums, thorough: bool, may_write: bool) -> None:
    """The binary is what the signed archive held. Its content is read where its stamp differs, or with *thorough*."""
    now = stamp(path)
    if now == sums.stamp and not thorough:
        return
    found = digest(path)
    if found != sums.binary:
        raise _another(path, found, f"when it was installed from its signed archive it was {sums.binary}")
    if now != sums.stamp and may_write:
        _write(os.path.dirname(path), Sums(sums.version, sums.archive, sums.binary, now))


def adopt(path: str, sums: Sums) -> None:
    """Keep *sums* for a binary that was installed without them, where they are its own."""
    now = stamp(path)
    found = digest(path)
    if found != sums.binary:
        raise _another(path, found, f"the one in the signed archive is {sums.binary}")
    _write(os.path.dirname(path), Sums(sums.version, sums.archive, sums.binary, now))


def digest(path: str) -> str:
    found = hashlib.sha256()
    try:
        with open(path, "rb") as stream:
            while chunk := stream.read(CHUNK_BYTES):
                found.update(chunk)
    except OSError as error:
        raise Problem(f"{path} can't be read ({error})", "Look at the disk; a release has one regular file.") from error
    return found.hexdigest()


def _write(folder: str, sums: Sums) -> None:
    files.write(os.path.join(folder, RECORD), f"{json.dumps(asdict(sums))}\n".encode(), 0o644)


def _another(path: str, found: str, expected: str) -> Problem:
    size = os.lstat(path).st_size
    return Problem(
        f"{path} is not the publisher's release any more: its SHA-256 is {found} ({size} bytes), and {expected}",
        "The disk lost it or somebody replaced it: find out which. Then move its folder away and run again, "
        "which lays it down anew; a process that runs is not touched by that.",
    )
