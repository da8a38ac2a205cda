# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Logging in as an IAM principal: a request to STS is signed here, and sent by Vault, which learns by it who signed.

Nothing secret leaves this process. The signature is good for one question, for 15 minutes, and for the one cluster whose name is
signed with it.
https://developer.hashicorp.com/vault/docs/auth/aws#iam-auth-method
"""

from __future__ import annotations

import base64
import json
import traceback
import typing as t

from .._common.aws import FAILURES, RENEW, refusal_of
from .._common.principals import principal, sts_url
from .errors import Expired, VaultError

if t.TYPE_CHECKING:
    from .client import Connection

try:
    import boto3
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.config import Config

    BOTO3: dict[str, str | None] = {"boto3": None}
except ImportError:
    BOTO3 = {"boto3": traceback.format_exc()}

SERVER_ID = "X-Vault-AWS-IAM-Server-ID"
QUESTION = "Action=GetCallerIdentity&Version=2011-06-15"
SECONDS = 10
_LOG_IN = "Log in to AWS again, or give the controller a role, a profile, or valid access keys. A run goes on from what is there."


def login(name: str, connection: Connection) -> dict[str, t.Any]:
    """What auth/aws/login is sent. *name*: the node, for errors."""
    if BOTO3["boto3"]:
        raise VaultError(
            name, "boto3 is not installed, by which an IAM principal logs in", "Install it: pip install boto3."
        )
    headers = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
    if connection.aws_iam_server_id:
        headers[SERVER_ID] = connection.aws_iam_server_id
    url = f"{_sts(connection)}/"
    request = AWSRequest(method="POST", url=url, data=QUESTION, headers=headers)
    try:
        credentials = _session(connection).get_credentials()
        if credentials is None:
            raise VaultError(name, f"no AWS credentials were found to log in with as '{connection.role_id}'", _LOG_IN)
        SigV4Auth(credentials.get_frozen_credentials(), "sts", connection.region).add_auth(request)
    except FAILURES as error:
        raise _without_credentials(name, connection, error) from error
    return {
        "role": connection.role_id,
        "iam_http_request_method": "POST",
        "iam_request_url": _base64(url),
        "iam_request_body": _base64(QUESTION),
        "iam_request_headers": _base64(json.dumps(dict(request.headers.items()))),
    }


def caller(name: str, connection: Connection) -> str:
    """The principal that this controller's credentials are, asked of STS."""
    try:
        return principal(_asked(connection))
    except FAILURES as error:
        raise _without_credentials(name, connection, error) from error


def refused(name: str, connection: Connection, error: VaultError) -> VaultError:
    """Vault's refusal with who was refused. Credentials that AWS refuses are a failure, and no answer: it has no status."""
    try:
        who = _asked(connection)
    except FAILURES as failure:
        if refusal_of(failure).kind in ("refused", "credentials"):
            return _without_credentials(name, connection, failure)
        who = "this controller's AWS principal"
    return VaultError(
        name,
        f"{who} can't log in as '{connection.role_id}': {error.cause}",
        "Whoever may log in stands in vault_admins, vault_operators and vault_viewers, and playbooks/site.yml, run by an "
        f"administrator, tells Vault. If Vault says that it can't reach STS, see that the nodes reach {_sts(connection)}: "
        "security group, route, and the VPC endpoint for STS.",
        status=error.status,
    )


def unanswered(name: str, connection: Connection, error: VaultError) -> VaultError:
    """A login that took too long."""
    return VaultError(
        name,
        f"{error.cause} to the login as '{connection.role_id}'",
        f"At each login the active node asks STS at {_sts(connection)}: see that it gets through (security group, route, VPC "
        f"endpoint for STS). Else: {error.cure}",
        reach=error.reach,
    )


def _asked(connection: Connection) -> str:
    config = Config(connect_timeout=SECONDS, read_timeout=SECONDS, retries={"total_max_attempts": 2})
    client = _session(connection).client("sts", endpoint_url=_sts(connection), config=config)
    return str(client.get_caller_identity()["Arn"])


def _sts(connection: Connection) -> str:
    return sts_url(connection.region, connection.aws_sts_endpoint)


def _session(connection: Connection) -> t.Any:
    """By boto3's usual chain, where no keys or profile are given."""
    return boto3.session.Session(
        aws_access_key_id=connection.aws_access_key,
        aws_secret_access_key=connection.aws_secret_key,
        aws_session_token=connection.aws_security_token,
        profile_name=connection.aws_profile,
        region_name=connection.region,
    )


def _without_credentials(name: str, connection: Connection, error: BaseException) -> VaultError:
    found = refusal_of(error)
    if found.kind == "refused":
        cause = f"the login as '{connection.role_id}' fails: sts:{found.operation} was refused: {found.code}: {found.message}"
        return Expired(name, cause, RENEW) if found.has_expired else VaultError(name, cause, _LOG_IN)
    if found.kind == "endpoint":
        cause = f"STS can't be reached from this controller at {_sts(connection)} ({found.message})"
        return VaultError(name, cause, "Check the region's name, the endpoint and the way out.")
    return VaultError(name, f"this controller's AWS credentials can't be used ({found.message})", _LOG_IN)


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
