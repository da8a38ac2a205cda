"""Modules against an OpenBao: its health codes, its seal's status, and audit devices that its configuration declares."""

from __future__ import annotations

import threading

import pytest
from ansible_collections.vaultops.cluster.plugins.modules import vault_audit, vault_status_info
from kit.backup_stage import SMALL, VaultStandIn, whole

FILE = {"type": "file", "options": {"file_path": "/var/log/vault/audit.log"}}
JOURNAL = {"type": "file", "options": {"file_path": "stdout"}}


@pytest.fixture
def bao(certificates):
    with VaultStandIn(certificates, whole(SMALL), flavour="openbao") as node:
        yield node


@pytest.fixture
def audit(bao, as_operator, run_module):
    given = {**as_operator, "nodes": {"vault-1": bao.address}, "declared": True, "wait_timeout": 1}
    devices = {"file": FILE, "journal": JOURNAL}
    return lambda check=False, **more: run_module(vault_audit, check, **{**given, "devices": devices, **more})


def test_devices_that_are_declared_are_waited_for(bao, audit):
    bao.kept["sys/audit/file"] = dict(FILE)
    reloaded = threading.Timer(0.5, lambda: bao.kept.update({"sys/audit/journal": dict(JOURNAL)}))
    reloaded.start()
    said = audit(wait_timeout=30)
    reloaded.join()
    assert (said["changed"], said["devices"]) == (True, {"file": FILE, "journal": JOURNAL})
    assert bao.writes == [], "its API enables none"
    assert audit()["changed"] is False


def test_devices_that_do_not_come_are_named(bao, audit):
    bao.kept["sys/audit/file"] = dict(FILE)
    said = audit()
    assert "vault-1: after 1 s it has no audit device journal, which its configuration declares" in said["msg"]
    assert bao.tokens == set()


def test_check_mode_does_not_wait(bao, audit):
    assert audit(check=True, wait_timeout=600)["changed"] is True


def test_a_declared_device_is_another_one_by_an_option_more(bao, audit):
    bao.kept["sys/audit/file"] = {"type": "file", "options": {**FILE["options"], "mode": "0600"}}
    bao.kept["sys/audit/journal"] = dict(JOURNAL)
    said = audit()
    assert "file is file (file_path=/var/log/vault/audit.log, mode=0600), not file" in said["msg"]
    assert "take the old device out of the inventory" in said["msg"]


def test_its_api_enables_no_device(bao, audit):
    assert "use declarative, config-based audit device management" in audit(declared=False)["msg"]


@pytest.mark.parametrize(
    ("told", "state"),
    [
        ({}, "active"),
        ({"active": lambda: False}, "standby"),
        ({"sealed": True}, "sealed"),
        ({"initialized": False}, "uninitialized"),
    ],
)
def test_how_a_node_stands(bao, connection, run_module, told, state):
    for name, value in told.items():
        setattr(bao, name, value)
    (node,) = run_module(vault_status_info, **{**connection, "nodes": {"vault-1": bao.address}})["nodes"]
    assert (node["state"], node["version"], node["seal_type"]) == (state, "2.6.2", "awskms")
