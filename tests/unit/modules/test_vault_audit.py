"""Audit devices that are missing are enabled; one that is another is never dropped."""

from __future__ import annotations

import json

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.audit import state
from ansible_collections.vaultops.cluster.plugins.modules import vault_audit

FILE = {"type": "file", "options": {"file_path": "/var/log/vault/audit.log"}}
JOURNAL = {"type": "file", "options": {"file_path": "stdout"}}
# As Vault shows one that somebody enabled.
THERE = {"type": "syslog", "options": {"tag": "vault"}, "description": "ours", "local": False}


@pytest.fixture
def audit(as_operator, run_module):
    return lambda check=False, **more: run_module(
        vault_audit, check, **{**as_operator, "devices": {"file": FILE, "journal": JOURNAL}, **more}
    )


def test_what_is_missing_is_enabled_and_nothing_else(vault, audit):
    vault.kept["sys/audit/syslog"] = dict(THERE)
    said = audit()
    assert said["changed"] is True
    assert vault.writes == ["sys/audit/file", "sys/audit/journal"]
    assert vault.kept["sys/audit/file"] == FILE
    assert vault.kept["sys/audit/syslog"] == THERE
    assert said["devices"] == {
        "syslog": {"type": "syslog", "options": {"tag": "vault"}},
        "file": FILE,
        "journal": JOURNAL,
    }
    assert said["diff"]["before"] == {"syslog": {"type": "syslog", "options": {"tag": "vault"}}}
    assert said["diff"]["after"] == said["devices"]
    assert vault.tokens == set()


def test_a_second_run_changes_nothing(vault, audit):
    first = audit()
    vault.writes.clear()
    again = audit()
    assert (again["changed"], again["devices"]) == (False, first["devices"])
    assert vault.writes == []
    assert vault.calls.count("/v1/auth/cert/login") == 3, "to look, to write; then to look"


def test_check_mode_enables_nothing_and_says_what_a_run_does(vault, audit):
    said = audit(check=True)
    assert vault.writes == []
    done = audit()
    assert {name: said[name] for name in ("changed", "devices", "diff")} == {
        name: done[name] for name in ("changed", "devices", "diff")
    }
    assert set(said) == set(done)


@pytest.mark.parametrize("check", [False, True])
def test_one_that_has_other_settings_is_left_and_named(vault, audit, check):
    vault.kept["sys/audit/file"] = {"type": "file", "options": {"file_path": "/elsewhere"}}
    said = audit(check)
    assert said["msg"] == (
        "audit devices: file is file (file_path=/elsewhere), not file (file_path=/var/log/vault/audit.log). Give the new "
        "settings another path, and disable the old device by hand when it is not needed."
    )
    assert vault.writes == [], "neither that one nor the missing one"


def test_one_that_vault_refuses_is_told_in_its_words(vault, audit):
    said = audit(devices={"odd": {"type": "carrier-pigeon"}})
    assert said["msg"] == 'vault-1: Vault refused: unknown backend type: "carrier-pigeon": invalid configuration.'
    assert vault.tokens == set()


def test_one_that_was_enabled_meanwhile_is_an_error_and_not_a_success(vault, audit):
    """Two controllers at once: Vault tells the second one."""
    vault.faults["sys/audit/journal"] = 400, b'{"errors": ["path already in use: invalid configuration"]}'
    said = audit()
    assert said["msg"].startswith("vault-1: Vault refused: path already in use")


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (
            (403, b'{"errors": ["permission denied"]}'),
            "vault-1: permission denied (permission denied). The token is expired",
        ),
        ((503, b'{"errors": ["Vault is sealed"]}'), "vault-1: Vault refused: Vault is sealed."),
        ((500, b"<html>Bad</html>"), "vault-1: Vault refused: "),
        (None, "vault-1: no connection ("),
    ],
)
def test_devices_that_can_not_be_seen_are_not_missing_ones(vault, audit, fault, says):
    vault.faults["sys/audit"] = fault
    said = audit()
    assert said["failed"]
    assert said["msg"].startswith(says), said["msg"]
    assert vault.writes == []
    assert vault.tokens == set()


def test_where_nobody_answers_the_node_is_named_with_what_to_look_at(audit):
    said = audit(nodes={"vault-1": "https://127.0.0.1:1"})
    assert said["msg"].startswith("vault-1: no active node: vault-1: no connection (")
    assert "Connection refused" in said["msg"]
    assert "systemctl status vault" in said["msg"]


def test_a_given_token_is_not_shown(vault, audit):
    vault.tokens.add("hvs.a-given-token")
    assert "hvs.a-given-token" not in json.dumps(audit(token="hvs.a-given-token"))
    assert vault.tokens == {"hvs.a-given-token"}


# --- pure


@pytest.mark.parametrize(
    ("given", "options"),
    [
        ({"mode": 600, "log_raw": True, "file_path": "x"}, {"mode": "600", "log_raw": "true", "file_path": "x"}),
        ({"log_raw": False}, {"log_raw": "false"}),
        ({}, {}),
        (None, {}),
    ],
)
def test_options_are_the_strings_that_vault_keeps(given, options):
    assert state.wanted({"file/": {"type": "file", "options": given}}) == {"file": {"type": "file", "options": options}}


def test_options_may_be_left_out_and_paths_may_be_nested():
    wanted = state.wanted({"/team/file/": {"type": "file"}})
    assert wanted == {"team/file": {"type": "file", "options": {}}}


@pytest.mark.parametrize(
    ("current", "desired", "missing", "conflicts"),
    [
        ({}, {}, {}, []),
        ({}, {"file": FILE}, {"file": FILE}, []),
        ({"file": FILE}, {"file": FILE}, {}, []),
        ({"file": FILE, "old": JOURNAL}, {"file": FILE}, {}, []),
        # Another path is another device, whatever it writes to.
        ({"other": FILE}, {"file": FILE}, {"file": FILE}, []),
        ({"file": FILE}, {"file": JOURNAL, "new": FILE}, {"new": FILE}, ["file_path=/var/log/vault/audit.log"]),
        ({"file": {"type": "socket", "options": {}}}, {"file": {"type": "file", "options": {}}}, {}, ["socket ()"]),
        # An option that was not given stays what it is.
        ({"file": {**FILE, "options": {**FILE["options"], "mode": "0600"}}}, {"file": FILE}, {}, []),
        ({"file": FILE}, {"file": {**FILE, "options": {**FILE["options"], "mode": "0600"}}}, {}, ["mode=0600"]),
    ],
)
def test_what_is_missing_and_what_can_not_be_brought_in_line(current, desired, missing, conflicts):
    assert state.missing(current, desired) == missing
    found = state.conflicts(current, desired)
    assert len(found) == len(conflicts)
    assert all(words in told for words, told in zip(conflicts, found, strict=True))
