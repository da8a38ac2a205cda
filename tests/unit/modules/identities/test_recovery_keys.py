"""Recovery keys are proven, made anew and used, and a run that dies at any call of it costs nothing. Against a stand-in."""

from __future__ import annotations

import json
import time
import typing as t

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.recovery import root
from ansible_collections.vaultops.cluster.plugins.modules import (
    vault_custody_check,
    vault_operator,
    vault_rekey,
    vault_root_token,
)
from kit.identities import ADMIN, OPERATOR, ROOT, STATUS, files
from kit.killed import ANY_SINK, Killed
from kit.recovery import new_keys
from kit.vault_versions import GUARDED, STAND_IN


@pytest.fixture
def run(run_module, options, tmp_path):
    """Runs one of the modules, as the operator and the admin with their certificates."""

    def one(module: t.Any, check: bool = False, **more: t.Any) -> dict[str, t.Any]:
        identities = module in (vault_root_token, vault_operator)
        own = {name: value for name, value in options.items() if identities or name != "client_ca"}
        status = files(tmp_path, "status", STATUS) if identities else {}
        sink = more.pop("custody", ANY_SINK)
        return run_module(module, check, cluster_name="prod", custody=sink, **own, **status, **more)

    return one


def same_in(vault, keys):
    return set(keys) == set(vault.recovery.keys)


# --- the look into custody


def test_every_key_is_proven_and_nothing_is_used_up(vault, custody, run):
    before, record = list(vault.recovery.keys), custody.record
    said = run(vault_custody_check)
    assert said["recovery_keys"]["proven"] == 5, said
    assert not said["changed"]
    assert vault.recovery.keys == before
    assert vault.recovery.rekey is None
    assert vault.recovery.root is None
    assert custody.record == record
    assert not any("generate-root/update" in call or "verify" in call for call in vault.recovery.calls)
    assert not any(key in json.dumps(said) for key in before)
    assert vault.logins == [], "Vault 1 asks for no login"


def test_in_check_mode_vault_is_given_nothing(vault, custody, run):
    said = run(vault_custody_check, check=True)
    assert said["recovery_keys"]["proven"] == 0
    assert {call.partition(" ")[0] for call in vault.recovery.calls} == {"read"}


def test_a_key_that_is_wrong_is_named_by_its_number(vault, custody, run):
    custody.record["recovery_keys"][3] = new_keys(1)[0]
    said = run(vault_custody_check)
    assert said["failed"]
    assert "takes 4, and refuses number 4" in said["msg"]
    assert custody.record["recovery_keys"][3] not in said["msg"]
    assert vault.recovery.rekey is None


def test_a_key_that_is_there_twice_is_one_key(vault, custody, run):
    custody.record["recovery_keys"][4] = custody.record["recovery_keys"][0]
    assert "refuses number 5 (it is the same as another one)" in run(vault_custody_check)["msg"]


def test_one_wrong_key_among_the_first_hides_no_other(vault, custody, run):
    custody.record["recovery_keys"][0] = new_keys(1)[0]
    assert "takes 4, and refuses number 1" in run(vault_custody_check)["msg"]


def test_keys_of_another_cluster_are_said_to_be_that(vault, custody, run):
    custody.record["recovery_keys"] = new_keys(5)
    said = run(vault_custody_check)
    assert "takes none of the recovery keys" in said["msg"]
    assert vault.recovery.rekey is None


def test_another_number_of_keys_needs_no_key_to_be_seen(vault, custody, run):
    vault.recovery.keys, vault.recovery.threshold = new_keys(3), 2
    said = run(vault_custody_check)
    assert "2 of 3 recovery keys are needed" in said["msg"]
    assert not any("write" in call for call in vault.recovery.calls)


def test_former_keys_that_work_are_named(vault, custody, run):
    run(vault_rekey)
    old = custody.record["former"][0]
    vault.recovery.keys = old["recovery_keys"]
    said = run(vault_custody_check)
    assert f"it takes those of {old['since']}, which custody keeps as former ones" in said["msg"]
    # And they make new ones.
    assert run(vault_rekey, age_hours=0)["changed"]
    assert run(vault_custody_check)["recovery_keys"]["proven"] == 5


def begun_by_somebody(vault, **more):
    body = {"secret_shares": 5, "secret_threshold": 3, "require_verification": True, **more}
    vault.recovery.answer("write", "sys/rekey-recovery-key/init", body, True)
    vault.recovery.rekey["given"].append(vault.recovery.keys[0])
    return dict(vault.recovery.rekey)


@pytest.mark.parametrize("module", [vault_custody_check, vault_rekey])
def test_somebody_elses_rekey_is_left_alone(vault, custody, run, module):
    theirs = begun_by_somebody(vault)
    record = custody.record
    said = run(module)
    assert said["failed"]
    assert f"nonce {theirs['nonce']}, 1 of 3 keys given" in said["msg"]
    assert vault.recovery.rekey == theirs
    assert custody.record == record


def test_somebodys_attempt_to_make_a_root_token_is_told_and_left_alone(vault, custody, run_module, run, monkeypatch):
    vault.recovery.answer("write", "sys/generate-root/attempt", {"otp": "x" * 28}, True)
    theirs = dict(vault.recovery.root)
    warned = []
    monkeypatch.setattr(
        "ansible.module_utils.basic.AnsibleModule.warn", lambda _module, text, **_more: warned.append(text)
    )
    said = run(vault_custody_check)
    assert said["recovery_keys"]["proven"] == 5, said
    assert any(theirs["nonce"] in text for text in warned)
    assert vault.recovery.root == theirs


@pytest.mark.parametrize("version", STAND_IN)
@pytest.mark.parametrize("data_alone", [False, True])
def test_as_each_version_keys_are_proven_and_made_anew(vault, custody, run, version, data_alone):
    set_up_all(run, custody)
    vault.recovery.version, vault.recovery.data_alone = version, data_alone
    vault.logins.clear()
    assert run(vault_custody_check)["recovery_keys"]["proven"] == 5
    assert run(vault_rekey)["changed"]
    assert same_in(vault, custody.record["recovery_keys"])
    assert run(vault_custody_check)["recovery_keys"]["proven"] == 5
    assert bool(vault.logins) is (version in GUARDED)


@pytest.mark.parametrize("version", GUARDED)
def test_vault_2_asks_for_an_administrator(vault, custody, run, version):
    set_up_all(run, custody)
    vault.recovery.version = version
    vault.logins.clear()
    assert run(vault_custody_check)["recovery_keys"]["proven"] == 5
    assert ADMIN in vault.logins
    assert run(vault_rekey)["changed"]
    vault.broken.add(ADMIN)
    assert f"'{ADMIN}' can't log in" in run(vault_custody_check)["msg"]


def test_of_keys_for_people_their_number_is_shown_and_those_that_are_given_are_proven(vault, custody, run):
    custody.record |= {"pgp": True, "recovery_keys": [f"a message to {who}" for who in range(5)]}
    said = run(vault_custody_check)
    assert said["recovery_keys"]["proven"] == 0
    assert "They are encrypted to people" in said["lines"][0]
    assert run(vault_custody_check, recovery_keys=vault.recovery.keys[:3])["recovery_keys"]["proven"] == 3


# --- new keys


def test_new_keys_are_in_custody_before_they_count(vault, custody, run):
    before = list(vault.recovery.keys)
    seen = []
    vault.recovery.on_call = lambda call: seen.append((call, json.loads(json.dumps(custody.record))))
    said = run(vault_rekey, recovery_shares=7, recovery_threshold=4)
    assert said["changed"], said
    assert same_in(vault, custody.record["recovery_keys"])
    assert (custody.record["recovery_shares"], custody.record["recovery_threshold"]) == (7, 4)
    assert custody.record["rekey"] is None
    assert custody.record["former"][0]["recovery_keys"] == before
    verifying = [record for call, record in seen if call == "write rekey-recovery-key/verify"]
    assert verifying
    assert all(record["recovery_keys"] == before for record in verifying), "the old ones are not let go before"
    assert all(set(record["rekey"]["recovery_keys"]) == set(vault.recovery.keys) for record in verifying)
    shown = json.dumps(said)
    assert not any(key in shown for key in [*before, *vault.recovery.keys])


def test_a_second_run_has_nothing_to_do(vault, custody, run):
    assert run(vault_rekey, check=True)["changed"]
    assert run(vault_rekey)["changed"]
    keys = list(vault.recovery.keys)
    said = run(vault_rekey)
    assert not said["changed"]
    assert said["lines"][0].startswith("Nothing to do: ")
    assert vault.recovery.keys == keys
    assert run(vault_rekey, recovery_shares=3, recovery_threshold=2)["changed"], "others are wanted"
    assert run(vault_rekey, recovery_shares=3, recovery_threshold=2, age_hours=0)["changed"]


def test_one_wrong_key_keeps_nobody_from_new_ones(vault, custody, run):
    custody.record["recovery_keys"][1] = new_keys(1)[0]
    assert run(vault_rekey)["changed"]
    assert same_in(vault, custody.record["recovery_keys"])
    assert run(vault_custody_check)["recovery_keys"]["proven"] == 5


def test_only_two_former_sets_are_kept(vault, custody, run):
    made = [list(vault.recovery.keys)]
    for _each in range(3):
        run(vault_rekey, age_hours=0)
        made.append(list(vault.recovery.keys))
    assert [one["recovery_keys"] for one in custody.record["former"]] == [made[2], made[1]]


def test_custody_that_does_not_take_the_new_keys_leaves_the_old_ones(vault, custody, run):
    before = list(vault.recovery.keys)
    custody.refuses = lambda record: bool(record["rekey"] and record["rekey"]["recovery_keys"])
    said = run(vault_rekey)
    assert said["failed"]
    assert "it is full" in said["msg"]
    assert vault.recovery.rekey is None, "nothing of it is left under way"
    assert vault.recovery.keys == before
    custody.refuses = lambda _record: False
    assert run(vault_rekey)["changed"]
    assert same_in(vault, custody.record["recovery_keys"])


def test_a_change_of_leader_meanwhile_leaves_the_old_keys_and_the_next_run_finishes(vault, custody, run):
    before = list(vault.recovery.keys)

    def change(call):
        found = vault.recovery.rekey
        if call == "write rekey-recovery-key/update" and found and found["new"] and found["secret_shares"] == 5:
            vault.recovery.change_leader()

    vault.recovery.on_call = change
    assert run(vault_rekey)["failed"]
    assert vault.recovery.keys == before
    vault.recovery.on_call = lambda _call: None
    assert run(vault_rekey)["changed"]
    assert same_in(vault, custody.record["recovery_keys"])


@pytest.mark.parametrize("module", [vault_custody_check, vault_rekey])
def test_a_vault_that_would_let_new_keys_count_at_once_is_given_none(vault, custody, run, module):
    vault.recovery.ignores_verification = True
    assert "it began another rekey than it was asked for" in run(module)["msg"]
    assert vault.recovery.rekey is None
    assert not any("update" in call for call in vault.recovery.calls)


def calls_of(controller, work) -> int:
    controller.lives()
    work()
    return controller.count


def test_a_rekey_that_dies_at_any_call_is_finished_by_the_next_run(vault, custody, run, controller):
    points = calls_of(controller, lambda: run(vault_rekey))
    assert points > 12
    ends = set()
    for at in range(1, points + 1):
        controller.dies(at)
        with pytest.raises(Killed):
            run(vault_rekey, age_hours=0)
        controller.lives()
        held = custody.record
        sets = [held["recovery_keys"], *([held["rekey"]["recovery_keys"]] if held["rekey"] else [])]
        assert any(same_in(vault, keys) for keys in sets), f"call {at}: no keys in custody count"
        said = run(vault_rekey, age_hours=0)
        assert said.get("changed"), (at, said)
        ends.add(said["step"])
        assert same_in(vault, custody.record["recovery_keys"])
        assert custody.record["rekey"] is None
        assert vault.recovery.rekey is None
        assert run(vault_custody_check)["recovery_keys"]["proven"] == 5
    assert ends == {"begin", "verify", "settle"}


def test_a_look_that_dies_at_any_call_leaves_nothing_behind_for_the_next_one(vault, custody, run, controller):
    keys = list(vault.recovery.keys)
    points = calls_of(controller, lambda: run(vault_custody_check))
    for at in range(1, points + 1):
        controller.dies(at)
        with pytest.raises(Killed):
            run(vault_custody_check)
        controller.lives()
        said = run(vault_custody_check)
        assert said["recovery_keys"]["proven"] == 5, (at, said)
        assert vault.recovery.keys == keys
        assert vault.recovery.rekey is None


def test_new_keys_for_people_wait_until_these_have_given_theirs(vault, custody, run):
    before = list(vault.recovery.keys)
    wanted = {"pgp_keys": [f"key of {who}" for who in range(5)]}
    said = run(vault_rekey, **wanted)
    assert said["changed"], said
    assert said["waits"]
    assert f"-cancel -nonce={vault.recovery.rekey['nonce']}" in said["lines"][-1]
    assert vault.recovery.keys == before, "nobody has shown that he can open them"
    assert custody.record["recovery_keys"] == before
    again = run(vault_rekey, **wanted)
    assert (again["changed"], again["step"]) == (False, "waits")
    opened = [message.rpartition(": ")[2] for message in custody.record["rekey"]["recovery_keys"]]
    assert "failed" in run(vault_rekey, recovery_keys=new_keys(3), **wanted)
    assert vault.recovery.keys == before
    done = run(vault_rekey, recovery_keys=opened[1:4], **wanted)
    assert done["step"] == "verify", done
    assert "count from now on" in done["lines"][0]
    assert vault.recovery.keys == opened
    assert custody.record["pgp"]
    assert custody.record["rekey"] is None
    # And from there on people are needed.
    assert "have to give their key" in run(vault_rekey, age_hours=0, **wanted)["msg"]
    again = run(vault_rekey, age_hours=0, recovery_keys=opened[:3], **wanted)
    assert again["waits"], again
    assert vault.recovery.keys == opened


# --- nobody gets in


def set_up_all(run, custody):
    custody.record["root_token"] = ROOT
    said = run(vault_operator)
    assert said["root_token_revoked"], said


@pytest.fixture
def locked_out(vault, custody, run):
    """A cluster whose administrators' policy and logins are gone."""
    set_up_all(run, custody)
    lock_out(vault)


def lock_out(vault):
    for role in (ADMIN, OPERATOR, STATUS):
        vault.roles.pop(role, None)
        vault.policies.pop(role, None)
    vault.logins.clear()
    vault.events.clear()


def regain(run, vault):
    """What the playbook does, in this order. A reload that opens or shuts is one step. Who is killed shuts nothing."""
    looked = run(vault_root_token, check=True)
    if looked.get("failed"):
        return [looked]
    if looked["guarded"] and looked["step"] == "make":
        vault.recovery.open = {"generate-root"}
    made = run(vault_root_token)
    set_up = [run(vault_operator)] if made.get("held") else []
    vault.recovery.open = set()
    return [looked, made] if made.get("failed") else [looked, made, *set_up, run(vault_root_token)]


def root_tokens(vault):
    return [token for token, policies in vault.tokens.items() if policies == ["root"]]


def test_where_an_administrator_can_log_in_there_is_nothing_to_regain(vault, custody, run):
    set_up_all(run, custody)
    said = run(vault_root_token)
    assert (said["changed"], said["step"]) == (False, "nothing")
    assert f"'{ADMIN}' logs in with" in said["lines"][0]
    assert vault.recovery.calls == ["read generate-root/attempt"]


def test_an_administrator_gets_in_again_and_no_root_token_stays(vault, custody, run, locked_out):
    looked, made, set_up, tidied = regain(run, vault)
    assert looked["changed"], looked
    assert looked["step"] == "make"
    assert made["held"]
    assert set_up["root_token_revoked"], set_up
    assert tidied["step"] == "nothing", tidied
    assert root_tokens(vault) == []
    assert custody.record["root_token"] is None
    assert custody.record["generate_root"] is None
    assert {ADMIN, OPERATOR} <= set(vault.roles)
    shown = json.dumps([looked, made, set_up, tidied])
    secrets_of_it = [made["id"] for made in vault.recovery.tokens.values()]
    assert secrets_of_it
    assert not any(secret in shown for secret in [*secrets_of_it, *vault.recovery.keys])


def test_the_root_token_goes_only_when_an_administrator_has_logged_in(vault, custody, run, locked_out):
    vault.broken.add(ADMIN)
    results = regain(run, vault)
    assert results[2]["failed"], results
    assert len(root_tokens(vault)) == 1
    assert custody.record["root_token"] == root_tokens(vault)[0]
    vault.broken.clear()
    # The next run takes the token that is there.
    calls = len(vault.recovery.tokens)
    assert regain(run, vault)[-1]["step"] == "nothing"
    assert len(vault.recovery.tokens) == calls
    assert root_tokens(vault) == []


@pytest.mark.parametrize("version", ["1.21.1", "2.2.2"])
def test_a_run_that_dies_at_any_call_leaves_no_root_token_when_the_next_one_has_ended(
    vault, custody, run, controller, locked_out, version
):
    vault.recovery.version = version
    points = calls_of(controller, lambda: regain(run, vault))
    assert points > 12
    cancelled = 0
    for at in range(1, points + 1):
        lock_out(vault)
        theirs = vault.recovery.make_root(time.time() - 3600)
        controller.dies(at)
        with pytest.raises(Killed):
            regain(run, vault)
        controller.lives()
        results = regain(run, vault)
        if "somebody's attempt to make a root token is under way" in results[0].get("msg", ""):
            # It died between Vault's answer and the note of it.
            nonce = vault.recovery.root["nonce"]
            assert f"-e vault_regain_cancel={nonce}" in results[0]["msg"]
            assert ("for who has no token" in results[0]["msg"]) is (version in GUARDED)
            assert custody.record["generate_root"]["nonce"] is None
            cancelled += 1
            results = regain(lambda module, _nonce=nonce, **more: run(module, **more, **cancel(module, _nonce)), vault)
        assert results[-1]["step"] in ("nothing", "tidy"), (at, results)
        assert run(vault_root_token)["step"] == "nothing"
        assert root_tokens(vault) == [theirs], (
            at,
            "a root token of a killed run is left, or another is gone",
        )
        assert custody.record["root_token"] is None
        assert custody.record["generate_root"] is None
        assert vault.recovery.root is None
        assert vault.recovery.open == set()
        del vault.tokens[theirs]
    assert cancelled == 1


def cancel(module, nonce):
    return {"cancel": nonce} if module is vault_root_token else {}


def test_an_attempt_that_a_killed_run_has_left_is_ended_also_where_somebody_else_has_let_administrators_in(
    vault, custody, run, controller, locked_out
):
    at = 1
    while not (vault.recovery.root and custody.record["generate_root"]["nonce"]):
        controller.dies(at)
        with pytest.raises(Killed):
            run(vault_root_token)
        controller.lives()
        at += 1
        vault.recovery.root = vault.recovery.root if custody.record["generate_root"]["nonce"] else None
    vault.tokens[ROOT] = ["root"]
    set_up_all(run, custody)
    looked = run(vault_root_token, check=True)
    assert looked["step"] == "tidy"
    assert "the attempt to make a root token that a killed run has left" in looked["lines"][0]
    assert vault.recovery.root
    run(vault_root_token)
    assert vault.recovery.root is None
    assert custody.record["generate_root"] is None


def test_somebody_elses_attempt_to_make_a_root_token_is_not_ended(vault, custody, run, locked_out):
    vault.recovery.answer("write", "sys/generate-root/attempt", {"otp": "x" * 28}, True)
    theirs = dict(vault.recovery.root)
    said = run(vault_root_token)
    assert said["failed"]
    assert theirs["nonce"] in said["msg"]
    assert vault.recovery.root == theirs
    assert run(vault_root_token, cancel="another")["failed"]
    assert run(vault_root_token, cancel=theirs["nonce"])["held"]


def test_one_wrong_key_keeps_no_administrator_out(vault, custody, run, locked_out):
    custody.record["recovery_keys"][0] = new_keys(1)[0]
    assert regain(run, vault)[-1]["step"] == "nothing"
    assert root_tokens(vault) == []
    assert custody.record["generate_root"] is None


def test_a_restored_snapshots_keys_are_found_among_the_former_ones(vault, custody, run, locked_out):
    old = list(vault.recovery.keys)
    run(vault_rekey)
    vault.recovery.keys = old
    assert regain(run, vault)[-1]["step"] == "nothing"
    assert root_tokens(vault) == []


def test_custody_that_takes_no_token_has_it_revoked(vault, custody, run, locked_out, monkeypatch):
    monkeypatch.setattr(root, "TRY_SECONDS", 0)
    custody.refuses = lambda record: record["root_token"] is not None
    said = run(vault_root_token)
    assert "it is full" in said["msg"]
    assert root_tokens(vault) == []


def test_who_could_not_show_a_login_afterwards_makes_no_root_token(vault, custody, run, locked_out, options):
    options["admin_public_key"] = options["admin_private_key"] = None
    said = run(vault_root_token)
    assert "nobody here could show afterwards that an administrator logs in" in said["msg"]
    assert root_tokens(vault) == []


def test_keys_for_people_make_no_root_token_here(vault, custody, run, locked_out):
    custody.record["pgp"] = True
    assert "encrypted to people" in run(vault_root_token)["msg"]


@pytest.mark.parametrize("version", GUARDED)
def test_vault_2_makes_one_when_it_is_opened_for_that(vault, custody, run, locked_out, monkeypatch, version):
    monkeypatch.setattr(root, "OPEN_SECONDS", 0)
    vault.recovery.version = version
    looked = run(vault_root_token, check=True)
    assert (looked["opened"], looked["guarded"], looked["version"], looked["step"]) == (False, True, version, "make")
    assert "enable_unauthenticated_access is set for generate-root" in " ".join(looked["lines"])
    refused = run(vault_root_token)
    assert refused["failed"]
    assert "makes a root token only for who has a token" in refused["msg"]
    # Opened for this alone: the endpoints of a rekey stay shut.
    vault.recovery.open = {"generate-root"}
    made = run(vault_root_token)
    assert made["held"], made
    assert run(vault_operator)["root_token_revoked"]
    vault.recovery.open = set()
    assert run(vault_root_token)["step"] == "nothing"
    assert root_tokens(vault) == []


@pytest.mark.parametrize("version", STAND_IN)
def test_as_each_version_an_administrator_gets_in_again(vault, custody, run, locked_out, version):
    vault.recovery.version = version
    looked, *_others, tidied = regain(run, vault)
    assert (looked["opened"], looked["guarded"]) == ((False, True) if version in GUARDED else (True, False))
    assert tidied["step"] == "nothing"
    assert root_tokens(vault) == []
    assert vault.recovery.open == set()


@pytest.mark.parametrize("open_to", [set(), {"generate-root"}])
def test_a_vault_that_hides_its_version_counts_as_guarded_though_it_is_open(vault, custody, run, locked_out, open_to):
    vault.recovery.hides_version, vault.recovery.version, vault.recovery.open = True, "2.2.2", open_to
    looked = run(vault_root_token, check=True)
    assert (looked["version"], looked["guarded"], looked["opened"]) == ("", True, bool(open_to))
