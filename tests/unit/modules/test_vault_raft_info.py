"""Who the peers are and how they do, in one look; the waits for them are in test_gate.py."""

from __future__ import annotations

import json

import pytest
import yaml
from ansible_collections.vaultops.cluster.plugins.modules import vault_raft_info
from kit.vault_standin import AUTOPILOT_AT, PEERS_AT, PEERS_HEALTH_AT

HERE = "127.0.0.1:8201"


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
    assert said["autopilot"] == vault.kept[AUTOPILOT_AT]
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


@pytest.mark.parametrize("path", [PEERS_AT, PEERS_HEALTH_AT, AUTOPILOT_AT])
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
