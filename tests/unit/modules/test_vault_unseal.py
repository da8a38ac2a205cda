"""One node is opened by the unseal keys after it has restarted with another seal; it alone gets them. Against a stand-in."""

from __future__ import annotations

import threading
import time

import pytest
import yaml
from ansible_collections.vaultops.cluster.plugins.modules import vault_unseal
from kit.backup_stage import SMALL, VaultStandIn, whole

KEYS = [f"key-{number}" for number in range(1, 6)]
UNSEAL = "/v1/sys/unseal"


@pytest.fixture
def half(vault):
    """It has restarted with the new seal."""
    vault.sealed, vault.migrating, vault.unseal_keys = True, True, KEYS
    return vault


@pytest.fixture
def run(run_module, certificates):
    def one(vault, check=False, keys=KEYS[:3], **more):
        own = {"nodes": {"vault-1": vault.address}, "ca_cert": certificates.path("ca.crt"), "name": "vault-1"}
        return run_module(vault_unseal, check, **{**own, "unseal_keys": keys, "wait_timeout": 2, **more})

    return one


def test_it_is_given_as_many_keys_as_it_needs(half, run):
    said = run(half, keys=KEYS)
    assert (said["changed"], said["given"], said["migrating"]) == (True, 3, True)
    assert set(said) - {"invocation"} == {"changed", *yaml.safe_load(vault_unseal.RETURN)}
    assert not half.sealed and half.calls.count(UNSEAL) == 4  # the first forgets what was given before


def test_what_a_run_before_has_given_does_not_count(half, run):
    half.given = ["a wrong one", KEYS[4]]
    assert run(half)["changed"] and not half.sealed


def test_an_open_node_gets_none(half, run):
    half.sealed = False
    said = run(half)
    assert (said["changed"], said["given"], said["migrating"]) == (False, 0, True)
    assert UNSEAL not in half.calls


def test_check_mode_says_that_it_would_be_opened(half, run):
    assert run(half, check=True)["changed"]
    assert half.sealed and UNSEAL not in half.calls


def test_a_wrong_key_leaves_it_sealed_and_no_key_is_told(half, run):
    said = run(half, keys=["wrong", *KEYS[:2]])
    assert said["msg"].startswith("vault-1: it does not take the unseal keys: ")
    assert "The node stays sealed, and the others serve." in said["msg"]
    assert half.sealed and half.given == [] and not any(key in said["msg"] for key in KEYS)


def test_too_few_are_not_sent_at_all(half, run):
    assert "3 of the 5 unseal keys are needed, and 1 different ones were given" in run(half, keys=[KEYS[0]] * 3)["msg"]
    assert UNSEAL not in half.calls


def test_a_node_with_the_old_seal_gets_none(half, run):
    half.seal_type, half.migrating = "shamir", False
    assert "its process has not read the new seal from its configuration. It was given no key" in run(half)["msg"]
    assert UNSEAL not in half.calls


def test_a_node_that_opens_by_itself_is_waited_for(half, run):
    half.migrating = False
    threading.Timer(0.5, lambda: setattr(half, "sealed", False)).start()
    said = run(half, wait_timeout=10)
    assert (said["changed"], said["given"], half.sealed) == (False, 0, False)


def test_one_that_does_not_open_is_named_with_what_it_waits_for(half, run):
    half.migrating = False
    assert "vault-1: after 2 s it is sealed, and does not open by its KMS key. Read 'journalctl" in run(half)["msg"]


def test_a_node_that_starts_is_waited_for(certificates, run):
    with VaultStandIn(certificates, whole(SMALL)) as gone:
        port = int(gone.address.rpartition(":")[2])
    began = time.monotonic()
    assert "vault-1: after 2 s no connection" in run(gone)["msg"]
    assert time.monotonic() - began >= 2
    with VaultStandIn(certificates, whole(SMALL), port) as back:
        assert not run(back)["changed"]


def test_who_has_another_certificate_gets_no_key(half, run, tmp_path, certificates):
    other = tmp_path / "other"
    other.mkdir()
    stranger = type(certificates)(other)
    assert "its certificate was not accepted" in run(half, ca_cert=stranger.path("ca.crt"))["msg"]
    assert UNSEAL not in half.calls


def test_a_name_of_no_node_is_refused(half, run):
    assert "it is none of the nodes that were given" in run(half, name="vault-9")["msg"]
