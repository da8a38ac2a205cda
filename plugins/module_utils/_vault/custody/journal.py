# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The recovery keys' way from Vault's answer to the sink: an encrypted file on the controller.

Vault gives the keys out once. They are on disk, encrypted with a key that only the sink holds, before anything
else is tried: a sink that fails now, or a controller that dies, no longer loses them.
"""

from __future__ import annotations

import base64
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ..errors import VaultError
from . import files
from .record import Record, dump, load

NONCE_BYTES = 12


def write(path: str, journal_key: str, keys: Record) -> None:
    nonce = os.urandom(NONCE_BYTES)
    sealed = AESGCM(base64.b64decode(journal_key)).encrypt(nonce, dump(keys).encode(), None)
    if not files.create(path, nonce + sealed):
        raise VaultError(path, "the journal of an earlier init exists", "Keep it safe and move it away.")


def read(path: str, journal_key: str) -> Record:
    with open(path, "rb") as stream:
        data = stream.read()
    try:
        text = AESGCM(base64.b64decode(journal_key)).decrypt(data[:NONCE_BYTES], data[NONCE_BYTES:], None)
    except InvalidTag as error:
        raise VaultError(
            path,
            "this journal was not written with the key that the sink holds",
            "It belongs to another init, or is damaged. Keep it safe and move it away.",
        ) from error
    return load(text.decode(), path)


def exists(path: str) -> bool:
    return os.path.exists(path)


def remove(path: str) -> None:
    os.unlink(path)
