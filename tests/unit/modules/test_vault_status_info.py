"""What every node says of itself without a login, and what they are together. A node that does not answer is an answer."""

from __future__ import annotations

import contextlib

import pytest
import yaml
from ansible_collections.vaultops.cluster.plugins.module_utils._common import wait
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.errors import REACH
from ansible_collections.vaultops.cluster.plugins.modules import vault_status_info
from kit.backup_stage import SMALL, VaultStandIn, whole
from kit.vault_versions import STAND_IN

RETURN = yaml.safe_load(vault_status_info.RETURN)
NOBODY = "https://127.0.0.1:1"


@pytest.fixture
def three(certificates):
    """Nodes of one cluster, of which the first leads."""
    with contextlib.ExitStack() as stack:
        nodes = [stack.enter_context(VaultStandIn(certificates, whole(SMALL))) for _node in range(3)]
        for one in nodes[1:]:
            one.active = lambda: False
        yield nodes


@pytest.fixture
def status(three, certificates, run_module):
    def run(check=False, **more):
        nodes = {f"vault-{number}": one.address for number, one in enumerate(three, 1)}
        options = {"nodes": nodes, "ca_cert": certificates.path("ca.crt"), "timeout": 5, "retries": 0}
        return run_module(vault_status_info, check, **{**options, **more})

    return run


@pytest.mark.parametrize("version", STAND_IN)
def test_each_version_is_told_as_it_is(three, status, version):
    for one in three:
        one.recovery.version = version
    three[2].initialized = False
    said = status()
    assert said["cluster"]["versions"] == [version]
    assert [node["version"] for node in said["nodes"]] == [version] * 3
    assert [node["state"] for node in said["nodes"]] == ["active", "standby", "uninitialized"]
    three[0].recovery.hides_version = True
    assert status()["nodes"][0]["version"] in (None, "")


@pytest.mark.parametrize("check", [False, True])
def test_a_cluster_that_serves(three, status, check):
    said = status(check)
    assert said["changed"] is False
    assert set(said["cluster"]) == set(RETURN["cluster"]["contains"])
    assert all(set(node) == set(RETURN["nodes"]["contains"]) for node in said["nodes"])
    assert said["cluster"] == {
        "state": "live",
        "active": "vault-1",
        "cluster_id": three[0].cluster_id,
        "versions": ["1.21.1"],
        "reason": "active: vault-1; standby: vault-2, vault-3",
    }
    assert [node["name"] for node in said["nodes"]] == ["vault-1", "vault-2", "vault-3"]
    first = said["nodes"][0]
    assert (first["url"], first["state"], first["initialized"], first["sealed"]) == (
        three[0].address,
        "active",
        True,
        False,
    )
    assert (first["seal_type"], first["raft_index"], first["error"], first["reach"]) == ("awskms", 41, None, "answered")
    assert all("login" not in call for node in three for call in node.calls)


@pytest.mark.parametrize(
    ("changes", "state", "states"),
    [
        ({0: "new", 1: "new", 2: "new"}, "fresh", ["uninitialized"] * 3),
        ({2: "new"}, "partial", ["active", "standby", "uninitialized"]),
        ({2: "sealed"}, "degraded", ["active", "standby", "sealed"]),
        ({2: "another"}, "split", ["active", "standby", "standby"]),
        ({0: "stands by"}, "degraded", ["standby"] * 3),
    ],
)
def test_what_nodes_are_together(three, status, changes, state, states):
    for at, change in changes.items():
        node = three[at]
        if change == "new":
            node.initialized = False
        elif change == "sealed":
            node.sealed = True
        elif change == "another":
            node.cluster_id = "another-cluster"
        else:
            node.active = lambda: False
    said = status()
    assert said["cluster"]["state"] == state
    assert [node["state"] for node in said["nodes"]] == states
    assert said["cluster"]["active"] == ("vault-1" if "active" in states else None)
    assert "failed" not in said


@pytest.mark.parametrize(
    ("path", "fault"),
    [
        ("sys/health", None),
        ("sys/health", (200, b"<html>Log in</html>")),
        ("sys/health", (200, b"[]")),
        ("sys/seal-status", None),
        ("sys/seal-status", (403, b'{"errors": ["permission denied"]}')),
        ("sys/seal-status", (503, b"<html>busy</html>")),
        ("sys/leader", (500, b'{"errors": ["internal error"]}')),
    ],
)
def test_a_node_that_can_not_be_read_is_told_with_the_cause_and_is_no_error(three, status, path, fault):
    three[2].faults[path] = fault
    said = status()
    assert "failed" not in said
    assert (said["cluster"]["state"], said["cluster"]["active"]) == ("degraded", "vault-1")
    node = said["nodes"][2]
    assert (node["state"], node["initialized"], node["sealed"]) == ("unreachable", None, None)
    assert node["error"].startswith("vault-3: ")
    assert node["reach"] in REACH
    assert set(node) == set(RETURN["nodes"]["contains"])


def test_a_code_that_vault_does_not_have_is_unknown(three, status):
    three[2].faults["sys/health"] = 418, b"{}"
    assert status()["nodes"][2]["state"] == "unknown"


def test_where_nobody_answers_nothing_is_known(status, certificates, tmp_path):
    said = status(nodes={"vault-1": NOBODY})
    assert said["cluster"]["state"] == "down"
    assert said["nodes"][0]["reach"] == "refused"
    lost = str(tmp_path / "lost.crt")
    said = status(ca_cert=lost)
    assert {node["reach"] for node in said["nodes"]} == {"ca_file"}
    assert all(lost in node["error"] for node in said["nodes"])


def test_a_state_that_is_there_is_not_waited_for(status):
    assert status(wait_for=["live", "partial"], wait_timeout=60)["cluster"]["state"] == "live"


def test_a_state_that_does_not_come_is_told_with_what_keeps_it(three, status):
    three[1].sealed = True
    said = status(wait_for=["live"], wait_timeout=0)
    assert said["failed"]
    assert said["msg"].startswith("vault-1, vault-2, vault-3: still ")
    assert "after 0 s" in said["msg"]
    assert "Read 'journalctl -u vault' on the nodes that are not active or standby." in said["msg"]


def test_a_state_that_comes_is_waited_for(three, status, monkeypatch):
    monkeypatch.setattr(wait, "PAUSE_SECONDS", 0.01)
    three[1].sealed = True
    looks = []

    def active():
        looks.append(1)
        three[1].sealed = len(looks) < 6
        return True

    three[0].active = active
    said = status(wait_for=["live"], wait_timeout=60)
    assert said["cluster"]["state"] == "live"
    assert len(looks) >= 6


def test_without_a_node_it_says_so(status):
    assert status(nodes={})["msg"] == "nodes: no node was given. Give at least one name: URL pair."


@pytest.mark.parametrize("timeout", [0, -1])
def test_a_timeout_that_is_none_is_refused_in_words(connection, run_module, timeout):
    assert "timeout" in run_module(vault_status_info, **{**connection, "timeout": timeout})["msg"]
