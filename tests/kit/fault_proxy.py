#!/usr/bin/env python3
"""A reverse proxy before the AWS stand-in that makes chosen calls fail: an AWS error, a late answer, a
dropped line, a killed caller.

    denied = Rule("Encrypt", Answer("AccessDeniedException"))
    with FaultProxy(("127.0.0.1", 5001), "http://10.0.2.1:5000", [denied]) as proxy:
        ...
    assert proxy.calls == ["DescribeKey", "Encrypt"]

S3 names no operation; there it is the method, the path, and the names in the query: "HEAD /bucket", "PUT /bucket?policy".
It listens on loopback or a lab's bridge and forwards to the same, nowhere else. Standard library only.
"""

import argparse
import collections
import dataclasses
import http.client
import http.server
import ipaddress
import json
import os
import re
import signal
import socket
import sys
import threading
import time
import typing as t
import urllib.parse
import xml.sax.saxutils

_ALLOWED = [ipaddress.ip_network(text) for text in ("127.0.0.0/8", *(f"10.0.{number}.1/32" for number in range(1, 8)))]
_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "host", "date", "server"}
_SCOPE = re.compile(r"Credential=[^,]*/(?P<service>[^/,]+)/aws4_request")
# How an error is wrapped where it isn't JSON; IAM, STS and the load balancers share one.
_XML = {
    "ec2": "<Response><Errors><Error>{}</Error></Errors><RequestID>injected</RequestID></Response>",
    "s3": "<Error>{}<RequestId>injected</RequestId></Error>",
}
_XML_QUERY = "<ErrorResponse><Error><Type>Sender</Type>{}</Error><RequestId>injected</RequestId></ErrorResponse>"


@dataclasses.dataclass(frozen=True)
class Answer:
    """Answer in the stand-in's place with an error, in the protocol of the call. The call never takes effect.

    An answer to HEAD has no body: of it, the caller only sees `status`.
    """

    code: str
    message: str = "injected by the fault proxy"
    status: int = 400


@dataclasses.dataclass(frozen=True)
class Delay:
    """Pass the call on so many seconds late."""

    seconds: float


@dataclasses.dataclass(frozen=True)
class Drop:
    """Close the connection without an answer. With `forward` the call took effect, and only its answer is lost."""

    forward: bool = False


@dataclasses.dataclass(frozen=True)
class Kill:
    """SIGKILL a process group; with `forward` the call takes effect all the same, as when a caller dies just after it.

    `pgid` may be a function, for a process that is only started once the proxy listens.
    """

    pgid: int | t.Callable[[], int]
    forward: bool = False


@dataclasses.dataclass(frozen=True)
class Rule:
    """Do `action` on the nth call of `operation`; with `every` on each from the nth on."""

    operation: str
    action: Answer | Delay | Drop | Kill
    nth: int = 1
    every: bool = False

    def applies(self, operation: str, count: int) -> bool:
        return operation == self.operation and (count >= self.nth if self.every else count == self.nth)


class FaultProxy:
    """Serves from entering the `with` block until leaving it. `calls` lists what was asked, in order of arrival."""

    # Headers that go no further. A signature counts the host in: where signatures are verified, it has to arrive.
    kept_back: t.Collection[str] = _HOP_BY_HOP

    def __init__(self, listen: tuple[str, int], upstream: str, rules: t.Sequence[Rule] = ()) -> None:
        parts = urllib.parse.urlsplit(upstream)
        for host in (listen[0], parts.hostname or ""):
            _refuse_far(host)
        self.rules = list(rules)
        self.calls: list[str] = []
        self._upstream = (parts.hostname or "", parts.port or 80)
        self._counts: collections.Counter[str] = collections.Counter()
        self._lock = threading.Lock()
        self._server = _Server(listen, _handler_for(self))

    @property
    def url(self) -> str:
        host, port = self._server.server_address[:2]
        return f"http://{host}:{port}"

    def __enter__(self) -> "FaultProxy":
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def action_for(self, operation: str) -> Answer | Delay | Drop | Kill | None:
        """Count the call and choose under one lock: of two calls at once only one is the nth."""
        with self._lock:
            self.calls.append(operation)
            self._counts[operation] += 1
            count = self._counts[operation]
        return next((rule.action for rule in self.rules if rule.applies(operation, count)), None)

    def forward(
        self, method: str, path: str, headers: t.Mapping[str, str], body: bytes
    ) -> tuple[int, list[tuple[str, str]], bytes]:
        line = http.client.HTTPConnection(*self._upstream, timeout=30)
        try:
            passed = {name: value for name, value in headers.items() if name.lower() not in self.kept_back}
            line.request(method, path, body, passed)
            reply = line.getresponse()
            kept = [(name, value) for name, value in reply.getheaders() if name.lower() not in _HOP_BY_HOP]
            if method == "HEAD":  # it tells of a body that does not come
                kept.append(("Content-Length", reply.getheader("Content-Length") or "0"))
            return reply.status, kept, reply.read()
        finally:
            line.close()


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def handle_error(self, request: t.Any, client_address: t.Any) -> None:
        """A caller that was killed in the middle of a request is what this is for, not an error."""


def _handler_for(proxy: FaultProxy) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            action = proxy.action_for(_operation(self.command, self.path, self.headers, body))
            if isinstance(action, Answer):
                self._error(action)
                return
            if isinstance(action, Delay):
                time.sleep(action.seconds)
                action = None
            if isinstance(action, Kill):
                _kill(action.pgid() if callable(action.pgid) else action.pgid)
            if action is None or action.forward:
                self._forward(body, answer=not isinstance(action, Drop))
            if action is not None:
                self._hang_up()

        do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = _serve

        def _forward(self, body: bytes, answer: bool) -> None:
            try:
                status, headers, content = proxy.forward(self.command, self.path, self.headers, body)
            except OSError as gone:
                status, headers, content = 502, [], f"fault proxy: the stand-in doesn't answer: {gone}\n".encode()
            if answer:
                self._reply(status, headers, content)

        def _error(self, action: Answer) -> None:
            headers, content = _error(self.headers, action)
            self._reply(action.status, headers, content)

        def _reply(self, status: int, headers: list[tuple[str, str]], content: bytes) -> None:
            self.send_response(status)
            for name, value in headers:
                self.send_header(name, value)
            if "Content-Length" not in dict(headers):
                self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        def _hang_up(self) -> None:
            try:
                self.connection.shutdown(socket.SHUT_RDWR)
            except OSError:  # the killed caller's end is closed already
                pass
            self.close_connection = True

        def log_message(self, format: str, *arguments: t.Any) -> None:
            """Quiet: `calls` is the record."""

    return Handler


def _operation(method: str, path: str, headers: t.Mapping[str, str], body: bytes) -> str:
    """The JSON protocol names it in X-Amz-Target (`TrentService.Encrypt`), the query protocols in the body."""
    target = headers.get("X-Amz-Target")
    if target:
        return target.rpartition(".")[2]
    # A bucket's policy, too, speaks of Action: only a form's counts.
    if headers.get("Content-Type", "").startswith("application/x-www-form-urlencoded"):
        return urllib.parse.parse_qs(body.decode("ascii", "replace")).get("Action", [""])[0]
    parts = urllib.parse.urlsplit(path)
    names = "&".join(name for name, _value in urllib.parse.parse_qsl(parts.query, keep_blank_values=True))
    return f"{method} {parts.path}" + (f"?{names}" if names else "")


def _error(headers: t.Mapping[str, str], action: Answer) -> tuple[list[tuple[str, str]], bytes]:
    """Headers and body of an error as the service that was called would put it; the signature names the service."""
    if "X-Amz-Target" in headers:
        content = json.dumps({"__type": action.code, "message": action.message})
        return [("Content-Type", "application/x-amz-json-1.1"), ("x-amzn-errortype", action.code)], content.encode()
    scope = _SCOPE.search(headers.get("Authorization", ""))
    code, message = xml.sax.saxutils.escape(action.code), xml.sax.saxutils.escape(action.message)
    wrapped = _XML.get(scope["service"] if scope else "", _XML_QUERY).format(
        f"<Code>{code}</Code><Message>{message}</Message>"
    )
    return [("Content-Type", "text/xml")], wrapped.encode()


def _kill(pgid: int) -> None:
    if pgid <= 1 or pgid == os.getpgrp():
        raise ValueError(f"process group {pgid} isn't one that a test started in a session of its own")
    try:
        os.killpg(pgid, signal.SIGKILL)
    except ProcessLookupError:  # gone already: what was wanted
        pass


def _refuse_far(host: str) -> None:
    try:
        near = any(ipaddress.ip_address(host) in network for network in _ALLOWED)
    except ValueError:
        near = False
    if not near:
        raise ValueError(
            f"the fault proxy doesn't use {host!r}: only a loopback address, or a lab's own 10.0.1.1 to 10.0.7.1"
        )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--listen", required=True, metavar="ADDRESS:PORT")
    parser.add_argument("--upstream", required=True, metavar="URL")
    parser.add_argument("--answer", nargs=3, action="append", default=[], metavar=("OPERATION", "NTH", "CODE"))
    parser.add_argument("--drop", nargs=2, action="append", default=[], metavar=("OPERATION", "NTH"))
    parser.add_argument("--kill", nargs=3, action="append", default=[], metavar=("OPERATION", "NTH", "PGID"))
    parser.add_argument("--every", action="store_true", help="from the NTH call on, not only on that one")
    asked = parser.parse_args()
    rules = [Rule(name, Answer(code), int(nth), asked.every) for name, nth, code in asked.answer]
    rules += [Rule(name, Drop(), int(nth), asked.every) for name, nth in asked.drop]
    rules += [Rule(name, Kill(int(pgid)), int(nth), asked.every) for name, nth, pgid in asked.kill]
    host, _, port = asked.listen.rpartition(":")
    try:
        with FaultProxy((host, int(port)), asked.upstream, rules) as proxy:
            print(f"fault proxy on {proxy.url}; Ctrl-C ends it", flush=True)
            while True:
                time.sleep(3600)
    except KeyboardInterrupt:
        return 0
    except (OSError, ValueError) as error:
        print(f"fault proxy: error: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
