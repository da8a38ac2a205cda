"""What of a cluster an upgrade depends on, by one login; what nobody may read is told."""

from __future__ import annotations

import json
import re

import pytest
import yaml
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.auth import state
from ansible_collections.vaultops.cluster.plugins.modules import vault_crossing_info

TWICE = 'path "a" {\n  capabilities = ["read"]\n  capabilities = ["list"]\n}\n'
TEMPLATED = 'path "kv/{{identity.entity.id}}/*" {\n  allowed_parameters = { "*" = [] }\n}\n'
FINE = {"duplicates": [], "templates": [], "parameters": [], "problem": None}


@pytest.fixture
def filled(vault):
    """A cluster with policies, a device, mounts and an external plugin."""
    texts = {"default": 'path "x" {}', "team": TWICE, "own": TEMPLATED, "a/b": '{"path": {"x": {}}}'}
    for name, text in texts.items():
        vault.kept[f"sys/policies/acl/{name}"] = {"name": name, "policy": text}
    vault.kept["sys/audit/file"] = {"type": "file", "options": {"mode": "0755"}}
    vault.kept["sys/auth/cert"] = {"type": "cert"}
    vault.kept["sys/mounts/ad"] = {"type": "ad"}
    known = [{"name": "kv", "type": "secret", "builtin": True}, {"name": "mine", "type": "secret", "builtin": False}]
    vault.kept["sys/plugins/catalog"] = {"secret": ["kv", "mine"], "detailed": known}
    return vault


@pytest.mark.parametrize("check", [False, True])
def test_everything_is_told_by_one_login_and_nothing_is_written(filled, as_operator, run_module, check):
    said = run_module(vault_crossing_info, check, **as_operator)
    assert {name: value for name, value in said.items() if name != "invocation"} == {
        "changed": False,
        "node": "vault-1",
        "policies": {
            "default": FINE,
            "team": {**FINE, "duplicates": [{"name": "capabilities", "line": 3}]},
            "own": {
                **FINE,
                "templates": ["kv/{{identity.entity.id}}/*"],
                "parameters": ["kv/{{identity.entity.id}}/*"],
            },
            "a/b": FINE,
        },
        "audit": {"file": {"type": "file", "options": {"mode": "0755"}}},
        "mounts": [
            {"kind": "secret", "path": "ad/", "type": "ad"},
            {"kind": "auth", "path": "auth/cert/", "type": "cert"},
            {"kind": "auth", "path": "auth/token/", "type": "token"},
        ],
        "plugins": [{"name": "mine", "type": "secret"}],
        "missing": [],
    }
    assert set(yaml.safe_load(vault_crossing_info.RETURN)) == set(said) - {"changed", "invocation"}
    assert filled.calls.count("/v1/auth/cert/login") == 1
    assert filled.writes == []
    assert filled.tokens == set()


def test_no_text_of_a_policy_is_told(filled, as_operator, run_module):
    assert 'capabilities = ["read"]' not in json.dumps(run_module(vault_crossing_info, **as_operator))


def test_only_what_was_asked_for_is_read(filled, as_operator, run_module):
    said = run_module(vault_crossing_info, **as_operator, parts=["audit"])
    assert (said["policies"], said["mounts"], said["plugins"]) == (None, None, None)
    assert said["audit"]
    assert not [path for path in filled.calls if "policies" in path or "mounts" in path]


@pytest.mark.parametrize(
    ("path", "missing"),
    [
        ("sys/policies/acl", ("sys/policies/acl", ["list"])),
        ("sys/policies/acl/team", ("sys/policies/acl/*", ["read"])),
        ("sys/audit", ("sys/audit", ["read", "sudo"])),
        ("sys/mounts", ("sys/mounts", ["read"])),
        ("sys/plugins/catalog", ("sys/plugins/catalog", ["read"])),
    ],
)
def test_what_may_not_be_read_is_missing_and_not_empty(filled, as_operator, run_module, path, missing):
    filled.faults[path] = 403, b'{"errors": ["permission denied"]}'
    said = run_module(vault_crossing_info, **as_operator)
    assert said["missing"] == [
        {"identity": "vaultops-operator", "path": missing[0], "capabilities": missing[1]},
    ]


@pytest.mark.parametrize("may_read", [True, False])
def test_where_policies_may_not_be_listed_it_is_told_whether_they_may_be_read(
    filled, as_operator, run_module, may_read
):
    refused = 403, b'{"errors": ["permission denied"]}'
    filled.faults["sys/policies/acl"] = refused
    if not may_read:
        filled.faults["sys/policies/acl/default"] = refused
    said = run_module(vault_crossing_info, **as_operator, parts=["policies"])
    missing = {one["path"]: one["capabilities"] for one in said["missing"]}
    assert missing == {"sys/policies/acl": ["list"], **({} if may_read else {"sys/policies/acl/*": ["read"]})}
    assert said["policies"] == {}, "one of them is not what there is"


@pytest.mark.parametrize("status", [400, 500])
def test_a_policy_that_vault_can_not_read_any_more_is_one_of_the_answers(filled, as_operator, run_module, status):
    filled.faults["sys/policies/acl/team"] = status, b'{"errors": ["failed to parse policy"]}'
    said = run_module(vault_crossing_info, **as_operator)
    assert said["policies"]["team"]["problem"] == "vault-1: Vault refused: failed to parse policy."
    assert said["policies"]["own"]["problem"] is None
    assert said["missing"] == []


def test_a_text_that_is_no_policy_is_one_too(filled, as_operator, run_module):
    filled.kept["sys/policies/acl/team"] = {"policy": 'path "a" {\n'}
    problem = run_module(vault_crossing_info, **as_operator)["policies"]["team"]["problem"]
    assert problem == "line 2: a name expected, the end found."


@pytest.mark.parametrize("fault", [(503, b'{"errors": ["Vault is sealed"]}'), (200, b"<html>"), None])
def test_any_other_failure_is_an_error(filled, as_operator, run_module, fault):
    filled.faults["sys/policies/acl/team"] = fault
    said = run_module(vault_crossing_info, **as_operator)
    assert said["failed"]
    assert said["msg"].startswith("vault-1: ")
    assert filled.tokens == set()


def test_the_operator_has_the_rights_that_are_asked_for(filled, as_operator, run_module):
    """Each refusal names a right that the collection's own policy gives."""
    rules = dict(re.findall(r'^path "([^"]+)" { capabilities = (.+) }$', state.OPERATOR_POLICY, re.MULTILINE))
    asked = ("sys/policies/acl", "sys/policies/acl/team", "sys/audit", "sys/auth", "sys/mounts", "sys/plugins/catalog")
    for path in asked:
        filled.faults = {path: (403, b'{"errors": ["permission denied"]}')}
        for one in run_module(vault_crossing_info, **as_operator)["missing"]:
            assert json.loads(rules[one["path"]]) == one["capabilities"]
