"""A cluster that people unseal comes to a KMS key node by node, from wherever a run before was cut off."""

from __future__ import annotations

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._plan import seal_adopt

HERE = "eu-central-1"
ARN = f"arn:aws:kms:{HERE}:123456789012:key/new"
KEY = {"arn": ARN, "key_state": "Enabled", "key_usage": "ENCRYPT_DECRYPT", "key_spec": "SYMMETRIC_DEFAULT", "tags": {}}
WHOLE = {"differences": [], "missing": None, "raft": {"failure_tolerance": 1}}


def node(state, seal, migrating=False, reach="answered"):
    lost = state == "unreachable"
    return {
        "state": state,
        "seal_type": None if lost else seal,
        "migrating": None if lost else migrating,
        "reach": reach,
        "error": "no connection." if lost else None,
    }


OLD, LEADS = node("standby", "shamir"), node("active", "shamir")
READY, DONE, NEW_LEADER = node("standby", "awskms", True), node("standby", "awskms"), node("active", "awskms")
HALF, OPENING, CLOSED = node("sealed", "awskms", True), node("sealed", "awskms"), node("sealed", "shamir")
DOWN, AWAY = node("unreachable", "", reach="refused"), node("unreachable", "", reach="timeout")


def status(*nodes):
    named = [{**one, "name": f"vault-{number}", "url": f"https://{number}:8200"} for number, one in enumerate(nodes, 1)]
    active = next((one["name"] for one in named if one["state"] == "active"), None)
    return {"nodes": named, "cluster": {"state": "live", "active": active, "reason": "why"}}


def planned(*nodes, written=(), **others):
    """*others*: raft and key, where they are not as they should be."""
    raft, key = others.get("raft", WHOLE), others.get("key", KEY)
    wanted = {"region": HERE, "key": [key] if key else [], "alias_arn": ARN, "tags": {}}
    return seal_adopt.plan(status(*nodes), raft, {f"vault-{number}": True for number in written}, wanted)


@pytest.mark.parametrize(
    ("nodes", "written", "turns", "restarts", "ungated"),
    [
        # Nothing was done, then wherever a run may have been cut off.
        ((LEADS, OLD, OLD), (), "2 3 1", "2 3 1", ""),
        ((LEADS, OLD, OLD), (2,), "2 3 1", "2 3 1", ""),
        ((LEADS, HALF, OLD), (2,), "2 3 1", "3 1", "2"),
        ((LEADS, OLD, HALF), (3,), "3 2 1", "2 1", "3"),
        ((LEADS, DOWN, OLD), (2,), "2 3 1", "2 3 1", "2"),
        ((LEADS, CLOSED, OLD), (2,), "2 3 1", "2 3 1", "2"),
        ((LEADS, READY, OLD), (2,), "3 1", "3 1", ""),
        ((LEADS, READY, READY), (2, 3), "1", "1", ""),
        ((LEADS, READY, READY), (1, 2, 3), "1", "1", ""),
        ((HALF, NEW_LEADER, DONE), (1, 2, 3), "1", "", "1"),
        ((DOWN, NEW_LEADER, DONE), (1, 2, 3), "1", "1", "1"),
        ((READY, NEW_LEADER, DONE), (1, 2, 3), "", "", ""),
        ((OPENING, NEW_LEADER, DONE), (1, 2, 3), "1", "", "1"),
        # A node that was ready has become the active one before the others had their turns.
        ((OLD, NEW_LEADER, OLD), (2,), "1 3", "1 3", ""),
        ((LEADS, DONE, OLD), (2,), "3 1", "3 1", ""),
        ((DOWN, NEW_LEADER, OLD), (2,), "1 3", "1 3", "1"),
        # All is done.
        ((DONE, NEW_LEADER, DONE), (), "", "", ""),
    ],
)
def test_turns_follow_from_what_each_node_is_now(nodes, written, turns, restarts, ungated):
    def named(text):
        return [f"vault-{number}" for number in text.split()]

    made = planned(*nodes, written=written)
    assert made["problems"] == []
    assert (made["turns"], made["ungated"]) == (named(turns), named(ungated))
    assert sorted(made["restarts"]) == sorted(named(restarts))
    assert made["wanting"] is (nodes != (DONE, NEW_LEADER, DONE))


@pytest.mark.parametrize(
    ("nodes", "says"),
    [
        (
            (LEADS, CLOSED, OLD),
            "vault-2 is sealed. Open it with the unseal keys first",
        ),
        ((LEADS, DOWN, OLD), "vault-2: Vault does not run there, and its configuration has the old seal. Start it"),
        ((LEADS, AWAY, OLD), "vault-2 is unreachable"),
        ((LEADS, AWAY, OLD), "vault-2 is unreachable: no connection. Bring every node of the inventory up first"),
        ((LEADS, READY, DOWN), "vault-3: Vault does not run there"),
        ((LEADS, node("uninitialized", "shamir"), OLD), "vault-2 is uninitialized. Bring"),
        ((LEADS, node("isolated", "shamir"), OLD), "vault-2 is isolated. Bring"),
        (
            (LEADS, node("standby", "transit"), OLD),
            "vault-2 has the seal transit. Only shamir is moved to awskms here.",
        ),
        (
            (HALF, HALF, OLD),
            "No node leads (why), so nobody can say who belongs to the cluster, and no key is sent to anybody.",
        ),
    ],
)
def test_what_is_not_on_its_way_stops_it_and_is_named(nodes, says):
    made = planned(*nodes)
    assert made["turns"] == []
    assert says in " ".join(made["problems"])


def test_a_node_that_can_not_be_seen_is_not_taken_for_one_on_its_way():
    assert "vault-1 is unreachable" in planned(AWAY, NEW_LEADER, DONE, written=(1, 2, 3))["problems"][0]


@pytest.mark.parametrize(
    ("raft", "says"),
    [
        ({}, "VAULT_TOKEN"),
        ({**WHOLE, "differences": ["x is a peer, and not in the inventory."]}, "x is a peer"),
        ({**WHOLE, "missing": "vault-3 is not healthy"}, "Not every voter is healthy: vault-3"),
        ({**WHOLE, "raft": {"failure_tolerance": 0}}, "tolerates no failure"),
    ],
)
def test_it_begins_only_with_a_cluster_that_is_whole_and_known(raft, says):
    assert says in planned(LEADS, OLD, OLD, raft=raft)["problems"][0]


def test_a_node_on_its_way_is_no_reason_against_its_own_turn_and_a_stranger_is():
    lame = {**WHOLE, "missing": "vault-2 is not healthy", "raft": {"failure_tolerance": 0}}
    assert planned(LEADS, HALF, OLD, written=(2,), raft=lame)["turns"][0] == "vault-2"
    stranger = {**lame, "differences": ["x is a peer, and not in the inventory."]}
    assert planned(LEADS, HALF, OLD, written=(2,), raft=stranger)["problems"] == stranger["differences"]


@pytest.mark.parametrize(
    ("nodes", "lacking"),
    [
        ((LEADS, OLD, OLD, OLD, OLD), []),
        ((LEADS, HALF, OLD, OLD, OLD), []),
        ((LEADS, HALF, DOWN, OLD, OLD), ["vault-2"]),
        ((HALF, HALF, NEW_LEADER, DONE, DONE), ["vault-1"]),
    ],
)
def test_the_cluster_is_whole_only_after_the_last_node_that_was_down(nodes, lacking):
    made = planned(*nodes, written=(2, 3))
    assert made["problems"] == [] and made["lacking"] == lacking


def test_the_key_has_to_be_one_that_seals():
    assert "No such key" in planned(LEADS, OLD, OLD, key=None)["problems"][0]
    assert "is Disabled" in planned(LEADS, OLD, OLD, key={**KEY, "key_state": "Disabled"})["problems"][0]
    # What is stored is compared with it, also where all is done.
    assert "No such key" in planned(DONE, NEW_LEADER, DONE, key=None)["problems"][0]
    assert planned(DONE, NEW_LEADER, DONE)["problems"] == []


def said(*nodes, confirmed=True, written=()):
    about = {"cluster": "prod", "confirmed": confirmed, "alias": "alias/x", "directory": "/out"}
    return seal_adopt.in_words(planned(*nodes, written=written), status(*nodes), about)


def test_the_words_of_a_plan():
    lines = said(LEADS, OLD, HALF, confirmed=False, written=(3,))["lines"]
    assert lines[3].startswith("vault-3 (sealed): it is down on its way to the new seal")
    assert lines[5].startswith("vault-1, the active node: the seal is added")
    assert "All this only with -e vault_seal_adopt_confirm=prod, which was not given." in lines
    assert not any("vault_seal_adopt_confirm" in line for line in said(LEADS, OLD, OLD)["lines"])


def test_after_a_new_leader_nothing_is_said_to_change_what_is_stored():
    assert any("changes what is stored" in line for line in said(LEADS, OLD, OLD)["lines"])
    assert not any("changes what is stored" in line for line in said(HALF, NEW_LEADER, DONE, written=(1,))["lines"])
    waits = said(READY, NEW_LEADER, DONE)
    assert any("No node has to restart." in line for line in waits["lines"])


def test_where_all_is_done_nothing_is():
    made = said(DONE, NEW_LEADER, DONE)
    assert (made["changes"], made["lines"]) == (
        False,
        [f"Nothing to do: the seal is awskms already on every node, and each of them has migrated to {ARN}."],
    )


@pytest.mark.parametrize(
    ("nodes", "names"),
    [((DONE, NEW_LEADER, READY), ["vault-3"]), ((DONE, NEW_LEADER, OPENING), ["vault-3"]), ((DONE,), [])],
)
def test_who_has_not_migrated_yet(nodes, names):
    assert seal_adopt.unsettled(status(*nodes)) == names
