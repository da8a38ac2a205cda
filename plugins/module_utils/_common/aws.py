# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What an error of boto3's says. Decided by its kind and AWS's own code, never by its words."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

try:
    from botocore import exceptions

    FAILURES: tuple[type[Exception], ...] = (exceptions.ClientError, exceptions.BotoCoreError)
except ImportError:
    FAILURES = ()  # whoever makes a client says so

# What has a name that is taken in every region, such as a bucket, says by this tag which region's cluster it belongs to; and so
# does an object in a bucket, by its metadata: two clusters of one name may both have been given the bucket.
REGION_TAG = "vault-cluster-region"

# AWS's own codes for credentials whose time is over; and what to do then, whoever asked for what.
EXPIRED = ("ExpiredToken", "ExpiredTokenException", "RequestExpired")
RENEW = "These AWS credentials have expired: log in to AWS again, and run again. A run goes on from what is there."


def same_key(one: str, other: str) -> bool:
    """The same ARN, or that of a replica in another region: its id is the same, and says that it is one."""
    if one == other:
        return True
    ours, theirs = one.split(":"), other.split(":")
    return ours[-1].startswith("key/mrk-") and (ours[:3], ours[4:]) == (theirs[:3], theirs[4:])


@dataclass(frozen=True)
class Refusal:
    """*kind*: refused (AWS answered), credentials (there are none), endpoint (nothing answers there) or other."""

    kind: str
    message: str
    code: str = ""
    operation: str = ""

    @property
    def has_expired(self) -> bool:
        return self.code in EXPIRED


def refusal_of(error: BaseException | None) -> Refusal:
    """Of anything that boto3 raised; of any other error its words."""
    if isinstance(error, exceptions.ClientError):
        return refusal_in(error.response, error.operation_name)
    if isinstance(error, (exceptions.NoCredentialsError, exceptions.CredentialRetrievalError)):
        return Refusal("credentials", str(error))
    if isinstance(error, exceptions.EndpointConnectionError):
        return Refusal("endpoint", str(error))
    return Refusal("other", str(error))


def refusal_in(answer: t.Mapping[str, t.Any], operation: str = "") -> Refusal:
    """Of an answer that some library keeps to itself; its code is empty where AWS did not refuse."""
    said = answer.get("Error") or {}
    return Refusal("refused", str(said.get("Message") or "").strip(), str(said.get("Code") or ""), operation)
