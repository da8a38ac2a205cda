"""The file of a cluster's last peers: written only where Vault is stopped, and after a copy of all data."""

from __future__ import annotations

import json
import os
import stat

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._node import peers as node_peers
from ansible_collections.vaultops.cluster.plugins.modules import vault_peers_file

PEERS = [{"id": "vault-1", "address": "10.0.1.10:8201"}, {"id": "vault-4", "address": "10.0.1.13:8201"}]
WRITTEN = 1_800_000_000
COPY = "data-before-recovery-20270115T080000Z"


@pytest.fixture
def data(tmp_path, monkeypatch):
    """Raft's directory of a node on which Vault is stopped."""
    monkeypatch.setattr(vault_peers_file.here, "processes", list)
    raft = tmp_path / "data" / "raft"
    raft.mkdir(parents=True)
    (tmp_path / "data").chmod(0o700)
    for path, content in ((raft.parent / "vault.db", "state"), (raft / "raft.db", "log")):
        path.write_text(content)
        path.chmod(0o640)
        os.utime(path, (WRITTEN, WRITTEN))
    return tmp_path / "data"


@pytest.fixture
def put(run_module, data):
    return lambda check=False, peers=PEERS: run_module(
        vault_peers_file, check, data=str(data), copies=str(data.parent), peers=peers
    )


def names(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_all_data_is_copied_and_the_peers_are_written(put, data):
    said = put()
    assert said["changed"] is True and said["copy"] == str(data.parent / COPY) and said["written_at"] == WRITTEN
    copy = data.parent / COPY
    assert names(copy) == ["raft", "raft/raft.db", "vault.db"]
    assert (copy / "vault.db").read_text() == "state" and (copy / "raft" / "raft.db").read_text() == "log"
    assert [stat.S_IMODE(path.stat().st_mode) for path in (copy, copy / "vault.db")] == [0o700, 0o640]
    written = data / "raft" / "peers.json"
    assert json.loads(written.read_text()) == [{**peer, "non_voter": False} for peer in PEERS]
    assert stat.S_IMODE(written.stat().st_mode) == 0o600
    assert written.stat().st_uid == data.stat().st_uid


def test_a_second_run_changes_nothing(put, data):
    put()
    before = {path: path.stat().st_mtime_ns for path in data.parent.rglob("*")}
    assert put()["changed"] is False
    assert {path: path.stat().st_mtime_ns for path in data.parent.rglob("*")} == before


def test_check_mode_writes_nothing_and_lets_vault_run(put, data, monkeypatch):
    monkeypatch.setattr(vault_peers_file.here, "processes", lambda: [7])
    before = names(data.parent)
    assert put(check=True)["changed"] is True
    assert names(data.parent) == before


def test_vault_that_runs_is_left_alone(put, data, monkeypatch):
    monkeypatch.setattr(vault_peers_file.here, "processes", lambda: [7])
    before = names(data.parent)
    assert "Vault runs (process 7)" in put()["msg"]
    assert names(data.parent) == before


def test_a_copy_that_was_cut_off_is_made_anew(put, data):
    partial = data.parent / f"{COPY}.partial"
    partial.mkdir()
    (partial / "vault.db").write_text("half")
    put()
    assert (data.parent / COPY / "vault.db").read_text() == "state"
    assert not partial.exists()


def test_without_a_whole_copy_no_peers_are_written(put, data, monkeypatch):
    def full(*_arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(node_peers.shutil, "copyfileobj", full)
    assert "could not be copied" in put()["msg"]
    assert names(data.parent) == ["data", "data/raft", "data/raft/raft.db", "data/vault.db"]


def test_room_is_asked_for_before_anything(put, data, monkeypatch):
    monkeypatch.setattr(node_peers.shutil, "disk_usage", lambda _folder: type("Usage", (), {"free": 1 << 20}))
    assert "has 1 MiB free" in put(check=True)["msg"]
    (data.parent / COPY).mkdir()
    assert put(check=True)["changed"] is True


@pytest.mark.parametrize("gone", ["all", "databases"])
def test_a_node_without_data_is_no_survivor(put, data, gone):
    for path in sorted(data.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    if gone == "all":
        data.rmdir()
    assert "A node without data can't be what a cluster is recovered from" in put()["msg"]


def test_data_that_was_written_since_gets_a_copy_of_its_own(put, data):
    put()
    os.utime(data / "vault.db", (WRITTEN + 60, WRITTEN + 60))
    assert put()["copy"] == str(data.parent / "data-before-recovery-20270115T080100Z")
    assert len(list(data.parent.glob("data-before-recovery-*"))) == 2
