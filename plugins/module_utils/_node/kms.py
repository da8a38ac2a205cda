# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Prove, as the node's own role, that the unseal key does what the seal will ask of it."""

from __future__ import annotations

import base64
import datetime
import json
import os
import typing as t
import urllib.error
import urllib.request

from .errors import NodeError
from .sigv4 import Credentials, sign

TIMEOUT_SECONDS = 10


class Kms:
    def __init__(self, region: str, endpoint_url: str | None, credentials: Credentials) -> None:
        self.region = region
        self.url = endpoint_url or f"https://kms.{region}.amazonaws.com/"
        self.credentials = credentials

    def call(self, action: str, **body: t.Any) -> dict[str, t.Any]:
        data = json.dumps(body).encode()
        headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": f"TrentService.{action}"}
        now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
        signed = sign(self.url, headers, data, self.credentials, self.region, "kms", now)
        try:
            request = urllib.request.Request(self.url, data=data, method="POST", headers=signed)
            with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise _refusal(action, error) from error
        except OSError as error:
            raise NodeError(
                f"KMS can't be reached at {self.url} ({getattr(error, 'reason', error)})",
                f"Check the region ({self.region}), the security group's way out, and the VPC endpoint for KMS.",
            ) from error


def prove(kms: Kms, key_id: str) -> dict[str, t.Any]:
    """DescribeKey, Encrypt, Decrypt: the three that awskms uses. Returns key ARN and state."""
    key = kms.call("DescribeKey", KeyId=key_id)["KeyMetadata"]
    if key["KeyState"] != "Enabled":
        raise NodeError(
            f"the unseal key {key_id} ({key['Arn']}) is {key['KeyState']}",
            "Enable it, or cancel its deletion: without it Vault can't unseal.",
        )
    if key.get("KeyUsage") != "ENCRYPT_DECRYPT":
        raise NodeError(f"the key {key_id} is for {key.get('KeyUsage')}", "The seal needs an ENCRYPT_DECRYPT key.")
    secret = os.urandom(32)
    sealed = kms.call("Encrypt", KeyId=key_id, Plaintext=base64.b64encode(secret).decode())["CiphertextBlob"]
    opened = kms.call("Decrypt", CiphertextBlob=sealed, KeyId=key["Arn"])["Plaintext"]
    if base64.b64decode(opened) != secret:
        raise NodeError(f"the key {key_id} does not decrypt what it encrypted")
    return {"key_arn": key["Arn"], "key_state": key["KeyState"]}


def _refusal(action: str, error: urllib.error.HTTPError) -> NodeError:
    text = error.read().decode(errors="replace")
    try:
        answer = json.loads(text)
    except ValueError:
        answer = {}
    code = str(answer.get("__type", error.code)).rsplit("#", 1)[-1]
    message = answer.get("message") or answer.get("Message") or text[:200]
    cures = {
        "NotFoundException": "Create the key and its alias (playbooks/site.yml does), or name the right one and region.",
        "AccessDeniedException": f"The role of this instance needs kms:{action} on the key's ARN, in its own policy and "
        "in the key's.",
    }
    return NodeError(f"kms:{action} was refused: {code}: {message}", cures.get(code, ""))
