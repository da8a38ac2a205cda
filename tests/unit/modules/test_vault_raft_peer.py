"""A peer is removed once, and only where it was typed and the others can do without it. What the hand-over of a leader and the
death of a voter come to is in test_gate.py."""

from __future__ import annotations

import json

import pytest
import yaml
from ansible_collections.vaultops.cluster.plugins.modules import vault_raft_info, vault_raft_peer

PEERS_AT, HEALTH_AT, REMOVE = (
    f"sys/storage/raft/{name}" for name in ("configuration", "autopilot/state", "remove-peer")
)
HERE = "127.0.0.1:8201"


@pytest.fixture
def peers(vault):
    """Says who the peers are, and who of them autopilot calls dead. The first one is the node that is asked."""

    def those(*names, dead=(), non_voters=()):
        vault.kept[PEERS_AT] = {
            "config": {
                "servers": [
                    {
                        "node_id": name,
                        "address": HERE if name == names[0] else f"{name}:8201",
                        "leader": name == names[0],
                        "voter": name not in non_voters,
                        "protocol_version": "3",
                    }
                    for name in names
                ]
            }
        }
        vault.kept[HEALTH_AT] = {
            "healthy": not dead,
            "failure_tolerance": len(names) - len(dead) - (len(names) // 2 + 1),
            "servers": {
                name: {
                    "status": "leader" if name == names[0] else "voter",
                    "healthy": name not in dead,
                    "last_index": 41,
                    "last_term": 2,
                    "last_contact": "0s" if name == names[0] else "167.9ms",
                    "version": "1.21.1",
                }
                for name in names
            },
        }

    return those


@pytest.fixture
def removed(as_operator, run_module):
    return lambda name, check=False, **more: run_module(
        vault_raft_peer, check, **{**as_operator, "node_id": name, "wait_timeout": 0, **more}
    )


def left(vault):
    return [peer["node_id"] for peer in vault.kept[PEERS_AT]["config"]["servers"]]


def test_a_peer_is_removed_once(vault, peers, removed):
    peers("a", "b", "c", "d")
    said = removed("d", confirm="d")
    assert said["changed"] is True
    assert left(vault) == ["a", "b", "c"]
    assert said["raft"]["voters"] == ["a", "b", "c"]
    assert set(said["raft"]) == set(yaml.safe_load(vault_raft_peer.RETURN)["raft"]["contains"])
    assert said["diff"] == {
        "before": {"peers": [f"a {HERE}", "b b:8201", "c c:8201", "d d:8201"]},
        "after": {"peers": [f"a {HERE}", "b b:8201", "c c:8201"]},
    }
    again = removed("d", confirm="d")
    assert (again["changed"], again["raft"]["voters"]) == (False, ["a", "b", "c"])
    assert vault.writes == [REMOVE]
    assert vault.tokens == set()


def test_check_mode_removes_nothing_and_says_what_a_run_does(vault, peers, removed):
    peers("a", "b", "c", "d")
    said = removed("d", check=True, confirm="d")
    assert vault.writes == []
    assert left(vault) == ["a", "b", "c", "d"]
    done = removed("d", confirm="d")
    assert {name: said[name] for name in ("changed", "diff")} == {name: done[name] for name in ("changed", "diff")}
    assert set(said["raft"]) == set(done["raft"])
    assert said["raft"]["voters"] == done["raft"]["voters"]


@pytest.mark.parametrize("check", [False, True])
@pytest.mark.parametrize(
    ("names", "more", "says"),
    [
        ("abcd", {}, "d: removing a peer wants its node id typed as confirmation: set confirm=d."),
        ("abcd", {"confirm": "c"}, "d: removing a peer wants its node id typed as confirmation: set confirm=d."),
        (
            "abd",
            {"confirm": "d"},
            "d: without d the cluster would tolerate no failure any more. Add a voter first, or confirm",
        ),
    ],
)
def test_what_was_not_typed_or_would_cost_the_tolerance_stays(vault, peers, removed, check, names, more, says):
    peers(*names)
    said = removed("d", check, **more)
    assert said["msg"].startswith(says)
    assert vault.writes == []
    assert vault.tokens == set()


def test_a_lost_tolerance_can_be_accepted_and_a_lost_quorum_can_not(vault, peers, removed):
    peers("a", "b", "c", "d", dead=["b", "c"])
    said = removed("d", confirm="d", accept_lost_tolerance=True)
    assert "without d, 3 voters would need 2 healthy ones, and there are 1. Bring the others back first" in said["msg"]
    assert vault.writes == []
    peers("a", "b", "d")
    assert removed("d", confirm="d", accept_lost_tolerance=True)["changed"] is True
    assert left(vault) == ["a", "b"]


def test_who_has_no_vote_can_always_be_spared(vault, peers, removed):
    peers("a", "b", "c", "d", dead=["d"], non_voters=["d"])
    assert removed("d", confirm="d")["changed"] is True


@pytest.mark.parametrize("path", [PEERS_AT, HEALTH_AT, REMOVE])
@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ((403, b'{"errors": ["permission denied"]}'), "d: permission denied (permission denied). The token is expired"),
        ((503, b'{"errors": ["Vault is sealed"]}'), "d: Vault refused: Vault is sealed."),
        (None, "d: no connection ("),
    ],
)
def test_without_a_plain_answer_it_has_not_been_removed(vault, peers, removed, path, fault, says):
    peers("a", "b", "c", "d")
    vault.faults[path] = fault
    said = removed("d", confirm="d")
    assert said["failed"]
    assert said["msg"].startswith(says), said["msg"]
    assert left(vault) == ["a", "b", "c", "d"]
    assert vault.tokens == set()


@pytest.mark.parametrize("path", [PEERS_AT, HEALTH_AT])
def test_what_is_not_vault_is_said_in_words(vault, peers, removed, path):
    peers("a", "b", "c", "d")
    vault.faults[path] = 200, b"<html>Log in</html>"
    assert removed("d", confirm="d")["msg"].startswith("d: what answers there is not Vault.")


# --- the look alone


@pytest.mark.parametrize("check", [False, True])
def test_peers_are_told_as_they_are(vault, peers, as_operator, run_module, check):
    peers("a", "b", "c", dead=["c"])
    expected = {"a": HERE, "b": "10.0.0.2:8201", "new": "10.0.0.9:8201"}
    said = run_module(vault_raft_info, check, **as_operator, voters=3, expected_peers=expected)
    assert said["changed"] is False
    contains = yaml.safe_load(vault_raft_info.RETURN)
    assert set(contains) <= set(said)
    assert set(said["raft"]) == set(contains["raft"]["contains"])
    assert said["missing"] == "2 of 3 voters are healthy (c is voter, not healthy)"
    assert said["differences"] == [
        "b is at b:8201 in the cluster, and at 10.0.0.2:8201 in the inventory",
        "c (c:8201) is a peer of the cluster, and not in the inventory",
    ]
    assert (said["raft"]["leader"], said["raft"]["healthy"], said["raft"]["failure_tolerance"]) == ("a", False, 0)
    assert said["raft"]["servers"][1]["last_contact_seconds"] == pytest.approx(0.1679)
    assert said["autopilot"] == vault.kept["sys/storage/raft/autopilot/configuration"]
    assert vault.writes == []
    assert vault.tokens == set()


def test_without_expectations_nothing_is_missing_or_different(peers, as_operator, run_module):
    peers("a", "b", "c", dead=["c"])
    said = run_module(vault_raft_info, **as_operator)
    assert (said["missing"], said["differences"]) == (None, [])


def test_a_given_token_is_not_shown(vault, peers, as_operator, run_module):
    peers("a")
    vault.tokens.add("hvs.a-given-token")
    said = run_module(vault_raft_info, **as_operator, token="hvs.a-given-token")
    assert said["raft"]["voters"] == ["a"]
    assert "hvs.a-given-token" not in json.dumps(said)


@pytest.mark.parametrize("path", [PEERS_AT, HEALTH_AT, "sys/storage/raft/autopilot/configuration"])
@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ((403, b'{"errors": ["permission denied"]}'), "vault-1: permission denied"),
        ((503, b'{"errors": ["Vault is sealed"]}'), "vault-1: Vault refused: Vault is sealed."),
        ((200, b"<html>Log in</html>"), "vault-1: what answers there is not Vault."),
        (None, "vault-1: no connection ("),
    ],
)
def test_peers_that_can_not_be_seen_are_no_empty_cluster(vault, peers, as_operator, run_module, path, fault, says):
    peers("a")
    vault.faults[path] = fault
    said = run_module(vault_raft_info, **as_operator)
    assert said["failed"]
    assert said["msg"].startswith(says), said["msg"]
    assert vault.tokens == set()


def test_a_wait_needs_something_to_wait_for(as_operator, run_module):
    said = run_module(vault_raft_info, **as_operator, wait=True)
    assert said["msg"] == "wait is True but any of the following are missing: voters, node_id"
