# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Prove, as the node's own role, that the unseal key does what the seal will ask of it."""

from __future__ import annotations

import base64
import binascii
import datetime
import http.client
import json
import os
import typing as t
import urllib.error
import urllib.request

from .._common.errors import Problem
from .._common.wait import Wait
from .again import ask_again
from .deadline import Overdue, deadline
from .sigv4 import Credentials, sign

TIMEOUT_SECONDS = 10
DEADLINE_SECONDS = 30
ANSWER_BYTES = 64 << 10
# What KMS answers while it has not learnt yet of an alias, or of a policy, that was changed a moment ago.
NOT_YET = ("AccessDeniedException", "NotFoundException")
PAUSE_SECONDS = 2


class Refusal(Problem):
    """KMS answered with *code*."""

    def __init__(self, cause: str, cure: str, code: str) -> None:
        super().__init__(cause, cure)
        self.code = code


class Kms:
    def __init__(self, region: str, endpoint_url: str | None, credentials: Credentials, patience: float = 0) -> None:
        """*patience*: for how many seconds a refusal may be one that passes."""
        self.region = region
        self.url = endpoint_url or f"https://kms.{region}.amazonaws.com{'.cn' if region.startswith('cn-') else ''}/"
        self.credentials = credentials
        self.wait = Wait(patience, PAUSE_SECONDS)

    def call(self, action: str, **body: t.Any) -> dict[str, t.Any]:
        while True:
            try:
                return self._call(action, **body)
            except Refusal as refused:
                if refused.code not in NOT_YET or not self.wait.again():
                    raise

    def _call(self, action: str, **body: t.Any) -> dict[str, t.Any]:
        data = json.dumps(body).encode()
        headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": f"TrentService.{action}"}
        now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
        try:
            signed = sign(self.url, headers, data, self.credentials, self.region, "kms", now)
            request = urllib.request.Request(self.url, data=data, method="POST", headers=signed)
            with deadline(DEADLINE_SECONDS):
                status, text = ask_again(lambda: ask(request))
        except (Overdue, OSError, http.client.HTTPException, ValueError) as error:
            why = "no whole answer" if isinstance(error, Overdue) else getattr(error, "reason", None) or error
            raise Problem(
                f"KMS can't be reached at {self.url} ({why})",
                f"Check the region ({self.region}), the security group's way out, and the VPC endpoint for KMS.",
            ) from error
        if status != 200:
            raise refusal(action, status, text)
        return answer_of(action, self.url, text)


def ask(request: urllib.request.Request) -> tuple[int, bytes]:
    try:
        with urllib.request.build_opener().open(request, timeout=TIMEOUT_SECONDS) as answer:
            return answer.status, answer.read(ANSWER_BYTES)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read(ANSWER_BYTES)


def verify(kms: Kms, key_id: str) -> dict[str, t.Any]:
    """DescribeKey, Encrypt, Decrypt: the three that awskms uses. Returns key ARN and state."""
    arn = usable(kms.call("DescribeKey", KeyId=key_id), key_id)
    secret = os.urandom(32)
    sealed = field(kms.call("Encrypt", KeyId=key_id, Plaintext=base64.b64encode(secret).decode()), "CiphertextBlob")
    opened = field(kms.call("Decrypt", CiphertextBlob=sealed, KeyId=arn), "Plaintext")
    if decoded(opened) != secret:
        raise Problem(f"the key {key_id} does not decrypt what it encrypted")
    return {"key_arn": arn, "key_state": "Enabled"}


def usable(described: dict[str, t.Any], key_id: str) -> str:
    """The ARN of a key that a seal can use."""
    key = described.get("KeyMetadata")
    if not isinstance(key, dict):
        raise _not_kms("DescribeKey has no KeyMetadata")
    arn, state, usage = field(key, "Arn"), field(key, "KeyState"), key.get("KeyUsage")
    if state != "Enabled":
        raise Problem(
            f"the unseal key {key_id} ({arn}) is {state}",
            "Enable it, or cancel its deletion: without it Vault can't unseal.",
        )
    if usage != "ENCRYPT_DECRYPT":
        raise Problem(f"the key {key_id} is for {usage}", "The seal needs an ENCRYPT_DECRYPT key.")
    return arn


def answer_of(action: str, url: str, text: bytes) -> dict[str, t.Any]:
    answer = _json(text)
    if not isinstance(answer, dict):
        raise _not_kms(f"{url} answered kms:{action} with {text[:60].decode(errors='replace')!r}")
    return answer


def field(answer: dict[str, t.Any], name: str) -> str:
    value = answer.get(name)
    if not isinstance(value, str):
        raise _not_kms(f"an answer has no {name}")
    return value


def decoded(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def refusal(action: str, status: int, text: bytes) -> Refusal:
    answer = _json(text)
    answer = answer if isinstance(answer, dict) else {}
    code = str(answer.get("__type", status)).rsplit("#", 1)[-1]
    message = answer.get("message") or answer.get("Message") or text[:200].decode(errors="replace")
    cures = {
        "NotFoundException": "Create the key and its alias (playbooks/site.yml does), or name the right one and region.",
        "AccessDeniedException": f"The role of this instance needs kms:{action} on the key's ARN, in its own policy and "
        "in the key's.",
    }
    return Refusal(f"kms:{action} was refused: {code}: {message}", cures.get(code, ""), code)


def _json(text: bytes) -> t.Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _not_kms(what: str) -> Problem:
    return Problem(
        f"what answers is not KMS: {what}", "Is there a proxy that wants a login? Check NO_PROXY and the URL."
    )
