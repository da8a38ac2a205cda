"""A node asks the other voters itself, in the moment before it is restarted."""

from __future__ import annotations

import contextlib
import http.server
import json
import ssl
import threading
import time
import typing as t

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._common.errors import Problem
from ansible_collections.vaultops.cluster.plugins.module_utils._node import turn
from ansible_collections.vaultops.cluster.plugins.modules import vault_restart
from kit.backup_stage import SERVER_NAME, Certificates

ONE, TWO = "one", "two"


def said(*statuses: int | None, cluster_id: str | None = ONE) -> list[turn.Answer]:
    return [
        turn.Answer(f"vault-{at}", status, cluster_id if status else None, None if status else "no answer (refused)")
        for at, status in enumerate(statuses, 2)
    ]


OWN = turn.Answer("this node", 429, ONE, None)
BLIND = turn.Answer("this node", None, None, "no answer")


@pytest.mark.parametrize(
    ("own", "others", "voters", "says"),
    [
        (OWN, said(200, 429), 3, None),
        (OWN, said(200, None), 3, "1 of 3 voters would serve, and a quorum is 2 (vault-3: no answer (refused))"),
        (OWN, said(200, 503), 3, "vault-3: HTTP 503"),
        # It can't reach the active node, so it is of no use to anybody.
        (OWN, said(200, 474), 3, "vault-3: HTTP 474"),
        (OWN, said(200, 429, 429, None), 5, None),
        (OWN, said(200, 429, None, None), 5, "2 of 5 voters would serve, and a quorum is 3"),
        (OWN, [*said(200), turn.Answer("vault-3", 429, TWO, None)], 3, "vault-3: HTTP 429, cluster two"),
        (OWN, said(200, 429, cluster_id=TWO), 3, "0 of 3"),
        # Two voters tolerate nothing, and one stands alone.
        (OWN, said(200), 2, "1 of 2 voters would serve, and a quorum is 2"),
        (OWN, [], 1, "0 of 1 voters would serve"),
        # Not to be heard is not to be down.
        (BLIND, said(200, 429), 3, None),
        (BLIND, said(200, None), 3, "1 of 3"),
        (BLIND, [*said(200), turn.Answer("vault-3", 429, TWO, None)], 3, "0 of 3"),
        # What is no part of the quorum takes nothing away from it.
        (None, said(None, None), 3, None),
        (turn.Answer("this node", 503, None, None), said(200, None), 3, None),
        (turn.Answer("this node", 501, None, None), said(None, None), 3, None),
    ],
)
def test_a_restart_leaves_a_quorum_or_is_refused(own, others, voters, says):
    found = turn.obstacle(own, others, voters)
    assert found is None if says is None else says in found


class Health:
    """A node that tells its health; *drips* more than anybody waits for."""

    def __init__(self, certificates: t.Any, status: int = 429, body: bytes | None = None, drips: bool = False) -> None:
        content = json.dumps({"cluster_id": ONE}).encode() if body is None else body

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *_arguments: t.Any) -> None:
                pass

            def do_GET(self) -> None:  # noqa: N802
                self.send_response(status)
                self.end_headers()
                with contextlib.suppress(OSError):
                    self.wfile.write(content)
                    while drips:
                        time.sleep(0.1)
                        self.wfile.write(b" ")

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificates.path("server.crt"), certificates.path("server.key"))
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self.url = f"https://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Health:
        threading.Thread(target=lambda: self._server.serve_forever(poll_interval=0.05), daemon=True).start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def asked(url: str, certificates: t.Any, name: str = SERVER_NAME) -> turn.Answer:
    return turn.ask_all({"vault-2": url}, certificates.path("ca.crt"), name)[0]


@pytest.mark.parametrize("status", [200, 429, 474, 503])
def test_what_a_node_says_is_heard_whatever_its_status(certificates, status):
    with Health(certificates, status) as node:
        assert asked(node.url, certificates) == turn.Answer("vault-2", status, ONE, None)


def test_a_certificate_for_the_address_only_is_accepted(certificates):
    with Health(certificates) as node:
        assert asked(node.url, certificates, "vault.elsewhere.internal").status == 429
        by_name = node.url.replace("127.0.0.1", "localhost")
        assert asked(by_name, certificates).status == 429
        assert "certificate was not accepted" in str(asked(by_name, certificates, "vault.elsewhere.internal").problem)


def test_whoever_is_not_of_the_ca_has_said_nothing(certificates, tmp_path):
    with Health(certificates) as node:
        assert asked(node.url, Certificates(tmp_path)).status is None


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"null", b"\xff" * (1 << 20)])
def test_what_is_not_vault_has_said_nothing(certificates, body):
    with Health(certificates, body=body) as node:
        found = asked(node.url, certificates)
        assert (found.status, bool(found.problem)) == (None, True)


def test_nobody_is_waited_for_without_an_end(certificates, monkeypatch):
    monkeypatch.setattr(turn, "ASK_SECONDS", 1)
    with Health(certificates, drips=True) as dripping, Health(certificates) as well:
        begun = time.monotonic()
        found = turn.ask_all({"a": dripping.url, "b": well.url}, certificates.path("ca.crt"), SERVER_NAME)
        assert time.monotonic() - begun < 3
        assert [answer.status for answer in found] == [None, 429]


def test_without_a_ca_nobody_is_asked(tmp_path):
    with pytest.raises(Problem, match="can't be used"):
        turn.ask_all({"a": "https://127.0.0.1:1"}, str(tmp_path / "ca.crt"), SERVER_NAME)


# --- the module, with a stand-in for systemctl


@pytest.fixture
def node(certificates: t.Any, tmp_path: t.Any, monkeypatch: pytest.MonkeyPatch, run_module: t.Any) -> t.Any:
    """Runs the module where release 1.21.1 is switched on; returns the result and what systemctl was told."""
    log, binary = tmp_path / "log", tmp_path / "releases" / "1.21.1" / "vault"
    binary.parent.mkdir(parents=True)
    binary.write_text("")
    (tmp_path / "vault").symlink_to(binary)
    show = "LoadState=loaded\\nActiveState=active\\nMainPID=1\\n"
    script = f'#!/bin/sh\n[ "$1" = show ] && printf \'{show}\' || echo "$*" >>{log}\n'
    (tmp_path / "systemctl").write_text(script)
    (tmp_path / "systemctl").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")

    def run(*others: str, check: bool = False, **options: t.Any) -> tuple[dict[str, t.Any], list[str]]:
        log.write_text("")
        with Health(certificates) as own:
            urls = {f"vault-{at}": url for at, url in enumerate(others, 2)}
            params = {"url": own.url, "others": urls, "voters": 3, "tls_server_name": SERVER_NAME, **options}
            params = {"ca_cert": certificates.path("ca.crt"), "link": str(tmp_path / "vault"), **params}
            return run_module(vault_restart, check=check, **params), log.read_text().splitlines()

    return run


def test_it_restarts_where_the_others_are_well(node, certificates):
    with Health(certificates, 200) as two, Health(certificates) as three:
        found, told = node(two.url, three.url, release="1.21.1")
        assert found["changed"] is True
        assert [answer["status"] for answer in found["others"]] == [200, 429]
        assert told == ["daemon-reload", "enable vault", "restart vault"]
        found, told = node(two.url, three.url, check=True)
        assert (found["changed"], told) == (True, [])


def test_it_does_not_where_one_of_them_has_died(node, certificates):
    with Health(certificates, 200) as two:
        with Health(certificates) as three:
            gone = three.url
        for check in (False, True):
            found, told = node(two.url, gone, check=check)
            assert found["failed"] is True
            assert "Vault was not restarted here: without it 1 of 3 voters would serve" in found["msg"]
            assert told == []


def test_another_release_than_the_one_expected_is_not_started(node, certificates):
    with Health(certificates, 200) as two, Health(certificates) as three:
        found, told = node(two.url, three.url, release="1.21.2")
        assert "and not to the release 1.21.2" in found["msg"]
        assert told == []
