"""What a restore refuses before anything is sent, and what check mode says. The restore itself is in test_restore.py."""

from __future__ import annotations

import hashlib
import json

import pytest
import yaml
from ansible_collections.vaultops.cluster.plugins.modules import vault_raft_restore
from kit.backup_stage import SMALL


@pytest.fixture
def restored(vault, as_operator, tmp_path, run_module):
    (tmp_path / "plain.snap").write_bytes(SMALL)
    options = {
        "src": str(tmp_path / "plain.snap"),
        "sha256": hashlib.sha256(SMALL).hexdigest(),
        "cluster_name": "prod",
        "cluster_id": vault.cluster_id,
        "raft_index": 41,
        "confirm": "prod",
        "wait_timeout": 5,
    }
    return lambda check=False, **more: run_module(vault_raft_restore, check, **{**as_operator, **options, **more})


def asked(vault):
    """What was asked besides how it is."""
    return [path for path in vault.calls if path not in ("/v1/sys/health", "/v1/sys/seal-status", "/v1/sys/leader")]


@pytest.mark.parametrize("was", ["live", "fresh"])
def test_check_mode_looks_and_logs_in_nowhere(vault, restored, was):
    vault.initialized = was == "live"
    said = restored(check=True, **({} if was == "live" else {"confirm": None}))
    assert (said["changed"], said["was"], said["seconds"]) == (True, was, 0.0)
    assert set(said) - {"invocation"} == {"changed", *yaml.safe_load(vault_raft_restore.RETURN)}
    assert asked(vault) == []


@pytest.mark.parametrize("check", [False, True])
@pytest.mark.parametrize("confirm", ["", "test", None])
def test_what_serves_is_overwritten_only_when_its_name_was_typed(vault, restored, check, confirm):
    said = restored(check, confirm=confirm)
    assert said["msg"].startswith("prod: it serves, and everything that was written since the snapshot would be gone.")
    assert said["msg"].endswith("type its name: confirm=prod.")
    assert asked(vault) == []


@pytest.mark.parametrize("check", [False, True])
@pytest.mark.parametrize("state", ["sealed", "down", "without a leader"])
def test_a_cluster_that_is_not_whole_is_left_alone(vault, restored, check, state):
    vault.sealed = state == "sealed"
    vault.active = lambda: state != "without a leader"
    said = restored(check, **({"nodes": {"vault-1": "https://127.0.0.1:1"}} if state == "down" else {}))
    assert said["msg"].startswith("prod: the cluster is d")
    assert "Bring every node up first: restored data has to reach all of them." in said["msg"]
    assert asked(vault) == []


@pytest.mark.parametrize("check", [False, True])
def test_another_file_than_the_one_that_was_proven_is_not_sent(vault, restored, tmp_path, check):
    (tmp_path / "plain.snap").write_bytes(SMALL + b"x")
    said = restored(check)
    assert said["msg"] == (
        f"{tmp_path / 'plain.snap'}: it is not the snapshot that was fetched and proven. Run again, and nothing else beside."
    )
    assert asked(vault) == []


def test_a_file_that_is_not_there_is_named(vault, restored, tmp_path):
    assert str(tmp_path / "lost.snap") in restored(src=str(tmp_path / "lost.snap"))["msg"]
    assert asked(vault) == []


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ((403, b'{"errors": ["permission denied"]}'), "vault-1: permission denied (permission denied)."),
        ((503, b'{"errors": ["Vault is sealed"]}'), "vault-1: Vault refused: Vault is sealed."),
        (None, "vault-1: no connection ("),
    ],
)
def test_without_a_token_to_know_the_end_by_nothing_is_sent(vault, restored, fault, says):
    vault.faults["auth/token/create-orphan"] = fault
    said = restored()
    assert said["msg"].startswith(says), said["msg"]
    assert "/v1/sys/storage/raft/snapshot" not in vault.calls
    assert vault.tokens == set()


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (
            (400, b'{"errors": ["bad archive"]}'),
            "vault-1: the restore was refused: bad archive. What serves is as it was.",
        ),
        (
            (
                400,
                b'{"errors": ["could not verify hash file, possibly the snapshot is using a different set of unseal keys"]}',
            ),
            "vault-1: the snapshot was sealed with another KMS key than this cluster's. Only a cluster that unseals",
        ),
        ((500, b"<html>Bad</html>"), "vault-1: the restore was refused: HTTP 500. What serves is as it was."),
        (None, "vault-1: no connection ("),
    ],
)
def test_a_snapshot_that_vault_does_not_take_is_told_with_what_serves_now(vault, restored, fault, says):
    vault.faults["auth/token/create-orphan"] = 200, json.dumps({"auth": {"client_token": "hvs.a-witness"}}).encode()
    vault.tokens.add("hvs.a-witness")
    vault.faults["sys/storage/raft/snapshot"] = fault
    said = restored()
    assert said["failed"]
    assert said["msg"].startswith(says), said["msg"]
    if fault is None:
        assert "It may have been applied all the same." in said["msg"]
    assert "hvs.a-witness" not in json.dumps(said)
    assert vault.tokens == set(), "neither that of the login nor the one that it made"


def test_a_node_that_was_told_to_be_no_member_is_not_waited_for(vault, restored):
    """The snapshot's cluster still runs, and has told it so."""
    vault.faults["auth/token/create-orphan"] = 200, json.dumps({"auth": {"client_token": "hvs.a-witness"}}).encode()
    vault.faults["sys/storage/raft/snapshot"] = 204, b""
    vault.removed_by = "/v1/sys/storage/raft/snapshot"
    said = restored(wait_timeout=600)
    assert said["failed"]
    assert said["msg"].startswith(
        "prod: the restore was accepted, and then vault-1 heard from a node of the cluster that"
    )
    assert "docs/emergencies.md" in said["msg"]


def test_one_half_of_the_admins_pair_is_refused(restored):
    said = restored(admin_public_key="/x/admin.crt")
    assert said["msg"] == "parameters are required together: admin_public_key, admin_private_key"
