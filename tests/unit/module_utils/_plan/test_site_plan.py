"""What site.yml says that it is going to do."""

from __future__ import annotations

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._plan import site_plan
from hypothesis import given
from hypothesis import strategies as st

NAMES = st.sampled_from("abc")
TODO = st.dictionaries(st.sampled_from(["install", "tls", "server", "backup"]), st.lists(st.sampled_from(["x", "y"])))
SERVING = {"a": "serving", "b": "serving", "c": "serving"}
HCL, RELOAD, TIMER = "/etc/vault.d/vault.hcl", "/etc/vault.d/reload.hcl", "/etc/systemd/system/vault-backup.timer"


def said(todo, observed=None, standings=None, cluster=None, active="a"):
    return site_plan.lines(standings or SERVING, todo, observed or {}, cluster or {}, active)


@given(
    st.dictionaries(NAMES, st.sampled_from(["empty", "uninitialized", "stopped", "serving", "other"])),
    st.dictionaries(NAMES, TODO),
    st.dictionaries(st.sampled_from(["the key is made", "it is initialised"]), st.booleans()),
    st.none() | NAMES,
)
def test_there_is_nothing_to_do_only_where_every_node_serves_and_nothing_differs(standings, todo, cluster, active):
    found = site_plan.lines(standings, todo, {}, cluster, active)
    nothing = all(
        standing in ("serving", "other") and not any(todo.get(name, {}).values())
        for name, standing in standings.items()
    )
    assert (found == []) == (nothing and not any(cluster.values()))


@pytest.mark.parametrize(
    ("todo", "seen", "effect"),
    [
        ({"server": [HCL]}, {}, "restart"),
        ({"server": ["/etc/systemd/system/vault.service"]}, {}, "restart"),
        ({"install": ["release 1.21.1"]}, {}, "restart"),
        ({"server": ["the file is newer"]}, {"restart_reasons": ["the file is newer"]}, "restart"),
        ({"server": [RELOAD]}, {}, "reload"),
        ({"tls": ["a certificate is issued"]}, {}, "certificate"),
        ({"server": ["newer"]}, {"reload_reasons": ["newer"], "restart_reasons": []}, "reload"),
        ({"tls": ["a certificate"], "server": [HCL, RELOAD]}, {"reload_reasons": ["x"]}, "restart"),
        ({"backup": [TIMER]}, {}, "none"),
        ({"metadata": ["the guard"], "server": []}, {"restart_reasons": [], "reload_reasons": []}, "none"),
    ],
)
def test_a_line_says_what_becomes_of_the_running_vault(todo, seen, effect):
    found = said({"b": todo}, {"b": seen})
    assert found[0].startswith("b: ") and found[0].endswith(f" {site_plan.EFFECTS[effect]}.")
    assert found[1:] == ([site_plan.GATED] if effect in ("restart", "certificate") else [])


def test_the_active_node_is_the_last_one_and_the_cluster_the_first():
    todo = {name: {"server": [HCL], "backup": [TIMER]} for name in SERVING}
    found = said(todo, cluster={"the unseal key is changed": True, "autopilot is set": False}, active="b")
    assert found[0] == "The unseal key is changed."
    assert [line.split(":")[0] for line in found[1:4]] == ["a", "c", "b (active)"]
    assert found[1] == f"a: {HCL}; {TIMER}. Vault is restarted there, in this node's turn."


def test_nodes_that_do_not_run_have_no_turn():
    standings = {"a": "empty", "b": "stopped", "c": "uninitialized"}
    found = said({"a": {"server": [HCL]}}, standings=standings, active=None)
    assert [line.split(":")[0] for line in found] == ["a", "b", "c"]
    assert "installed" in found[0] and "started" in found[1] and "initialised" in found[2]


def test_what_two_roles_do_is_said_once():
    assert said({"a": {"tls": ["x"], "backup": ["x", "y"]}})[0].startswith("a (active): x; y. ")
