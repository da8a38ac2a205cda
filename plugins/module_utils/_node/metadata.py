# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the instance metadata service tells a node about itself. IMDSv2 only."""

from __future__ import annotations

import http.client
import json
import re
import urllib.error
import urllib.request

from .._common.errors import Problem
from .again import ask_again
from .deadline import Overdue, deadline
from .sigv4 import Credentials

SERVICE = "http://169.254.169.254"
TIMEOUT_SECONDS = 3
DEADLINE_SECONDS = 10
ANSWER_BYTES = 64 << 10
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
ROLE = re.compile(r"[\w+=,.@-]{1,64}", re.ASCII)
# Metadata must never go through a proxy.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def role_credentials() -> Credentials:
    """The temporary credentials of the instance's role."""
    token = _request("PUT", "/latest/api/token", {"X-aws-ec2-metadata-token-ttl-seconds": "60"})
    if not (token.isascii() and token.isprintable()):
        raise _not_metadata("what it gives as a token is none")
    header = {"X-aws-ec2-metadata-token": token}
    path = "/latest/meta-data/iam/security-credentials/"
    role = role_of(_request("GET", path, header))
    return credentials_of(_request("GET", path + role, header), role)


def role_of(answer: str) -> str:
    role = answer.split("\n")[0].strip()
    if not ROLE.fullmatch(role):
        raise _not_metadata(f"it names as this instance's role {role[:60]!r}")
    return role


def credentials_of(text: str, role: str) -> Credentials:
    try:
        answer = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _not_metadata(f"it has no JSON about the role {role}") from error
    if not isinstance(answer, dict):
        raise _not_metadata(f"it has no object about the role {role}")
    if answer.get("Code") != "Success":
        raise Problem(f"the instance metadata service has no credentials for the role {role} ({answer.get('Code')})")
    parts = [answer.get(name) for name in ("AccessKeyId", "SecretAccessKey", "Token")]
    if not all(isinstance(part, str) and part.isascii() and part.isprintable() for part in parts):
        raise _not_metadata(f"the credentials for the role {role} are not whole")
    return Credentials(*[str(part) for part in parts])


def _not_metadata(what: str) -> Problem:
    return Problem(
        f"what answers at {SERVICE} is not the instance metadata service: {what}", "See what took its address."
    )


def _request(method: str, path: str, headers: dict[str, str]) -> str:
    try:
        request = urllib.request.Request(SERVICE + path, method=method, headers=headers)
        with deadline(DEADLINE_SECONDS):
            return ask_again(lambda: _read(request))
    except urllib.error.HTTPError as error:
        if error.code == 404:
            raise Problem(
                "this instance has no IAM role", "Attach the instance profile that may use the unseal key."
            ) from error
        raise Problem(f"the instance metadata service answered {error.code} for {path}") from error
    except (Overdue, OSError, http.client.HTTPException, ValueError) as error:
        raise Problem(
            f"the instance metadata service does not answer ({str(error) or type(error).__name__})",
            "It must be enabled on the instance, with a hop limit of 1 (2 where Vault runs in a container).",
        ) from error


def _read(request: urllib.request.Request) -> str:
    with _OPENER.open(request, timeout=TIMEOUT_SECONDS) as answer:
        return answer.read(ANSWER_BYTES).decode(errors="replace")
