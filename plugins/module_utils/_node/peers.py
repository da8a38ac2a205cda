# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Raft's peers of a cluster that has lost its quorum: a file that Vault reads once, at its start, and removes."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import stat
import time
import typing as t

from .._common import files
from .._common.errors import Problem

# What a copy needs beside its own size.
ROOM_BYTES = 64 << 20
# Written by Raft whenever it takes an entry, so their age is that of the data. Vault that is stopped does not touch them.
STORES = ("vault.db", "raft/raft.db")


class Peer(t.TypedDict):
    id: str
    address: str


def text(peers: t.Sequence[Peer]) -> str:
    """As Raft wants it. The open-source server refuses a peer without a vote."""
    return json.dumps([{"id": peer["id"], "address": peer["address"], "non_voter": False} for peer in peers], indent=2)


def owner_of(data: str) -> tuple[int, int]:
    """User and group of Raft's directory, which are Vault's: a file that root owned would keep Vault from starting."""
    try:
        found = os.lstat(data)
    except FileNotFoundError:
        raise Problem(
            f"{data} does not exist", "A node without data can't be what a cluster is recovered from."
        ) from None
    if not stat.S_ISDIR(found.st_mode):
        raise Problem(f"{data} is not a directory", "Name Raft's directory, vault_server_data_dir.")
    return found.st_uid, found.st_gid


def written_at(data: str) -> float:
    """When Raft last took an entry, in seconds since 1970."""
    found = [os.stat(path).st_mtime for name in STORES if os.path.exists(path := os.path.join(data, name))]
    if not found:
        raise Problem(
            f"{data} holds no Raft database", "A node without data can't be what a cluster is recovered from."
        )
    return max(found)


def size(data: str) -> int:
    """What its files take on the disk: a database has holes."""
    return sum(
        os.lstat(os.path.join(folder, name)).st_blocks * 512
        for folder, _folders, names in os.walk(data)
        for name in names
    )


def copy_of(data: str, folder: str) -> str:
    """Where the copy of what is there now lies. A run that was killed finds its own again, since the data has not changed."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(written_at(data)))
    return os.path.join(folder, f"{os.path.basename(data.rstrip('/'))}-before-recovery-{stamp}")


def check_room(data: str, folder: str) -> None:
    needed, free = size(data) + ROOM_BYTES, shutil.disk_usage(folder).free
    if free < needed:
        raise Problem(
            f"a copy of {data} needs {needed >> 20} MiB, and {folder} has {free >> 20} MiB free",
            "Make room there, or name another directory on this node: vault_quorum_copies.",
        )


def keep_copy(data: str, copy: str) -> None:
    """All of the data, with owners and modes; under its name only once it is whole and on the disk."""
    partial = f"{copy}.partial"
    try:
        if os.path.lexists(partial):
            shutil.rmtree(partial)
        _copy(data, partial)
        os.rename(partial, copy)
        files.sync_directory(os.path.dirname(copy))
    except OSError as error:
        with contextlib.suppress(OSError):
            shutil.rmtree(partial)
        raise Problem(f"{data} could not be copied to {copy} ({error})", "Nothing was changed in it.") from error


def _copy(source: str, target: str) -> None:
    status = os.lstat(source)
    # Nobody else looks in while it is made.
    os.mkdir(target, mode=0o700)
    with os.scandir(source) as entries:
        for entry in entries:
            there = os.path.join(target, entry.name)
            if entry.is_dir(follow_symlinks=False):
                _copy(entry.path, there)
            elif entry.is_file(follow_symlinks=False):
                found = entry.stat(follow_symlinks=False)
                with open(entry.path, "rb") as old, open(there, "xb") as new:
                    os.fchown(new.fileno(), found.st_uid, found.st_gid)
                    os.fchmod(new.fileno(), stat.S_IMODE(found.st_mode))
                    shutil.copyfileobj(old, new, 1 << 20)
                    files.sync(new)
                os.utime(there, ns=(found.st_atime_ns, found.st_mtime_ns))
    os.chown(target, status.st_uid, status.st_gid)
    os.chmod(target, stat.S_IMODE(status.st_mode))
    files.sync_directory(target)


def read(path: str) -> str | None:
    """None only where there is no file."""
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            return stream.read()
    except FileNotFoundError:
        return None
