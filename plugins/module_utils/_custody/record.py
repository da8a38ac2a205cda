# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What custody holds about one cluster: nothing, a reservation, or its recovery keys. Pure."""

from __future__ import annotations

import base64
import hashlib
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
MARK_CHARACTERS = 16
# Seconds, with as many digits as there may be.
LATE = 10**10
# How many sets of keys from before are kept.
FORMER = 2


class Keys(t.TypedDict):
    """One set of recovery keys."""

    since: str  # ISO 8601
    recovery_keys: list[str]  # base64, or PGP messages in base64
    recovery_shares: int
    recovery_threshold: int
    pgp: bool  # they are encrypted to people's PGP keys


class _Rekey(Keys):
    who: str | None
    nonce: str | None  # of Vault's attempt; None: Vault was about to be asked


class Rekey(_Rekey, total=False):
    """New keys on their way. The record's own are those that Vault takes, until these are verified."""

    # By what those of people's new keys are known again that a run was about to give back to Vault. Missing: none was.
    given_back: list[str]
    # By what the keys are known again that people gave to begin it: those are old ones.
    began_with: list[str]


class GenerateRoot(t.TypedDict):
    """A root token on its way, or one that a killed run may have left behind."""

    who: str | None
    nonce: str | None
    unseen: list[int]  # from which seconds on, by Vault's clock, one may have been made that nobody holds


class Record(t.TypedDict):
    format: int
    cluster: str
    # prepared: reserved before init; stored: the keys are in; elsewhere: those that count are with people, who gave them to a
    # rekey, and the new ones are on their way
    status: str
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
    rekey: Rekey | None
    generate_root: GenerateRoot | None
    former: list[Keys]  # newest first: what a snapshot from their time brings back


# What records of earlier versions don't have, and what that means.
LATER: dict[str, t.Any] = {"who": None, "run": None, "rekey": None, "generate_root": None, "former": []}
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
    "rekey": (dict, type(None)),
    "generate_root": (dict, type(None)),
    "former": (list,),
}
KEYS = {name: TYPES[name] for name in ("since", "recovery_keys", "recovery_shares", "recovery_threshold", "pgp")}
REKEY = {**KEYS, "who": TYPES["who"], "nonce": (str, type(None))}
GENERATE_ROOT = {"who": TYPES["who"], "nonce": (str, type(None)), "unseen": (list,)}


def mark(key: str) -> str:
    """By which a key is known again, and nothing else: keys have too many bits to be guessed."""
    return hashlib.sha256(key.encode()).hexdigest()[:MARK_CHARACTERS]


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
        "rekey": None,
        "generate_root": None,
        "former": [],
    }


def elsewhere(cluster: str, now: str, who: str | None, cluster_id: str | None, shares: int, threshold: int) -> Record:
    """Of a cluster whose recovery keys this collection never had. *shares*, *threshold*: as Vault says."""
    return {
        **prepared(cluster, now, who),
        "status": "elsewhere",
        "journal_key": None,
        "cluster_id": cluster_id,
        "recovery_shares": shares,
        "recovery_threshold": threshold,
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


def filler(characters: int) -> str:
    """In the place of a secret."""
    return "no-key-".ljust(characters, ".") if characters else ""


def stand_in(reservation: Record, body: dict[str, t.Any]) -> Record:
    """As large as the record with the keys can get, and nothing secret in it: for trying whether there is room."""

    def blank(characters: int, pgp_key: str) -> str:
        return filler(len(pgp_key) + PGP_CHARACTERS if pgp_key else characters)

    pgp_keys = body.get("recovery_pgp_keys") or [""] * body["recovery_shares"]
    answer = {
        "recovery_keys_base64": [blank(SHARE_CHARACTERS, pgp_key) for pgp_key in pgp_keys],
        "root_token": blank(TOKEN_CHARACTERS, body.get("root_token_pgp_key") or ""),
    }
    journal_key = blank(len(reservation["journal_key"] or ""), "")
    return {**answered(reservation, body, answer), "journal_key": journal_key, "cluster_id": "." * ID_CHARACTERS}


def stand_in_of_rekey(record: Record, pgp_keys: t.Sequence[str]) -> Record:
    """As large as the record gets while its new keys are on their way, and when they have come. Nothing secret is in it."""
    new = record["rekey"]
    if new is None:
        raise AssertionError("no keys are on their way")
    rooms = [len(key) + PGP_CHARACTERS for key in pgp_keys] or [SHARE_CHARACTERS] * new["recovery_shares"]
    mark = "." * MARK_CHARACTERS
    marks = {"given_back": [mark] * new["recovery_threshold"]} if new["pgp"] else {}
    coming = {**new, **marks, "nonce": "." * ID_CHARACTERS, "recovery_keys": [filler(room) for room in rooms]}
    return {**_blank(record), "rekey": t.cast(Rekey, coming)}


def stand_in_of_root(record: Record, noted: GenerateRoot) -> Record:
    """The same of a record that a root token comes to."""
    largest: GenerateRoot = {**noted, "nonce": "." * ID_CHARACTERS, "unseen": [*noted["unseen"], LATE]}
    return {**_blank(record), "generate_root": largest, "root_token": filler(TOKEN_CHARACTERS)}


def _blank(record: Record) -> Record:
    def blank(keys: t.Any) -> t.Any:
        return {**keys, "recovery_keys": [filler(len(key)) for key in keys["recovery_keys"]]}

    # Nothing is four characters, so that it stays nothing.
    rekey, token = (
        record["rekey"] and blank(record["rekey"]),
        record["root_token"] and filler(len(record["root_token"])),
    )
    former = [blank(keys) for keys in record["former"]]
    return t.cast(Record, {**blank(record), "rekey": rekey, "former": former, "root_token": token})


def stored(reservation: Record, keys: Record, cluster_id: str | None) -> Record:
    """The reservation with the keys in it; the journal's key has done its work."""
    return {**reservation, **keys, "status": "stored", "journal_key": None, "cluster_id": cluster_id}


def keys_of(record: Record) -> Keys:
    """The set that Vault takes, as far as custody knows."""
    return {
        "since": record["since"],
        "recovery_keys": record["recovery_keys"],
        "recovery_shares": record["recovery_shares"],
        "recovery_threshold": record["recovery_threshold"],
        "pgp": record["pgp"],
    }


def rekeyed(record: Record) -> Record:
    """The new set in the place of the old one, which stays as the newest of those from before, unless it is with people."""
    new = record["rekey"]
    if new is None:
        raise AssertionError("nothing to put in its place")
    old = [] if record["status"] == "elsewhere" else [keys_of(record)]
    former = [*old, *record["former"]][:FORMER]
    keys: Keys = {**keys_of(record), **{name: new[name] for name in KEYS}}  # type: ignore[literal-required,typeddict-item]
    return {**record, **keys, "status": "stored", "who": new["who"], "rekey": None, "former": former}


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
    wrong = _wrong(data, TYPES)
    if not wrong and data["status"] not in ("prepared", "stored", "elsewhere"):
        wrong = ["status"]
    if not wrong and not all(isinstance(key, str) for key in data["recovery_keys"]):
        wrong = ["recovery_keys"]
    if not wrong and data["journal_key"] is not None and not _is_key(data["journal_key"]):
        wrong = ["journal_key"]
    if not wrong:
        wrong = [
            *(["rekey"] if data["rekey"] is not None and _is_wrong_rekey(data["rekey"]) else []),
            *(
                ["generate_root"]
                if data["generate_root"] is not None and _wrong(data["generate_root"], GENERATE_ROOT)
                else []
            ),
            *(["former"] if any(_wrong(keys, KEYS) for keys in data["former"]) else []),
        ]
    if wrong:
        raise ValueError(f"{where} holds a custody record that is damaged: {', '.join(wrong)} is missing or wrong")
    return t.cast(Record, data)


def _is_wrong_rekey(data: t.Any) -> bool:
    return bool(_wrong(data, REKEY)) or any(
        not isinstance(data.get(name, []), list) for name in ("given_back", "began_with")
    )


def _wrong(data: t.Any, types: dict[str, tuple[type, ...]]) -> list[str]:
    if not isinstance(data, dict):
        return ["*"]
    return sorted(name for name, kinds in types.items() if name not in data or type(data[name]) not in kinds)


def _is_key(text: str) -> bool:
    try:
        return len(base64.b64decode(text, validate=True)) == KEY_BYTES
    except ValueError:
        return False
