"""Nodes are replaced, added and removed while clients write; the quorum is never at risk, and no write is lost."""

from __future__ import annotations

import json
from posixpath import dirname

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.client import Cluster
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.raft import api
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.raft.state import normalise
from kit.bench import Bench, end_family
from kit.changes import assert_nothing_lost, inside
from kit.login import as_operator
from kit.probe import Probe, prepare

REPLACE = "playbooks/replace_node.yml"
NODES = 5


@pytest.fixture(scope="module")
def big_lab(tmp_path_factory):
    """The test lab with five machines, of which a test's cluster uses some."""
    bench = Bench(tmp_path_factory.mktemp("replace"), NODES)
    bench.lab_command("down")
    bench.lab_command("up")
    yield bench
    bench.lab_command("down")


@pytest.fixture
def three(big_lab):
    """A settled cluster of vault-1, vault-2 and vault-3; the other machines are empty."""
    big_lab.forget_cluster()
    big_lab.on_nodes("rm -rf /etc/vault.d /opt/vault /usr/local/bin/vault; systemctl reset-failed")
    code, output = big_lab.play(inventory=hosts(big_lab, 1, 2, 3))
    assert code == 0, output
    return big_lab


def hosts(bench, *numbers):
    """An inventory of these machines."""
    every = bench.hosts()
    return bench.inventory({f"vault-{number}": every[f"vault-{number}"] for number in numbers})


def replace(bench, numbers, *arguments):
    return bench.play(*arguments, inventory=hosts(bench, *numbers), playbook=REPLACE)


def among(bench, *numbers) -> Cluster:
    return as_operator(bench, [bench.lab.nodes[number - 1] for number in numbers])


def raft(cluster):
    with cluster.login_active() as client:
        return normalise(api.read_configuration("cluster", client), api.read_autopilot_state("cluster", client))


def clients(bench, *numbers) -> Probe:
    """Clients that know these nodes, which stay, and none of the others."""
    options = among(bench, *numbers).connection
    return Probe(nodes=options.nodes, ca_cert=options.ca_cert, token=prepare(among(bench, 1, 2, 3)))


def container(bench, name: str) -> str:
    return next(node.container for node in bench.lab.nodes if node.hostname == name)


def assert_voters(cluster, *numbers) -> None:
    seen = raft(cluster)
    assert seen["voters"] == [f"vault-{number}" for number in numbers]
    assert seen["healthy"], seen
    assert seen["failure_tolerance"] == (len(numbers) - 1) // 2


def test_a_dead_node_is_replaced(three):
    inside(
        container(three, "vault-2"),
        "systemctl kill --signal=KILL vault; systemctl stop vault; rm -rf /opt/vault/data/*",
    )
    record = f"/var/lib/vaultops-records/canaries-{three.lab.name}.json"
    noted = [{"written": "2026-01-01T00:00:00Z", "value": "# what the others know", "sure": True}]
    for name in ("vault-1", "vault-3"):
        inside(container(three, name), f"install -d -m 700 {dirname(record)}; echo '{json.dumps(noted)}' > {record}")
    code, output = replace(three, (1, 3, 4), "--check")
    assert code != 0
    assert "To remove it: -e vault_leaving=vault-2" in " ".join(output.split())
    with clients(three, 1, 3) as probe:
        code, output = replace(three, (1, 3, 4), "-e", "vault_leaving=vault-2")
    assert code == 0, output
    assert_voters(among(three, 1, 3, 4), 1, 3, 4)
    assert_nothing_lost(probe.report())
    assert json.loads(inside(container(three, "vault-4"), f"cat {record}")) == noted
    # Nobody knows vault-2 any more, so it might as well be a slip of the pen.
    code, output = replace(three, (1, 3, 4), "-e", "vault_leaving=vault-2")
    assert code != 0
    assert "If an earlier run has removed it, run without vault_leaving" in " ".join(output.split()), output
    code, output = replace(three, (1, 3, 4))
    assert code == 0, output
    assert "Nothing to do" in output
    code, output = three.play(inventory=hosts(three, 1, 3, 4))
    assert code == 0, output
    assert output.count("changed=0") == 4, output


def test_the_leader_is_replaced_while_it_lives(three):
    leader = among(three, 1, 2, 3).active()
    number = int(leader[-1])
    staying = [other for other in (1, 2, 3) if other != number]
    with clients(three, *staying) as probe:
        code, output = replace(three, (1, 2, 3, 4), "-e", f"vault_leaving={leader}")
    assert code == 0, output
    assert_voters(among(three, *staying, 4), *staying, 4)
    assert_nothing_lost(probe.report())
    states = inside(
        container(three, leader), "systemctl is-active vault || true; systemctl is-enabled vault || true"
    ).split()
    assert states == ["inactive", "disabled"]


def test_a_leader_that_is_not_in_the_inventory_stays(three):
    leader = among(three, 1, 2, 3).active()
    staying = [number for number in (1, 2, 3) if f"vault-{number}" != leader]
    code, output = replace(three, (*staying, 4), "-e", f"vault_leaving={leader}")
    assert code != 0
    assert "leave it in the inventory until it is removed" in " ".join(output.split()), output
    assert len(raft(among(three, 1, 2, 3))["voters"]) == 3


def test_three_become_five_and_three_again(three):
    with clients(three, 1, 2, 3) as probe:
        code, output = replace(three, (1, 2, 3, 4, 5))
        assert code == 0, output
        assert_voters(among(three, 1, 2, 3), 1, 2, 3, 4, 5)
        code, output = replace(three, (1, 2, 3, 4, 5), "-e", "vault_leaving=vault-4,vault-5")
        assert code == 0, output
    assert_voters(among(three, 1, 2, 3), 1, 2, 3)
    assert_nothing_lost(probe.report())


def test_the_last_tolerance_is_given_up_on_confirmation_only(three):
    refused, output = replace(three, (1, 2, 3), "-e", "vault_leaving=vault-3")
    assert refused != 0
    assert "2 voters, which tolerate no failure" in " ".join(output.split())
    assert len(raft(among(three, 1, 2, 3))["voters"]) == 3
    confirmed = ["-e", "vault_leaving=vault-3", "-e", "vault_accept_lost_tolerance=true"]
    code, output = replace(three, (1, 2, 3), *confirmed)
    assert code == 0, output
    assert_voters(among(three, 1, 2), 1, 2)


def test_a_node_that_stays_and_is_down_stops_it(three):
    """Two down would be the end: the one that is not named has to come back first."""
    inside(container(three, "vault-3"), "systemctl stop vault")
    code, output = replace(three, (1, 2, 3, 4), "-e", "vault_leaving=vault-2")
    inside(container(three, "vault-3"), "systemctl start vault")
    assert code != 0
    assert "vault-3 stays, and is not well" in " ".join(output.split()), output
    assert len(raft(among(three, 1, 2, 3))["voters"]) == 3


def test_a_node_with_a_former_life_does_not_join(three):
    code, output = replace(three, (1, 2, 3, 4, 5))
    assert code == 0, output
    code, output = replace(three, (1, 2, 3, 4, 5), "-e", "vault_leaving=vault-4,vault-5")
    assert code == 0, output
    code, output = replace(three, (1, 2, 3, 4, 5))
    assert code != 0
    assert "Raft database of a former life" in " ".join(output.split()), output
    assert_voters(among(three, 1, 2, 3), 1, 2, 3)


def test_a_controller_that_dies_leaves_what_the_next_run_finishes(three):
    with clients(three, 1, 3) as probe:
        arguments = ["-e", json.dumps({"vault_leaving": ["vault-2"]})]
        inventory = hosts(three, 1, 3, 4) if among(three, 1, 2, 3).active() != "vault-2" else hosts(three, 1, 2, 3, 4)
        process = three.start_play(*arguments, inventory=inventory, playbook=REPLACE)
        while len(raft(among(three, 1, 2, 3))["servers"]) < 4:
            assert process.poll() is None, "the play ended before"
        end_family(process.pid)
        process.communicate()
        code, output = three.play_after_kill(*arguments, inventory=inventory, playbook=REPLACE)
    assert code == 0, output
    assert_voters(among(three, 1, 3, 4), 1, 3, 4)
    assert_nothing_lost(probe.report())
