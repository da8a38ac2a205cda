"""What of a cluster forbids an upgrade, and what people should know of it."""

from __future__ import annotations

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._common import versions
from ansible_collections.vaultops.cluster.plugins.module_utils._plan import crossing_check, crossings
from ansible_collections.vaultops.cluster.plugins.module_utils._plan.crossings import SWITCH
from kit.crossing import NODE, NOTHING

TWICE = {"duplicates": [{"name": "capabilities", "line": 3}], "templates": [], "parameters": [], "problem": None}
FINE = {**TWICE, "duplicates": []}
ON = {"name": SWITCH, "value": "true", "where": "/etc/systemd/system/vault.service.d/allow.conf"}


def judged(before, after, seen=None, nodes=None, **first):
    """Three nodes; *first*: what the first of them tells in another way."""
    nodes = nodes or {"vault-1": {**NODE, **first}, "vault-2": NODE, "vault-3": NODE}
    numbers = [versions.number(version) for version in (before, after)]
    return crossing_check.judge(*numbers, {**NOTHING, **(seen or {})}, nodes)


def problems(*arguments, **options):
    return judged(*arguments, **options)[0]


# --- names that are set twice


@pytest.mark.parametrize(
    ("before", "after", "refused"),
    [("1.19.0", "1.21.0", True), ("1.20.4", "2.0.0", True), ("1.19.0", "1.20.1", False), ("1.21.0", "1.21.9", False)],
)
def test_a_policy_that_sets_a_name_twice_is_refused_where_1_21_is_passed(before, after, refused):
    found = problems(before, after, {"policies": {"team": TWICE, "fine": FINE}})
    assert len(found) == refused
    if refused:
        assert "The policy 'team' sets capabilities twice (line 3)" in found[0]
        assert "Keep one of the two" in found[0]


def test_the_switch_on_every_node_allows_it_up_to_2_1():
    everywhere = {name: {**NODE, "switches": [ON]} for name in ("vault-1", "vault-2")}
    found, notes = judged("1.19.0", "1.21.0", {"policies": {"team": TWICE}}, everywhere)
    assert found == []
    assert [note for note in notes if "'team' sets capabilities twice" in note and "up to Vault 2.1" in note]


def test_the_switch_on_some_nodes_allows_nothing():
    assert "refuses the policy" in problems("1.19.0", "1.21.0", {"policies": {"team": TWICE}}, switches=[ON])[0]


@pytest.mark.parametrize("value", ["false", "0", "", "yes"])
def test_a_switch_that_is_off_allows_nothing(value):
    off = [ON, {**ON, "value": value}]
    everywhere = {name: {**NODE, "switches": off} for name in ("vault-1", "vault-2")}
    assert len(problems("1.19.0", "1.21.0", {"policies": {"team": TWICE}}, everywhere)) == 1
    assert problems("1.21.1", "2.1.0", switches=off) == []


def test_from_2_1_on_the_switch_itself_is_refused_by_node_and_place():
    found = problems("1.21.1", "2.1.0", switches=[ON])
    assert len(found) == 1
    assert found[0].startswith(f"vault-1: {SWITCH} is set in {ON['where']}, and Vault 2.1.0 ignores it.")
    assert problems("2.1.0", "2.2.2", switches=[ON]) == []


def test_the_switch_does_not_allow_a_policy_on_the_way_to_2_1():
    everywhere = {"vault-1": {**NODE, "switches": [ON]}}
    found = problems("1.19.0", "2.1.0", {"policies": {"team": TWICE}}, everywhere)
    assert [text.split()[0] for text in found] == ["vault-1:", "The"]


def test_a_configuration_that_sets_a_name_twice_is_refused_by_node_file_and_line():
    twice = [{"path": "/etc/vault.d/own.hcl", "name": "api_addr", "line": 2}]
    found = problems("1.20.4", "1.21.0", duplicates=twice)
    assert found == [
        "vault-1: /etc/vault.d/own.hcl sets api_addr twice (line 2): Vault 1.21.0 does not start with that. Keep one of the two."
    ]
    assert problems("1.20.4", "1.21.0", duplicates=twice, switches=[ON]) == []


# --- audit devices


def device(**options):
    return {"type": "file", "options": {"file_path": "/var/log/vault/audit.log", **options}}


@pytest.mark.parametrize("mode", ["0755", "0777", "0610", "0601", "0700"])
def test_a_file_that_may_be_executed_is_refused(mode):
    found = problems("1.20.0", "1.20.1", {"audit": {"old": device(mode=mode), "file": device()}})
    assert len(found) == 1
    assert f"The audit device old has the mode {mode}" in found[0]
    assert "no node would serve" not in found[0]


@pytest.mark.parametrize("mode", ["0600", "0644", "0666", "", None, "0000", "x"])
def test_a_file_that_may_not_be_is_taken(mode):
    assert problems("1.20.0", "1.20.1", {"audit": {"file": device(mode=mode)}}) == []


def test_where_no_other_device_is_left_it_is_said_what_would_happen():
    only = {"audit": {"file": device(mode="0755"), "two": device(mode="0777")}}
    found = problems("1.19.0", "1.19.7", only)
    assert len(found) == 2
    assert all(text.endswith("No other device is left, so no node would serve.") for text in found)


def test_a_prefix_is_noted_for_the_device_goes_on_working():
    found, notes = judged("1.20.0", "1.21.0", {"audit": {"old": device(prefix="vault: "), "other": device()}})
    assert found == []
    assert [note for note in notes if note.startswith("The audit device old has a prefix, and goes on working.")]
    assert not [note for note in notes if "other" in note]


def test_devices_of_other_types_are_left_alone():
    seen = {"audit": {"s": {"type": "socket", "options": {"mode": "0777", "prefix": "x"}}}}
    assert problems("1.20.0", "1.21.0", seen) == []


@pytest.mark.parametrize(("before", "after"), [("1.20.1", "1.21.0"), ("1.19.7", "1.20.1"), ("1.19.0", "1.19.6")])
def test_devices_are_judged_only_where_the_change_is_crossed(before, after):
    assert problems(before, after, {"audit": {"file": device(mode="0755")}}) == []


# --- plugins


def mounted(kind, type_, path="x/"):
    return {"mounts": [{"kind": kind, "type": type_, "path": path}]}


def test_a_mount_of_a_plugin_that_is_gone_is_refused():
    found = problems("1.21.1", "2.0.0", mounted("secret", "ad", "ad/"))
    assert found[0].startswith("The secrets engine at ad/ is of the type ad, which is not built into Vault 2.0.0.")
    assert problems("1.11.0", "1.12.0", mounted("auth", "app-id", "auth/app-id/"))[0].startswith("The auth method at")


@pytest.mark.parametrize(
    "seen",
    [
        mounted("secret", "kv"),
        mounted("auth", "ad"),
        {**mounted("secret", "ad"), "plugins": [{"type": "secret", "name": "ad"}]},
    ],
)
def test_a_mount_of_a_plugin_that_is_there_is_not(seen):
    assert problems("1.21.1", "2.0.0", seen) == []


# --- what is noted


def test_templated_policies_are_named_and_not_refused():
    policies = {"team": {**FINE, "templates": ["secret/{{identity.entity.id}}"]}, "fine": FINE}
    found, notes = judged("1.21.1", "1.21.6", {"policies": policies})
    assert found == []
    assert [note for note in notes if "+ or *" in note and "these policies: team." in note]
    assert not [note for note in judged("1.21.1", "1.21.6", {"policies": {"fine": FINE}})[1] if "+ or *" in note]


def test_policies_with_parameters_are_named_on_the_way_to_1_21():
    found, notes = judged("1.20.4", "1.21.0", {"policies": {"team": {**FINE, "parameters": ["auth/token/create"]}}})
    assert found == []
    assert [note for note in notes if "item by item" in note and "team" in note]


# --- what could not be read


def test_what_may_not_be_read_is_told_with_the_rights_that_are_missing():
    missing = [
        {"identity": "vaultops-operator", "path": "sys/policies/acl", "capabilities": ["list"]},
        {"identity": "vaultops-operator", "path": "sys/audit", "capabilities": ["read", "sudo"]},
    ]
    found = problems("1.19.0", "1.21.0", {"missing": missing})
    assert len(found) == 1
    assert "'vaultops-operator' may not read sys/policies/acl, sys/audit" in found[0]
    assert "site.yml" in found[0]
    assert 'path "sys/audit" { capabilities = ["read", "sudo"] }' in found[0]


def test_a_policy_that_vault_itself_can_not_read_is_refused():
    found = problems("1.20.4", "1.21.0", {"policies": {"team": {**FINE, "problem": "vault-1: Vault refused: x."}}})
    assert found[0].startswith("The policy 'team' can't be judged: vault-1: Vault refused: x.")


def test_a_configuration_that_can_not_be_understood_is_refused():
    unreadable = [{"path": "/etc/vault.d/own.hcl", "problem": "line 3: a string that does not end"}]
    assert "vault-1: /etc/vault.d/own.hcl can't be understood" in problems("1.20.4", "1.21.0", unreadable=unreadable)[0]


@pytest.mark.parametrize(
    ("seen", "nodes"),
    [
        (None, {"vault-1": NODE}),
        ({**NOTHING, "policies": None}, {"vault-1": NODE}),
        (NOTHING, {}),
        (NOTHING, {"vault-1": NODE, "vault-2": {}}),
    ],
)
def test_nobody_who_was_not_asked_has_nothing(seen, nodes):
    found, _notes = crossing_check.judge((1, 20, 4), (1, 21, 0), seen, nodes)
    assert "was not asked whether Vault 1.21.0 takes what it holds" in found[0]


def test_nothing_is_asked_where_nothing_is_crossed():
    assert crossing_check.judge((1, 21, 0), (1, 21, 1), None, {}) == ([], [])


# --- the table


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ((1, 19, 6), False),
        ((1, 19, 7), True),
        ((1, 20, 0), False),
        ((1, 20, 1), True),
        ((1, 15, 9), False),
        ((1, 21, 0), True),
        ((2, 0, 0), True),
    ],
)
def test_a_change_that_was_brought_to_older_lines_is_known_by_line(version, expected):
    assert versions.has(version, ((1, 19, 7), (1, 20, 1))) is expected


def test_every_change_has_a_source_and_every_read_a_judge():
    for one in crossings.CROSSINGS:
        assert one.source.startswith("https://")
        assert list(one.since) == sorted(one.since)
        assert one.since[-1] <= crossings.NEWEST
        assert bool(one.name) == bool(one.reads)
        assert not one.name or one.name in crossing_check._CHECKS
