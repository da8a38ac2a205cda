"""moto's server as the lab's AWS.

moto takes a bucket's policy for everybody's, whomever it names: what the nodes alone are denied, it would deny the controller,
too. So here a bucket's policy is kept and given back, and decides nothing.

What is asked of it is written down, a line of JSON for each request, in the file that VAULTOPS_AWS_REQUESTS names.

moto's credentials last for ever. Here those of one access key expire when a test says so (PUT /lab/expired), at once or with
a call that it names; who signs with them is refused from then on, as is a node that hands such a signature on to STS. DELETE
makes them good again.

moto lets a key that is disabled decrypt. Here the keys that a test names (PUT /lab/disabled) open and make no ciphertext, as AWS
has it; DELETE enables them. Which key a ciphertext is of is no secret, and is written down with the request as OpensWith.

A region that a test names (PUT /lab/lost) answers nothing that is signed for it, and ends the connection; DELETE brings it back.
"""

import base64
import binascii
import dataclasses
import io
import json
import os
import socketserver
import sys
import threading
import time
import typing as t

from labkit import moto_regions, moto_volumes
from labkit.aws_requests import Request, request
from moto import server
from moto.iam.access_control import PermissionResult
from moto.s3.models import FakeBucket

CONTROL, DISABLED, LOST = "/lab/expired", "/lab/disabled", "/lab/lost"
_USES = ("Decrypt", "Encrypt", "GenerateDataKey", "GenerateDataKeyWithoutPlaintext", "ReEncrypt")
_HEADERS = {"HTTP_AUTHORIZATION": "Authorization", "HTTP_X_AMZ_TARGET": "X-Amz-Target", "CONTENT_TYPE": "Content-Type"}
# What moto's ciphertext begins with: the id of its key.
_KEY_ID_LENGTH = 36
_EXPIRED = "The security token included in the request is expired"
# The query protocols of IAM and STS share one.
_XML = {
    "ec2": "<Response><Errors><Error>{}</Error></Errors><RequestID>lab</RequestID></Response>",
    "s3": "<Error>{}<RequestId>lab</RequestId></Error>",
}
_XML_QUERY = "<ErrorResponse><Error><Type>Sender</Type>{}</Error><RequestId>lab</RequestId></ErrorResponse>"

FakeBucket.get_permission = lambda _bucket, _action, _resource: PermissionResult.NEUTRAL
for where, name, replacement in (*moto_regions.replacements(), *moto_volumes.replacements()):
    setattr(where, name, replacement)


class Account(server.DomainDispatcherApplication):
    def __init__(self, create_app: t.Any) -> None:
        super().__init__(create_app)
        self._expiring = threading.Lock()
        self._key, self._first, self._count = "", "", 0
        self._disabled: frozenset[str] = frozenset()
        self._lost = ""
        path = os.environ.get("VAULTOPS_AWS_REQUESTS")
        self._log = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600) if path else None

    def __call__(self, environ: dict[str, t.Any], start_response: t.Any) -> t.Any:
        if environ["PATH_INFO"] == CONTROL:
            self._set(environ)
            start_response("204 No Content", [])
            return []
        if environ["PATH_INFO"] == DISABLED:
            self._disabled = frozenset(_said(environ).get("keys", []))
            start_response("204 No Content", [])
            return []
        if environ["PATH_INFO"] == LOST:
            self._lost = _said(environ).get("region", "")
            start_response("204 No Content", [])
            return []
        made = _request(environ)
        if self._lost and made.region == self._lost:
            raise ConnectionAbortedError(f"{self._lost} is lost")
        if self._log is not None:
            # In one write: threads and the order of their lines do not matter.
            os.write(self._log, (json.dumps({"time": time.time(), **dataclasses.asdict(made)}) + "\n").encode())
        if made.key and self._has_expired(made):
            kind, body = _refusal(environ, made.service)
            status = "403 Forbidden" if made.service in ("iam", "sts") else "400 Bad Request"
            start_response(status, [("Content-Type", kind), ("Content-Length", str(len(body)))])
            return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]
        used = {made.fields.get("OpensWith"), str(made.fields.get("KeyId", "")).rpartition("/")[2]}
        if made.operation in _USES and used & self._disabled:
            body = json.dumps(
                {"__type": "DisabledException", "message": f"{', '.join(used & self._disabled)} is disabled."}
            ).encode()
            headers = [("Content-Type", "application/x-amz-json-1.1"), ("Content-Length", str(len(body)))]
            start_response("400 Bad Request", headers)
            return [body]
        return super().__call__(environ, start_response)

    def _set(self, environ: dict[str, t.Any]) -> None:
        """PUT {"key": ...} for at once, with "first" and "count" for the first refusal at that call of an operation."""
        said = _said(environ)
        with self._expiring:
            self._key, self._first, self._count = said.get("key", ""), said.get("first", ""), said.get("count", 1)

    def _has_expired(self, made: Request) -> bool:
        with self._expiring:
            if made.key != self._key:
                return False
            if self._first:
                self._count -= self._first == made.operation
                self._first = self._first if self._count else ""
            return not self._first


def _said(environ: dict[str, t.Any]) -> dict[str, t.Any]:
    """What a test says; nothing where it takes it back."""
    if environ["REQUEST_METHOD"] != "PUT":
        return {}
    said: dict[str, t.Any] = json.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
    return said


def _opens_with(body: bytes) -> dict[str, str]:
    """Of a request with a ciphertext, the id of that one's key."""
    try:
        blob = base64.b64decode(json.loads(body)["CiphertextBlob"])
        return {"OpensWith": blob[:_KEY_ID_LENGTH].decode()}
    except (binascii.Error, KeyError, TypeError, ValueError):
        return {}


def _request(environ: dict[str, t.Any]) -> Request:
    headers = {name: environ[key] for key, name in _HEADERS.items() if environ.get(key)}
    body = b""
    # Of what goes to S3 the body is data, and may be large.
    if "X-Amz-Target" in headers or "urlencoded" in headers.get("Content-Type", ""):
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
    path = environ["PATH_INFO"] + (f"?{environ['QUERY_STRING']}" if environ.get("QUERY_STRING") else "")
    made = request(environ["REQUEST_METHOD"], path, headers, body)
    return dataclasses.replace(made, fields={**made.fields, **_opens_with(body)})


def _refusal(environ: dict[str, t.Any], service: str) -> tuple[str, bytes]:
    """As each protocol puts it."""
    if environ.get("HTTP_X_AMZ_TARGET"):
        body = json.dumps({"__type": "ExpiredTokenException", "message": _EXPIRED})
        return "application/x-amz-json-1.1", body.encode()
    code = "RequestExpired" if service == "ec2" else "ExpiredToken"
    error = f"<Code>{code}</Code><Message>{_EXPIRED}</Message>"
    return "text/xml", _XML.get(service, _XML_QUERY).format(error).encode()


server.DomainDispatcherApplication = Account
# An answer's body goes out without a wait for what the client says of its headers.
socketserver.StreamRequestHandler.disable_nagle_algorithm = True

if __name__ == "__main__":
    sys.exit(server.main())
