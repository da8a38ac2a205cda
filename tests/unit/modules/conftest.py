"""What the modules' tests share: one Vault of a stand-in on loopback, and how to log in to it."""

from __future__ import annotations

import typing as t

import pytest
from backup_stage import SMALL, VaultStandIn, whole

OPERATOR = "vaultops-operator"


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
