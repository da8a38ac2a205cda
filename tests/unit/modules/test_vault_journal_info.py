"""What Vault said last on a node, with a stand-in for journalctl; requests of its clients never leave the node."""

from __future__ import annotations

import json

import pytest
from ansible_collections.vaultops.cluster.plugins.modules import vault_journal_info

PLAIN = 'error loading configuration from "/etc/vault.d/vault.hcl": permission denied'
REQUEST = '{"type": "request", "auth": {"accessor": "hmac-sha256:6f"}, "request": {"path": "secret/of-a-client"}}'


@pytest.fixture
def journal(node_with, tmp_path, run_module):
    """Runs the module where the journal has these messages; returns what it says, and what journalctl was asked."""

    def run(*messages, check=False, fails="", **options):
        lines = tmp_path / "lines"
        lines.write_text("".join(json.dumps({"_STREAM_ID": "a", "MESSAGE": message}) + "\n" for message in messages))
        asked = tmp_path / "asked"
        end = f"echo '{fails}' >&2; exit 1" if fails else f"cat {lines}"
        node_with(journalctl=f'echo "$*" >{asked}\n{end}')
        said = run_module(vault_journal_info, check, **options)
        return said, asked.read_text().split()

    return run


@pytest.mark.parametrize("check", [False, True])
def test_the_last_words_are_told_one_a_line(journal, check):
    said, asked = journal("core: sealed", PLAIN, check=check)
    assert (said["changed"], said["text"]) == (False, f"core: sealed\n{PLAIN}")
    assert asked[:2] == ["--unit", "vault"]
    assert asked[asked.index("--output") + 1] == "json"


def test_only_as_many_as_are_wanted_and_of_the_wanted_service(journal):
    said, asked = journal(*(f"line {number}" for number in range(40)), service="vault-old", lines=2)
    assert said["text"] == "line 38\nline 39"
    assert asked[:2] == ["--unit", "vault-old"]


def test_fifteen_are_enough_by_default(journal):
    said, _asked = journal(*(f"line {number}" for number in range(40)))
    assert said["text"].splitlines() == [f"line {number}" for number in range(25, 40)]


def test_requests_of_clients_stay_on_the_node_and_take_no_place(journal):
    said, asked = journal(PLAIN, *[REQUEST] * 30, "core: sealed", lines=2)
    assert said["text"] == f"{PLAIN}\ncore: sealed"
    assert "secret/of-a-client" not in json.dumps(said)
    assert int(asked[asked.index("--lines") + 1]) > 30


def test_what_a_cut_entry_ends_with_is_not_told_where_its_begin_is_no_more(journal):
    rest = '"secret/of-a-client"}}'
    said, asked = journal(rest, *["core: sealed"] * 1999, lines=3000)
    assert (asked[asked.index("--lines") + 1], said["text"].count("core: sealed")) == ("2000", 1999)
    assert rest not in said["text"]
    # With fewer lines than were asked for it is the first that there is.
    assert journal(PLAIN, *["core: sealed"] * 1998, lines=3000)[0]["text"].startswith(PLAIN)


def test_an_empty_journal_says_nothing(journal):
    assert journal()[0]["text"] == ""


def test_a_journal_that_can_not_be_read_is_said_and_is_no_failure(journal):
    said, _asked = journal(fails="No journal files were found.")
    assert "failed" not in said
    assert said["text"] == "The journal of vault can't be read: No journal files were found."


def test_a_node_without_journalctl_has_a_journal_that_can_not_be_read(run_module, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "can't be read" in run_module(vault_journal_info)["text"]
