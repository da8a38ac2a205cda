"""What of site.yml a run with --tags does."""

from __future__ import annotations

import pytest
from ansible_collections.vaultops.cluster.plugins.filter.cluster import site_left_out, site_lines
from ansible_collections.vaultops.cluster.plugins.module_utils._plan import parts
from hypothesis import given
from hypothesis import strategies as st

TAGS = st.lists(st.sampled_from(["all", *parts.ROLES]))
ROLES = ["install", "tls", "server", "backup", "metadata"]
SERVING = {"a": "serving", "b": "serving"}
HOSTS = {
    "a": {"vault_site_todo": {**dict.fromkeys(ROLES, []), "tls": ["/ca.crt"], "server": ["/etc/vault.d/vault.hcl"]}},
    "b": {"vault_site_todo": {**dict.fromkeys(ROLES, []), "backup": ["/complete"]}},
}
BOTH = "a (active): /ca.crt; /etc/vault.d/vault.hcl. Vault is restarted"
OTHERS = ["Autopilot is set.", "b: /complete."]
CLUSTER = [["cluster", "autopilot is set", True], ["tls", "the private CA is made", False]]


@given(st.dictionaries(st.sampled_from(ROLES), st.lists(st.just("x"), min_size=1)), TAGS)
def test_every_step_belongs_to_the_parts_that_are_chosen_or_to_those_that_are_not(todo, tags):
    chosen, others = parts.of_todo(todo, tags), parts.of_todo(todo, tags, others=True)
    assert {role: [*chosen[role], *others[role]] for role in todo} == todo


def test_all_is_chosen_where_no_tag_is_named():
    assert site_left_out({"a": "empty"}, {"a": {}}, CLUSTER, None, ["all"]) == []
    assert parts.of_todo({"tls": ["x"]}, ["all"]) == {"tls": ["x"]}


@pytest.mark.parametrize(
    ("tags", "done", "left"),
    [
        (["all"], [*OTHERS, BOTH], []),
        (["preflight"], [], [*OTHERS, BOTH]),
        (
            ["tls"],
            ["a (active): /ca.crt. Vault reads it anew"],
            [*OTHERS, "a (active): /etc/vault.d/vault.hcl. Vault is restarted"],
        ),
        (["backup", "cluster"], [*OTHERS], [BOTH]),
        (["install"], [], [*OTHERS, BOTH]),
    ],
)
def test_the_plan_names_what_is_done_and_what_is_left_out(tags, done, left):
    order = "The turns are in this order"
    said = [line for line in site_lines(SERVING, HOSTS, CLUSTER, "a", tags) if not line.startswith(order)]
    besides = [line for line in site_left_out(SERVING, HOSTS, CLUSTER, "a", tags) if order not in line]
    assert len(said) == len(done) and all(map(str.startswith, said, done)), said
    assert len(besides) == len(left), besides
    assert all(map(str.startswith, besides, (f"Left out by --tags: {line}" for line in left))), besides


def test_a_restart_that_waits_is_no_matter_of_certificates():
    seen = {"changed": False, "restart_reasons": ["/etc/vault.d/vault.hcl"], "reload_reasons": []}
    host = {"vault_site_todo": {"tls": ["/ca.crt"], "server": seen["restart_reasons"]}, "vault_server_found": seen}
    assert "without a restart" in site_lines({"a": "serving"}, {"a": host}, [], "a", ["tls"])[0]
    assert "is restarted" in site_lines({"a": "serving"}, {"a": host}, [], "a", ["tls", "configure"])[0]


@pytest.mark.parametrize(
    ("tags", "standings", "whole", "words"),
    [
        (["tls"], {"a": "serving", "b": "empty"}, True, ["b (empty)", "without --tags"]),
        (["tls"], {"a": "serving", "b": "other"}, True, ["b (other)"]),
        (["cluster"], SERVING, False, ["The cluster does not serve yet"]),
        (["preflight", "install"], {"a": "stopped"}, False, ["a (stopped)"]),
        (["preflight"], {"a": "empty"}, False, []),
        (["all"], {"a": "empty"}, False, []),
        (["tls"], SERVING, True, []),
    ],
)
def test_parts_are_chosen_of_a_cluster_that_serves_with_every_node(tags, standings, whole, words):
    said = parts.cluster_problem(tags, standings, whole)
    assert bool(said) == bool(words)
    assert all(word in said for word in words), said


@pytest.mark.parametrize(
    ("tags", "skipped", "known", "words"),
    [
        (["all"], [], [], ""),
        (["all"], ["molecule-notest", "notest"], [], ""),
        (["all"], ["always"], [], "--skip-tags always"),
        (["all"], ["notest", "tls"], ["tls"], "--skip-tags tls:"),
        (["tls"], [], ["tls"], ""),
        (["tls", "instal"], [], ["tls"], "--tags instal:"),
        (["tls"], [], [], "--tags tls:"),
        (["all", "never"], [], [], ""),
        (["never"], [], ["tls"], "--tags never:"),
        (["tls"], ["tls", "always"], ["tls"], "--skip-tags always,tls:"),
    ],
)
def test_no_step_is_left_out_in_silence(tags, skipped, known, words):
    said = parts.tags_problem(tags, skipped, known)
    assert bool(said) == bool(words) and words in said
