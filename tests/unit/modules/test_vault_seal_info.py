"""Which keys a cluster is sealed with, by what it gives as a snapshot; a snapshot that does not say proves nothing."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.vaultops.cluster.plugins.modules import vault_seal_info
from kit.backup_stage import STATE, VaultStandIn, archive, whole

ARN = "arn:aws:kms:eu-central-1:123456789012:key/22222222-2222-2222-2222-222222222222"
ENTRIES = b"".join(
    name + b"\x12" + bytes([len(ARN) + 2]) + b"\x1a\x4b" + ARN.encode()
    for name in (b"core/hsm/barrier-unseal-keys", b"core/recovery-key")
)


@pytest.fixture
def ask(certificates: t.Any, run_module: t.Any) -> t.Callable[..., dict[str, t.Any]]:
    def asked(content: bytes) -> dict[str, t.Any]:
        with VaultStandIn(certificates, whole(content)) as vault:
            return run_module(
                vault_seal_info,
                nodes={"vault-1": vault.address},
                ca_cert=certificates.path("ca.crt"),
                cert_auth_public_key=certificates.path("client.crt"),
                cert_auth_private_key=certificates.path("client.key"),
            )

    return asked


def test_the_keys_of_what_is_stored(ask):
    said = ask(archive(ENTRIES, SHA256SUMS__sealed=ARN.encode()))
    assert (said["changed"], said["key_arns"], said["node"], said["raft_index"]) == (False, [ARN], "vault-1", 41)
    assert set(said["entries"]) == {"core/hsm/barrier-unseal-keys", "core/recovery-key", "SHA256SUMS.sealed"}


def test_a_snapshot_that_names_no_key(ask):
    assert (
        "does not say which key opens it: no KMS key is named by core/hsm/barrier-unseal-keys"
        in ask(archive(STATE))["msg"]
    )


def test_a_snapshot_that_was_cut_off_is_not_judged_by(ask):
    assert "what it gave as a snapshot is none" in ask(archive(ENTRIES, SHA256SUMS__sealed=ARN.encode())[:-20])["msg"]
