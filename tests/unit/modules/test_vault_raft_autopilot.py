"""Autopilot's settings: those that were given and differ are written, the others stay what they are."""

from __future__ import annotations

import json

import pytest
from ansible_collections.vaultops.cluster.plugins.modules import vault_raft_autopilot

AT = "sys/storage/raft/autopilot/configuration"
GIVEN = {"cleanup_dead_servers": True, "dead_server_last_contact_threshold": "24h", "min_quorum": 3}


@pytest.fixture
def autopilot(as_operator, run_module):
    return lambda check=False, **more: run_module(vault_raft_autopilot, check, **as_operator, **more)


def test_what_differs_is_written_and_the_rest_stays(vault, autopilot):
    before = dict(vault.kept[AT])
    said = autopilot(**GIVEN)
    assert said["changed"] is True, "Vault takes it, so what only Enterprise knows was not sent back"
    assert vault.writes == [AT]
    assert vault.kept[AT] == {**before, "cleanup_dead_servers": True, "min_quorum": 3}
    assert said["autopilot"] == vault.kept[AT]
    assert said["diff"] == {"before": before, "after": said["autopilot"]}
    assert vault.tokens == set()


def test_a_second_run_changes_nothing(vault, autopilot):
    first = autopilot(**GIVEN)
    said = autopilot(**GIVEN)
    assert (said["changed"], said["autopilot"]) == (False, first["autopilot"])
    assert vault.writes == [AT]


def test_the_same_length_of_time_is_the_same_however_it_is_written(vault, autopilot):
    said = autopilot(dead_server_last_contact_threshold="1440m", last_contact_threshold="10000ms")
    assert said["changed"] is False
    assert said["autopilot"]["dead_server_last_contact_threshold"] == "24h0m0s"
    assert vault.writes == []


def test_check_mode_writes_nothing_and_says_what_a_run_does(vault, autopilot):
    before = dict(vault.kept[AT])
    said = autopilot(check=True, **GIVEN)
    assert vault.kept[AT] == before
    assert vault.writes == []
    done = autopilot(**GIVEN)
    for name in ("changed", "autopilot", "diff"):
        assert said[name] == done[name]
    assert set(said) == set(done)


def test_nothing_given_is_a_look(vault, autopilot):
    said = autopilot()
    assert (said["changed"], said["autopilot"]) == (False, vault.kept[AT])


@pytest.mark.parametrize("check", [False, True])
@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"cleanup_dead_servers": True}, "needs min_quorum of at least 3, else it may remove the quorum"),
        ({"cleanup_dead_servers": True, "min_quorum": 2}, "needs min_quorum of at least 3"),
        (
            {**GIVEN, "dead_server_last_contact_threshold": "59s"},
            "needs dead_server_last_contact_threshold of at least 1m",
        ),
    ],
)
def test_what_endangers_the_quorum_is_refused_before_vault_is_told(vault, autopilot, check, given, says):
    said = autopilot(check, **given)
    assert said["msg"].startswith("autopilot: cleanup_dead_servers ")
    assert says in said["msg"]
    assert vault.writes == []
    assert vault.tokens == set()


def test_it_is_judged_by_what_would_be_there_and_not_by_what_was_given(vault, autopilot):
    vault.kept[AT]["min_quorum"] = 5
    assert autopilot(cleanup_dead_servers=True)["changed"] is True
    assert "at least 3" in autopilot(min_quorum=1)["msg"]


def test_what_is_no_duration_is_said_in_words(vault, autopilot):
    said = autopilot(last_contact_threshold="soon")
    assert said["msg"] == "last_contact_threshold: 'soon' is not a duration such as 10s, 5m or 24h0m0s"
    assert vault.writes == []


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (
            (403, b'{"errors": ["permission denied"]}'),
            "vault-1: permission denied (permission denied). The token is expired",
        ),
        ((503, b'{"errors": ["Vault is sealed"]}'), "vault-1: Vault refused: Vault is sealed."),
        (
            (200, b"<html>Log in</html>"),
            "vault-1: what answers there is not Vault. Compare the node's URL with its api_addr.",
        ),
        (None, "vault-1: no connection ("),
    ],
)
def test_settings_that_can_not_be_seen_are_not_written(vault, autopilot, fault, says):
    vault.faults[AT] = fault
    said = autopilot(**GIVEN)
    assert said["failed"]
    assert said["msg"].startswith(says), said["msg"]
    assert vault.writes == []
    assert vault.tokens == set()


def test_a_given_token_is_not_shown(vault, autopilot):
    vault.tokens.add("hvs.a-given-token")
    said = autopilot(token="hvs.a-given-token", **GIVEN)
    assert said["changed"] is True
    assert "hvs.a-given-token" not in json.dumps(said)
