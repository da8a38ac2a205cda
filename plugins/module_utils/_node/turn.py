# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether this node may be restarted now: asked by the node itself, of the other voters, in the moment before."""

from __future__ import annotations

import http.client
import json
import ssl
import subprocess
import threading
import time
import typing as t
from urllib.parse import urlsplit

from .._common.errors import Problem

ASK_SECONDS = 5
ANSWER_BYTES = 1 << 16
# Codes of sys/health that a node gives whose Raft runs in this cluster: active, standby, performance standby.
SERVING = (200, 429, 473)
# Not part of the quorum, by the node's own word: not initialised, sealed, removed.
IDLE = (501, 503, 530)
# X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH
ANOTHER_NAME = (62, 64)


class Answer(t.NamedTuple):
    name: str
    status: int | None  # None: no answer
    cluster_id: str | None
    problem: str | None  # why there is none

    def said(self) -> str:
        return f"{self.name}: " + (self.problem or f"HTTP {self.status}, cluster {self.cluster_id}")


def obstacle(own: Answer | None, others: t.Sequence[Answer], voters: int) -> str | None:
    """Why a restart would take the quorum away, or None. *own*: None where the service does not run. Pure.

    A node that does not answer may be part of the quorum all the same, so it is restarted only as one that is.
    """
    if own is None or own.status in IDLE:
        return None
    ids = {answer.cluster_id for answer in others if answer.status in SERVING}
    cluster_id = own.cluster_id or (ids.pop() if len(ids) == 1 else None)
    healthy = [answer for answer in others if answer.status in SERVING and answer.cluster_id == cluster_id]
    quorum = voters // 2 + 1
    if len(healthy) >= quorum:
        return None
    rest = "; ".join(answer.said() for answer in others if answer not in healthy)
    return f"without it {len(healthy)} of {voters} voters would serve, and a quorum is {quorum} ({rest or 'no other was named'})"


def ask_all(urls: t.Mapping[str, str], ca: str, server_name: str) -> list[Answer]:
    """Every node's sys/health, side by side. One that does not end its answer has given none."""
    context = _trusting(ca)
    answers: dict[str, Answer] = {}

    def ask(name: str, url: str) -> None:
        answers[name] = _ask(name, url, context, server_name)

    # Daemons: a thread that is still waiting must not keep the process from ending.
    threads = [threading.Thread(target=ask, args=item, daemon=True) for item in urls.items()]
    deadline = time.monotonic() + ASK_SECONDS
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    return [answers.get(name) or Answer(name, None, None, f"no answer in {ASK_SECONDS} s") for name in urls]


def _trusting(ca: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(ca)
    except OSError as error:
        raise Problem(
            f"The CA file {ca} can't be used ({error.strerror or error})", "Without it no other node can be asked."
        ) from error
    return context


def _ask(name: str, url: str, context: ssl.SSLContext, server_name: str) -> Answer:
    address = urlsplit(url)
    host = address.hostname or ""
    try:
        # A node that was set up by hand has a certificate for its address only.
        for expected in (server_name, host):
            try:
                return _health(name, host, address.port or 443, context, expected)
            except ssl.SSLCertVerificationError as error:
                if error.verify_code not in ANOTHER_NAME or expected == host:
                    raise
    except ssl.SSLCertVerificationError as error:
        return Answer(name, None, None, f"its certificate was not accepted: {error.verify_message}")
    except (OSError, http.client.HTTPException, ValueError) as error:
        return Answer(
            name, None, None, f"no answer ({getattr(error, 'strerror', None) or error or type(error).__name__})"
        )
    return Answer(name, None, None, "no answer")


def _health(name: str, host: str, port: int, context: ssl.SSLContext, expected: str) -> Answer:
    connection = _Named(host, port, timeout=ASK_SECONDS, context=context)
    connection.expected = expected
    try:
        connection.request("GET", "/v1/sys/health")
        answer = connection.getresponse()
        content = json.loads(answer.read(ANSWER_BYTES))
        return Answer(name, answer.status, content.get("cluster_id") or None, None)
    except AttributeError as error:
        raise ValueError("what answers there is not Vault") from error
    finally:
        connection.close()


class _Named(http.client.HTTPSConnection):
    """Checks the certificate against a name that is not the address."""

    expected = ""

    def connect(self) -> None:
        http.client.HTTPConnection.connect(self)
        self.sock = self._context.wrap_socket(self.sock, server_hostname=self.expected)  # type: ignore[attr-defined]


def restart(name: str) -> None:
    """systemd sends SIGTERM: an active node hands the leadership over before it ends."""
    for command in (["daemon-reload"], ["enable", name], ["restart", name]):
        done = subprocess.run(["systemctl", *command], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Problem(
                f"systemctl {' '.join(command)} failed: {done.stderr.strip()}",
                f"Read 'journalctl -u {name}' on the node.",
            )
