"""The active node is stopped on purpose, while it is measured how long another takes. It runs again, whatever happens."""

from __future__ import annotations

import json
import signal
import subprocess
import time

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.status.api import read_nodes
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.status.state import classify
from kit.bench import end_family
from kit.changes import assert_nothing_lost, clients, inside, make_cluster
from kit.login import as_operator

CHECK = "playbooks/failover_check.yml"
# With the multiplier 1 that the role sets: 15 s, and six times the Raft timeout of 1 s.
SETTLED = ("-e", "vault_failover_settled_seconds=21")
# The timer on the node: what the run waits for a leader, and 90 s more.
BACK_SECONDS = 120
# What clients may notice of a killed leader, with the multiplier 1.
CRASH_GAP_SECONDS = 4.0


@pytest.fixture(scope="module")
def cluster(fresh_lab):
    return make_cluster(fresh_lab)


def pids(bench) -> list[str]:
    """Of Vault on each node; 0 where it does not run."""
    return [said.strip() for said in bench.on_nodes("systemctl show --value --property MainPID vault")]


def active(bench):
    """The node that leads."""
    name = as_operator(bench).active()
    return next(node for node in bench.lab.nodes if node.hostname == name)


def state(bench) -> str:
    return classify(read_nodes(as_operator(bench)))["state"]


def wait_for(bench, wanted: str, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while state(bench) != wanted:
        assert time.monotonic() < deadline, f"the cluster is {state(bench)}"
        time.sleep(0.5)


def reports(bench) -> list[dict]:
    """What was written down, which without a bucket is in the directory alone, under the name that it has in a bucket."""
    folder = bench.output / "records" / bench.lab.name / "failovers"
    return [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]


def check(bench, *arguments: str) -> tuple[int, str]:
    return bench.play(*SETTLED, "-e", f"vault_failover_confirm={bench.lab.name}", *arguments, playbook=CHECK)


def no_timer(bench) -> bool:
    return not "".join(bench.on_nodes("systemctl list-timers --all --no-legend vaultops-back.timer"))


def test_a_look_says_what_would_be_done_and_stops_nothing(cluster):
    before, leader = pids(cluster), active(cluster).hostname
    code, output = cluster.play("--check", "-e", "vault_failover_kind=crash", playbook=CHECK)
    said = " ".join(output.split())
    assert code == 0, output
    assert f"{leader}, the active node: Vault is killed by SIGKILL" in said
    assert f"only with -e vault_failover_confirm={cluster.lab.name}, which was not given" in said
    assert pids(cluster) == before
    assert reports(cluster) == []


@pytest.mark.parametrize("typed", ["", "prod"])
def test_without_the_clusters_name_nothing_is_stopped(cluster, typed):
    before = pids(cluster)
    code, output = cluster.play("-e", f"vault_failover_confirm={typed}", playbook=CHECK)
    assert code != 0
    assert f"-e vault_failover_confirm={cluster.lab.name}" in " ".join(output.split()), output
    assert pids(cluster) == before


@pytest.mark.parametrize(("kind", "longest"), [("graceful", 1.5), ("crash", CRASH_GAP_SECONDS)])
def test_another_node_leads_and_the_node_comes_back(cluster, kind, longest):
    leader, before, kept = active(cluster), pids(cluster), len(reports(cluster))
    with clients(cluster) as probe:
        code, output = check(cluster, "-e", f"vault_failover_kind={kind}")
    assert code == 0, output
    assert_nothing_lost(probe.report(), longest)
    report = reports(cluster)[-1]
    assert len(reports(cluster)) == kept + 1
    assert (report["result"], report["kind"], report["stopped"]) == ("passed", kind, leader.hostname)
    assert (report["leader"], report["lost"]) == (active(cluster).hostname, False)
    assert report["leader"] != leader.hostname
    assert 0 < report["leader_seconds"] <= report["limits"]["leader_seconds"] == 10
    assert 0 < report["unsealed_seconds"] <= report["rejoined_seconds"]
    changed = [old != new for old, new in zip(before, pids(cluster), strict=True)]
    assert changed == [node.hostname == leader.hostname for node in cluster.lab.nodes], (
        "one was stopped, and runs again"
    )
    assert state(cluster) == "live"
    assert no_timer(cluster)
    assert f"{report['leader']} was the active node after" in " ".join(output.split())


def test_a_limit_that_is_missed_fails_it_and_the_node_runs(cluster):
    code, output = check(cluster, "-e", "vault_failover_leader_seconds=0.001")
    said = " ".join(output.split())
    assert code != 0
    assert "The fail-over check failed. A new leader took" in said, output
    assert "and the limit is 0.001 s (vault_failover_leader_seconds)." in said
    assert reports(cluster)[-1]["result"] == "failed"
    assert reports(cluster)[-1]["rejoined_seconds"] is not None
    assert state(cluster) == "live"
    assert no_timer(cluster)
    # The lease was given back.
    code, output = cluster.play("--check", playbook="playbooks/rolling_restart.yml")
    assert code == 0, output


def test_a_cluster_that_is_not_whole_is_left_alone(cluster):
    leader = active(cluster).hostname
    standby = next(node for node in cluster.lab.nodes if node.hostname != leader)
    inside(standby.container, "systemctl stop vault")
    try:
        before = pids(cluster)
        code, output = check(cluster)
        assert pids(cluster) == before
    finally:
        inside(standby.container, "systemctl start vault")
    assert code != 0
    assert "The cluster is degraded" in " ".join(output.split()), output
    wait_for(cluster, "live", 60)


def test_after_a_run_that_was_killed_the_node_comes_back_by_itself(cluster):
    leader = active(cluster)
    process = cluster.start_play(
        *SETTLED, "-e", f"vault_failover_confirm={cluster.lab.name}", "-e", "vault_failover_kind=crash", playbook=CHECK
    )
    # Returns in the moment in which it is stopped.
    stopped = [
        "docker",
        "exec",
        leader.container,
        "sh",
        "-c",
        "while systemctl -q is-active vault; do sleep 0.02; done",
    ]
    subprocess.run(stopped, check=True, timeout=180)
    end_family(process.pid)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert pids(cluster)[[node.hostname for node in cluster.lab.nodes].index(leader.hostname)] == "0"
    assert not no_timer(cluster)
    wait_for(cluster, "live", BACK_SECONDS + 30)
    assert active(cluster).hostname != leader.hostname
    assert no_timer(cluster)
    code, output = cluster.play_after_kill(*SETTLED, "-e", f"vault_failover_confirm={cluster.lab.name}", playbook=CHECK)
    assert code == 0, output
