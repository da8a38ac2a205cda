# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Fetch a release, believe none of it before its signature, and lay it down in one step."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import tarfile
import tempfile
import time
import typing as t
import zipfile
import zlib
from urllib.parse import urlsplit

from .._common import files, product, releases, versions
from .._common.errors import Problem
from . import installed, selinux, signature
from .download import CHUNK_BYTES, Limit, fetch, require_room

DIGEST = re.compile(r"[0-9a-f]{64}")
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
SCHEMES = ("https", "http", "file")

# Several times what the publisher's have.
SUMS = Limit(64 << 10, 60)
SIGNATURE = Limit(4 << 10, 60)
# Stays free for others: Raft's database may be on the same file system.
RESERVE_BYTES = 512 << 20
ARCHIVE = Limit(1 << 30, 1800, reserve=RESERVE_BYTES)
BINARY_BYTES = 2 << 30

# What zipfile and tarfile raise for an archive that they can't read.
UNREADABLE = (OSError, LookupError, EOFError, RuntimeError, zipfile.BadZipFile, tarfile.TarError, zlib.error)


class Release:
    """One version of a server as its publisher lays it out: archive, sums, and a signature over the sums."""

    def __init__(self, mirror: str, version: str, machine: str, flavour: product.Flavour = product.VAULT) -> None:
        self.name = product.NAMES[flavour]
        if not versions.is_one(version):
            raise Problem(f"{version!r} is not a version of {self.name}", "Give it in full, such as 1.21.1.")
        if machine not in ARCHITECTURES:
            raise Problem(f"there is no {self.name} for {machine}", f"Use one of {', '.join(ARCHITECTURES)}.")
        if _scheme(mirror) not in SCHEMES:
            raise Problem(f"the mirror {mirror!r} is not a URL", "It begins with https://, http:// or file://.")
        self.version = version
        layout = releases.layout(flavour, version, ARCHITECTURES[machine])
        self.binary = releases.BINARIES[flavour]
        self.base = f"{mirror.rstrip('/')}/{layout.folder}"
        self.archive, self.sums, self.signature = layout.archive, layout.sums, layout.signature

    def expected_sum(self, signing_key: str) -> str:
        """The archive's SHA-256 from the list of sums, once its signature is proven."""
        name = self.sums
        with tempfile.TemporaryDirectory() as folder:
            sums = os.path.join(folder, "sums")
            fetch(f"{self.base}/{name}", sums, SUMS)
            fetch(f"{self.base}/{self.signature}", f"{sums}.sig", SIGNATURE)
            signature.verify(sums, f"{sums}.sig", signing_key, f"{self.base}/{name}")
            with open(sums, encoding="utf-8", errors="replace") as stream:
                listed = listed_sums(stream.read(), f"{self.base}/{name}")
        if self.archive not in listed:
            raise Problem(f"{self.base} does not list {self.archive}", "This version has no build for this machine.")
        return listed[self.archive]

    def unpack(self, expected: str, folder: str) -> None:
        """Put the binary and its sums into *folder*, which either appears whole or not at all."""
        if os.path.isdir(folder) and os.listdir(folder):
            raise Problem(f"{folder} is there, and no {self.name} is in it", "Move it away, then run again.")
        with self._unpacked(expected, os.path.dirname(folder)) as (partial, _sums):
            os.rename(partial, folder)
            files.sync_directory(os.path.dirname(folder))

    def compare(self, expected: str, folder: str) -> None:
        """Keep the sums of what was installed without them, where it is what the signed archive holds."""
        with self._unpacked(expected, os.path.dirname(folder)) as (_partial, sums):
            installed.adopt(os.path.join(folder, self.binary), sums)

    @contextlib.contextmanager
    def _unpacked(self, expected: str, parent: str) -> t.Iterator[tuple[str, installed.Sums]]:
        """A folder beside its future place, with all that it will hold, written through to the disk."""
        partial = None
        try:
            files.make_folder(parent)
            _tidy(parent, self.version)
            partial = tempfile.mkdtemp(prefix=f".{self.version}.", dir=parent)
            yield partial, self._fill(partial, expected)
        except UNREADABLE as error:
            raise Problem(
                f"{self.archive} could not be unpacked into {parent} ({type(error).__name__}: {error})",
                "Check the disk and the archive; nothing was put in place.",
            ) from error
        finally:
            if partial:
                shutil.rmtree(partial, ignore_errors=True)

    def _fill(self, folder: str, expected: str) -> installed.Sums:
        archive = os.path.join(folder, "archive")
        found = fetch(f"{self.base}/{self.archive}", archive, ARCHIVE)
        if found != expected:
            raise Problem(
                f"the checksum of {self.base}/{self.archive} is {found}, and the signed list says {expected}",
                "The archive is damaged or not the publisher's. Do not use this mirror before you know why.",
            )
        binary = os.path.join(folder, self.binary)
        with _member(archive, self.archive, self.binary) as (source, size):
            unpacked = _extract(source, size, self.archive, binary)
        os.unlink(archive)
        os.chmod(folder, 0o755)  # nosec B103  # everybody may run Vault, and nobody but root may change it
        place = os.path.join(os.path.dirname(folder), self.version)
        selinux.give(folder, place)
        # Before its stamp is kept, which a change of its type changes.
        selinux.give(binary, os.path.join(place, self.binary))
        return installed.keep(binary, self.version, found, unpacked)


def listed_sums(text: str, where: str) -> dict[str, str]:
    """Archive's name -> its SHA-256, of a list as sha256sum writes it."""
    listed: dict[str, str] = {}
    for number, line in enumerate(text.split("\n"), 1):
        words = line.split()
        if not words:
            continue
        if len(words) != 2 or not DIGEST.fullmatch(words[0]) or listed.get(words[1], words[0]) != words[0]:
            raise Problem(f"line {number} of {where} is not one checksum and one name", "Check the mirror.")
        listed[words[1]] = words[0]
    return listed


@contextlib.contextmanager
def _member(path: str, name: str, binary: str) -> t.Iterator[tuple[t.IO[bytes], int]]:
    """The binary in an archive, and the size that the archive says it has."""
    if name.endswith(".zip"):
        with zipfile.ZipFile(path) as content, content.open(found := content.getinfo(binary)) as source:
            yield source, found.file_size
        return
    with tarfile.open(path, "r:gz") as packed:
        member = packed.getmember(binary)
        if not member.isreg():
            raise Problem(f"{binary} in {name} is no file", "This is not a mirror of the publisher's releases.")
        yield t.cast("t.IO[bytes]", packed.extractfile(member)), member.size


def _extract(source: t.IO[bytes], size: int, archive: str, path: str) -> str:
    """Returns the SHA-256 of what was unpacked."""
    if not 0 < size <= BINARY_BYTES:
        raise Problem(f"the binary in {archive} has {size} bytes, and {BINARY_BYTES >> 30} GiB is the most")
    require_room(os.path.dirname(path), size, RESERVE_BYTES, f"Unpacking {archive}")
    digest = hashlib.sha256()
    written = 0
    with open(path, "wb") as to:
        while chunk := source.read(CHUNK_BYTES):
            written += len(chunk)
            # What the archive says of itself is what room was found for.
            if written > size:
                raise Problem(f"the binary in {archive} is larger than the archive says")
            digest.update(chunk)
            to.write(chunk)
        to.flush()
        os.fchmod(to.fileno(), 0o755)  # nosec B103  # everybody may run it, and nobody but root may change it
        os.fsync(to.fileno())
    return digest.hexdigest()


def _tidy(parent: str, version: str) -> None:
    """Remove what runs that were killed have left; those that may still be at work are younger."""
    for name in os.listdir(parent):
        path = os.path.join(parent, name)
        if name.startswith(f".{version}.") and os.lstat(path).st_mtime < time.time() - 2 * ARCHIVE.seconds:
            shutil.rmtree(path)


def _scheme(url: str) -> str | None:
    try:
        return urlsplit(url).scheme
    except ValueError:
        return None
