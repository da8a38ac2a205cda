"""In which order nodes are restarted, and what forbids it."""

from __future__ import annotations

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._plan import editions, upgrade
from kit.crossing import NODE, NOTHING


def cluster(*versions, active=0, state="live", tolerance=1, missing=None, differences=()):
    """Status and peers of vault-1, vault-2, ... that run these versions."""
    nodes = [
        {"name": f"vault-{n}", "state": "active" if n == active + 1 else "standby", "version": version}
        for n, version in enumerate(versions, 1)
    ]
    status = {
        "cluster": {"state": state, "reason": "sealed: vault-2", "versions": sorted(set(versions))},
        "nodes": nodes,
    }
    return status, {"raft": {"failure_tolerance": tolerance}, "missing": missing, "differences": list(differences)}


def installed(status, **current):
    """What lies on each node: the version that runs, unless said otherwise (vault_2="1.21.1")."""
    return {
        node["name"]: {
            "running": node["version"],
            "current": current.get(node["name"].replace("-", "_"), node["version"]),
        }
        for node in status["nodes"]
    }


def planned(*versions, target="1.21.1", join="aws", current=None, **options):
    status, raft = cluster(*versions, **options)
    nodes = {node["name"]: NODE for node in status["nodes"]}
    return upgrade.upgrade(status, raft, installed(status, **(current or {})), target, join, NOTHING, nodes)


@pytest.mark.parametrize(
    ("versions", "active", "order"),
    [
        (("1.21.0", "1.21.0", "1.21.0"), 0, ["vault-2", "vault-3", "vault-1"]),
        (("1.21.0", "1.21.0", "1.21.0"), 1, ["vault-1", "vault-3", "vault-2"]),
        (("1.21.0", "1.21.1", "1.21.0"), 0, ["vault-3", "vault-1"]),
        (("1.21.0", "1.21.1", "1.21.1"), 0, ["vault-1"]),
        (("1.21.0", "1.21.1", "1.21.1"), 1, ["vault-1"]),
        (("1.21.1", "1.21.1", "1.21.1"), 0, []),
    ],
)
def test_standbys_first_and_only_what_is_behind(versions, active, order):
    plan = planned(*versions, active=active)
    assert plan["problems"] == []
    assert [step["node"] for step in plan["steps"]] == order
    assert [step["active"] for step in plan["steps"]] == [name == f"vault-{active + 1}" for name in order]


def test_the_plan_says_what_and_why():
    plan = planned("1.21.0", "1.21.0", "1.21.0", current={"vault_2": "1.21.1"})
    texts = [step["text"] for step in plan["steps"]]
    assert "1.21.0 -> 1.21.1 (switched already, and not restarted)" in texts[0]
    assert "SIGTERM" in texts[-1]


def test_a_node_that_was_switched_and_runs_another_binary_is_not_done():
    status, raft = cluster("1.21.1", "1.21.1", "1.21.1")
    seen = {**installed(status), "vault-2": {"running": "1.21.0", "current": "1.21.1"}}
    plan = upgrade.upgrade(status, raft, seen, "1.21.1", "aws")
    assert [step["node"] for step in plan["steps"]] == ["vault-2"]


@pytest.mark.parametrize(
    ("versions", "options", "says"),
    [
        (("1.21.1", "1.21.1", "1.21.1"), {"target": "1.21.0"}, "data can't go back"),
        (("1.21.0", "1.21.2", "1.21.0"), {}, "1.21.2 runs"),
        (("1.19.0", "1.21.0", "1.21.0"), {}, "Finish the one that was begun first, with vault_version 1.21.0"),
        (("1.19.0",) * 3, {"target": "1.20.1"}, "can't join by EC2 tag"),
        (("1.19.0",) * 3, {"target": "3.0.0"}, "more than one major version"),
        (("1.10.4",) * 3, {}, "Below 1.11 autopilot"),
        (("1.21.0",) * 3, {"target": "1.21"}, "Give the whole version"),
        (("1.21.0",) * 3, {"target": "1.21.1.9"}, "Give the whole version"),
        (("1.20.4+ent",) * 3, {}, "1.20.4+ent runs, and 1.21.1 is the community edition"),
        (("1.21.1+ent.hsm.fips1403",) * 3, {}, "1.21.1+ent.hsm.fips1403 runs"),
        (("1.21.1", "1.21.0+ent", "1.21.1"), {}, "1.21.0+ent runs"),
        (("1.21.0",) * 3, {"target": "1.21.1+ent"}, "1.21.0 runs, and 1.21.1+ent is the edition ent"),
        (("1.21.0",) * 3, {"state": "degraded"}, "degraded (sealed: vault-2)"),
        (("1.21.0",) * 3, {"tolerance": 0}, "tolerates no failure"),
        (("1.21.0",) * 3, {"missing": "2 of 3 voters are healthy (vault-3 is voter, not healthy)"}, "vault-3 is voter"),
        (("1.21.0",) * 3, {"differences": ["vault-9 is a peer"]}, "vault-9 is a peer"),
    ],
)
def test_what_forbids_it(versions, options, says):
    plan = planned(*versions, **options)
    assert plan["steps"] == []
    assert says in " ".join(plan["problems"])


def test_a_static_join_does_not_mind_a_broken_auto_join():
    assert planned("1.19.0", "1.19.0", "1.19.0", target="1.20.1", join="static")["problems"] == []


@pytest.mark.parametrize(
    ("start", "target", "says"),
    [
        ("1.19.0", "1.21.1", "disable_mlock must be set"),
        ("1.21.1", "2.1.0", "generate-root and rekey want a token"),
        ("2.2.0", "2.2.2", "deny rules match a path whatever its capital letters"),
        (
            "2.2.2",
            "2.3.0",
            "Vault 2.3.0 is newer than any version that this release knows. What is known of Vault 2.2.2 of",
        ),
    ],
)
def test_what_changes_on_the_way_is_noted(start, target, says):
    notes = planned(start, start, start, target=target)["notes"]
    assert [note for note in notes if says in note]
    assert all(note.endswith(").") for note in notes)


def test_what_changes_elsewhere_is_not_noted():
    assert planned("1.21.0", "1.21.0", "1.21.0")["notes"] == []


def test_nodes_that_hide_their_version_are_not_upgraded():
    plan = planned("1.19.0", "", "1.19.0")
    assert "vault-2 does not tell which version it runs" in plan["problems"][0]
    assert upgrade.reads(cluster("1.19.0", "")[0], "1.21.1") == []


def test_what_is_crossed_is_never_passed_unread():
    status, raft = cluster("1.19.0", "1.19.0", "1.19.0")
    plan = upgrade.upgrade(status, raft, installed(status), "1.21.1", "static")
    assert plan["steps"] == []
    assert "was not asked" in plan["problems"][0]


@pytest.mark.parametrize(
    ("start", "target", "parts"),
    [
        ("1.21.0", "1.21.1", []),
        ("1.19.0", "1.21.1", ["audit", "policies", "nodes"]),
        ("1.20.1", "1.21.0", ["policies", "nodes"]),
        ("1.21.1", "1.21.6", ["policies"]),
        ("1.21.1", "2.0.0", ["mounts"]),
        ("1.21.6", "2.1.0", ["mounts", "policies", "nodes"]),
        ("1.21.1", "x", []),
    ],
)
def test_what_is_read_is_what_the_upgrade_depends_on(start, target, parts):
    assert upgrade.reads(cluster(start, start)[0], target) == parts


def test_a_restart_takes_every_node_once_and_the_active_one_last():
    status, raft = cluster("1.21.1", "1.21.1", "1.21.1", active=1)
    assert [step["node"] for step in upgrade.restart(status, raft)["steps"]] == ["vault-1", "vault-3", "vault-2"]
    status, raft = cluster("1.21.1", "1.21.1", "1.21.1", tolerance=0)
    assert upgrade.restart(status, raft)["steps"] == []


def test_an_edition_is_never_crossed():
    assert editions.problems(["1.21.0", "1.21.1"], "1.21.1") == []
    assert editions.problems(["1.21.0+ent.hsm"], "1.21.1+ent.hsm") == []
    assert "is the edition ent" in editions.problems(["1.21.0"], "1.21.1+ent")[0]


# --- a turn that failed


def turn(node_2, leader="1.21.0", before="1.21.0"):
    """vault-2 after its turn; vault-1 leads, unless *leader* is None."""
    other = {"error": None, "reach": "answered"}
    nodes = [
        {"name": "vault-1", "state": "active" if leader else "sealed", "version": leader, **other},
        {"name": "vault-2", "version": None, **other, **node_2},
    ]
    return upgrade.way_back({"nodes": nodes}, "vault-2", before, "1.21.1")


REFUSED = {"state": "unreachable", "error": "vault-2: no connection (refused).", "reach": "refused"}


@pytest.mark.parametrize(
    ("node_2", "options", "way", "says"),
    [
        # It is well: whatever failed is no fault of its.
        (
            {"state": "standby", "version": "1.21.1"},
            {},
            (False, False),
            "answers as a standby, so it was left as it is",
        ),
        ({"state": "active", "version": "1.21.1"}, {"leader": None}, (False, False), "left as it is"),
        # It was never restarted: the link goes back, the process stays.
        ({"state": "standby", "version": "1.21.0"}, {}, (True, False), "was not restarted: it runs 1.21.0"),
        ({"state": "standby", "version": "1.21.0"}, {"leader": None}, (True, False), "was not restarted"),
        # It is known not to serve.
        (REFUSED, {}, (True, True), "was unreachable (vault-2: no connection (refused))"),
        ({"state": "sealed"}, {}, (True, True), "was sealed"),
        (REFUSED, {"leader": "1.21.1"}, (False, False), "a leader of 1.21.1 may have written"),
        (REFUSED, {"leader": None}, (False, False), "no node leads"),
        (REFUSED, {"before": None}, (False, False), "no older release"),
        (REFUSED, {"before": "1.21.1"}, (False, False), "no older release"),
        # Not to be seen is not to be down.
        ({**REFUSED, "reach": "timeout"}, {}, (False, False), "does not tell whether it serves"),
        ({**REFUSED, "reach": "unroutable"}, {}, (False, False), "does not tell whether it serves"),
        ({**REFUSED, "reach": "ca_file"}, {}, (False, False), "does not tell whether it serves"),
    ],
)
def test_a_node_goes_back_only_when_it_is_known_to_be_down_and_nobody_wrote(node_2, options, way, says):
    found = turn(node_2, **options)
    assert (found["switch_back"], found["restart"]) == way
    assert says in found["text"]
