"""A cluster comes to another key only where the key can open it, and is done only when nothing stored names the old one."""

from __future__ import annotations

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._plan import seal_move

HERE = "eu-central-1"
OLD, NEW = (f"arn:aws:kms:{HERE}:123456789012:key/{name}" for name in ("old", "new"))
NAMES = ("vault-1", "vault-2", "vault-3")
STATUS = {"nodes": [{"name": name, "state": "active" if name == "vault-2" else "standby"} for name in NAMES]}
TAGS = {"vault-cluster": "prod"}


def key(arn=NEW, **changes):
    usual = {"key_state": "Enabled", "key_usage": "ENCRYPT_DECRYPT", "key_spec": "SYMMETRIC_DEFAULT", "tags": TAGS}
    return {"arn": arn, **usual, **changes}


def planned(
    stored=(OLD,),
    keys=None,
    alias_arn=NEW,
    differs=(),
    region=HERE,
    newest=OLD,
    taken=True,
    bucket="b",
    configured=HERE,
):
    wanted = {"region": region, "key": [key()] if keys is None else keys, "alias_arn": alias_arn, "tags": TAGS}
    snapshots = {"taken": taken, "bucket": bucket, "newest": {"seal_key_arn": newest} if newest else None}
    nodes = {name: {"kms_key_id": "alias/x", "region": configured} for name in NAMES}
    return seal_move.plan(STATUS, stored, wanted, nodes, differs, snapshots)


def test_nodes_that_name_the_old_key_have_their_turns_the_active_one_last():
    made = planned(differs=NAMES)
    assert made == {
        "problems": [],
        "key_arn": NEW,
        "old": [OLD],
        "repoint": False,
        "turns": ["vault-1", "vault-3", "vault-2"],
        "snapshot": True,
    }


def test_where_the_alias_leads_to_the_new_key_only_a_new_leader_is_needed():
    assert planned()["turns"] == ["vault-2"]


def test_an_alias_that_leads_elsewhere_is_moved():
    assert planned(alias_arn=OLD)["repoint"] is True
    assert planned(alias_arn=None)["repoint"] is True


def test_a_node_that_was_left_behind_has_its_turn_though_nothing_stored_names_the_old_key():
    """It would seal everything by the old key again as soon as it leads."""
    made = planned(stored=[NEW], differs=["vault-3"])
    assert (made["old"], made["turns"]) == ([], ["vault-3"])


def test_while_anything_stored_names_the_old_key_it_is_not_done():
    assert planned(stored=[NEW, OLD])["turns"] == ["vault-2"]


@pytest.mark.parametrize(
    ("case", "wanted"),
    [
        ({"newest": NEW}, False),
        ({"newest": OLD}, True),
        ({"newest": None}, True),
        ({"newest": OLD, "taken": False}, False),
        ({"newest": None, "bucket": ""}, False),
    ],
)
def test_a_run_that_was_cut_short_before_its_snapshot_takes_it(case, wanted):
    made = planned(stored=[NEW], **case)
    assert (made["turns"], made["snapshot"]) == ([], wanted)
    assert words(made)["changes"] is wanted


@pytest.mark.parametrize(
    ("case", "says"),
    [
        ({"keys": []}, "No such key is in eu-central-1"),
        ({"keys": [key(key_state="Disabled")]}, "is Disabled, so it would open nothing"),
        ({"keys": [key(key_state="PendingDeletion")]}, "is PendingDeletion"),
        ({"keys": [key(key_usage="SIGN_VERIFY", key_spec="ECC_NIST_P384")]}, "is a ECC_NIST_P384 key for SIGN_VERIFY"),
        ({"keys": [key(tags={})]}, "does not carry the tag vault-cluster=prod"),
        ({"keys": [key(tags=None)]}, "does not carry the tag vault-cluster=prod"),
        ({"stored": [OLD.replace(HERE, "eu-west-1")]}, "is sealed by a key in eu-west-1"),
        ({"configured": "eu-west-1"}, "is sealed by a key in eu-west-1"),
    ],
)
def test_what_forbids_it(case, says):
    made = planned(**case)
    (problem,) = made["problems"]
    assert says in problem and made["turns"] == []


def words(made, confirmed=True):
    saves_to = {"nodes": True, "bucket": "b", "prefix": "snapshots", "directory": ""}
    return seal_move.in_words(
        made, STATUS, {"cluster": "prod", "confirmed": confirmed, "alias": "alias/x", "saves_to": saves_to}
    )


def test_the_plan_in_words():
    said = words(planned(differs=["vault-1"], alias_arn=OLD), confirmed=False)["lines"]
    assert said[0] == f"Every node has proven that its role can use {NEW} and {OLD}."
    assert "is saved first" in said[1] and said[2].startswith(f"alias/x is pointed at {NEW}.")
    assert said[3].startswith("vault-1 (standby): ") and said[4].startswith("vault-2 (active): ")
    assert said[-1] == "All this only with -e vault_seal_move_confirm=prod, which was not given."


def test_nothing_to_do_is_said():
    said = words(planned(stored=[NEW], newest=NEW))
    assert said["changes"] is False and said["lines"][0].startswith("Nothing to do: ")


def test_snapshots_of_the_old_key_are_listed_with_what_they_need():
    listed = [{"name": f"{n}.enc", "seal_key_arn": NEW if n == 6 else OLD} for n in range(1, 7)]
    (line,) = seal_move.old_snapshots(listed, NEW)
    assert line.startswith(
        f"5 of the snapshots in the bucket can't be restored without {OLD}: 1.enc, 2.enc, 3.enc, ... 5.enc."
    )
    assert "has to stay enabled" in line
    assert seal_move.old_snapshots(listed[5:], NEW) == []
