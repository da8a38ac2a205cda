"""The first recovery keys that custody holds of a cluster that somebody else initialised: people give theirs, and keep them.

Against a stand-in. Whoever dies, dies at any call.
"""

from __future__ import annotations

import json

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._custody import record as records
from ansible_collections.vaultops.cluster.plugins.modules import vault_custody_check, vault_rekey
from kit.killed import ANY_SINK, Killed
from kit.recovery import CLUSTER_ID, new_keys


@pytest.fixture
def custody(custody):
    """It holds nothing."""
    custody.record = None
    return custody


@pytest.fixture
def shares(vault, custody):
    """What people have."""
    return list(vault.recovery.keys)


@pytest.fixture
def run(run_module, options):
    def one(module=vault_rekey, check=False, **more):
        own = {name: value for name, value in options.items() if name in module.OPTIONS}
        return run_module(module, check, cluster_name="prod", custody=ANY_SINK, **own, **more)

    return one


def same_in(vault, keys):
    return set(keys) == set(vault.recovery.keys)


def is_in_custody(vault, custody):
    held = custody.record
    return (
        held["status"] == "stored"
        and same_in(vault, held["recovery_keys"])
        and held["rekey"] is None
        and vault.recovery.rekey is None
    )


def test_people_give_their_keys_once_and_custody_has_new_ones_from_then_on(vault, custody, run, shares):
    seen = []
    vault.recovery.on_call = lambda call: seen.append((call, json.loads(json.dumps(custody.record))))
    said = run(recovery_keys=shares[1:4])
    assert (said["changed"], said["step"]) == (True, "begin"), said
    assert is_in_custody(vault, custody)
    assert custody.record["former"] == []
    assert custody.record["cluster_id"] == CLUSTER_ID
    # The new keys were there before they counted, and nothing of the old ones ever was.
    before_counting = [record for call, record in seen if call == "write rekey-recovery-key/verify"]
    assert before_counting
    assert all(set(record["rekey"]["recovery_keys"]) == set(vault.recovery.keys) for record in before_counting)
    assert not any(share in json.dumps(record) for _call, record in seen for share in shares)
    assert not any(key in json.dumps(said) for key in [*shares, *vault.recovery.keys])
    # Nobody gives a key any more.
    assert run(vault_custody_check)["recovery_keys"]["proven"] == 5
    again = run()
    assert (again["changed"], again["step"]) == (False, "nothing"), again
    assert run(age_hours=0)["changed"]
    assert is_in_custody(vault, custody)


def test_the_same_command_once_more_has_nothing_to_do(vault, custody, run, shares):
    assert run(recovery_keys=shares[:3])["changed"]
    assert run(recovery_keys=shares[:3])["step"] == "nothing"


@pytest.mark.parametrize("check", [True, False])
@pytest.mark.parametrize("count", [0, 2])
def test_too_few_are_asked_for_and_nothing_is_touched(vault, custody, run, shares, check, count):
    said = run(check=check, recovery_keys=[*shares[:count], *shares[:count]])
    assert f"Vault wants 3 of the 5 that people have, and {count} different ones were given" in said["msg"], said
    assert custody.record is None
    assert {call.partition(" ")[0] for call in vault.recovery.calls} == {"read"}


def test_in_check_mode_nothing_is_given_and_nothing_is_kept(vault, custody, run, shares):
    said = run(check=True, recovery_keys=shares[:3])
    assert (said["changed"], said["step"], said["since"], said["waits"]) == (True, "begin", None, False), said
    assert "says whether it takes them" in said["lines"][0]
    assert custody.record is None
    assert {call.partition(" ")[0] for call in vault.recovery.calls} == {"read"}


def test_wrong_ones_are_refused_by_vault_and_nothing_is_kept(vault, custody, run, shares):
    given = [*shares[:2], new_keys(1)[0]]
    said = run(recovery_keys=given)
    assert "it takes none of the 3 keys in VAULT_RECOVERY_KEYS" in said["msg"], said
    assert not any(key in said["msg"] for key in given)
    assert custody.record is None
    assert vault.recovery.rekey is None
    # One wrong one among enough right ones keeps nobody away.
    assert run(recovery_keys=[*given, shares[3]])["changed"]
    assert is_in_custody(vault, custody)


def test_somebody_elses_rekey_is_left_alone(vault, custody, run, shares):
    body = {"secret_shares": 5, "secret_threshold": 3, "require_verification": True}
    vault.recovery.answer("write", "sys/rekey-recovery-key/init", body, True)
    theirs = dict(vault.recovery.rekey)
    assert f"nonce {theirs['nonce']}" in run(recovery_keys=shares[:3])["msg"]
    assert vault.recovery.rekey == theirs
    assert custody.record is None


def test_what_appears_in_custody_in_that_moment_is_not_written_over(vault, custody, run, shares):
    theirs = records.prepared("prod", "2026-01-01T00:00:00+00:00", "bob@desk")

    def appear(_call):
        custody.record = theirs

    vault.recovery.on_call = appear
    said = run(recovery_keys=shares[:3])
    assert "somebody else has put something there since it was looked at" in said["msg"], said
    assert custody.record == theirs
    assert same_in(vault, shares)


def test_custody_that_takes_no_new_keys_leaves_those_of_people(vault, custody, run, shares):
    custody.refuses = lambda record: bool(record["rekey"] and record["rekey"]["recovery_keys"])
    assert "it is full" in run(recovery_keys=shares[:3])["msg"]
    assert vault.recovery.rekey is None
    assert same_in(vault, shares)
    custody.refuses = lambda _record: False
    assert "was cut short before custody had a new key" in run()["msg"]
    assert run(recovery_keys=shares[:3])["changed"]
    assert is_in_custody(vault, custody)


def test_a_run_that_dies_at_any_call_is_finished_by_the_next_one(vault, custody, run, controller, shares):
    controller.lives()
    run(recovery_keys=shares[:3])
    points, ends, refused = controller.count, set(), 0
    assert points > 12
    for at in range(1, points + 1):
        vault.recovery.keys, vault.recovery.rekey, custody.record = list(shares), None, None
        controller.dies(at)
        with pytest.raises(Killed):
            run(recovery_keys=shares[:3])
        controller.lives()
        held = custody.record
        coming = held["rekey"]["recovery_keys"] if held and held["rekey"] else []
        assert same_in(vault, shares) or same_in(vault, coming) or same_in(vault, held["recovery_keys"]), at
        # Who looks meanwhile is told what to do, or sees that all is well.
        looked = run(vault_custody_check)
        assert looked.get("failed") or is_in_custody(vault, custody), (at, looked)
        # Without keys of people: it finishes, or says that it needs them and leaves all as it is.
        said = run()
        if said.get("failed"):
            refused += 1
            assert same_in(vault, shares), (at, said)
            assert custody.record == held, at
            assert "VAULT_RECOVERY_KEYS" in said["msg"]
            said = run(recovery_keys=shares[2:])
            assert said.get("changed"), (at, said)
        ends.add(said["step"])
        assert is_in_custody(vault, custody), at
        assert run(vault_custody_check)["recovery_keys"]["proven"] == 5
    assert ends == {"begin", "verify", "settle", "nothing"}
    assert 0 < refused < points


def lead_moves_before_the_new_keys_count(vault, run, shares):
    def change(call):
        if call.startswith("delete") and call.endswith("/verify"):
            vault.recovery.change_leader()

    vault.recovery.on_call = change
    assert run(recovery_keys=shares[:3])["failed"]
    vault.recovery.on_call = lambda _call: None


def test_after_a_change_of_leader_the_keys_of_people_count_and_are_asked_for(vault, custody, run, shares):
    lead_moves_before_the_new_keys_count(vault, run, shares)
    held = custody.record
    assert held["rekey"]["recovery_keys"]
    assert same_in(vault, shares)
    assert "Custody holds the new keys" in run(check=True)["lines"][0]
    said = run()
    assert "none of the new recovery keys in custody" in said["msg"], said
    assert "the keys of people, which count then, were not given" in said["msg"]
    assert custody.record == held
    assert run(recovery_keys=shares[:3])["changed"]
    assert is_in_custody(vault, custody)


def test_new_keys_that_vault_could_not_look_at_are_not_let_go(vault, custody, run, shares, controller):
    """KMS fails for a moment, in which Vault refuses every key."""
    controller.lives()
    run(recovery_keys=shares[:3])
    points = controller.count
    vault.recovery.keys, vault.recovery.rekey, custody.record = list(shares), None, None
    controller.dies(points - 1)
    with pytest.raises(Killed):
        run(recovery_keys=shares[:3])
    controller.lives()
    new = custody.record["rekey"]["recovery_keys"]
    assert same_in(vault, new)
    right, refused = vault.recovery.keys, []

    def fail_once(call):
        if call.endswith("/update") and vault.recovery.keys is right and not refused:
            vault.recovery.keys = new_keys(5)
        elif call.startswith("delete") and vault.recovery.keys is not right:
            vault.recovery.keys = right
            refused.append(call)

    vault.recovery.on_call = fail_once
    said = run()
    assert refused and said["changed"], said
    assert custody.record["recovery_keys"] == new
    assert is_in_custody(vault, custody)


def test_a_snapshot_from_before_brings_back_keys_that_people_give_once_more(vault, custody, run, shares):
    run(recovery_keys=shares[:3])
    made = list(vault.recovery.keys)
    vault.recovery.keys = list(shares)
    looked = run(vault_custody_check)["msg"]
    assert "give as many as Vault needs to playbooks/rekey.yml" in looked, looked
    assert "failed" in run(age_hours=0)
    assert custody.record["recovery_keys"] == made
    assert run(age_hours=0, recovery_keys=shares[:3])["changed"]
    assert is_in_custody(vault, custody)
    assert custody.record["former"][0]["recovery_keys"] == made


def test_keys_that_custody_holds_come_before_those_that_people_give(vault, custody, run, shares):
    run(recovery_keys=shares[:3])
    vault.recovery.calls.clear()
    assert run(age_hours=0, recovery_keys=new_keys(3))["changed"]
    assert is_in_custody(vault, custody)


def test_new_keys_for_people_wait_for_these(vault, custody, run, shares):
    wanted = {"pgp_keys": [f"key of {who}" for who in range(5)]}
    said = run(recovery_keys=shares[:3], **wanted)
    assert said["waits"], said
    assert same_in(vault, shares)
    assert run(**wanted)["step"] == "waits"
    opened = [message.rpartition(": ")[2] for message in custody.record["rekey"]["recovery_keys"]]
    assert run(recovery_keys=opened[:3], **wanted)["step"] == "verify"
    assert vault.recovery.keys == opened
    assert (custody.record["status"], custody.record["pgp"]) == ("stored", True)


def waiting(vault, custody, run, shares):
    """New keys in custody that are encrypted to people; and these keys, decrypted."""
    wanted = {"pgp_keys": [f"key of {who}" for who in range(5)]}
    assert run(recovery_keys=shares[:3], **wanted)["waits"]
    return wanted, [message.rpartition(": ")[2] for message in custody.record["rekey"]["recovery_keys"]]


def test_old_keys_that_people_give_are_not_taken_for_the_new_ones(vault, custody, run, shares):
    wanted, _opened = waiting(vault, custody, run, shares)
    vault.recovery.change_leader()
    said = run(recovery_keys=shares[2:], **wanted)
    assert (said["step"], said["waits"]) == ("settle", True), said
    assert custody.record["status"] == "elsewhere", "nobody has shown that he can open the new ones"
    assert same_in(vault, shares)
    opened = [message.rpartition(": ")[2] for message in custody.record["rekey"]["recovery_keys"]]
    assert run(recovery_keys=opened[:3], **wanted)["step"] == "verify"
    assert is_in_custody(vault, custody) is False, "custody has messages"
    assert (custody.record["status"], vault.recovery.keys) == ("stored", opened)


def test_keys_that_are_no_new_ones_are_never_taken_for_these(vault, custody, run, shares):
    wanted, _opened = waiting(vault, custody, run, shares)
    for again, says in ((new_keys(3), "incorrect key shares"), (shares[:3], "those that the rekey was begun with")):
        assert says in run(recovery_keys=again, **wanted)["msg"]
        assert custody.record["rekey"].get("given_back", []) == [], "Vault has refused them"
    vault.recovery.change_leader()
    assert run(recovery_keys=shares[:3], **wanted)["waits"]
    assert custody.record["status"] == "elsewhere", "nobody has shown that he can open the new ones"
    assert same_in(vault, shares)


def test_keys_of_which_nobody_knows_whether_they_are_new_begin_nothing(vault, custody, run, shares, controller):
    """Vault has let the new ones count, and the answer was lost: others of the new set are not those that were given back."""
    wanted, opened = waiting(vault, custody, run, shares)
    controller.dies(5)
    with pytest.raises(Killed):
        run(recovery_keys=opened[:3], **wanted)
    controller.lives()
    assert vault.recovery.keys == opened
    held = json.loads(json.dumps(custody.record))
    said = run(recovery_keys=opened[2:], **wanted)
    assert "nobody knows which of the two sets they are of" in said["msg"]
    assert custody.record == held
    assert run(recovery_keys=opened[:3], **wanted)["step"] == "settle"
    assert custody.record["status"] == "stored"


def test_new_keys_of_people_are_known_again_where_vault_has_verified_them(vault, custody, run, shares, controller):
    wanted, opened = waiting(vault, custody, run, shares)
    # A note of whose keys are given back, a restart of the verification, three keys.
    controller.dies(5)
    with pytest.raises(Killed):
        run(recovery_keys=opened[1:4], **wanted)
    controller.lives()
    assert vault.recovery.keys == opened
    held = custody.record
    assert not any(key in json.dumps(held["rekey"]["given_back"]) for key in opened), "what is noted is no key"
    # Keys of the old set are not it, and those that nobody gave before begin anew, without a loss.
    assert "failed" in run(recovery_keys=shares[:3], **wanted)
    assert custody.record == held
    assert run(recovery_keys=opened[1:4], **wanted)["step"] == "settle"
    assert (custody.record["status"], custody.record["rekey"]) == ("stored", None)
    assert vault.recovery.keys == opened
