# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What custody holds about one cluster: nothing, a reservation, or its recovery keys. Pure."""

from __future__ import annotations

import base64
import json
import secrets
import typing as t

FORMAT = 1
KEY_BYTES = 32
# A share is 33 bytes in base64, a root token has 28 characters; PGP adds less than this to what its key has.
SHARE_CHARACTERS = 44
TOKEN_CHARACTERS = 128
PGP_CHARACTERS = 600
ID_CHARACTERS = 36


class Record(t.TypedDict):
    format: int
    cluster: str
    status: str  # prepared: reserved before init; stored: the keys are in
    since: str  # ISO 8601
    who: str | None  # user@host that reserved; None: written by a version that did not say
    run: str | None  # which run of theirs
    journal_key: str | None  # base64, encrypts the keys on their way from Vault to the sink
    cluster_id: str | None
    recovery_keys: list[str]  # base64, or PGP messages in base64
    recovery_shares: int
    recovery_threshold: int
    pgp: bool  # the recovery keys are encrypted to people's PGP keys
    root_token: str | None  # until an operator identity has logged in, then None
    root_token_pgp: bool


# What records of earlier versions don't have, and what that means.
LATER: dict[str, t.Any] = {"who": None, "run": None}
TYPES: dict[str, tuple[type, ...]] = {
    "format": (int,),
    "cluster": (str,),
    "status": (str,),
    "since": (str,),
    "who": (str, type(None)),
    "run": (str, type(None)),
    "journal_key": (str, type(None)),
    "cluster_id": (str, type(None)),
    "recovery_keys": (list,),
    "recovery_shares": (int,),
    "recovery_threshold": (int,),
    "pgp": (bool,),
    "root_token": (str, type(None)),
    "root_token_pgp": (bool,),
}


def prepared(cluster: str, now: str, who: str | None = None) -> Record:
    return {
        "format": FORMAT,
        "cluster": cluster,
        "status": "prepared",
        "since": now,
        "who": who,
        "run": secrets.token_hex(16),
        "journal_key": base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode(),
        "cluster_id": None,
        "recovery_keys": [],
        "recovery_shares": 0,
        "recovery_threshold": 0,
        "pgp": False,
        "root_token": None,
        "root_token_pgp": False,
    }


def answered(reservation: Record, body: dict[str, t.Any], answer: dict[str, t.Any]) -> Record:
    """The reservation with what Vault answered to init's *body*."""
    return {
        **reservation,
        "recovery_keys": answer.get("recovery_keys_base64") or [],
        "recovery_shares": body["recovery_shares"],
        "recovery_threshold": body["recovery_threshold"],
        "pgp": "recovery_pgp_keys" in body,
        "root_token": answer.get("root_token"),
        "root_token_pgp": "root_token_pgp_key" in body,
    }


def stand_in(reservation: Record, body: dict[str, t.Any]) -> Record:
    """As large as the record with the keys can get, and nothing secret in it: for trying whether there is room."""

    def blank(characters: int, pgp_key: str) -> str:
        return "no-key-".ljust(len(pgp_key) + PGP_CHARACTERS if pgp_key else characters, ".")

    pgp_keys = body.get("recovery_pgp_keys") or [""] * body["recovery_shares"]
    answer = {
        "recovery_keys_base64": [blank(SHARE_CHARACTERS, pgp_key) for pgp_key in pgp_keys],
        "root_token": blank(TOKEN_CHARACTERS, body.get("root_token_pgp_key") or ""),
    }
    journal_key = blank(len(reservation["journal_key"] or ""), "")
    return {**answered(reservation, body, answer), "journal_key": journal_key, "cluster_id": "." * ID_CHARACTERS}


def stored(reservation: Record, keys: Record, cluster_id: str | None) -> Record:
    """The reservation with the keys in it; the journal's key has done its work."""
    return {**reservation, **keys, "status": "stored", "journal_key": None, "cluster_id": cluster_id}


def without_root_token(record: Record) -> Record:
    return {**record, "root_token": None, "root_token_pgp": False}


def holder(record: Record) -> str:
    """Whose reservation it is, as it has to be typed to take it over."""
    return record["who"] or record["since"]


def dump(record: Record) -> str:
    return json.dumps(record, sort_keys=True)


def load(text: str | bytes, where: str) -> Record:
    """Raises ValueError, and nothing else, when the text is not a record of ours."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        data = None
    form = data.get("format") if isinstance(data, dict) else None
    if isinstance(form, bool) or not isinstance(form, int) or form != FORMAT:
        raise ValueError(f"{where} holds something that is not a custody record of this collection")
    data = {**LATER, **data}
    wrong = sorted(name for name, types in TYPES.items() if name not in data or type(data[name]) not in types)
    if not wrong and data["status"] not in ("prepared", "stored"):
        wrong = ["status"]
    if not wrong and not all(isinstance(key, str) for key in data["recovery_keys"]):
        wrong = ["recovery_keys"]
    if not wrong and data["journal_key"] is not None and not _is_key(data["journal_key"]):
        wrong = ["journal_key"]
    if wrong:
        raise ValueError(f"{where} holds a custody record that is damaged: {', '.join(wrong)} is missing or wrong")
    return t.cast(Record, data)


def _is_key(text: str) -> bool:
    try:
        return len(base64.b64decode(text, validate=True)) == KEY_BYTES
    except ValueError:
        return False
