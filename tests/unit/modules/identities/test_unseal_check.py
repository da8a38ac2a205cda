"""Keys that people unseal with are proven to a Vault that serves, and nothing is used up. Against a stand-in."""

from __future__ import annotations

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.recovery import prove
from ansible_collections.vaultops.cluster.plugins.modules import vault_unseal_check
from kit.identities import ROOT
from kit.recovery import new_keys


@pytest.fixture
def run(run_module, options, vault, monkeypatch):
    monkeypatch.setattr(prove, "CHECK_SECONDS", 0)
    vault.recovery.seal_type = "shamir"

    def one(keys, check=False):
        own = {name: value for name, value in options.items() if name in vault_unseal_check.OPTIONS}
        return run_module(vault_unseal_check, check, **own, token=ROOT, unseal_keys=keys)

    return one


@pytest.mark.parametrize("kind", ["shamir", "awskms"])
def test_right_keys_are_taken_and_nothing_stays(run, vault, kind):
    vault.recovery.seal_type, before = kind, list(vault.recovery.keys)
    said = run(before[1:4])
    assert (said["changed"], said["proven"], said["threshold"], said["shares"]) == (False, 3, 3, 5), said
    assert vault.recovery.keys == before and vault.recovery.rekey is None
    path = "rekey/" if kind == "shamir" else "rekey-recovery-key/"
    assert vault.recovery.calls and all(call.split()[1].startswith(path) for call in vault.recovery.calls)


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        (
            lambda right: right[:2],
            "3 of the 5 unseal keys are needed, and 2 different ones were given. Give them in the",
        ),
        (lambda right: [right[0]] * 3, "and 1 different ones were given"),
        (
            lambda right: [*right[:2], new_keys(1)[0]],
            "of the keys in VAULT_UNSEAL_KEYS Vault takes no 3 together: Vault refused",
        ),
        (lambda right: [right[0], new_keys(1)[0], *right[1:3]], "counted from 1: not 2 (Vault refused"),
    ],
)
def test_too_few_and_wrong_ones_are_told_by_their_places(run, vault, keys, says):
    given = keys(vault.recovery.keys)
    said = run(given)
    assert says in said["msg"], said
    assert not any(key in str(said["msg"]) for key in given)
    assert vault.recovery.rekey is None


def test_somebodys_rekey_is_left_alone(run, vault):
    theirs = {"nonce": "theirs", "given": [], "new": None, "secret_threshold": 3, "secret_shares": 5}
    vault.recovery.rekey = {**theirs, "require_verification": False, "given_back": []}
    said = run(vault.recovery.keys[:3])
    assert "somebody's rekey is under way (nonce theirs). Nothing of it was touched" in said["msg"], said
    assert vault.recovery.rekey["nonce"] == "theirs"


def test_a_proof_that_was_cut_short_is_cancelled_and_begun_again(run, vault):
    left = {"nonce": "left", "given": vault.recovery.keys[:1], "new": None, "secret_threshold": 1, "secret_shares": 1}
    vault.recovery.rekey = {**left, "require_verification": True, "pgp_keys": [prove.CHECK_KEY], "given_back": []}
    assert run(vault.recovery.keys[:3])["proven"] == 3
    assert vault.recovery.rekey is None


def test_check_mode_counts_the_keys_and_gives_none(run, vault):
    assert run(vault.recovery.keys[:3], check=True)["proven"] == 0
    assert vault.recovery.calls == []
    assert "2 different ones were given" in run(vault.recovery.keys[:2], check=True)["msg"]
