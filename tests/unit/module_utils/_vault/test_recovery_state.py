"""What is under way with recovery keys and root tokens, and what follows: tables."""

from __future__ import annotations

import base64

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._custody import record as records
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.recovery import given as people
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.recovery import state

OLD, NEW, OLDER = (["a1", "a2", "a3"], ["b1", "b2", "b3"], ["c1", "c2", "c3"])
THEN, NOW = "2026-01-01T00:00:00+00:00", "2026-01-01T02:00:00+00:00"
WANTED = state.Wanted(3, 2)
SEAL: state.Seal = {"shares": 5, "threshold": 2}


def keys(those, **more):
    return {"since": THEN, "recovery_keys": those, "recovery_shares": 3, "recovery_threshold": 2, "pgp": False, **more}


def held(**more):
    reservation = records.prepared("prod", THEN, "ada@desk")
    return {**records.stored(reservation, {**reservation, **keys(OLD)}, "id"), **more}


def with_people(**more):
    return {**records.elsewhere("prod", THEN, "ada@desk", "id", 5, 2), **more}


def rekey(nonce=None, those=(), **more):
    return {**keys(list(those)), "who": "ada@desk", "nonce": nonce, **more}


def attempt(nonce=None, **more):
    none = {
        "progress": 0,
        "required": 2,
        "pgp_fingerprints": [],
        "verification_nonce": None,
        "otp_length": 28,
        "cancel": "cancel it",
    }
    return {"nonce": nonce, "shares": 3, "threshold": 2, "verifies": True, **none, **more}


@pytest.mark.parametrize(
    ("seen", "noted", "whose"),
    [
        (attempt(), None, "none"),
        (attempt(), rekey("n"), "none"),
        (attempt("n"), rekey("n"), "ours"),
        (attempt("n"), rekey("m"), "others"),
        (attempt("n"), None, "others"),
        (attempt("n", pgp_fingerprints=[state.CHECK_FINGERPRINT]), None, "check"),
        (attempt("n", pgp_fingerprints=[state.CHECK_FINGERPRINT, "x"]), None, "others"),
        (attempt("n"), rekey(), "unnoted"),
        # Somebody has given a key, or wants other keys: not what a run of this collection has begun and left.
        (attempt("n", progress=1), rekey(), "others"),
        (attempt("n", shares=5), rekey(), "others"),
        (attempt("n", threshold=3), rekey(), "others"),
        (attempt("n", verifies=False), rekey(), "others"),
        (attempt("n", pgp_fingerprints=["x"]), rekey(), "others"),
        (attempt("n", pgp_fingerprints=["x"]), rekey(pgp=True), "unnoted"),
    ],
)
def test_whose_a_rekey_is(seen, noted, whose):
    assert state.standing(seen, noted) == whose


def test_the_key_of_a_look_is_the_one_whose_fingerprint_is_looked_for():
    from hashlib import sha1

    packet = base64.b64decode(state.CHECK_KEY)
    body = packet[2 : 2 + packet[1]]
    assert (
        sha1(b"\x99" + len(body).to_bytes(2, "big") + body, usedforsecurity=False).hexdigest()
        == state.CHECK_FINGERPRINT
    )


@pytest.mark.parametrize(
    ("record", "seen", "given", "age", "step"),
    [
        (None, attempt(), 0, 1, "refuse"),
        (None, attempt(), 1, 1, "refuse"),
        (None, attempt(), 2, 1, "begin"),
        (None, attempt("n"), 2, 1, "refuse"),
        (with_people(), attempt(), 1, 1, "refuse"),
        (with_people(), attempt(), 2, 3, "begin"),
        (with_people(rekey=rekey("n")), attempt("n"), 1, 1, "refuse"),
        (with_people(rekey=rekey("n")), attempt("n"), 2, 1, "begin"),
        (with_people(rekey=rekey()), attempt("n"), 2, 1, "begin"),
        (with_people(rekey=rekey("n")), attempt("m"), 2, 1, "refuse"),
        (with_people(rekey=rekey("n", NEW)), attempt("n"), 0, 1, "verify"),
        (with_people(rekey=rekey("n", NEW)), attempt(), 0, 1, "settle"),
        (with_people(rekey=rekey("n", NEW, pgp=True)), attempt("n"), 0, 1, "waits"),
        (records.prepared("prod", THEN), attempt(), False, 1, "refuse"),
        (records.prepared("prod", THEN), attempt(), 2, 1, "refuse"),
        (held(), attempt(), 2, 1, "begin"),
        (held(), attempt(), 2, 3, "nothing"),
        (held(), attempt(), False, 1, "begin"),
        (held(), attempt(), False, 3, "nothing"),
        (held(), attempt(), False, 0, "begin"),
        (held(recovery_shares=5), attempt(), False, 3, "begin"),
        (held(recovery_threshold=3), attempt(), False, 3, "begin"),
        (held(pgp=True), attempt(), False, 1, "refuse"),
        (held(pgp=True), attempt(), True, 1, "begin"),
        (held(), attempt("n"), False, 1, "refuse"),
        (held(rekey=rekey()), attempt(), False, 3, "begin"),
        (held(rekey=rekey()), attempt("n"), False, 3, "begin"),
        (held(rekey=rekey("n")), attempt("n"), False, 3, "begin"),
        (held(rekey=rekey("n")), attempt("m"), False, 3, "refuse"),
        (held(rekey=rekey("n", NEW)), attempt("n"), False, 3, "verify"),
        (held(rekey=rekey("n", NEW)), attempt(), False, 3, "settle"),
        (held(rekey=rekey("n", NEW)), attempt("m"), False, 3, "refuse"),
        (held(rekey=rekey("n", NEW, pgp=True)), attempt("n"), False, 3, "waits"),
        (held(rekey=rekey("n", NEW, pgp=True)), attempt("n"), True, 3, "verify"),
        (held(rekey=rekey("n", NEW, pgp=True)), attempt(), False, 3, "refuse"),
        (held(rekey=rekey("n", NEW, pgp=True)), attempt(), True, 3, "settle"),
    ],
)
def test_what_a_rekey_has_to_do(record, seen, given, age, step):
    todo = state.plan_rekey(record, seen, SEAL, WANTED, "the sink", given, NOW, age)
    assert todo.step == step
    assert (bool(todo.lines), bool(todo.cause)) == (step != "refuse", step == "refuse")
    assert todo.changes == (step in ("begin", "verify", "settle"))


def plan_of(record, given, **seal):
    return state.plan_rekey(record, attempt(), {**SEAL, **seal}, WANTED, "the sink", given, NOW, 1)


def test_keys_that_custody_never_had_are_asked_for_by_their_number():
    todo = plan_of(None, 1)
    assert todo.cause.startswith(
        "the sink holds no recovery key that counts. Vault wants 2 of the 5 that people have, and 1 "
    )
    assert "VAULT_RECOVERY_KEYS" in todo.cure and "playbooks/adopt_seal.yml" in todo.cure
    assert "cut short" not in todo.cause
    noted = plan_of(with_people(rekey=rekey("n")), 0)
    assert f"The rekey that ada@desk began at {THEN} was cut short before custody had a new key" in noted.cause
    assert "says that the cluster has none" in plan_of(None, 3, threshold=0, shares=0).cause


def test_what_is_done_with_keys_of_people_is_said():
    lines = plan_of(None, 3).lines
    assert "Vault is given 2 of the 3 keys in VAULT_RECOVERY_KEYS" in lines[0]
    assert "Custody gets none of them" in lines[-1]
    assert plan_of(with_people(rekey=rekey("n")), 2).lines[0].endswith("It is begun anew.")
    own = state.plan_rekey(held(), attempt(), SEAL, WANTED, "the sink", 2, NOW, 0).lines
    assert own[-1].startswith(
        "The keys in VAULT_RECOVERY_KEYS are given to Vault only where it takes none of those in custody"
    )
    gone = state.plan_rekey(with_people(rekey=rekey("n", NEW)), attempt(), SEAL, WANTED, "s", 0, NOW, 0).lines
    assert "Custody holds the new keys: " in gone[0] and "needs the keys of people" in gone[0]


def test_keys_that_were_of_people_are_not_kept_as_former_ones():
    after = records.rekeyed(with_people(rekey=rekey("n", NEW)))
    assert (after["status"], after["recovery_keys"], after["former"]) == ("stored", NEW, [])
    before = with_people()
    assert records.load(records.dump(before), "x") == before


def test_no_look_into_custody_takes_keys_of_people_for_its_own():
    assert state.not_in_custody(with_people(rekey=rekey("n", NEW)), "the sink")
    assert state.plan_root(with_people(), attempt(), None, "me", "the sink").step == "refuse"


@pytest.mark.parametrize(
    ("record", "given", "cause", "cure"),
    [
        (held(), 0, "it takes none of the recovery keys in custody (why)", "custody_check"),
        (held(), 3, "keys in custody, and none of the 3 keys in VAULT_RECOVERY_KEYS (why)", "custody_check"),
        (with_people(), 3, "it takes none of the 3 keys in VAULT_RECOVERY_KEYS (why)", "One of the keys is wrong"),
        (
            with_people(rekey=rekey("n", NEW)),
            0,
            "none of the new recovery keys in custody (why), and the keys of people, which count then, were not given",
            "VAULT_RECOVERY_KEYS",
        ),
        (with_people(rekey=rekey("n", NEW)), 2, "new recovery keys in custody, and none of the 2 keys", "Give others"),
    ],
)
def test_keys_that_vault_does_not_take_are_named_by_where_they_are(record, given, cause, cure):
    said = people.none_taken(record, given, "why")
    assert cause in said[0] and cure in said[1]


@pytest.mark.parametrize(
    ("record", "seen", "admin", "whoever", "cancel", "step"),
    [
        (None, attempt(), None, "me", "", "refuse"),
        (records.prepared("prod", THEN), attempt(), None, "me", "", "refuse"),
        (held(), attempt(), None, "me", "", "make"),
        (held(), None, None, "me", "", "make"),
        (held(), attempt(), None, None, "", "refuse"),
        (held(pgp=True), attempt(), None, "me", "", "refuse"),
        (held(), attempt("n"), None, "me", "", "refuse"),
        (held(), attempt("n"), None, "me", "m", "refuse"),
        (held(), attempt("n"), None, "me", "n", "make"),
        (held(generate_root={"who": None, "nonce": "n", "unseen": []}), attempt("n"), None, "me", "", "make"),
        (held(generate_root={"who": None, "nonce": None, "unseen": []}), attempt("n"), None, "me", "", "refuse"),
        (held(), attempt(), "he logs in.", "me", "", "nothing"),
        (held(), attempt("n"), "he logs in.", "me", "", "nothing"),
        (None, attempt(), "he logs in.", None, "", "nothing"),
        (held(root_token="t"), attempt(), "he logs in.", "me", "", "tidy"),
        (held(root_token="t", root_token_pgp=True), attempt(), "he logs in.", "me", "", "nothing"),
        (held(generate_root={"who": None, "nonce": "n", "unseen": []}), attempt("n"), "he.", "me", "", "tidy"),
        (held(generate_root={"who": None, "nonce": None, "unseen": [1]}), attempt(), "he.", "me", "", "tidy"),
        (held(generate_root={"who": None, "nonce": None, "unseen": []}), attempt(), "he.", "me", "", "tidy"),
    ],
)
def test_what_to_do_where_somebody_gets_in_or_nobody(record, seen, admin, whoever, cancel, step):
    assert state.plan_root(record, seen, admin, whoever, "the sink", cancel).step == step


def test_the_keys_that_may_open_are_tried_from_the_likeliest_on():
    record = held(rekey=rekey("n", NEW), former=[keys(OLDER)])
    assert state.ways(record)[0] == OLD[:2]
    assert {one for way in state.ways(record)[:3] for one in way} == set(OLD)
    assert {one for way in state.ways(record) for one in way} == {*OLD, *NEW, *OLDER}
    assert state.ways(held(pgp=True)) == []
    assert state.ways(held(pgp=True), ["x", "y"]) == [["x", "y"]]
    assert state.ways(held(pgp=True), ["x", "x"]) == [], "that is one key"
    assert state.ways(with_people(), ["x", "y", "z"], 2) == [["x", "y"], ["x", "z"], ["y", "z"]]
    assert state.ways(with_people(), ["x", "y"]) == []
    assert state.ways(held(), ["x", "y"], 2)[-1] == ["x", "y"], "custody's own come first"


@pytest.mark.parametrize(
    ("token", "unseen"),
    [
        ({}, True),
        ({"creation_time": 1000}, True),
        ({"creation_time": 999}, False),
        ({"creation_time": 1000 + state.UNSEEN_SECONDS}, True),
        ({"creation_time": 1001 + state.UNSEEN_SECONDS}, False),
        ({"creation_time": 5000}, True),
        ({"path": "auth/token/create"}, False),
        ({"policies": ["root", "x"]}, False),
    ],
)
def test_which_root_token_is_nobodys(token, unseen):
    made = {"path": "auth/token/root", "policies": ["root"], "creation_time": 1010, **token}
    assert state.is_unseen(made, [1000, 5000]) is unseen
    assert state.is_unseen(made, []) is False


def test_a_token_is_what_the_password_makes_of_it():
    otp, token = "x" * 28, "hvs.AAAAAAAAAAAAAAAAAAAAAAAA"
    sealed = bytes(one ^ other for one, other in zip(token.encode(), otp.encode(), strict=True))
    assert state.decoded(base64.b64encode(sealed).decode().rstrip("="), otp) == token
