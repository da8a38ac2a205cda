# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The snapshot calls. Sent to the active node: a standby redirects, and what stands in between may cut the stream off."""

from __future__ import annotations

import typing as t

from ..client import call, content
from ..errors import VaultError

SNAPSHOT = "/v1/sys/storage/raft/snapshot"
CHUNK_BYTES = 1 << 20
ANSWER_SECONDS = 10


def save(where: str, client: t.Any, stream: t.BinaryIO, timeout: int) -> None:
    """Write the active node's snapshot to the stream. *timeout*: seconds without a byte; a stream that only drips ends too."""

    def download() -> None:
        answer = client.session.get(
            f"{client.url}{SNAPSHOT}",
            headers={"X-Vault-Token": client.token},
            timeout=timeout,
            stream=True,
        )
        with answer:
            if answer.status_code != 200:
                raise VaultError(
                    where, f"the snapshot was refused with HTTP {answer.status_code}", status=answer.status_code
                )
            for chunk in answer.iter_content(CHUNK_BYTES):
                stream.write(chunk)

    call(where, download)


def restore(where: str, client: t.Any, stream: t.BinaryIO, timeout: int) -> None:
    """Send a snapshot, within *timeout* seconds in all. Vault's answer says that it was accepted, not that it is applied."""

    def upload() -> None:
        answer = client.session.post(
            f"{client.url}{SNAPSHOT}", headers={"X-Vault-Token": client.token}, data=stream, timeout=timeout
        )
        if answer.status_code not in (200, 204):
            raise VaultError(where, f"the restore was refused: {_words(answer)}", status=answer.status_code)

    call(where, upload)


def witness(where: str, client: t.Any, seconds: int, outlives: bool) -> str:
    """A token with the rights of the client's own. One that outlives that takes the right to make it."""
    path = "/v1/auth/token/create-orphan" if outlives else "/v1/auth/token/create"
    answer = call(where, lambda: client.adapter.post(path, json={"ttl": f"{seconds}s"}))
    return str(answer["auth"]["client_token"])


def revoke(where: str, client: t.Any, token: str) -> None:
    """Another token than the client's own, which hvac would put in its place."""
    answer = call(
        where,
        lambda: client.session.post(
            f"{client.url}/v1/auth/token/revoke-self", headers={"X-Vault-Token": token}, timeout=ANSWER_SECONDS
        ),
    )
    if answer.status_code not in (200, 204):
        raise VaultError(where, f"a token could not be revoked: {_words(answer)}", status=answer.status_code)


def knows_token(where: str, client: t.Any, token: str) -> bool:
    """Asked of the active node. Only its plain no means that the token is gone: a node that is busy, sealed or without a
    leader has said nothing of it."""
    answer = call(
        where,
        lambda: client.session.get(
            f"{client.url}/v1/auth/token/lookup-self", headers={"X-Vault-Token": token}, timeout=ANSWER_SECONDS
        ),
    )
    if answer.status_code not in (200, 403):
        raise VaultError(
            where, f"it does not tell whether it knows a token: {_words(answer)}", status=answer.status_code
        )
    return answer.status_code == 200


def applied_index(where: str, client: t.Any) -> int:
    """What Raft has applied on a node, which needs no key to say so."""
    leader = content(where, call(where, lambda: client.adapter.get("/v1/sys/leader")))
    return int(leader.get("raft_applied_index") or 0)


def _words(answer: t.Any) -> str:
    try:
        return "; ".join(answer.json()["errors"])
    except (ValueError, KeyError, TypeError):
        return f"HTTP {answer.status_code}"
