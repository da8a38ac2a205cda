# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What custody holds about one cluster: nothing, a reservation, or its recovery keys. Pure."""

from __future__ import annotations

import base64
import json
import secrets
import typing as t

FORMAT = 1


class Record(t.TypedDict):
    format: int
    cluster: str
    status: str  # prepared: reserved before init; stored: the keys are in
    since: str  # ISO 8601
    journal_key: str | None  # base64, encrypts the keys on their way from Vault to the sink
    cluster_id: str | None
    recovery_keys: list[str]  # base64, or PGP messages in base64
    recovery_shares: int
    recovery_threshold: int
    pgp: bool  # the recovery keys are encrypted to people's PGP keys
    root_token: str | None  # until an operator identity has logged in, then None
    root_token_pgp: bool


def prepared(cluster: str, now: str) -> Record:
    return {
        "format": FORMAT,
        "cluster": cluster,
        "status": "prepared",
        "since": now,
        "journal_key": base64.b64encode(secrets.token_bytes(32)).decode(),
        "cluster_id": None,
        "recovery_keys": [],
        "recovery_shares": 0,
        "recovery_threshold": 0,
        "pgp": False,
        "root_token": None,
        "root_token_pgp": False,
    }


def stored(reservation: Record, keys: Record, cluster_id: str | None) -> Record:
    """The reservation with the keys in it; the journal's key has done its work."""
    return {**reservation, **keys, "status": "stored", "journal_key": None, "cluster_id": cluster_id}


def without_root_token(record: Record) -> Record:
    return {**record, "root_token": None, "root_token_pgp": False}


def dump(record: Record) -> str:
    return json.dumps(record, sort_keys=True)


def load(text: str, where: str) -> Record:
    """Raises ValueError when the text is not a record of ours."""
    try:
        data = json.loads(text)
    except ValueError:
        data = None
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise ValueError(f"{where} holds something that is not a custody record of this collection")
    return t.cast(Record, data)
