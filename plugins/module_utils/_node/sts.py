# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Prove from a node that STS answers: Vault asks it at each login of an IAM principal."""

from __future__ import annotations

import datetime
import http.client
import re
import urllib.request

from .._common.errors import Problem
from .deadline import Overdue, deadline
from .kms import DEADLINE_SECONDS, ask
from .sigv4 import Credentials, sign

QUESTION = b"Action=GetCallerIdentity&Version=2011-06-15"
HEADERS = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
_ARN = re.compile(rb"<Arn>(arn:[\w+=,.@:/-]+)</Arn>", re.ASCII)
_CODE = re.compile(rb"<Code>(\w+)</Code>", re.ASCII)


def caller(url: str, region: str, credentials: Credentials) -> str:
    """The ARN that STS knows these credentials by."""
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    address = url.rstrip("/") + "/"
    try:
        signed = sign(address, HEADERS, QUESTION, credentials, region, "sts", now)
        request = urllib.request.Request(address, data=QUESTION, method="POST", headers=signed)
        with deadline(DEADLINE_SECONDS):
            status, text = ask(request)
    except (Overdue, OSError, http.client.HTTPException, ValueError) as error:
        why = "no whole answer" if isinstance(error, Overdue) else getattr(error, "reason", None) or error
        raise Problem(
            f"STS can't be reached at {url} ({why}), and Vault asks it at each login of an IAM principal",
            "Check the security group's way out, the route, and the VPC endpoint for STS; or log in with certificates "
            "(vault_login_method=cert). Nothing was changed.",
        ) from error
    return arn_of(url, status, text)


def arn_of(url: str, status: int, text: bytes) -> str:
    found = _ARN.search(text)
    if status == 200 and found:
        return found[1].decode()
    code = _CODE.search(text)
    if code:
        raise Problem(
            f"STS at {url} refuses this node's role: {code[1].decode()}",
            "Check the policy of the VPC endpoint for STS, the node's clock, and its instance profile. Nothing was changed.",
        )
    raise Problem(
        f"what answers at {url} is not STS ({status}: {text[:60].decode(errors='replace')!r})",
        "Is there a proxy that wants a login? Check NO_PROXY and the URL. Nothing was changed.",
    )
