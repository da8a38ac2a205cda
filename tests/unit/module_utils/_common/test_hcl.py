"""Policies and configuration as Vault reads them: what is set twice, and what is not."""

from __future__ import annotations

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._common import hcl
from ansible_collections.vaultops.cluster.plugins.module_utils._common.errors import Problem
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.auth import state

TWICE = """\
# Readers of one team.
path "secret/data/team/*" {
  capabilities = ["read"]
  capabilities = ["read", "list"]
}
"""
IN_PARAMETERS = """\
path "auth/token/create" {
  capabilities = ["update"]
  allowed_parameters = {
    "ttl"      = ["1h"]
    "policies" = [["app"], ["app", "default"]]
    "ttl"      = ["2h"]
  }
}
"""
CONTROL_GROUP = """\
path "secret/data/red" {
  capabilities = ["read"]
  control_group = {
    factor "one" { identity { group_names = ["managers"] approvals = 1 } }
    factor "two" { identity { group_names = ["owners"], approvals = 1, approvals = 2 } }
  }
}
"""


def names(text):
    return [(one.name, one.line) for one in hcl.duplicates(text)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (TWICE, [("capabilities", 4)]),
        (IN_PARAMETERS, [("ttl", 6)]),
        (CONTROL_GROUP, [("approvals", 5)]),
        ('name = "a"\nname = "b"\n', [("name", 2)]),
        ('path "a" {\n  policy = "read" policy = "write" policy = "deny"\n}', [("policy", 2), ("policy", 2)]),
        ("x = [{\n  a = 1\n  a = 2\n}]", [("a", 3)]),
        ('path = {\n  "a" = {}\n  "a" = {}\n}', [("a", 3)]),
        ("a = 1\r\na = 2\r\n", [("a", 2)]),
        ("a = <<EOT\nb = 1\nEOT\na = 2", [("a", 4)]),
        ('a = "${f("x")}"\na = 1', [("a", 2)]),
    ],
)
def test_a_name_that_is_set_twice_in_one_block_is_found_with_its_line(text, found):
    assert names(text) == found


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# nothing\n// at all\n/* path */",
        # Blocks of one name are two rules, and Vault takes both.
        'path "a" { capabilities = ["read"] }\npath "a" { capabilities = ["list"] }',
        'path "a" { allowed_parameters { "x" = [] } allowed_parameters { "x" = [] } }',
        # Names are compared as they are written.
        'path "a" {\n  "capabilities" = ["read"]\n  capabilities = ["list"]\n}',
        # What is no setting: comments, texts, values.
        'path "a" {\n  # capabilities = ["read"]\n  /* capabilities = [] */\n  capabilities = ["x"] // capabilities = []\n}',
        "a = <<-EOT\n  b = 1\n  b = 2\n  EOT\n",
        'a = "b = 1, b = 2"\nb = "\\"b = 1"',
        # JSON may: the reader of JSON does not look.
        '{"path": {"a": {"capabilities": ["read"], "capabilities": ["list"]}}}',
        '  \n{"name": "a", "name": "b"}',
        'path "secret/{{identity.entity.id}}/+/*" { capabilities = ["read"] }',
        "a = 0x1F b = -1.5e3 c = .5 d = true e-f.g = [1, 2, [3], {h = 1}]",
    ],
)
def test_what_vault_takes_is_not_twice(text):
    assert names(text) == []


@pytest.mark.parametrize("policy", [state.OPERATOR_POLICY, state.ADMIN_POLICY, state.STATUS_POLICY])
def test_the_collections_own_policies_set_nothing_twice(policy):
    assert names(policy) == []
    assert hcl.labelled(policy, "path")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('path "a" {\n  capabilities = ["read"]\n', 3),
        ('path "a\n', 1),
        ("a = <<EOT\nb\n", 1),
        ("a = 1\n%", 2),
        ("a b = 1", 1),
        ("a", 1),
        ("= 1", 1),
        ("a = [1", 1),
        ("}\n", 1),
        ("/* a", 1),
        ('{"a": ', 1),
        ("a = " + "[" * 200, 1),
    ],
)
def test_what_is_no_hcl_is_an_error_that_names_the_line(text, line):
    with pytest.raises(Problem, match=f"^line {line}: "):
        hcl.labelled(text, "path")


def test_blocks_with_a_label_are_told_with_what_is_set_inside():
    text = (
        'path "a/{{x}}" { capabilities = [] }\npath "b" { allowed_parameters = {} }\nother "c" {}\npath "b" { x = 1 }'
    )
    assert hcl.labelled(text, "path") == {"a/{{x}}": ["capabilities"], "b": ["allowed_parameters", "x"]}
    as_json = '{"path": {"a/{{x}}": {"capabilities": []}, "b": {"allowed_parameters": {}}}, "other": {"c": {}}}'
    assert hcl.labelled(as_json, "path") == {"a/{{x}}": ["capabilities"], "b": ["allowed_parameters"]}
    assert hcl.labelled('{"path": [{"a": {"x": 1}}, {"b": {}}]}', "path") == {"a": ["x"], "b": []}
    assert hcl.labelled('path {\n "a" = { x = 1 }\n}', "path") == {"a": ["x"]}


@pytest.mark.parametrize(
    "text",
    [
        'seal "awskms" {\n  storage = "no"\n}\n"storage" "raft" { path = "/x" }\nui = true\n',
        '{"seal": [{"awskms": {"storage": "no"}}], "storage": {"raft": {}}, "ui": true}',
    ],
)
def test_names_at_the_top_are_not_those_inside(text):
    assert hcl.top_names(text) == ["seal", "storage", "ui"]
