"""The cluster as its users meet it."""

from __future__ import annotations

import secrets
import time

from ansible_collections.vaultops.cluster.plugins.module_utils._vault.client import call
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.raft import api
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.raft.state import normalise
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.status.api import read_nodes
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.status.state import classify

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


def test_a_write_survives_the_loss_of_the_active_node(cluster, lab):
    value = secrets.token_hex(8)
    with cluster.login_active() as client:
        token = kv_token(client)
    write(cluster, token, value)
    lost = cluster.active()
    container = next(node.container for node in lab.nodes if node.hostname == lost)
    import subprocess

    subprocess.run(["docker", "exec", container, "systemctl", "kill", "--signal=KILL", "vault"], check=True)
    begun = time.monotonic()
    while True:
        try:
            name = next(node["name"] for node in read_nodes(cluster) if node["state"] == "active" and node["name"] != lost)
            assert read(cluster, name, token) == value
            break
        except (StopIteration, Exception) as error:  # noqa: B014
            if time.monotonic() - begun > FAIL_OVER_SECONDS:
                raise AssertionError(f"no new active node within {FAIL_OVER_SECONDS} s") from error
    deadline = time.monotonic() + 60
    while classify(read_nodes(cluster))["state"] != "live":
        assert time.monotonic() < deadline, "the node that was killed did not come back and unseal itself"
        time.sleep(0.3)


def kv_token(client) -> str:
    """A secrets engine to write to, and a token that may."""
    if "kv/" not in call("kv", lambda: client.adapter.get("/v1/sys/mounts"))["data"]:
        call("kv", lambda: client.adapter.post("/v1/sys/mounts/kv", json={"type": "kv"}))
    policy = 'path "kv/*" { capabilities = ["create", "read", "update"] }'
    call("kv", lambda: client.adapter.put("/v1/sys/policies/acl/kv", json={"policy": policy}))
    body = {"policies": ["kv"], "ttl": "10m", "no_parent": True}
    return call("kv", lambda: client.adapter.post("/v1/auth/token/create", json=body))["auth"]["client_token"]


def write(cluster, token, value) -> None:
    client = cluster.client(cluster.active())
    client.token = token
    call("kv", lambda: client.adapter.post("/v1/kv/survivor", json={"value": value}))


def read(cluster, name, token) -> str:
    client = cluster.client(name)
    client.token = token
    return call(name, lambda: client.adapter.get("/v1/kv/survivor"))["data"]["value"]
