"""Where a decision turns: the last version, node or number on either side of it."""

from __future__ import annotations

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._plan import inputs, known_inputs, upgrade
from kit.crossing import NODE, NOTHING
from kit.inputs import GOOD
from kit.inputs import nodes as nodes_of


def nodes(count=3, **changes):
    return nodes_of(count, vault_1=changes)


def cluster(*versions, **raft):
    """Of these nodes the first is the active one."""
    kinds = ["active", *["standby"] * (len(versions) - 1)]
    status = {
        "cluster": {"state": "live", "reason": "", "versions": sorted(set(versions))},
        "nodes": [
            {"name": f"vault-{n}", "state": kind, "version": version}
            for n, (kind, version) in enumerate(zip(kinds, versions, strict=True), 1)
        ],
    }
    return status, {"raft": {"failure_tolerance": 1}, "missing": None, "differences": [], **raft}


def planned(version, target, join="static"):
    status, raft = cluster(version, version, version)
    seen = {node["name"]: {"running": version, "current": version} for node in status["nodes"]}
    nodes = {node["name"]: NODE for node in status["nodes"]}
    return upgrade.upgrade(status, raft, seen, target, join, NOTHING, nodes)


@pytest.mark.parametrize("version", ["1.19.5", "1.19.8", "1.20.0", "1.20.2"])
def test_the_first_and_the_last_version_that_can_not_join_by_tag(version):
    assert "can't join by EC2 tag" in inputs.problems(nodes(), {**GOOD, "version": version})[0]
    assert inputs.problems(nodes(), {**GOOD, "version": version, "join": "static"}) == []
    assert "can't join by EC2 tag" in planned("1.19.0", version, "aws")["problems"][0]


@pytest.mark.parametrize("version", ["1.19.4", "1.19.9", "1.20.3"])
def test_their_neighbours_can(version):
    assert inputs.problems(nodes(), {**GOOD, "version": version}) == []
    assert planned("1.19.0", version, "aws")["problems"] == []


def test_what_is_not_given_is_a_problem_of_its_own():
    needed = GOOD.keys() - {"principals"}
    # The secret is missed only where the sink is one.
    assert len(inputs.problems(nodes(), {})) == len(needed) - 1
    for name in needed:
        assert len(inputs.problems(nodes(), {**GOOD, name: ""})) == 1


def test_how_clients_join_is_by_tag_unless_it_is_said():
    bare = {name: value for name, value in GOOD.items() if name != "join"}
    said = inputs.problems(nodes(), {**bare, "version": "1.20.1"})
    assert any("can't join by EC2 tag" in problem for problem in said)


def test_certificates_that_are_given_are_a_source():
    assert inputs.problems(nodes(), {**GOOD, "tls_source": "given", "tls_dir": "/srv/tls"}) == []


@pytest.mark.parametrize(
    ("name", "value"), [("key_alias", "vault"), ("join", "dns"), ("tls_source", "acme"), ("sink", "paper")]
)
def test_a_value_that_can_not_be_used_is_shown(name, value):
    assert f"'{value}'" in inputs.problems(nodes(), {**GOOD, name: value})[0]


def test_shares_for_nobody_are_not_made():
    to_a_file = {**GOOD, "sink": "pgp", "file": "/srv/recovery.pgp"}
    assert "vault_custody_pgp_keys" in inputs.problems(nodes(), to_a_file)[0]
    assert inputs.problems(nodes(), {**to_a_file, "pgp_keys": ["A"]}) == []


@pytest.mark.parametrize("address", ["http://10.0.1.10:8200", "https://10.0.1.10", "10.0.1.10:8200"])
def test_an_address_has_a_scheme_and_a_port(address):
    assert "is not of the form" in inputs.problems(nodes(vault_api_addr=address), GOOD)[0]


def test_names_below_localhost_are_this_machine():
    assert "loopback" in inputs.problems(nodes(vault_api_addr="https://vault.localhost:8200"), GOOD)[0]
    assert inputs.problems(nodes(vault_api_addr="https://notlocalhost:8200"), GOOD) == []


def test_how_many_nodes_there_are_may_be_judged_elsewhere():
    assert inputs.problems(nodes(2), GOOD, any_count=True) == []
    assert len(inputs.problems(nodes(2), GOOD)) == 1


OPTIONS = {
    "vault_plain": {},
    "vault_folder": {"type": "path"},
    "vault_ports": {"type": "list", "elements": "int"},
    "vault_size": {"type": "bytes"},
}


def known(**own):
    return known_inputs.problems({"vault-1": own}, OPTIONS, [])


def test_an_option_without_a_type_takes_any_text():
    assert known(vault_plain="x", vault_folder="/srv") == []


def test_what_a_list_is_made_of_is_looked_at():
    assert known(vault_ports=[8200, "8201"]) == []
    assert "can't be read as list of int. Write a list." in known(vault_ports=["x"])[0]


def test_a_type_without_an_example_is_named():
    assert known(vault_size="10M") == []
    assert "can't be read as bytes. Write bytes." in known(vault_size="ten")[0]


def test_a_restart_takes_every_node_once_and_the_active_one_last():
    status, raft = cluster("1.21.1", "1.21.1", "1.21.1")
    plan = upgrade.restart(status, raft)
    assert (plan["problems"], plan["notes"]) == ([], [])
    assert [(step["node"], step["active"]) for step in plan["steps"]] == [
        ("vault-2", False),
        ("vault-3", False),
        ("vault-1", True),
    ]
    assert all("restart" in step["text"] for step in plan["steps"])


def test_a_plan_with_a_problem_has_no_steps():
    status, raft = cluster("1.21.1", "1.21.1", "1.21.1", missing="vault-3 is not healthy")
    for plan in (upgrade.restart(status, raft), upgrade.upgrade(status, raft, {}, "1.21.2", "static")):
        assert (len(plan["problems"]), plan["steps"], plan["notes"]) == (1, [], [])


@pytest.mark.parametrize(("start", "target"), [("1.10.0", "1.11.0"), ("1.10.9", "1.12.0")])
def test_from_below_1_11_nothing_could_be_judged(start, target):
    assert "Go to 1.11 by hand first" in planned(start, target)["problems"][0]


def test_from_1_11_on_it_can():
    assert planned("1.11.0", "1.12.0")["problems"] == []


@pytest.mark.parametrize(
    ("start", "target", "said"),
    [("1.19.0", "1.20.0", True), ("1.19.0", "1.19.9", False), ("1.20.0", "1.20.3", False), ("1.20.0", "2.0.0", False)],
)
def test_what_changes_with_a_version_is_said_when_it_is_passed_and_not_again(start, target, said):
    assert any("disable_mlock" in note for note in planned(start, target)["notes"]) is said


def test_an_edition_does_not_hide_the_number():
    assert planned("1.21.0+ent", "1.21.1+ent")["problems"] == []
    assert "data can't go back" in planned("1.21.2+ent", "1.21.1+ent")["problems"][0]


def way(state="unreachable", reach="refused", leader="1.21.0", **own):
    seen = [{"name": "vault-1", "state": "active" if leader else "sealed", "version": leader}]
    seen.append({"name": "vault-2", "state": state, "version": None, "error": None, "reach": reach, **own})
    return upgrade.way_back({"nodes": seen}, "vault-2", "1.21.0", "1.21.1")


@pytest.mark.parametrize("reach", ["answered", "refused", "broken"])
def test_a_node_that_is_known_not_to_serve_goes_back(reach):
    back = way(reach=reach)
    assert (back["switch_back"], back["restart"]) == (True, True)


@pytest.mark.parametrize("reach", ["address", "silent", "tls", "ca_file"])
def test_a_node_of_which_that_is_not_known_stays(reach):
    back = way(reach=reach)
    assert (back["switch_back"], back["restart"]) == (False, False)


@pytest.mark.parametrize(("state", "role"), [("active", "the active node"), ("standby", "a standby")])
def test_a_node_that_serves_is_left_as_what_it_is(state, role):
    assert f"answers as {role}" in way(state=state, version="1.21.1")["text"]


def test_a_node_that_is_not_switched_back_is_described():
    for back in (way(leader=None), way(leader="1.21.1")):
        assert back["text"].startswith("After that, vault-2 was unreachable. Its unit goes on trying.")
    assert "vault-2 was sealed (no key)." in way("sealed", "answered", error="no key.")["text"]
