"""Files of Vault's configuration: every form that Vault takes is read, and nothing of it is guessed."""

from __future__ import annotations

import json
import sys

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._common.errors import Problem
from ansible_collections.vaultops.cluster.plugins.module_utils._plan import configuration
from hypothesis import given, settings
from hypothesis import strategies as st


def read(text, path="/etc/vault.d/vault.hcl"):
    return {one.keys: one.value for one in configuration.held(path, text)}


ADDRESS = {("listener", "tcp", "address"): "x"}


@pytest.mark.parametrize(
    "text",
    [
        'listener "tcp" {\n  address = "x"\n}\n',
        'listener tcp {\n  address = "x"\n}',
        '"listener" "tcp" {\n  "address" = "x"\n}\n',
        'listener "tcp" { address = "x" }',
        'listener "tcp" { address = "x", }',
        'listener "tcp"\n{\n  address = "x" // why\n}\n',
        '# why\nlistener /* tcp */ "tcp" {\r\n  address = "x" # "y" = "z"\r\n}\r\n',
        '{"listener": [{"tcp": {"address": "x"}}]}',
        '\n {"listener": {"tcp": {"address": "x"}}}',
    ],
)
def test_the_forms_that_vault_takes_for_a_block_are_one(text):
    assert read(text) == ADDRESS


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("true", True),
        ("12", 12),
        ("0755", "0755"),
        ('"768h"', "768h"),
        (r'"a \"b\" \\ \u00e9"', 'a "b" \\ é'),
        ('"${x} %{y} {{ GetPrivateIP }}"', "${x} %{y} {{ GetPrivateIP }}"),
        ('["a", "b",]', ["a", "b"]),
        ('[\n "a" # first\n , "b"\n]', ["a", "b"]),
        ('<<EOF\n"a" = { b }\n# c\nEOF', '"a" = { b }\n# c\n'),
        ("<<-EOF\n    a\n      b\n    EOF", "a\n  b\n"),
        ("<<EOF\nEOF", ""),
    ],
)
def test_values_are_what_vault_takes_them_for(written, value):
    assert read(f"x = {written}\nui = true\n") == {("x",): value, ("ui",): True}


def test_names_that_need_quotes_stay_as_they_are():
    text = 'custom_response_headers {\n  "2xx" = {\n    "X-A" = ["b"]\n  }\n  "404" = { X = ["c"] }\n  "a b" = 1\n}\n'
    assert read(text) == {
        ("custom_response_headers", "2xx", "X-A"): ["b"],
        ("custom_response_headers", "404", "X"): ["c"],
        ("custom_response_headers", "a b"): 1,
    }


def test_settings_on_one_line_and_blocks_that_repeat_are_all_there():
    text = 'storage "raft" { path = "/a" retry_join { leader_api_addr = "x" } retry_join { leader_api_addr = "y" } }'
    assert [(one.name, one.value) for one in configuration.held("p", text)] == [
        ("storage.raft.path", "/a"),
        ("storage.raft.retry_join.leader_api_addr", "x"),
        ("storage.raft.retry_join.leader_api_addr", "y"),
    ]


def test_a_name_that_json_has_twice_is_two_blocks():
    text = '{"listener": {"tcp": {"address": "a"}}, "listener": {"tcp": {"address": "b"}}}'
    assert [one.value for one in configuration.held("p", text)] == ["a", "b"]
    assert read('{"ui": true, "ui": false}') == {("ui",): [True, False]}


def test_the_old_name_of_storage_is_the_same_storage():
    assert read('backend "raft" {\n  path = "/a"\n}\nha_backend "consul" {}\n') == {
        ("storage", "raft", "path"): "/a",
        ("ha_storage", "consul"): True,
    }


@pytest.mark.parametrize(
    "text", ["{", "ui = ", "= 1\n", "[1]", '"x"', "listener tcp {", "}", 'a = "b\n', "ui true\n", "a = [1\n"]
)
def test_what_is_no_configuration_is_refused(text):
    with pytest.raises(ValueError, match=None):
        configuration.held("p", text)


@settings(deadline=None)
@given(st.text())
def test_no_text_ends_in_another_error(text):
    try:
        configuration.held("p", text)
    except ValueError:
        pass


NAMES = st.text("abcXY_-.0123", min_size=1)
LEAVES = st.one_of(st.booleans(), st.integers(0, 10**6), st.text('ab"\\${}%#/ é\n', max_size=8))


@settings(deadline=None)
@given(
    st.dictionaries(NAMES, st.one_of(LEAVES, st.lists(LEAVES, min_size=1), st.dictionaries(NAMES, LEAVES, min_size=1)))
)
def test_json_and_hcl_of_the_same_settings_are_read_as_the_same(tree):
    def hcl(value):
        if isinstance(value, dict):
            return f"{{\n{body(value)}}}"
        return f"[{', '.join(map(hcl, value))}]" if isinstance(value, list) else json.dumps(value)

    def body(table):
        return "".join(f"{json.dumps(name)} = {hcl(value)}\n" for name, value in table.items())

    assert configuration.held("p", body(tree)) == configuration.held("p", json.dumps(tree))


def test_without_the_library_the_error_names_it_and_what_to_do(monkeypatch):
    monkeypatch.setitem(sys.modules, "hcl2", None)
    with pytest.raises(
        Problem, match=r"can't be read without a library \(hcl2\).+Install python-hcl2 on the controller"
    ):
        configuration.held("p", "ui = true\n")
    assert read('{"ui": true}') == {("ui",): True}, "JSON needs none"
