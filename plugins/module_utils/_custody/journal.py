# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The recovery keys' way from Vault's answer to the sink: an encrypted file on the controller.

Vault gives the keys out once. They are on disk, encrypted with a key that only the sink holds, before anything
else is tried: a sink that fails now, or a controller that dies, no longer loses them. The file is there, at its full
size and locked, before Vault is asked: what is written into it then needs no room, no name and no permission.

A file is one line in the clear, which run made it and whether keys are in it, then a nonce and the record. Earlier
versions wrote no such line, and a file only when there were keys.
"""

from __future__ import annotations

import base64
import fcntl
import os
import re
import typing as t
from contextlib import contextmanager, suppress

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from .._common.errors import Problem
from .._common.wait import Wait
from . import files
from .record import Record, dump, load

NONCE_BYTES = 12
EMPTY, FULL = "prepared", "answered"
HEAD = re.compile(rb"vaultops journal 2 (prepared|answered) ([0-9a-f]{32})\n")
LOCK_SECONDS = 2
POLL_SECONDS = 0.05


class Journal:
    def __init__(self, path: str) -> None:
        self.path = os.path.abspath(path)
        self.where = f"journal {self.path} on the controller"

    def look(self, record: Record | None) -> str:
        """What the file is, in view of what the sink holds.

        none    there is no file
        busy    another process is at it
        ours    made ready for the sink's reservation, and init's answer is not in it
        empty   made ready for some init that never answered: no keys are in it
        keys    holds the keys of the sink's reservation
        spent   belongs to the init whose keys the sink holds
        sealed  none of this: it may hold keys that can't be read here
        """
        data = files.in_words(self.where, lambda: files.read(self.path))
        if data is None:
            return "none"
        if self._is_locked():
            return "busy"
        head = HEAD.match(data)
        if record and record["journal_key"]:
            keys = self._open(data, record["journal_key"])
            if keys:
                return "keys" if _has_keys(keys) else "ours"
        if head and head[1].decode() == EMPTY:
            return "empty"
        if record and record["status"] == "stored" and record["run"] == (head[2].decode() if head else None):
            return "spent"
        return "sealed"

    def read(self, record: Record) -> Record:
        """The keys, of which *record* is the reservation."""
        data = files.in_words(self.where, lambda: files.read(self.path)) or b""
        keys = self._open(data, record["journal_key"] or "")
        if keys is None or not _has_keys(keys):
            raise Problem(
                "this journal was not written with the key that the sink holds",
                "It belongs to another init, or is damaged. Keep it safe and move it away.",
                where=self.where,
            )
        return keys

    @contextmanager
    def held(self, reservation: Record, size_of: Record) -> t.Iterator[t.Callable[[Record], None]]:
        """The file made ready for this reservation, and locked; gives what writes the keys into it.

        One that is there already is used only when no keys are in it.
        """
        room = len(dump(size_of))
        with files.in_words(self.where, lambda: self._claim(reservation, room)) as handle:
            yield lambda keys: files.in_words(self.where, lambda: self._put(handle, FULL, keys, room))

    def remove(self) -> None:
        def unlink() -> None:
            with suppress(FileNotFoundError):
                os.unlink(self.path)

        files.in_words(self.where, unlink)

    def _claim(self, reservation: Record, room: int) -> t.BinaryIO:
        created = files.create(self.path, _sealed(EMPTY, reservation, room))
        handle = os.fdopen(os.open(self.path, os.O_RDWR | os.O_NOFOLLOW), "r+b", buffering=0)
        try:
            self._lock(handle)
            if not created:
                state = self._state_of(handle, reservation)
                if state not in ("ours", "empty"):
                    raise Problem("a journal that may hold keys appeared meanwhile", "Run again.", where=self.where)
                os.fchmod(handle.fileno(), 0o600)
                self._put(handle, EMPTY, reservation, room)
            elif self._state_of(handle, reservation) != "ours":
                raise self._busy()
        except BaseException:
            handle.close()
            raise
        return handle

    def _state_of(self, handle: t.BinaryIO, reservation: Record) -> str:
        """As *look* has it, of the file that is locked here."""
        data = os.pread(handle.fileno(), os.fstat(handle.fileno()).st_size, 0)
        keys = self._open(data, reservation["journal_key"] or "")
        if keys:
            return "keys" if _has_keys(keys) else "ours"
        head = HEAD.match(data)
        return "empty" if head and head[1].decode() == EMPTY else "sealed"

    def _put(self, handle: t.BinaryIO, status: str, content: Record, room: int) -> None:
        """Over what is there, in its room. Cut short by a loss of power, it is no worse off than the answer itself."""
        data = _sealed(status, content, room)
        written = 0
        while written < len(data):
            written += os.pwrite(handle.fileno(), data[written:], written)
        os.ftruncate(handle.fileno(), len(data))
        os.fsync(handle.fileno())
        self._still_there(handle)

    def _lock(self, handle: t.BinaryIO) -> None:
        wait = Wait(LOCK_SECONDS, POLL_SECONDS)
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                # Whoever only looks holds it for a moment.
                if not wait.again():
                    raise self._busy() from error
        self._still_there(handle)

    def _still_there(self, handle: t.BinaryIO) -> None:
        if not os.path.samestat(os.fstat(handle.fileno()), os.stat(self.path)):
            raise Problem("another file took its place meanwhile", "Run one controller at a time.", where=self.where)

    def _is_locked(self) -> bool:
        with files.in_words(self.where, lambda: open(self.path, "rb")) as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False

    def _busy(self) -> Problem:
        return Problem("another run on this controller is at init right now", "Let it end first.", where=self.where)

    def _open(self, data: bytes, journal_key: str) -> Record | None:
        head = HEAD.match(data)
        sealed = data[head.end() :] if head else data
        try:
            cipher = AESGCM(base64.b64decode(journal_key))
            text = cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], head[0] if head else None)
            return load(text, self.where)
        except (InvalidTag, ValueError):
            return None


def _has_keys(record: Record) -> bool:
    return bool(record["recovery_keys"] or record["root_token"])


def _sealed(status: str, content: Record, room: int) -> bytes:
    head = f"vaultops journal 2 {status} {content['run'] or '0' * 32}\n".encode()
    nonce = os.urandom(NONCE_BYTES)
    # Spaces at its end are nothing to JSON.
    text = dump(content).ljust(room).encode()
    return head + nonce + AESGCM(base64.b64decode(content["journal_key"] or "")).encrypt(nonce, text, head)
