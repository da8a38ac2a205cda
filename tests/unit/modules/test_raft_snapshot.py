"""A snapshot that the disk does not take: said in words, and nothing is left."""

from __future__ import annotations

import resource
import signal
import typing as t

import pytest
from ansible_collections.vaultops.cluster.plugins.modules import vault_raft_snapshot
from kit.backup_stage import STATE, VaultStandIn, archive, whole

CURE = "Nothing was kept. Make room in its directory, or let this user write there, then run again."


@pytest.fixture
def save(certificates: t.Any, run_module: t.Any, tmp_path: t.Any) -> t.Iterator[t.Callable[..., dict[str, t.Any]]]:
    with VaultStandIn(certificates, whole(archive(STATE))) as vault:
        options = {
            "nodes": {"vault-1": vault.address},
            "ca_cert": certificates.path("ca.crt"),
            "cert_auth_public_key": certificates.path("client.crt"),
            "cert_auth_private_key": certificates.path("client.key"),
        }
        yield lambda dest: run_module(vault_raft_snapshot, dest=str(dest), **options)


def test_one_that_the_disk_takes(save, tmp_path):
    assert save(tmp_path / "a" / "1.snap")["snapshot"]["index"] == 41
    assert (tmp_path / "a" / "1.snap").read_bytes() == archive(STATE)


def test_a_disk_that_is_full(save, tmp_path):
    dest = tmp_path / "1.snap"
    limits, before = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4 << 20, limits[1]))
    try:
        found = save(dest)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)
    assert found["msg"] == f"{dest}: the snapshot could not be written (File too large). {CURE}"
    assert list(tmp_path.glob("*.snap*")) == list(tmp_path.glob(".*")) == []


def test_a_directory_that_can_not_be_made(save, tmp_path):
    (tmp_path / "file").write_text("")
    dest = tmp_path / "file" / "1.snap"
    assert save(dest)["msg"] == f"{dest}: the snapshot could not be written ({dest.parent}: File exists). {CURE}"
