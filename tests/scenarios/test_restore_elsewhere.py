"""A snapshot comes back again and again, and on nodes with other ids, where the old ones live and where they do not."""

from __future__ import annotations

import json
import time

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.raft import api
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.raft.state import normalise
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.status.api import read_nodes
from kit.bench import Bench
from kit.changes import inside
from kit.login import as_admin, as_operator

RESTORE, BACKUP, STATUS = (f"playbooks/{name}.yml" for name in ("restore", "backup", "status"))
OLD, NEW = (1, 2, 3), (4, 5, 6)


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """A cluster of three that has been backed up, and three machines with nothing on them."""
    bench = Bench(tmp_path_factory.mktemp("elsewhere"), 6)
    bench.lab_command("down")
    bench.lab_command("up")
    run(bench, OLD, "site.yml")
    write(bench, OLD, "# before")
    run(bench, OLD, BACKUP)
    yield bench
    bench.lab_command("down")


def play(bench, numbers, playbook, *arguments):
    """Nodes that are found by their tag would join those that are left."""
    every = bench.hosts()
    inventory = bench.inventory({f"vault-{number}": every[f"vault-{number}"] for number in numbers})
    variables = {"vault_snapshot_bucket": bench.bucket, "vault_join": "static"}
    return bench.play("-e", json.dumps(variables), *arguments, inventory=inventory, playbook=playbook)


def run(bench, numbers, playbook, *arguments) -> str:
    code, output = play(bench, numbers, playbook, *arguments)
    assert code == 0, output
    return " ".join(output.split())


def among(bench, numbers):
    return [bench.lab.nodes[number - 1] for number in numbers]


def states(bench, numbers) -> list[str]:
    return sorted(node["state"] for node in read_nodes(as_operator(bench, among(bench, numbers))))


def write(bench, numbers, text) -> None:
    with as_admin(bench, among(bench, numbers)).login_active() as client:
        client.adapter.put("/v1/sys/policies/acl/restored", json={"policy": text})


def read(bench, numbers) -> str:
    with as_admin(bench, among(bench, numbers)).login_active() as client:
        return client.adapter.get("/v1/sys/policies/acl/restored")["data"]["policy"]


def voters(bench, numbers) -> set[str]:
    with as_operator(bench, among(bench, numbers)).login_active() as client:
        view = normalise(api.read_configuration("cluster", client), api.read_autopilot_state("cluster", client))
    return set(view["voters"])


def wait_for_standbys(bench, numbers) -> None:
    deadline = time.monotonic() + 60
    while states(bench, numbers) != ["active", "standby", "standby"]:
        assert time.monotonic() < deadline, states(bench, numbers)
        time.sleep(0.5)


def confirmed(bench):
    return "-e", f"vault_restore_confirm={bench.lab.name}"


def newest(bench) -> str:
    keys = [one["Key"] for one in bench.aws("s3").list_objects_v2(Bucket=bench.bucket)["Contents"]]
    return max(key for key in keys if key.endswith(".encrypted")).rpartition("/")[2]


def test_again_and_again_over_a_cluster_that_serves(lab):
    """Each time from the same snapshot, whose Raft index lies further back each time."""
    name = newest(lab)
    for _ in range(3):
        write(lab, OLD, "# after")
        run(lab, OLD, RESTORE, "-e", f"vault_restore={name}", *confirmed(lab))
        assert states(lab, OLD) == ["active", "standby", "standby"]
        assert read(lab, OLD) == "# before"
        assert voters(lab, OLD) == {"vault-1", "vault-2", "vault-3"}
    # And nobody is lost when all start anew.
    for node in among(lab, OLD):
        inside(node.container, "systemctl restart vault")
    wait_for_standbys(lab, OLD)


def test_on_nodes_with_other_ids_once_no_old_one_lives(lab):
    """The snapshot names the node that leads. A restored standby asks it, and is told that it is no member: for good."""
    run(lab, OLD, BACKUP)
    code, output = play(lab, NEW, RESTORE)
    said = " ".join(output.split())
    assert (
        code != 0 and "heard from a node of the cluster that the snapshot was taken of that it is no member" in said
    ), output
    assert "docs/emergencies.md" in said
    assert "removed" in states(lab, NEW)
    assert states(lab, OLD) == ["active", "standby", "standby"]
    # One of the new ones may serve, alone.
    _code, output = play(lab, NEW, STATUS)
    assert "was told that it is no member of the cluster" in " ".join(output.split()), output

    # As the page says.
    for node in among(lab, OLD):
        inside(node.container, "systemctl disable --now vault")
    for node in among(lab, NEW):
        inside(node.container, "systemctl stop vault; find /opt/vault/data -mindepth 1 -delete")
    run(lab, NEW, RESTORE)
    assert read(lab, NEW) == "# before"
    assert voters(lab, NEW) == {"vault-4", "vault-5", "vault-6"}
    for node in among(lab, NEW):
        inside(node.container, "systemctl restart vault")
    wait_for_standbys(lab, NEW)
    run(lab, NEW, "site.yml")
    assert "changed=0" in run(lab, NEW, "site.yml")
