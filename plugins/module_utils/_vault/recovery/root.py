# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A root token out of the recovery keys, into custody, and what a killed run may have left of one.

Vault forgets whom it gave a root token to. So before the last key is given, custody notes Vault's time: a root token of that
moment which did not get into custody is nobody's, and is revoked when an administrator can log in again.
"""

from __future__ import annotations

import dataclasses
import secrets
import string
import time
import typing as t

from ..._common.errors import Problem
from ..._common.wait import Wait
from ..._custody import record as records
from ..._custody.record import GenerateRoot, Record
from ..._custody.sinks import Sink
from ..auth.api import revoke_self
from ..auth.setup import retire_root_token
from ..client import Cluster, Connection
from ..errors import VaultError
from ..init.custodian import whoami
from ..session import usable_root_token
from . import api
from .rekey import none_taken
from .state import Attempt, decoded, is_unseen, others_root, ways

# How long the token is held in memory while custody does not take it.
TRY_SECONDS = 60
# From the note of the time to the last key.
NOTE_SECONDS = 60
# A reload takes effect within a moment.
OPEN_SECONDS = 30


def opened(name: str, client: t.Any) -> Attempt:
    """The attempt that is under way, when Vault says so without a token: a reload that allows that may have just been asked
    for."""
    wait = Wait(OPEN_SECONDS)
    while (attempt := api.read_root(name, client)) is None:
        if not wait.again():
            raise VaultError(
                name,
                "it makes a root token only for who has a token, although enable_unauthenticated_access was set and reloaded",
                "Read 'journalctl -u vault' on this node.",
                status=403,
            )
    return attempt


def make(name: str, client: t.Any, sink: Sink, record: Record, cancel: str = "") -> Record:
    """A root token in custody. *client* logs in as nobody; *cancel*: the nonce of an attempt that is nobody's any more."""
    if token := usable_root_token(record):
        client.token = token
        valid = api.is_valid(name, client)
        client.token = ""
        if valid:
            return record
        record = _keep(sink, records.without_root_token(record))
    attempt = opened(name, client)
    before = record["generate_root"]
    if attempt["nonce"]:
        if attempt["nonce"] not in (cancel, before["nonce"] if before else None):
            raise VaultError(name, *others_root(attempt))
        api.cancel_root(name, client)
    noted: GenerateRoot = {"who": whoami(), "nonce": None, "unseen": before["unseen"] if before else []}
    sink.prove_writable(records.stand_in_of_root(record, noted))
    record = _keep(sink, {**record, "generate_root": noted})
    otp = "".join(secrets.choice(string.ascii_letters + string.digits) for _each in range(attempt["otp_length"]))
    nonce = str(api.begin_root(name, client, otp)["nonce"])
    try:
        record = _keep(sink, {**record, "generate_root": {**noted, "nonce": nonce}})
        record, encoded = _give(name, client, sink, record, {**noted, "nonce": nonce})
    except Problem as first:
        _cancel(name, client, nonce, first)
        raise
    return _store(name, client, sink, record, decoded(encoded, otp), noted)


def _give(name: str, client: t.Any, sink: Sink, record: Record, noted: GenerateRoot) -> tuple[Record, str]:
    """The first keys that Vault takes; those that are refused leave the attempt as it was. The record, and the encoded token."""
    refusal: VaultError | None = None
    nonce = str(noted["nonce"])
    for keys in ways(record):
        for key in keys[:-1]:
            api.give_root(name, client, key, nonce)
        record = _note_time(name, client, sink, record, noted)
        try:
            encoded = api.give_root(name, client, keys[-1], nonce)["encoded_token"]
        except VaultError as error:
            attempt = api.read_root(name, client) if error.status == 400 else None
            if attempt is None or attempt["nonce"] != nonce or attempt["progress"]:
                raise
            refusal = error
            continue
        if encoded:
            return record, encoded
        break
    raise none_taken(name, record, (), refusal)


def _note_time(name: str, client: t.Any, sink: Sink, record: Record, noted: GenerateRoot) -> Record:
    """In the place of the last one of this attempt: keys that were refused have made nothing."""
    began, unseen = time.monotonic(), [*noted["unseen"], api.now(name, client)]
    record = _keep(sink, {**record, "generate_root": {**noted, "unseen": unseen}})
    if time.monotonic() - began > NOTE_SECONDS:
        raise VaultError(name, "custody took too long to note the time", "Run again.")
    return record


def _store(name: str, client: t.Any, sink: Sink, record: Record, token: str, noted: GenerateRoot) -> Record:
    left = {**noted, "nonce": None} if noted["unseen"] else None
    wanted: Record = {**record, "root_token": token, "generate_root": t.cast(t.Optional[GenerateRoot], left)}  # noqa: UP045
    wait = Wait(TRY_SECONDS)
    while True:
        try:
            return _keep(sink, wanted)
        except Problem as first:
            if wait.again():
                continue
            client.token = token
            try:
                revoke_self(name, client)
            except VaultError as second:
                first.also(second)
            raise


def _cancel(name: str, client: t.Any, nonce: str, first: Problem) -> None:
    try:
        attempt = api.read_root(name, client)
        if attempt and attempt["nonce"] == nonce:
            api.cancel_root(name, client)
    except VaultError as second:
        first.also(second)


def tidy(connection: Connection, name: str, sink: Sink, record: Record) -> list[str]:
    """As an administrator: nothing stays of a run that was cut short. Which accessors were revoked."""
    noted, gone = record["generate_root"], []
    with Cluster(connection).login(name) as client:
        if noted:
            attempt = api.read_root(name, client)
            if attempt and attempt["nonce"] and attempt["nonce"] == noted["nonce"]:
                api.cancel_root(name, client)
        if noted and noted["unseen"]:
            held = _accessor_of(connection, name, usable_root_token(record))
            for accessor in api.accessors(name, client):
                said = api.look_up(name, client, accessor)
                if said and accessor != held and is_unseen(said, noted["unseen"]):
                    api.revoke(name, client, accessor)
                    gone.append(accessor)
    record = _keep(sink, {**record, "generate_root": None})
    if token := usable_root_token(record):
        retire_root_token(connection, sink, record, token)
    return gone


def _accessor_of(connection: Connection, name: str, token: str | None) -> str | None:
    """Of the one that custody holds, which revokes itself."""
    if token is None:
        return None
    with Cluster(dataclasses.replace(connection, token=token)).login(name) as client:
        try:
            return str(api.own_accessor(name, client))
        except VaultError as error:
            if error.status == 403:
                return None
            raise


def _keep(sink: Sink, record: Record) -> Record:
    sink.replace(record)
    if sink.read() != record:
        raise Problem("it does not return what was written", where=sink.where)
    return record
