"""What the modules' tests share: one Vault of a stand-in on loopback, and how to log in to it."""

from __future__ import annotations

import contextlib
import socketserver
import ssl
import threading
import typing as t

import pytest
from kit.backup_stage import SMALL, VaultStandIn, whole
from kit.vault_standin import PEERS_AT, PEERS_HEALTH_AT

OPERATOR = "vaultops-operator"


@pytest.fixture
def run_module_whole(run_module: t.Callable[..., dict[str, t.Any]]) -> t.Callable[..., dict[str, t.Any]]:
    """With what the module warns of."""

    def run(*arguments: t.Any, **params: t.Any) -> dict[str, t.Any]:
        return {"warnings": [], **run_module.whole(*arguments, **params)}  # type: ignore[attr-defined]

    return run


@pytest.fixture
def run_module(run_module: t.Callable[..., dict[str, t.Any]]) -> t.Callable[..., dict[str, t.Any]]:
    """Without what Ansible itself says to the first module of a process, whichever that is."""

    def run(*arguments: t.Any, **params: t.Any) -> dict[str, t.Any]:
        said = run_module(*arguments, **params)
        return {name: value for name, value in said.items() if name not in ("warnings", "deprecations")}

    run.whole = run_module  # type: ignore[attr-defined]
    return run


@pytest.fixture
def vault(certificates: t.Any) -> t.Iterator[VaultStandIn]:
    with VaultStandIn(certificates, whole(SMALL)) as running:
        yield running


@pytest.fixture
def connection(certificates: t.Any, vault: VaultStandIn) -> dict[str, t.Any]:
    """The options of a module that asks without a login."""
    return {"nodes": {"vault-1": vault.address}, "ca_cert": certificates.path("ca.crt"), "timeout": 5, "retries": 0}


@pytest.fixture
def as_operator(certificates: t.Any, connection: dict[str, t.Any]) -> dict[str, t.Any]:
    """The same for one that logs in with a certificate."""
    return {
        **connection,
        "cert_auth_public_key": certificates.path("client.crt"),
        "cert_auth_private_key": certificates.path("client.key"),
    }


@pytest.fixture
def node_with(tmp_path: t.Any, monkeypatch: pytest.MonkeyPatch) -> t.Callable[..., t.Any]:
    """Puts commands of stand-ins in front of the machine's own, each a shell script."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder), prepend=":")

    def put(**commands: str) -> t.Any:
        for name, script in commands.items():
            (folder / name).write_text(f"#!/bin/sh\n{script}\n")
            (folder / name).chmod(0o755)
        return folder

    return put


@pytest.fixture
def listening() -> t.Iterator[t.Callable[..., str]]:
    """Starts listeners that shake hands and nothing else: with what *tls* gives for each connection, or, where that is
    nothing, by hanging up. Returns HOST:PORT. *heard* collects what they are sent besides.
    """
    with contextlib.ExitStack() as stack:

        def listen(tls: t.Callable[[], ssl.SSLContext | None], heard: list[bytes] | None = None) -> str:
            class Handler(socketserver.BaseRequestHandler):
                def handle(self) -> None:
                    context = tls()
                    if context:
                        with (
                            contextlib.suppress(OSError),
                            context.wrap_socket(self.request, server_side=True) as secured,
                        ):
                            if heard is not None:
                                heard.append(secured.recv(1 << 16))

            server = stack.enter_context(socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler))
            server.daemon_threads = True
            thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
            thread.start()
            stack.callback(server.shutdown)
            return f"127.0.0.1:{server.server_address[1]}"

        yield listen


@pytest.fixture
def peers(vault: VaultStandIn) -> t.Callable[..., None]:
    """Says who the peers are, and who of them autopilot calls dead. The first one is the node that is asked."""

    def those(*names: str, dead: t.Sequence[str] = (), non_voters: t.Sequence[str] = ()) -> None:
        vault.kept[PEERS_AT] = {
            "config": {
                "servers": [
                    {
                        "node_id": name,
                        "address": "127.0.0.1:8201" if name == names[0] else f"{name}:8201",
                        "leader": name == names[0],
                        "voter": name not in non_voters,
                        "protocol_version": "3",
                    }
                    for name in names
                ]
            }
        }
        vault.kept[PEERS_HEALTH_AT] = {
            "healthy": not dead,
            "failure_tolerance": len(names) - len(dead) - (len(names) // 2 + 1),
            "servers": {
                name: {
                    "status": "leader" if name == names[0] else "voter",
                    "healthy": name not in dead,
                    "last_index": 41,
                    "last_term": 2,
                    "last_contact": "0s" if name == names[0] else "167.9ms",
                    "version": "1.21.1",
                }
                for name in names
            },
        }

    return those
