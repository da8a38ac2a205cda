"""A node proves that it reaches STS: with moto's, and with stand-ins on loopback for one that is not well."""

from __future__ import annotations

import contextlib
import http.server
import threading

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._node.sigv4 import Credentials
from ansible_collections.vaultops.cluster.plugins.modules import vault_sts_check

SECRET, SESSION = "a-secret-access-key", "a-session-token"


@pytest.fixture(autouse=True)
def _role(monkeypatch):
    monkeypatch.setattr(vault_sts_check, "role_credentials", lambda: Credentials("ASIAUNIT", SECRET, SESSION))


@pytest.fixture
def asked(run_module):
    return lambda url, check=False: run_module(vault_sts_check, check, region="eu-central-1", endpoint_url=url)


@pytest.fixture
def answering():
    with contextlib.ExitStack() as stack:

        def serve(status, text):
            class Handler(http.server.BaseHTTPRequestHandler):
                def log_message(self, *_arguments):
                    pass

                def do_POST(self):  # noqa: N802
                    self.rfile.read(int(self.headers.get("Content-Length") or 0))
                    self.send_response(status)
                    self.end_headers()
                    self.wfile.write(text)

            server = stack.enter_context(http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler))
            threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
            stack.callback(server.shutdown)
            return f"http://127.0.0.1:{server.server_address[1]}"

        yield serve


@pytest.mark.parametrize("check", [False, True])
def test_an_sts_that_answers(asked, aws, check):
    said = asked(aws, check)
    assert said["changed"] is False, said
    assert said["arn"].startswith("arn:aws:sts::123456789012:")
    assert SECRET not in str(said)
    assert SESSION not in str(said)


def test_one_that_is_not_there_is_said_with_the_cure(asked):
    said = asked("http://127.0.0.1:1")
    assert said["msg"].startswith("STS can't be reached at http://127.0.0.1:1 (")
    assert "VPC endpoint for STS" in said["msg"]
    assert "Nothing was changed" in said["msg"]


@pytest.mark.parametrize(
    ("status", "text", "says"),
    [
        (
            403,
            b"<ErrorResponse><Error><Code>AccessDenied</Code></Error></ErrorResponse>",
            "refuses this node's role: AccessDenied",
        ),
        (403, b"<Code>ExpiredToken</Code>", "refuses this node's role: ExpiredToken"),
        (200, b"<html>log in</html>", "is not STS (200: '<html>log in</html>')"),
        (200, b"", "is not STS (200: '')"),
        (500, b"<Arn>arn:aws:sts::123456789012:assumed-role/x/y</Arn>", "is not STS (500:"),
    ],
)
def test_what_else_answers_is_not_taken_for_it(asked, answering, status, text, says):
    url = answering(status, text)
    said = asked(url)
    assert said["failed"]
    assert says in said["msg"]
    assert url in said["msg"]
