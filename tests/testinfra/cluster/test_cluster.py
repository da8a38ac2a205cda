"""The cluster as its users meet it."""

from __future__ import annotations

import secrets
import subprocess
import time

from ansible_collections.vaultops.cluster.plugins.module_utils._vault.client import call
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.errors import VaultError
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.raft import api
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.raft.state import normalise
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.status.api import read_nodes
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.status.state import classify
from kit.login import kv_token

FAIL_OVER_SECONDS = 10


def raft_of(operator):
    return normalise(api.read_configuration("cluster", operator), api.read_autopilot_state("cluster", operator))


def test_one_active_node_and_everything_unsealed(cluster):
    nodes = read_nodes(cluster)
    assert classify(nodes)["state"] == "live"
    assert [node["sealed"] for node in nodes] == [False] * 3
    assert {node["seal_type"] for node in nodes} == {"awskms"}


def test_three_healthy_voters_tolerate_one_failure(operator):
    raft = raft_of(operator)
    assert sorted(raft["voters"]) == ["vault-1", "vault-2", "vault-3"]
    assert raft["healthy"]
    assert raft["failure_tolerance"] == 1


def test_nodes_that_come_from_now_on_have_to_prove_themselves_for_ten_seconds(operator):
    """While the cluster was made it was one second."""
    assert api.read_autopilot_config("cluster", operator)["server_stabilization_time"] in ("10s", 10_000_000_000)


def test_two_audit_devices(operator):
    devices = call("audit", lambda: operator.adapter.get("/v1/sys/audit"))["data"]
    assert {device["options"]["file_path"] for device in devices.values()} == {"/var/log/vault/audit.log", "stdout"}


def test_no_root_token_is_left(operator):
    """Every token that exists is the operator's own, from this login."""
    accessors = call("tokens", lambda: operator.adapter.request("LIST", "/v1/auth/token/accessors"))["data"]["keys"]
    for accessor in accessors:
        found = call(
            "tokens",
            lambda accessor=accessor: operator.adapter.post(
                "/v1/auth/token/lookup-accessor", json={"accessor": accessor}
            ),
        )
        assert "root" not in found["data"]["policies"]


def test_the_rotated_audit_log_is_written_on(cluster, lab):
    """Standbys forward their requests, so only the active node logs them."""
    container = container_of(lab, cluster.active())
    log = "/var/log/vault/audit.log"
    before = inside(container, "stat", "-c", "%i", log)
    inside(container, "logrotate", "--force", "/etc/logrotate.d/vault")
    with cluster.login_active():
        after, size = inside(container, "stat", "-c", "%i %s", log).split()
    assert after != before
    assert int(size) > 0


def test_the_audit_files_are_looked_at_every_hour(lab):
    for node in lab.nodes:
        inside(node.container, "systemctl", "is-active", "vaultops-logrotate.timer")
        inside(node.container, "systemctl", "start", "vaultops-logrotate.service")
        shown = inside(node.container, "systemctl", "show", "-p", "Result,ExecMainStatus", "vaultops-logrotate.service")
        assert shown.split() == ["Result=success", "ExecMainStatus=0"]


def test_a_write_survives_the_loss_of_the_active_node(cluster, lab):
    value = secrets.token_hex(8)
    with cluster.login_active() as client:
        token = kv_token(client)
    write(cluster, token, value)
    lost = cluster.active()
    inside(container_of(lab, lost), "systemctl", "kill", "--signal=KILL", "vault")
    begun = time.monotonic()
    while read_from_another(cluster, lost, token) != value:
        assert time.monotonic() - begun < FAIL_OVER_SECONDS, f"no new active node within {FAIL_OVER_SECONDS} s"
        time.sleep(0.1)
    deadline = time.monotonic() + 60
    while not is_whole(read_nodes(cluster)):
        assert time.monotonic() < deadline, "the node that was killed did not come back and unseal itself"
        time.sleep(0.3)


def is_whole(nodes) -> bool:
    """Every node serves, and knows where to forward to."""
    return classify(nodes)["state"] == "live" and all(node["leader_address"] for node in nodes)


def container_of(lab, name) -> str:
    return next(node.container for node in lab.nodes if node.hostname == name)


def inside(container, *command) -> str:
    return subprocess.run(
        ["docker", "exec", container, *command], check=True, capture_output=True, text=True
    ).stdout.strip()


def write(cluster, token, value) -> None:
    client = cluster.client(cluster.active())
    client.token = token
    call("kv", lambda: client.adapter.post("/v1/kv/survivor", json={"value": value}))


def read_from_another(cluster, lost, token) -> str | None:
    """The value as a new active node gives it; None as long as there is none."""
    name = next(
        (node["name"] for node in read_nodes(cluster) if node["state"] == "active" and node["name"] != lost), None
    )
    if name is None:
        return None
    client = cluster.client(name)
    client.token = token
    try:
        return call(name, lambda: client.adapter.get("/v1/kv/survivor"))["data"]["value"]
    except VaultError:
        return None
