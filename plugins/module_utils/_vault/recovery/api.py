# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Calls about recovery keys and root tokens, one function each. Vault keeps what they begin in the active node's memory."""

from __future__ import annotations

import datetime
import typing as t

from ..client import call, content, data
from ..errors import VaultError
from .state import Attempt, Given, Maker, Seal

ACCESSORS = "/v1/auth/token/accessors?list=true"


def read_seal(where: str, client: t.Any) -> Seal:
    """How many recovery keys there are, and how many are needed: a cluster with auto-unseal says so without a login."""
    answer = content(where, call(where, lambda: client.adapter.get("/v1/sys/seal-status")))
    return {"shares": int(answer.get("n") or 0), "threshold": int(answer.get("t") or 0)}


def cluster_id(where: str, client: t.Any) -> str | None:
    """A node that is open says it without a login."""
    answer = content(where, call(where, lambda: client.adapter.get("/v1/sys/seal-status")))
    return answer.get("cluster_id") or None


def version(where: str, client: t.Any) -> str:
    """Empty where the node does not tell."""
    return str(content(where, call(where, lambda: client.adapter.get("/v1/sys/seal-status"))).get("version") or "")


def read_rekey(where: str, client: t.Any, maker: Maker) -> Attempt:
    return _attempt(content(where, call(where, lambda: client.adapter.get(f"{maker.path}/init"))), maker)


def begin_rekey(
    where: str, client: t.Any, maker: Maker, shares: int, threshold: int, pgp_keys: t.Sequence[str]
) -> Attempt:
    """New keys count only when they have been given back: until then the old ones do. Vault has to say so itself: without that
    the last of the old keys would make the new ones count."""
    body: dict[str, t.Any] = {"secret_shares": shares, "secret_threshold": threshold, "require_verification": True}
    if pgp_keys:
        body["pgp_keys"] = list(pgp_keys)
    begun = _attempt(content(where, call(where, lambda: client.adapter.put(f"{maker.path}/init", json=body))), maker)
    if begun["verifies"] and (begun["shares"], begun["threshold"]) == (shares, threshold):
        return begun
    cancel_rekey(where, client, maker, str(begun["nonce"]))
    raise VaultError(
        where, "it began another rekey than it was asked for. No key was given", "Look at Vault's version."
    )


def give_rekey(where: str, client: t.Any, maker: Maker, key: str, nonce: str) -> Given:
    body = {"key": key, "nonce": nonce}
    return _given(content(where, call(where, lambda: client.adapter.put(f"{maker.path}/update", json=body))))


def cancel_rekey(where: str, client: t.Any, maker: Maker, nonce: str) -> None:
    """With its nonce, which in the first ten minutes is the only way. Where none is asked for, it is compared right before."""
    if not maker.cancels_by_nonce:
        under_way = read_rekey(where, client, maker)["nonce"]
        if under_way != nonce:
            cause = "is not there any more" if under_way is None else f"is not the one that is under way ({under_way})"
            raise VaultError(where, f"the rekey {nonce} {cause}", "Nothing was cancelled. Run again.")
    body = {"nonce": nonce} if maker.cancels_by_nonce else None
    call(where, lambda: client.adapter.delete(f"{maker.path}/init", json=body))


def restart_verification(where: str, client: t.Any, maker: Maker) -> str:
    """Forgets which new keys were given back so far. The nonce of what begins."""
    answer = content(where, call(where, lambda: client.adapter.delete(f"{maker.path}/verify")))
    return str(_said(answer)["nonce"])


def verify_rekey(where: str, client: t.Any, maker: Maker, key: str, nonce: str) -> bool:
    """Whether that was the last one, so that the new keys count."""
    body = {"key": key, "nonce": nonce}
    answer = content(where, call(where, lambda: client.adapter.put(f"{maker.path}/verify", json=body)))
    return bool(_said(answer).get("complete"))


def read_root(where: str, client: t.Any) -> Attempt | None:
    """None where Vault wants a token for that, as it does from 2.0 on, and where OpenBao's listener does not serve it."""
    try:
        return _attempt(content(where, call(where, client.sys.read_root_generation_progress)))
    except VaultError as error:
        if error.status in (403, 405):
            return None
        raise


def begin_root(where: str, client: t.Any, otp: str) -> Attempt:
    return _attempt(content(where, call(where, lambda: client.sys.start_root_token_generation(otp=otp))))


def give_root(where: str, client: t.Any, key: str, nonce: str) -> Given:
    return _given(content(where, call(where, lambda: client.sys.generate_root(key=key, nonce=nonce))))


def cancel_root(where: str, client: t.Any) -> None:
    """Whosever it is: Vault takes no nonce here."""
    call(where, client.sys.cancel_root_generation)


def now(where: str, client: t.Any) -> int:
    """Vault's clock, by which it dates tokens."""
    answer = content(where, call(where, lambda: client.adapter.get("/v1/sys/health?standbyok=true")))
    said = answer.get("server_time_utc")
    return int(said if said is not None else datetime.datetime.now(datetime.timezone.utc).timestamp())


def is_valid(where: str, client: t.Any) -> bool:
    """Whether the client's token is one. Only a refusal says no."""
    try:
        call(where, lambda: client.adapter.get("/v1/auth/token/lookup-self"))
    except VaultError as error:
        if error.status == 403:
            return False
        raise
    return True


def own_accessor(where: str, client: t.Any) -> str:
    return str(data(where, call(where, lambda: client.adapter.get("/v1/auth/token/lookup-self")))["accessor"])


def accessors(where: str, client: t.Any) -> list[str]:
    return list(data(where, call(where, lambda: client.adapter.get(ACCESSORS)))["keys"])


def look_up(where: str, client: t.Any, accessor: str) -> dict[str, t.Any] | None:
    """None where the token has ended since it was listed."""
    body = {"accessor": accessor}
    try:
        return data(where, call(where, lambda: client.adapter.post("/v1/auth/token/lookup-accessor", json=body)))
    except VaultError as error:
        if error.status in (403, 404):
            return None
        raise


def revoke(where: str, client: t.Any, accessor: str) -> None:
    call(where, lambda: client.adapter.post("/v1/auth/token/revoke-accessor", json={"accessor": accessor}))


def _said(answer: dict[str, t.Any]) -> dict[str, t.Any]:
    """From 2.0 on the answer is that of a secret, whose fields are in its data."""
    return {**answer, **(answer.get("data") or {})}


def _attempt(answer: dict[str, t.Any], maker: Maker | None = None) -> Attempt:
    answer = _said(answer)
    fingerprints = answer.get("pgp_fingerprints") or [answer.get("pgp_fingerprint")]
    return {
        "nonce": (answer.get("nonce") or None) if answer.get("started") else None,
        "progress": int(answer.get("progress") or 0),
        "required": int(answer.get("required") or 0),
        "shares": int(answer.get("n") or 0),
        "threshold": int(answer.get("t") or 0),
        "pgp_fingerprints": [str(one).lower() for one in fingerprints if one],
        "verifies": bool(answer.get("verification_required")),
        "verification_nonce": answer.get("verification_nonce") or None,
        "otp_length": int(answer.get("otp_length") or 0),
        "cancel": maker.cancel.format(nonce=answer.get("nonce")) if maker else "",
    }


def _given(answer: dict[str, t.Any]) -> Given:
    answer = _said(answer)
    return {
        "complete": bool(answer.get("complete")),
        "recovery_keys": list(answer.get("keys_base64") or []),
        "verification_nonce": answer.get("verification_nonce") or None,
        "encoded_token": answer.get("encoded_token") or answer.get("encoded_root_token") or None,
    }
