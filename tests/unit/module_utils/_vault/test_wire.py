"""A node that drips, never ends, or is not there: every call ends, and says how far it came."""

from __future__ import annotations

import contextlib
import io
import json
import socket
import ssl
import threading
import time
import typing as t

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._tls import served as certificate_api
from ansible_collections.vaultops.cluster.plugins.module_utils._vault import wire
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.client import Cluster, Connection, call
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.errors import REACH, VaultError
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.snapshot import api as snapshot_api
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.status.api import read_nodes
from ansible_collections.vaultops.cluster.plugins.modules import vault_status_info
from kit.backup_stage import SMALL, VaultStandIn, whole

# More than any limit of these tests: a wait that does not end is seen as one that takes this long.
NEVER = 8.0
HEADERS = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def drip(text: bytes, every: float = 0.2) -> t.Iterator[bytes]:
    """*text*, and then a byte at a time."""
    yield text
    end = time.monotonic() + NEVER
    while time.monotonic() < end:
        time.sleep(every)
        yield b"0"


def endless() -> t.Iterator[bytes]:
    yield HEADERS
    end = time.monotonic() + NEVER
    while time.monotonic() < end:
        yield chunk(b" " * (1 << 16))


class Node:
    """Answers every request over TLS with the same bytes, one after the other."""

    def __init__(self, certificates: t.Any, answer: t.Callable[[], t.Iterator[bytes]], tls: bool = True) -> None:
        self.answer, self.sent, self.asked = answer, 0, 0
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) if tls else None
        if self._context:
            self._context.load_cert_chain(certificates.path("server.crt"), certificates.path("server.key"))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"https://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                plain, _from = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(plain,), daemon=True).start()

    def _answer(self, plain: socket.socket) -> None:
        with contextlib.suppress(OSError), plain:
            connection = self._context.wrap_socket(plain, server_side=True) if self._context else plain
            self.asked += 1
            connection.recv(1 << 16)
            for part in self.answer():
                connection.sendall(part)
                self.sent += len(part)

    def __enter__(self) -> Node:
        return self

    def __exit__(self, *_error: object) -> None:
        self._listener.close()


def cluster(address: str, certificates: t.Any, **options: t.Any) -> Cluster:
    options = {"ca_cert": certificates.path("ca.crt"), "timeout": 1, **options}
    return Cluster(Connection(nodes={"vault-1": address}, **options))


def took(action: t.Callable[[], t.Any]) -> float:
    begun = time.monotonic()
    action()
    return time.monotonic() - begun


def failure(asked: Cluster) -> VaultError:
    client = asked.client("vault-1")
    with pytest.raises(VaultError) as caught:
        call("vault-1", lambda: client.adapter.get("/v1/sys/leader"))
    return caught.value


@pytest.mark.long
@pytest.mark.parametrize("begins", [b"", b"HTTP/1.1 200 OK\r\nX: ", HEADERS, HEADERS + b"ffff\r\n"])
def test_a_byte_at_a_time_does_not_outlast_the_timeout(certificates, begins):
    """In the status line, in the headers, before the body and in it."""
    with Node(certificates, lambda: drip(begins)) as node:
        asked = cluster(node.address, certificates)
        errors: list[VaultError] = []
        assert took(lambda: errors.append(failure(asked))) < NEVER / 2
        assert errors[0].reach == "timeout"
        assert took(lambda: errors.append(read_nodes(asked)[0])) < 3  # type: ignore[arg-type]
        assert errors[1]["reach"] == "timeout"  # type: ignore[index]


@pytest.mark.long
def test_a_handshake_that_drips_does_not_either(certificates):
    with Node(certificates, lambda: drip(b"\x16\x03\x03\x40\x00"), tls=False) as node:
        asked = cluster(node.address, certificates)
        assert took(lambda: failure(asked)) < NEVER / 2
        found: list[t.Any] = []
        assert took(lambda: found.append(certificate_api.look(asked.connection, "vault-1"))) < NEVER / 2
        assert "no certificate could be read" in found[0]["problem"]


def test_an_answer_without_an_end_is_not_read(certificates):
    with Node(certificates, endless) as node:
        found = failure(cluster(node.address, certificates, timeout=NEVER))
        assert found.reach == "broken"
        assert "longer than any of Vault's" in str(found)
        assert node.sent < 8 * wire.ANSWER_BYTES


def test_the_end_of_a_wait_holds_within_a_call(certificates, run_module):
    with Node(certificates, lambda: drip(HEADERS)) as node:
        params = {"nodes": {"vault-1": node.address}, "ca_cert": certificates.path("ca.crt"), "timeout": int(NEVER)}
        found: list[dict[str, t.Any]] = []
        params |= {"wait_for": ["live"], "wait_timeout": 1}
        assert took(lambda: found.append(run_module(vault_status_info, **params))) < NEVER / 2
        assert "still down after 1 s" in found[0]["msg"]


def save(node_address: str, certificates: t.Any, timeout: int) -> tuple[io.BytesIO, list[VaultError]]:
    client = cluster(node_address, certificates, timeout=timeout).client("vault-1")
    kept, errors = io.BytesIO(), []
    try:
        snapshot_api.save("vault-1", client, kept, timeout)
    except VaultError as error:
        errors.append(error)
    return kept, errors


@pytest.mark.long
def test_a_snapshot_that_drips_is_given_up(certificates):
    with Node(certificates, lambda: drip(HEADERS + b"ffff\r\n")) as node:
        found: list[t.Any] = []
        assert took(lambda: found.append(save(node.address, certificates, 1))) < 5
        assert [error.reach for error in found[0][1]] == ["timeout"]


@pytest.mark.long
def test_a_snapshot_that_comes_slowly_and_steadily_is_taken(certificates):
    """It takes longer than any one timeout: what counts is that it comes."""
    part = b"s" * (wire.STREAM_BYTES // 2)

    def slowly() -> t.Iterator[bytes]:
        yield HEADERS
        for _part in range(10):
            time.sleep(0.45)
            yield chunk(part)
        yield b"0\r\n\r\n"

    with Node(certificates, slowly) as node:
        kept, errors = save(node.address, certificates, 1)
        assert errors == []
        assert len(kept.getvalue()) == 10 * len(part) > 4 * wire.STREAM_BYTES


# --- how far it came


def unused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def test_a_host_that_says_no_has_refused(certificates):
    assert failure(cluster(f"https://127.0.0.1:{unused_port()}", certificates)).reach == "refused"


@pytest.mark.long
def test_a_host_that_says_nothing_has_not(certificates):
    """Its backlog is full, as behind a filter: nobody answers the first packet."""
    with socket.socket() as listener, contextlib.ExitStack() as waiting:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _one in range(4):
            one = waiting.enter_context(socket.socket())
            one.setblocking(False)
            one.connect_ex(listener.getsockname())
        asked = cluster(f"https://127.0.0.1:{listener.getsockname()[1]}", certificates)
        found: list[VaultError] = []
        assert took(lambda: found.append(failure(asked))) < NEVER / 2
        assert found[0].reach == "timeout"


def test_a_name_that_is_none_is_no_way_there(certificates):
    assert failure(cluster("https://vault-1.invalid:8200", certificates)).reach == "unroutable"


def test_a_certificate_of_another_ca_or_name_is_tls(certificates, tmp_path):
    from kit.backup_stage import Certificates

    with VaultStandIn(certificates, whole(SMALL)) as vault:
        assert failure(cluster(vault.address, Certificates(tmp_path))).reach == "tls"
        assert failure(cluster(vault.address, certificates, tls_server_name="another.internal")).reach == "tls"


@pytest.mark.parametrize("content", [None, "", "no certificate"])
def test_a_ca_file_of_which_nothing_can_be_read_is_this_controllers(certificates, tmp_path, content):
    path = tmp_path / "ca.crt"
    if content is not None:
        path.write_text(content)
    with VaultStandIn(certificates, whole(SMALL)) as vault:
        asked = cluster(vault.address, certificates, ca_cert=str(path))
        found = failure(asked)
        assert found.reach == "ca_file"
        assert str(path) in str(found)
        assert read_nodes(asked)[0]["reach"] == "ca_file"
        assert vault.calls == []
        assert f"the CA file {path} can't be used" in str(certificate_api.look(asked.connection, "vault-1")["problem"])


def test_what_is_not_vault_is_broken(certificates):
    page = b"<html>Log in to the network</html>"
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (len(page), page)
    with Node(certificates, lambda: iter([answer])) as node:
        asked = cluster(node.address, certificates)
        assert read_nodes(asked)[0]["reach"] == "broken"
        with pytest.raises(VaultError, match="what answers there is not Vault"):
            asked.active()


@pytest.mark.parametrize("answer", [b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{", b""])
def test_a_connection_that_ends_too_early_is_broken(certificates, answer):
    with Node(certificates, lambda: iter([answer])) as node:
        assert failure(cluster(node.address, certificates)).reach == "broken"


def test_a_refusal_is_an_answer(certificates):
    body = json.dumps({"errors": ["sealed"]}).encode()
    answer = b"HTTP/1.1 503 X\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
    with Node(certificates, lambda: iter([answer])) as node:
        found = failure(cluster(node.address, certificates))
        assert (found.reach, found.status) == ("answered", 503)


def test_every_kind_has_been_seen():
    assert {"answered", "refused", "timeout", "unroutable", "tls", "ca_file", "broken"} == set(REACH)


# --- the end of a login


def logged_in(vault: VaultStandIn, certificates: t.Any) -> Cluster:
    keys = {
        "cert_auth_public_key": certificates.path("client.crt"),
        "cert_auth_private_key": certificates.path("client.key"),
    }
    return cluster(vault.address, certificates, **keys)


def test_the_first_error_is_the_one_that_is_told(certificates):
    with VaultStandIn(certificates, whole(SMALL)) as vault:
        vault.revoke_status = 500
        with pytest.raises(VaultError) as caught, logged_in(vault, certificates).login("vault-1"):
            raise VaultError("vault-1", "the first one", "Mend it.")
        assert str(caught.value).startswith("vault-1: the first one. Mend it. Then vault-1: ")
        with pytest.raises(KeyError), logged_in(vault, certificates).login("vault-1"):
            raise KeyError
        with pytest.raises(VaultError), logged_in(vault, certificates).login("vault-1"):
            pass


def test_a_token_is_revoked_even_when_the_time_is_over(certificates):
    with VaultStandIn(certificates, whole(SMALL)) as vault:
        asked = logged_in(vault, certificates)
        over = Cluster(Connection(**{**vars(asked.connection), "until": time.monotonic() + 0.5}))
        with pytest.raises(VaultError), over.login("vault-1") as client:
            time.sleep(0.6)
            call("vault-1", lambda: client.adapter.get("/v1/sys/leader"))
        assert vault.tokens == set()
