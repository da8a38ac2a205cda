"""What a request to AWS asks for. It is read from the request alone, and nothing secret of it is kept."""

from __future__ import annotations

import dataclasses
import json
import re
import typing as t
import urllib.parse

_SCOPE = re.compile(r"Credential=(?P<key>[^,/]+)/\d+/(?P<region>[^/]+)/(?P<service>[^/,]+)/aws4_request")
# What of a request may be secret, and names nothing.
_NEVER = {"SecretString", "SecretBinary", "Plaintext", "CiphertextBlob", "Message", "Value", "PolicyDocument", "Policy"}
# How a list is asked for may be said without a value, too.
_OF_A_LIST = {"prefix", "marker", "key-marker", "version-id-marker", "upload-id-marker", "delimiter"}

_HEADERS = ("if-none-match",)


@dataclasses.dataclass(frozen=True)
class Request:
    """One, without what may be secret in it."""

    service: str
    operation: str  # S3's name none, as in "HEAD /bucket" and "PUT /bucket?policy"
    region: str
    key: str  # id of the access key that signed it
    fields: dict[str, t.Any]


def request(method: str, path: str, headers: t.Mapping[str, str], body: bytes) -> Request:
    scope = _SCOPE.search(headers.get("Authorization", ""))
    found = scope.groupdict() if scope else {"service": "", "region": "", "key": ""}
    target = headers.get("X-Amz-Target", "")
    if target:
        fields = json.loads(body or b"{}")
        operation = target.rpartition(".")[2]
    elif headers.get("Content-Type", "").startswith("application/x-www-form-urlencoded"):
        fields = dict(urllib.parse.parse_qsl(body.decode("utf-8", "replace")))
        operation = fields.pop("Action", "")
    else:
        parts = urllib.parse.urlsplit(path)
        fields = dict(urllib.parse.parse_qsl(parts.query, keep_blank_values=True))
        asked_of_it = [name for name, value in fields.items() if not value and name not in _OF_A_LIST]
        operation = "?".join([f"{method} {parts.path}", *asked_of_it])
        # A bucket's policy may look at it.
        given = {name.lower(): value for name, value in headers.items()}
        fields |= {name: given[name] for name in _HEADERS if name in given}
    return Request(**found, operation=operation, fields={k: v for k, v in fields.items() if k not in _NEVER})
