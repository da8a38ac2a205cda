"""What a playbook says before it does anything."""

from __future__ import annotations

from ansible_collections.vaultops.cluster.plugins.module_utils._plan import words


def turns(*texts, notes=()):
    return {"problems": [], "steps": [{"node": "", "active": False, "text": text} for text in texts], "notes": notes}


def place(said, *parts):
    """Where in the lines these words are, one line each."""
    found = [[number for number, line in enumerate(said["lines"]) if part in line] for part in parts]
    assert all(len(one) == 1 for one in found), (parts, said["lines"])
    return [one[0] for one in found]


def test_a_restart_is_said_in_its_order_and_what_can_not_be_known_before():
    said = words.restart(turns("vault-2, a standby: restart", "vault-1, the active node: restart"))
    assert said["changes"] is True
    assert said["lines"][:2] == ["vault-2, a standby: restart.", "vault-1, the active node: restart."]
    assert "in that moment" in said["lines"][2] and "take a write" in said["lines"][3]


def test_an_upgrade_is_laid_down_where_it_is_missing_and_saved_before_the_first_turn():
    observed = {"vault-1": {"releases": ["1.21.0"]}, "vault-2": {"releases": ["1.21.1"]}, "vault-3": {}}
    plan = turns("vault-2, a standby: 1.21.0 -> 1.21.1", notes=["Read this (there)."])
    said = words.upgrade(plan, observed, "1.21.1", "/c")
    at = place(said, "vault-1, vault-3: Vault 1.21.1", "/c/snapshots", "-> 1.21.1.", "Read this", "in that moment")
    assert at == sorted(at)


def test_an_upgrade_that_is_done_is_nothing_to_do():
    said = words.upgrade(turns(), {"vault-1": {"releases": ["1.21.1"]}}, "1.21.1", "/c")
    assert said == {"changes": False, "lines": ["Nothing to do: every node runs 1.21.1."]}


def test_a_release_that_is_only_missing_is_laid_down_without_a_snapshot():
    said = words.upgrade(turns(), {"vault-1": {"releases": []}}, "1.21.1", "/c")
    assert said["changes"] is True
    assert "laid down" in said["lines"][0] and not any("snapshot" in line for line in said["lines"])
