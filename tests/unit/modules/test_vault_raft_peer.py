"""A peer is removed once, and only where it was typed and the others can do without it. What the hand-over of a leader and the
death of a voter come to is in test_gate.py."""

from __future__ import annotations

import pytest
import yaml
from ansible_collections.vaultops.cluster.plugins.modules import vault_raft_peer
from kit.vault_standin import PEERS_AT, PEERS_HEALTH_AT, REMOVE_PEER

HERE = "127.0.0.1:8201"


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
    assert vault.writes == [REMOVE_PEER]
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


@pytest.mark.parametrize("path", [PEERS_AT, PEERS_HEALTH_AT, REMOVE_PEER])
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


@pytest.mark.parametrize("path", [PEERS_AT, PEERS_HEALTH_AT])
def test_what_is_not_vault_is_said_in_words(vault, peers, removed, path):
    peers("a", "b", "c", "d")
    vault.faults[path] = 200, b"<html>Log in</html>"
    assert removed("d", confirm="d")["msg"].startswith("d: what answers there is not Vault.")
