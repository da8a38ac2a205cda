"""moto's server as the lab's AWS.

moto takes a bucket's policy for everybody's, whomever it names: what the nodes alone are denied, it would deny the controller,
too. So here a bucket's policy is kept and given back, and decides nothing.

What is asked of it is written down, a line of JSON for each request, in the file that VAULTOPS_AWS_REQUESTS names.
"""

import dataclasses
import io
import json
import os
import sys
import time
import typing as t

import moto.server
from labkit.aws_requests import request
from moto.iam.access_control import PermissionResult
from moto.s3.models import FakeBucket

FakeBucket.get_permission = lambda _bucket, _action, _resource: PermissionResult.NEUTRAL

_HEADERS = {"HTTP_AUTHORIZATION": "Authorization", "HTTP_X_AMZ_TARGET": "X-Amz-Target", "CONTENT_TYPE": "Content-Type"}


class Written(moto.server.DomainDispatcherApplication):
    """Each request is one line, in one write: threads and the order of their lines do not matter."""

    def __call__(self, environ: dict[str, t.Any], start_response: t.Any) -> t.Any:
        headers = {name: environ[key] for key, name in _HEADERS.items() if environ.get(key)}
        body = b""
        # Of what goes to S3 the body is data, and may be large.
        if "X-Amz-Target" in headers or "urlencoded" in headers.get("Content-Type", ""):
            body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            environ["wsgi.input"] = io.BytesIO(body)
        path = environ["PATH_INFO"] + (f"?{environ['QUERY_STRING']}" if environ.get("QUERY_STRING") else "")
        made = dataclasses.asdict(request(environ["REQUEST_METHOD"], path, headers, body))
        line = json.dumps({"time": time.time(), **made}) + "\n"
        os.write(self.log, line.encode())
        return super().__call__(environ, start_response)

    log: int


def main() -> None:
    path = os.environ.get("VAULTOPS_AWS_REQUESTS")
    if path:
        Written.log = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        moto.server.DomainDispatcherApplication = Written
    moto.server.main()


if __name__ == "__main__":
    sys.exit(main())
