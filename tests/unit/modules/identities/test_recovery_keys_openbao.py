"""The recovery keys of an OpenBao: rotated in the place of a rekey, by who has a token, and cancelled without a nonce."""

from __future__ import annotations

import pytest
from ansible_collections.vaultops.cluster.plugins.modules import vault_custody_check, vault_operator, vault_rekey
from kit.identities import ADMIN, ROOT, STATUS, files
from kit.killed import ANY_SINK, Killed
from kit.recovery import Recovery, new_keys


@pytest.fixture
def bao(vault, custody, run_module, options, tmp_path):
    """One whose administrator can log in, and whose keys custody has."""
    status = files(tmp_path, "status", STATUS)
    custody.record["root_token"] = ROOT
    said = run_module(vault_operator, cluster_name="prod", custody=ANY_SINK, **options, **status)
    assert said["root_token_revoked"], said
    keys = vault.recovery.keys
    vault.recovery = Recovery(flavour="openbao")
    vault.recovery.keys = keys
    vault.logins.clear()
    return vault.recovery


@pytest.fixture
def run(run_module, options):
    def one(module, check=False, **more):
        own = {name: value for name, value in options.items() if name in module.OPTIONS}
        told = {"cluster_name": "prod", "custody": ANY_SINK, "flavour": "openbao"}
        return run_module(module, check, **told, **own, **more)

    return one


def in_custody(bao, custody):
    return set(custody.record["recovery_keys"]) == set(bao.keys) and custody.record["rekey"] is None


def theirs(bao):
    """What somebody has begun, and given one key for."""
    status, said = bao.answer(
        "write",
        "sys/rotate/recovery/init",
        {"secret_shares": 3, "secret_threshold": 2, "require_verification": True},
        may=True,
    )
    assert status == 200
    nonce = said["data"]["nonce"]
    bao.answer("write", "sys/rotate/recovery/update", {"key": bao.keys[0], "nonce": nonce}, may=True)
    return nonce


def test_keys_are_proven_and_made_anew_by_the_administrator(vault, bao, custody, run):
    assert run(vault_custody_check)["recovery_keys"]["proven"] == 5
    before = list(bao.keys)
    assert run(vault_rekey)["changed"]
    assert bao.keys != before
    assert in_custody(bao, custody)
    assert run(vault_custody_check)["recovery_keys"]["proven"] == 5
    assert set(vault.logins) == {ADMIN}
    assert bao.rekey is None


def test_a_key_that_is_wrong_is_named_by_its_number(bao, custody, run):
    custody.record["recovery_keys"][1] = new_keys(1)[0]
    assert "2" in run(vault_custody_check)["msg"]
    assert bao.rekey is None


@pytest.mark.parametrize("module", [vault_custody_check, vault_rekey])
def test_what_somebody_else_rotates_is_left_alone(bao, custody, run, module):
    nonce = theirs(bao)
    said = run(module)
    assert f"nonce {nonce}, 1 of 3 keys given" in said["msg"]
    assert "bao operator rotate-keys -target=recovery -cancel'" in said["msg"]
    assert bao.rekey["nonce"] == nonce
    assert bao.rekey["given"] == [bao.keys[0]]


def test_what_came_in_the_place_of_a_runs_own_is_not_cancelled(bao, custody, run):
    """Somebody cancels the run's, and begins another, before the run has given its last key."""
    begun = []

    def meddle(call):
        if call.startswith("write rotate/recovery/update") and not begun:
            begun.append(None)
            bao.rekey = None
            begun[0] = theirs(bao)

    bao.on_call = meddle
    said = run(vault_rekey)
    assert said["failed"], said
    assert bao.rekey["nonce"] == begun[0]
    assert f"is not the one that is under way ({begun[0]})" in said["msg"]
    bao.on_call = lambda _call: None
    assert custody.record["recovery_keys"] == bao.keys


def test_a_rotation_that_dies_at_any_call_is_finished_by_the_next_run(bao, custody, run, controller):
    controller.lives()
    run(vault_rekey)
    ends = set()
    for at in range(1, controller.count + 1):
        controller.dies(at)
        with pytest.raises(Killed):
            run(vault_rekey, age_hours=0)
        controller.lives()
        said = run(vault_rekey, age_hours=0)
        assert said.get("changed"), (at, said)
        ends.add(said["step"])
        assert in_custody(bao, custody)
        assert bao.rekey is None
    assert ends == {"begin", "verify", "settle"}


def test_with_the_wrong_flavour_no_key_is_given(bao, custody, run_module, options):
    own = {name: value for name, value in options.items() if name in vault_rekey.OPTIONS}
    assert run_module(vault_rekey, cluster_name="prod", custody=ANY_SINK, **own)["failed"]
    assert bao.calls == []
