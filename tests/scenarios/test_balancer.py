"""Clients that know one address write through a load balancer while the cluster is changed: haproxy, with the target group's
health checks, stands for AWS's."""

from __future__ import annotations

import getpass
import json
import shutil
import signal
import socket
import time

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.status.api import read_nodes
from kit.balancer import Balancer, TargetGroup
from kit.bench import end_family
from kit.changes import NEW, OLD, assert_nothing_lost, clients, inside, make_cluster
from kit.login import as_operator

UPGRADE, RESTART = "playbooks/rolling_upgrade.yml", "playbooks/rolling_restart.yml"
# The health checks of a network load balancer speak TLS 1.2 at most.
BALANCED = {"vault_load_balancer": True, "vault_tls_min_version": "tls12"}
VARIABLES = ("-e", json.dumps(BALANCED))
LONGEST_GAP_SECONDS = 1.5
# A leader that is killed is missed after one to two seconds, and elected anew; then Vault has to take over.
CRASH_GAP_SECONDS = 6.0


@pytest.fixture(scope="module")
def group(fresh_lab):
    assert shutil.which("haproxy"), "haproxy is missing: 'make test-setup' installs it"
    made = TargetGroup(fresh_lab)
    make_cluster(fresh_lab, vault_version=OLD, **BALANCED)
    return made


@pytest.fixture
def balancer(fresh_lab, group, tmp_path):
    with Balancer(fresh_lab, group, tmp_path) as serving:
        yield serving


def through(balancer) -> tuple[str, str]:
    return balancer.url, balancer.server_name


def everybody(bench) -> set[str]:
    return {node.hostname for node in bench.lab.nodes}


def wait_until_all_serve(bench) -> None:
    deadline = time.monotonic() + 60
    while {one["state"] for one in read_nodes(as_operator(bench))} - {"active", "standby"}:
        assert time.monotonic() < deadline
        time.sleep(0.5)


@pytest.mark.parametrize("playbook", [UPGRADE, RESTART])
def test_each_node_is_out_of_the_balancer_while_it_restarts(fresh_lab, group, balancer, playbook):
    with clients(fresh_lab, through=through(balancer)) as probe:
        code, output = fresh_lab.play(*VARIABLES, playbook=playbook)
    assert code == 0, output
    report = probe.report()
    print(f"\n{playbook}: longest gap {report.longest_gap_seconds:.2f} s")
    assert_nothing_lost(report, LONGEST_GAP_SECONDS)
    assert {node["version"] for node in read_nodes(as_operator(fresh_lab))} == {NEW}
    # One by one: whoever is taken out is put back before the next one goes.
    went = [(name, is_in) for _at, name, is_in in balancer.seen]
    order = [name for name, is_in in went if is_in]
    assert went == [(name, is_in) for name in order for is_in in (False, True)]
    assert len(order) == 3
    assert set(order) == group.targets() == everybody(fresh_lab)


def test_a_leader_that_is_killed_costs_what_an_election_takes(fresh_lab, balancer):
    leader = as_operator(fresh_lab).active()
    node = next(node for node in fresh_lab.lab.nodes if node.hostname == leader)
    with clients(fresh_lab, through=through(balancer)) as probe:
        inside(node.container, "systemctl kill --signal=SIGKILL vault")
        wait_until_all_serve(fresh_lab)
        time.sleep(5)  # what clients see afterwards is part of the picture
    report = probe.report()
    print(f"\nkilled: longest gap {report.longest_gap_seconds:.2f} s")
    assert_nothing_lost(report, CRASH_GAP_SECONDS)


def test_what_a_run_has_left_out_that_was_killed_is_put_back_by_the_next(fresh_lab, group):
    process = fresh_lab.start_play(*VARIABLES, playbook=RESTART)
    deadline = time.monotonic() + 120
    while group.targets() == everybody(fresh_lab):
        assert time.monotonic() < deadline, "no node was taken out"
        assert process.poll() is None, "the play ended before"
    end_family(process.pid)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    (left_out,) = everybody(fresh_lab) - group.targets()
    wait_until_all_serve(fresh_lab)
    code, output = fresh_lab.play(*VARIABLES, "--check")
    assert code == 0, output
    assert f"The load balancer sends requests to {left_out} again" in " ".join(output.split()), output
    assert group.targets() != everybody(fresh_lab)
    dead = f"{getpass.getuser()}@{socket.gethostname()}"
    code, output = fresh_lab.play(*VARIABLES, "-e", f"vault_lease_take_over={dead}")
    assert code == 0, output
    assert group.targets() == everybody(fresh_lab)
    code, output = fresh_lab.play(*VARIABLES)
    assert code == 0, output
    assert "changed=0" in output and "Nothing to do" in output, output
