"""Two of three nodes are lost for good: the third one goes on alone, with all that was acknowledged, and is joined by others."""

from __future__ import annotations

import json
import subprocess
import time

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.client import Cluster
from kit.bench import end_family, finished
from kit.changes import inside, make_cluster
from kit.login import as_operator
from kit.probe import Probe, prepare

RECOVER, STATUS, REPLACE = (f"playbooks/{name}.yml" for name in ("recover_quorum", "status", "replace_node"))
LOST = ("-e", "vault_lost=vault-2,vault-3")


def container(bench, number: int) -> str:
    return bench.lab.nodes[number - 1].container


def docker(*words: str) -> None:
    subprocess.run(["docker", *words], check=True, capture_output=True)


def start(bench, number: int) -> None:
    docker("start", container(bench, number))
    # Its own word once it is up, whatever of its units failed.
    up = "until systemctl is-active -q multi-user.target 2>/dev/null; do sleep 0.2; done"
    inside(container(bench, number), f'timeout 60 sh -c "{up}"')


def left(bench) -> Cluster:
    """Vault-1 alone."""
    return as_operator(bench, bench.lab.nodes[:1])


@pytest.fixture
def lost(fresh_lab):
    """vault-2 and vault-3 are switched off, and their disks are gone. What clients wrote before has to be there afterwards."""
    bucket = {"vault_snapshot_bucket": fresh_lab.bucket}
    for number in (2, 3):
        start(fresh_lab, number)
    make_cluster(fresh_lab, **bucket)
    variables = ("-e", json.dumps(bucket))
    code, output = fresh_lab.play(*variables, playbook="playbooks/backup.yml")
    assert code == 0, output
    cluster = as_operator(fresh_lab)
    with Probe(nodes=cluster.connection.nodes, ca_cert=cluster.connection.ca_cert, token=prepare(cluster)) as probe:
        time.sleep(2)
    for number in (2, 3):
        inside(
            container(fresh_lab, number),
            "systemctl kill --signal=KILL vault; systemctl disable --now vault; rm -rf /opt/vault/data/*",
        )
        docker("stop", "-t", "1", container(fresh_lab, number))
    yield fresh_lab, variables, probe
    for number in (1, 2, 3):
        start(fresh_lab, number)


def recover(bench, variables, *more):
    code, output = bench.play(*LOST, *variables, *more, playbook=RECOVER)
    return code, output, " ".join(output.split())


def typed(bench) -> tuple[str, str]:
    return ("-e", f"vault_recover_confirm={bench.lab.name}")


def untouched(bench) -> str:
    return inside(
        container(bench, 1), "systemctl show vault -p MainPID -p UnitFileState; ls /opt/vault /opt/vault/data/raft"
    )


def assert_serves_alone(bench) -> None:
    with left(bench).login_active() as client:
        peers = client.adapter.get("/v1/sys/storage/raft/configuration")["data"]["config"]["servers"]
    assert [peer["node_id"] for peer in peers] == ["vault-1"]
    assert inside(container(bench, 1), "systemctl is-enabled vault; ls /opt/vault/data/raft").split()[0] == "enabled"
    assert "peers.json" not in inside(container(bench, 1), "ls /opt/vault/data/raft")


def test_one_of_three_goes_on_and_others_join(lost):
    bench, variables, probe = lost
    before = untouched(bench)

    code, output, said = recover(bench, variables, "--check")
    assert code == 0, output
    assert "vault-2, vault-3: can't be reached, so it is your word" in said
    assert "writes that only the lost nodes had confirmed" in said
    assert "entries before vault-1: a restore would lose what was written since" in said, output
    # Nothing without the name, and nothing while others may be a quorum.
    code, output, said = recover(bench, variables)
    assert code != 0 and f"-e vault_recover_confirm={bench.lab.name}" in said, output
    code, output = bench.play("-e", "vault_lost=vault-3", *typed(bench), *variables, playbook=RECOVER)
    assert code != 0 and "vault-1, vault-2 are not named as lost, and are a quorum of 3" in " ".join(output.split()), (
        output
    )
    assert untouched(bench) == before

    code, output, _said = recover(bench, variables, *typed(bench))
    assert code == 0, output
    assert_serves_alone(bench)
    copies = inside(container(bench, 1), "ls -d /opt/vault/data-before-recovery-*").split()
    assert len(copies) == 1
    assert (
        inside(container(bench, 1), f"stat -c '%U %a' {copies[0]} {copies[0]}/vault.db").splitlines()[0] == "vault 700"
    )
    report = probe.report()
    assert report.complete and not report.lost, report.text()

    code, output, said = recover(bench, variables, *typed(bench))
    assert code == 0 and "Nothing to do: vault-1 leads" in said and "changed=0" in said, output
    assert len(inside(container(bench, 1), "ls -d /opt/vault/data-before-recovery-*").split()) == 1

    for number in (2, 3):
        start(bench, number)
    code, output = bench.play(*variables, playbook=REPLACE)
    assert code == 0, output
    with as_operator(bench).login_active() as client:
        peers = client.adapter.get("/v1/sys/storage/raft/configuration")["data"]["config"]["servers"]
    assert sorted(peer["node_id"] for peer in peers if peer["voter"]) == ["vault-1", "vault-2", "vault-3"]


@pytest.mark.parametrize(
    "task",
    ["Stop Vault, and do not start it at boot", "Keep a copy of the data", "Start Vault", "The cluster has a leader"],
)
def test_a_run_that_is_killed_is_run_again(lost, task):
    bench, variables, probe = lost
    play = bench.start_play(*LOST, *typed(bench), *variables, playbook=RECOVER)
    assert play.stdout
    for line in play.stdout:
        if line.startswith("TASK") and f": {task}" in line:
            break
    else:
        pytest.fail("the run ended before it was killed")
    end_family(play.pid)
    finished(play)
    code, output = bench.play_after_kill(*LOST, *typed(bench), *variables, playbook=RECOVER)
    assert code == 0, output
    assert_serves_alone(bench)
    report = probe.report()
    assert report.complete and not report.lost, report.text()


def test_a_lost_node_that_lives_is_not_lost(lost):
    bench, variables, _probe = lost
    start(bench, 3)
    inside(
        container(bench, 3),
        "mkdir -p /opt/vault/data/raft; touch /opt/vault/data/vault.db; chown -R vault: /opt/vault/data",
    )
    before = untouched(bench)
    code, output, said = recover(bench, variables, *typed(bench))
    assert code != 0 and "vault-3 is named as lost, and its machine is reached and holds Raft data" in said, output
    assert untouched(bench) == before
    # An empty one does no harm, and is kept from starting.
    inside(container(bench, 3), "rm -rf /opt/vault/data/*; systemctl enable vault")
    code, output, _said = recover(bench, variables, *typed(bench))
    assert code == 0, output
    assert "disabled" in inside(container(bench, 3), "systemctl is-enabled vault || true")
    assert_serves_alone(bench)
