"""A live cluster is upgraded while clients write: no write is lost, and what goes wrong stops it where it can go on."""

from __future__ import annotations

import functools
import json
import re
import shutil
import signal
import time

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.status.api import read_nodes
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.status.state import classify
from kit.bench import end_family
from kit.changes import NEW, OLD, assert_nothing_lost, clients, inside, make_cluster
from kit.fault_proxy import Drop, FaultProxy, Rule
from kit.login import as_admin, as_operator
from kit.mirror import PROXY_PORT, tampered_mirror

UPGRADE = "playbooks/rolling_upgrade.yml"


@pytest.fixture
def old_cluster(fresh_lab):
    """A settled cluster of the version before, on nodes that have nothing else."""
    return make_cluster(fresh_lab, vault_version=OLD)


def versions(bench) -> dict[str, str]:
    """What runs on each node, by its own word."""
    return {node["name"]: node["version"] for node in read_nodes(as_operator(bench))}


def state(bench) -> str:
    return classify(read_nodes(as_operator(bench)))["state"]


def refused_until_it_is_mended(bench, join):
    """A policy that Vault 1.21 refuses, and 1.19 takes."""
    admin = as_admin(bench)

    def write(*capabilities):
        rules = "".join(f"  capabilities = {json.dumps(list(some))}\n" for some in capabilities)
        with admin.login(admin.active()) as client:
            client.adapter.put("/v1/sys/policies/acl/team", json={"policy": f'path "kv/*" {{\n{rules}}}\n'})

    write(["read"], ["read", "list"])
    code, output = bench.play("--check", "-e", f"vault_join={join}", playbook=UPGRADE)
    assert code != 0
    said = " ".join(output.split())
    assert f"The policy 'team' sets capabilities twice (line 3): Vault {NEW} refuses the policy" in said, output
    assert set(versions(bench).values()) == {"1.19.0"}
    write(["read", "list"])


@pytest.mark.parametrize(("start", "join"), [(OLD, "aws"), ("1.19.0", "static")])
def test_no_write_is_lost(fresh_lab, start, join):
    bench = make_cluster(fresh_lab, vault_version=start, vault_join=join)
    if start == "1.19.0":
        refused_until_it_is_mended(bench, join)
    planned_code, planned = bench.play("--check", "-e", f"vault_join={join}", playbook=UPGRADE)
    assert planned_code == 0, planned
    assert f"the active node: {start} -> {NEW}; last" in planned
    assert set(versions(bench).values()) == {start}

    with clients(bench) as probe:
        code, output = bench.play("-e", f"vault_join={join}", playbook=UPGRADE)
    assert code == 0, output
    assert set(versions(bench).values()) == {NEW}
    assert_nothing_lost(probe.report())

    code, output = bench.play("-e", f"vault_join={join}", playbook=UPGRADE)
    assert code == 0, output
    assert output.count("changed=0") == 4, output
    code, output = bench.play("-e", f"vault_version={start}", playbook=UPGRADE)
    assert code != 0
    assert "data can't go back" in " ".join(output.split())


def test_a_signature_that_is_not_the_publishers_stops_it_before_a_node_is_touched(old_cluster, tmp_path, request):
    def tamper(release):
        sums = release / f"vault_{NEW}_SHA256SUMS"
        sums.write_text(sums.read_text().replace("a", "b"))

    mirror = functools.partial(tampered_mirror, tamper)(old_cluster, tmp_path, request)
    before = old_cluster.fingerprint()
    code, output = old_cluster.play("-e", json.dumps(mirror), playbook=UPGRADE)
    assert code != 0
    assert "the signature of" in output
    assert old_cluster.fingerprint() == before


def test_a_full_disk_stops_it_before_a_node_is_stopped(old_cluster):
    """A file system of 64 MiB in the place of the releases: the new one does not fit."""
    container = old_cluster.lab.nodes[1].container
    inside(container, "mount -t tmpfs -o size=64m tmpfs /opt/vault/releases")
    try:
        code, output = old_cluster.play(playbook=UPGRADE)
    finally:
        inside(container, "umount /opt/vault/releases")
    assert code != 0
    said = " ".join(output.split())
    assert "vault-2" in said
    assert "are to stay free" in said, output
    assert set(versions(old_cluster).values()) == {OLD}
    assert state(old_cluster) == "live"


def test_a_node_that_is_down_stops_it_before_it_starts(old_cluster):
    container = old_cluster.lab.nodes[2].container
    inside(container, "systemctl stop vault")
    before = old_cluster.fingerprint()
    code, output = old_cluster.play(playbook=UPGRADE)
    inside(container, "systemctl start vault")
    said = " ".join(output.split())
    assert code != 0
    assert "The cluster is degraded" in said, output
    assert "vault-3" in said
    assert old_cluster.fingerprint() == before


def test_a_controller_that_dies_after_the_second_node_leaves_what_the_next_run_finishes(old_cluster):
    with clients(old_cluster) as probe:
        process = old_cluster.start_play(playbook=UPGRADE)
        deadline = time.monotonic() + 120
        while list(versions(old_cluster).values()).count(NEW) < 2:
            assert time.monotonic() < deadline, "two nodes were never upgraded"
            assert process.poll() is None, "the play ended before"
            time.sleep(0.2)
        end_family(process.pid)
        process.communicate()
        assert process.returncode == -signal.SIGKILL
        code, output = old_cluster.play_after_kill(playbook=UPGRADE)
    assert code == 0, output
    assert set(versions(old_cluster).values()) == {NEW}
    assert_nothing_lost(probe.report())


def test_a_standby_that_does_not_start_is_switched_back_and_the_rest_left_alone(old_cluster, tmp_path):
    """The new release is installed by hand, and is none: it ends at once."""
    for node in old_cluster.lab.nodes:
        folder = f"/opt/vault/releases/{NEW}"
        text = "#!/bin/sh\\necho broken on purpose >&2; exit 1\\n"
        inside(node.container, f"mkdir -p {folder}; printf '{text}' >{folder}/vault; chmod 755 {folder}/vault")
        # As if it had been installed from a signed archive; else no node would be touched.
        record = f'{{"version": "{NEW}", "archive": "", "binary": "%s", "stamp": []}}'
        sums = f"$(sha256sum <{folder}/vault | cut -d' ' -f1)"
        inside(node.container, f"printf '{record}' {sums} >{folder}/vaultops-sums.json")
    with clients(old_cluster) as probe:
        code, output = old_cluster.play(playbook=UPGRADE)
    said = " ".join(output.split())
    assert code != 0
    assert "It was switched back, and serves as before" in said, output
    assert "broken on purpose" in said
    assert set(versions(old_cluster).values()) == {OLD}
    assert state(old_cluster) == "live"
    assert_nothing_lost(probe.report())
    links = [inside(node.container, "readlink /usr/local/bin/vault").strip() for node in old_cluster.lab.nodes]
    assert set(links) == {f"/opt/vault/releases/{OLD}/vault"}


def test_a_node_that_dies_in_the_middle_does_not_lose_a_write(old_cluster):
    """Power is cut to the second standby while the first one is upgraded: two of three nodes, one of them restarting."""
    active = as_operator(old_cluster).active()
    victim = [node for node in old_cluster.lab.nodes if node.hostname != active][1]
    with clients(old_cluster) as probe:
        process = old_cluster.start_play(playbook=UPGRADE)
        deadline = time.monotonic() + 120
        while NEW not in versions(old_cluster).values():
            assert time.monotonic() < deadline, "no node was ever upgraded"
            time.sleep(0.2)
        inside(victim.container, "systemctl kill --signal=KILL vault")
        output, _ = process.communicate(timeout=240)
        if process.returncode != 0:
            assert victim.hostname in output
            code, output = old_cluster.play(playbook=UPGRADE)
            assert code == 0, output
    assert set(versions(old_cluster).values()) == {NEW}
    # Killed outright, a node takes the writes it was forwarding along; the cluster as a whole goes on.
    assert_nothing_lost(probe.report(), longest=3.0)


GATE = "Wait until every voter is healthy"
SWITCH = f"Switch to Vault {NEW}"
BACK = "Wait until the node is a healthy voter"
FIRST, SECOND, ACTIVE = 0, 1, 2

# Autopilot misses it in the end; before that the node's own silence is what is told.
MISSED = r"after 20 s .*{dead} is (unreachable|\w[\w-]*, not healthy)"

# Where a voter dies, and stays down: at the nth time that a task begins. Each turn has a gate, the switch, the restart with a
# wait for the node, and a gate again. Then who has died, which nodes are not restarted afterwards, and what is said.
DEATHS = {
    "the first one, when the second one's turn begins": (GATE, 3, FIRST, (SECOND, ACTIVE), MISSED),
    "the first one, between the second one's gate and its restart": (
        SWITCH,
        2,
        FIRST,
        (SECOND, ACTIVE),
        "Vault was not restarted here: without it 1 of 3 voters would serve",
    ),
    "the second one, before the first one's turn": (GATE, 1, SECOND, (FIRST, ACTIVE), MISSED),
    "the second one, while the first one comes back": (BACK, 1, SECOND, (ACTIVE,), MISSED),
    "the second one, when the first one is back": (GATE, 2, SECOND, (ACTIVE,), MISSED),
    "the active one, while the second one comes back": (BACK, 2, ACTIVE, (FIRST,), MISSED),
    "the first one, before the active one's turn": (GATE, 5, FIRST, (SECOND, ACTIVE), MISSED),
}


@pytest.mark.parametrize("death", DEATHS)
def test_a_voter_that_dies_stops_it_and_no_other_is_harmed(old_cluster, death):
    task, nth, victim, untouched, says = DEATHS[death]
    active = as_operator(old_cluster).active()
    nodes = sorted(old_cluster.lab.nodes, key=lambda node: node.hostname == active)
    dead, well = nodes[victim], [node for node in nodes if node is not nodes[victim]]
    process = old_cluster.start_play("-e", "vault_server_health_timeout=20", playbook=UPGRADE)
    begun = 0
    while begun < nth:
        line = process.stdout.readline()
        assert line, "the play ended before"
        begun += line.startswith("TASK [") and task in line
    inside(dead.container, "systemctl kill --signal=KILL vault; systemctl stop vault")
    before, ran = [process_of(node) for node in nodes], versions(old_cluster)
    said = " ".join(process.communicate(timeout=240)[0].split())
    assert process.returncode > 0, said
    assert re.search(says.format(dead=dead.hostname), said), said
    after = [process_of(node) for node in nodes]
    assert [after[number] for number in untouched] == [before[number] for number in untouched], said
    # Nobody who serves went back.
    now = versions(old_cluster)
    assert not [node.hostname for node in well if (ran[node.hostname], now[node.hostname]) == (NEW, OLD)], said
    assert state(old_cluster) == "degraded"
    links = [inside(node.container, "readlink /usr/local/bin/vault") for node in well]
    assert [f"/{now[node.hostname]}/" in link for node, link in zip(well, links, strict=True)] == [True, True]

    # The next run begins at once, and waits for what is on its way.
    inside(dead.container, "systemctl start --no-block vault")
    code, output = old_cluster.play(playbook=UPGRADE)
    assert code == 0, output
    assert set(versions(old_cluster).values()) == {NEW}


def process_of(node) -> str:
    return inside(node.container, "systemctl show vault -p MainPID -p ExecMainStartTimestampMonotonic")


def test_it_is_not_done_to_a_part_of_the_cluster(old_cluster):
    before = old_cluster.fingerprint()
    for playbook in (UPGRADE, "playbooks/rolling_restart.yml"):
        code, output = old_cluster.play("--limit", "vault-2", playbook=playbook)
        assert code != 0
        assert "Run it without --limit" in " ".join(output.split()), output
    assert old_cluster.fingerprint() == before


def test_kms_out_of_reach_stops_it_and_the_next_run_finishes(fresh_lab):
    """The first node to restart can't unseal; the other two go on serving, and its unit goes on trying."""
    listen = (fresh_lab.lab.gateway, PROXY_PORT)
    with FaultProxy(listen, fresh_lab.lab.aws_url) as proxy:
        bench = make_cluster(fresh_lab, vault_version=OLD, vault_aws_endpoint_url=proxy.url)
        shutil.rmtree(bench.output / "snapshots", ignore_errors=True)
        with clients(bench) as probe:
            process = bench.start_play(playbook=UPGRADE)
            # The snapshot before it is sealed with KMS, too: only then may KMS be gone.
            while not list((bench.output / "snapshots").glob("[0-9]*.snap")):
                assert process.poll() is None, "the play ended before"
                time.sleep(0.05)
            proxy.rules = [Rule(operation, Drop(), every=True) for operation in ("DescribeKey", "Encrypt", "Decrypt")]
            output, _ = process.communicate(timeout=240)
            proxy.rules = []
        said = " ".join(output.split())
        assert process.returncode > 0, output
        assert "It was switched back, and is not back yet (its unit goes on trying)" in said, output
        assert_nothing_lost(probe.report())

        deadline = time.monotonic() + 60
        while state(bench) != "live":
            assert time.monotonic() < deadline, "the unit gave up"
            time.sleep(0.5)
        code, output = bench.play("-e", json.dumps({"vault_aws_endpoint_url": proxy.url}), playbook=UPGRADE)
        assert code == 0, output
        assert set(versions(bench).values()) == {NEW}
