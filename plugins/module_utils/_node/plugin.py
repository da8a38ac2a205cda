# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A plugin of OpenBao: one binary whose SHA-256 is known beforehand, in a directory of its version's own.

The server compares the same sum each time that it starts the plugin.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tarfile
import tempfile
import typing as t
import zlib

from .._common import files
from .._common.errors import Problem
from . import guard, installed
from .download import CHUNK_BYTES, Limit, fetch, require_room

ARCHIVE = Limit(256 << 20, 1800, reserve=512 << 20)
UNREADABLE = (OSError, EOFError, tarfile.TarError, zlib.error)


def own_paths(home: str, path: str) -> list[str]:
    """What is the collection's own, parents first: only root may change it."""
    folder = os.path.dirname(path)
    return [home, os.path.dirname(folder), folder, path]


def kept_sum(path: str, home: str) -> str | None:
    """The SHA-256 that the binary had when it was compared; None where it was touched since, or others could replace it."""
    folder = os.path.dirname(path)
    try:
        sums = installed.kept(folder, os.path.basename(folder))
        if sums is None or installed.stamp(path) != sums.stamp:
            return None
        own = own_paths(home, path)
        guard.refuse_foreign(own, own)
        return None if guard.to_mend(own) else sums.binary
    except (Problem, OSError):
        return None


def is_there(path: str, expected: str) -> bool:
    """Whether the binary is the one; another one in its place is an error."""
    if not os.path.lexists(path):
        return False
    found = installed.digest(path)
    if found != expected:
        raise Problem(
            f"{path} has the SHA-256 {found}, and the inventory names {expected} for this version",
            "Correct vault_kms_plugin, or move the plugin's directory away and run again.",
        )
    return True


def install(url: str, path: str, expected: str) -> None:
    """The directory of the version appears whole or not at all."""
    folder = os.path.dirname(path)
    if os.path.isdir(folder) and os.listdir(folder):
        raise Problem(f"{folder} is there, and no plugin is in it", "Move it away, then run again.")
    partial = None
    try:
        files.make_folder(os.path.dirname(folder))
        partial = tempfile.mkdtemp(prefix=".plugin.", dir=os.path.dirname(folder))
        binary = os.path.join(partial, os.path.basename(path))
        archive = os.path.join(partial, "archive")
        found = fetch(url, archive, ARCHIVE)
        if url.endswith(".tar.gz"):
            _unpack(archive, binary, expected, url)
            os.unlink(archive)
        elif found != expected:
            raise _another(url, found, expected)
        else:
            os.rename(archive, binary)
        os.chmod(binary, 0o755)  # nosec B103  # the server's user runs it, and nobody but root may change it
        os.chmod(partial, 0o755)  # nosec B103
        installed.keep(binary, os.path.basename(folder), found, expected)
        os.rename(partial, folder)
        files.sync_directory(os.path.dirname(folder))
    except UNREADABLE as error:
        raise Problem(
            f"{url} could not be unpacked into {folder} ({type(error).__name__}: {error})",
            "Check the disk and the archive; nothing was put in place.",
        ) from error
    finally:
        if partial:
            with contextlib.suppress(FileNotFoundError):
                shutil.rmtree(partial)


def _unpack(archive: str, binary: str, expected: str, url: str) -> None:
    """The one file of the archive that has the sum: its name there tells the machine, and differs."""
    with tarfile.open(archive, "r:gz") as packed:
        for member in packed:
            if not member.isreg():
                continue
            require_room(os.path.dirname(binary), member.size, ARCHIVE.reserve, f"Unpacking {url}")
            if _written(t.cast("t.IO[bytes]", packed.extractfile(member)), binary) == expected:
                return
    raise _another(url, "that of none of its files", expected)


def _written(source: t.IO[bytes], path: str) -> str:
    digest = hashlib.sha256()
    with open(path, "wb") as to:
        while chunk := source.read(CHUNK_BYTES):
            digest.update(chunk)
            to.write(chunk)
        to.flush()
        os.fsync(to.fileno())
    return digest.hexdigest()


def _another(url: str, found: str, expected: str) -> Problem:
    return Problem(
        f"the SHA-256 of the plugin from {url} is {found}, and the inventory says {expected}",
        "Correct vault_kms_plugin, or find out who changed the file. Nothing was put in place.",
    )
