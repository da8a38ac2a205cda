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
# The words of the role vault_server.
TAKEN = f"{HCL} (what a reload brings into effect)"


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
        ({"server": ["/etc/systemd/system/vault.service (its owner, mode or SELinux type)"]}, {}, "none"),
        ({"install": ["release 1.21.1"]}, {}, "restart"),
        ({"server": ["the file is newer"]}, {"restart_reasons": ["the file is newer"]}, "restart"),
        ({"server": [RELOAD]}, {}, "reload"),
        ({"server": [TAKEN]}, {}, "reload"),
        ({"server": [TAKEN, "/etc/systemd/system/vault.service"]}, {}, "restart"),
        ({"server": [TAKEN]}, {"restart_reasons": ["newer"]}, "restart"),
        ({"tls": ["a certificate is issued"]}, {}, "certificate"),
        ({"server": ["newer"]}, {"reload_reasons": ["newer"], "restart_reasons": []}, "reload"),
        ({"tls": ["a certificate"], "server": [HCL, RELOAD]}, {"reload_reasons": ["x"]}, "restart"),
        ({"backup": [TIMER]}, {}, "none"),
        ({"metadata": ["the guard"], "server": []}, {"restart_reasons": [], "reload_reasons": []}, "none"),
    ],
)
def test_a_line_says_what_becomes_of_the_running_vault(todo, seen, effect):
    found = said({"b": todo}, {"b": seen})
    assert found[0].startswith("b: ") and found[0].endswith(f" {site_plan.EFFECTS[effect].format(server='Vault')}.")
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


def test_volumes_are_formatted_before_a_node_is_brought_up_and_restart_nobody():
    (line,) = said({"a": {"volumes": ["the volume x is formatted"]}}, standings={"a": "empty"}, active=None)
    assert line == "a: the volume x is formatted; Vault is installed, configured and started."
    (line,) = said({"a": {"volumes": ["the unit of x"]}}, standings={"a": "serving"})
    assert line == "a (active): the unit of x. Vault goes on as it is."


def test_what_two_roles_do_is_said_once():
    assert said({"a": {"tls": ["x"], "backup": ["x", "y"]}})[0].startswith("a (active): x; y. ")


SEEN = {part: {"changed": False, "missing": None} for part in site_plan.COMPARED}
EMPTY, STOPPED = dict.fromkeys("abc", "empty"), dict.fromkeys("abc", "stopped")


def compared(found, standings=None, active="a", takes_snapshots=True, probes=True):
    return [
        words
        for _part, words, wanted in site_plan.compared(found, standings or SERVING, active, takes_snapshots, probes)
        if wanted
    ]


@pytest.mark.parametrize("part", site_plan.COMPARED)
def test_one_difference_is_no_reason_to_name_others(part):
    differs = {"raft": {"missing": "vault-3 is no voter"}}.get(part, {"changed": True})
    assert compared(SEEN) == []
    assert compared({**SEEN, part: differs}) == [site_plan.COMPARED[part][1]]


@pytest.mark.parametrize(
    ("found", "standings", "active", "until"),
    [
        ({"skipped": True}, STOPPED, None, "before a node leads"),
        ({"skipped": True}, {**EMPTY, "a": "stopped"}, None, "before a node leads"),
        ({"init": {"step": "recover"}, "raft": None}, None, "a", "before the recovery keys are in custody"),
        ({"init": {"step": "nothing"}, "audit": None}, None, "a", "before who may do what is set up"),
    ],
)
def test_what_nobody_has_seen_may_have_to_be_done_and_the_plan_says_why_that_is_not_known(
    found, standings, active, until
):
    said = compared(found, standings, active)
    assert len(said) == len(site_plan.COMPARED)
    assert all("may have to be" in words or "may have to become" in words for words in said), said
    assert all(words.endswith(until) for words in said), said


def test_of_a_cluster_that_is_not_initialised_all_is_to_be_done():
    assert compared({"skipped": True}, EMPTY, None) == [words for _part, words, _may in site_plan.COMPARED.values()]


def test_whose_nodes_take_no_snapshots_lets_them_take_none():
    assert compared({}, EMPTY, None, takes_snapshots=False, probes=False)[-1] == site_plan.COMPARED["raft"][1]
    assert compared({**SEEN, "cert_role": None}, takes_snapshots=False) == []


def test_a_login_of_probes_that_are_no_more_goes_once_it_is_seen():
    assert compared({**SEEN, "probe_role": None}, probes=False) == []
    assert compared({**SEEN, "probe_role": {"changed": True}}, probes=False) == [site_plan.COMPARED["probe_role"][1]]


@pytest.mark.parametrize("standing", site_plan.STANDINGS)
def test_of_openbao_no_line_says_vault(standing):
    todo = {
        "b": {"server": [HCL]},
        "c": {"tls": ["a certificate"]},
        "d": {"server": [RELOAD]},
        "e": {"backup": [TIMER]},
    }
    standings = {"a": standing, **dict.fromkeys(todo, "serving")}
    text = " ".join(site_plan.lines(standings, todo, {}, {}, "b", flavour="openbao"))
    assert text.count("OpenBao") == len(todo) + (standing != "uninitialized") and "Vault" not in text
