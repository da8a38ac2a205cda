# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The recovery keys' way from Vault's answer to the sink: an encrypted object where every controller finds it.

Vault gives the keys out once. They are kept, encrypted with a key that only the sink holds, before anything else is tried: a
sink that fails now, or a controller that dies, no longer loses them. The object is there, at its full size, and was read back,
before Vault is asked.

It is in the bucket where there is one, else in a second secret; beside a sink that is a file, in a file. No lock says whether the
run that made it ready is still at it: no lock holds between two controllers that may both stall. What takes its place:

- The cluster's lease keeps a second run away for as long as the first one renews it.
- The reservation in the sink is the fence. A run that goes on where another one stopped makes it its own first, under the same
  key, and a run looks that it is still its own in the moment before it asks Vault. So the one that comes back stops there.
- Vault answers a single init. Whoever holds the answer has the right to the sink and to the journal, over a reservation of
  somebody who can't get one any more.
- Nothing is written in the place of what the writer has not read (see _objects/homes.py). Keys are never written over.

An object is one line in the clear, which run made it and whether keys are in it, then a nonce and the record. Earlier
versions wrote no such line, and a file only when there were keys.
"""

from __future__ import annotations

import base64
import contextlib
import os
import re
import typing as t

from .._common.errors import Problem
from .._objects import homes
from .record import Record, dump, load

with contextlib.suppress(ImportError):  # who needs it says that it is missing: _common/libraries.py
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE_BYTES = 12
EMPTY, FULL = "prepared", "answered"
HEAD = re.compile(rb"vaultops journal 2 (prepared|answered) ([0-9a-f]{32})\n")
# How often it is read anew, where somebody else wrote in between.
TRIES = 4

SPEC: dict[str, t.Any] = {
    "bucket": {"type": "str"},
    "object": {"type": "str"},
    "secret": {"type": "str", "no_log": False},
    "path": {"type": "path"},
}


def open_home(options: t.Mapping[str, t.Any]) -> homes.Home:
    """*options* of custody."""
    own = {name: value for name, value in (options.get("journal") or {}).items() if value}
    if own.get("bucket") and own.get("object"):
        return homes.Object(homes.Bucket(own["bucket"], options), own["object"])
    if own.get("secret"):
        return homes.Secret(own["secret"], options)
    if own.get("path"):
        return homes.File(own["path"])
    raise Problem(
        "init's answer has nowhere to stay until it is in custody: custody.journal names no bucket, no secret and no file",
        "Set vault_snapshot_bucket, or vault_custody_secret, or vault_custody_file. Nothing was changed.",
    )


class Journal:
    def __init__(self, home: homes.Home) -> None:
        self.home = home
        self.where = f"journal of init ({home.where})"
        self._made = b""

    def look(self, record: Record | None) -> str:
        """What it is, in view of what the sink holds.

        none    there is none
        ours    made ready for the sink's reservation, and init's answer is not in it
        empty   made ready for some init that never answered: no keys are in it
        keys    holds the keys of the sink's reservation
        spent   belongs to the init whose keys the sink holds
        sealed  none of this: it may hold keys that can't be read here
        """
        held = self.home.read()
        return state_of(held.data, record) if held else "none"

    def read(self, record: Record) -> Record:
        """The keys, of which *record* is the reservation."""
        held = self.home.read()
        keys = _open(held.data if held else b"", record["journal_key"] or "")
        if keys is None or not _has_keys(keys):
            raise Problem(
                "this journal was not written with the key that the sink holds",
                "It belongs to another init, or is damaged. Keep it safe and move it away.",
                where=self.where,
            )
        return keys

    def prepare(self, reservation: Record, size_of: Record) -> t.Callable[[Record], None]:
        """Make it ready for this reservation, as large as it can get, and read that back; gives what writes the keys into it.

        One that is there already is used only when no keys are in it.
        """
        room = len(dump(size_of))
        data = _sealed(EMPTY, reservation, room)
        self._put(data, reservation)
        self._made = data
        held = self.home.read()
        if held is None or held.data != data:
            raise Problem(
                "it does not return what was written", "Another run may be at init. Run again.", where=self.where
            )
        return lambda keys: self._put(_sealed(FULL, keys, room), reservation)

    def withdraw(self) -> None:
        """Remove what was made ready here, where it is still that."""
        held = self.home.read()
        if held and held.data == self._made:
            self.home.remove()

    def remove(self) -> None:
        self.home.remove()

    def _put(self, data: bytes, reservation: Record) -> None:
        for _attempt in range(TRIES):
            held = self.home.read()
            if held and held.data == data:
                return
            if held and state_of(held.data, reservation) not in ("ours", "empty"):
                raise Problem("a journal that may hold keys appeared meanwhile", "Run again.", where=self.where)
            if self.home.write(data, held.version if held else None):
                return
        raise Problem("others go on writing to it", "Run one controller at a time.", where=self.where)


def state_of(data: bytes, record: Record | None) -> str:
    """As Journal.look has it, of one that is there."""
    head = HEAD.match(data)
    if record and record["journal_key"]:
        keys = _open(data, record["journal_key"])
        if keys:
            return "keys" if _has_keys(keys) else "ours"
    if head and head[1].decode() == EMPTY:
        return "empty"
    if record and record["status"] == "stored" and record["run"] == (head[2].decode() if head else None):
        return "spent"
    return "sealed"


def _open(data: bytes, journal_key: str) -> Record | None:
    head = HEAD.match(data)
    sealed = data[head.end() :] if head else data
    try:
        cipher = AESGCM(base64.b64decode(journal_key))
        text = cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], head[0] if head else None)
        return load(text, "the journal")
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
