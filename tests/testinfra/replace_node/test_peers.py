"""vault-4 is a voter in the place of vault-2, on which Vault does not run any more."""

from __future__ import annotations

import dataclasses

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.client import Cluster
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.raft import api
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.raft.state import normalise
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.status.api import read_nodes
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.status.state import classify

STAYED = ("vault-1", "vault-3", "vault-4")


@pytest.fixture(scope="module")
def new_cluster(cluster):
    nodes = {name: url for name, url in cluster.connection.nodes.items() if name in STAYED}
    return Cluster(dataclasses.replace(cluster.connection, nodes=nodes))


def test_three_nodes_serve(new_cluster):
    assert classify(read_nodes(new_cluster))["state"] == "live"


def test_the_new_node_is_a_voter_and_the_old_one_no_peer(new_cluster):
    with new_cluster.login_active() as client:
        raft = normalise(api.read_configuration("cluster", client), api.read_autopilot_state("cluster", client))
    assert raft["voters"] == list(STAYED)
    assert len(raft["servers"]) == 3
    assert (raft["healthy"], raft["failure_tolerance"]) == (True, 1)


@pytest.mark.parametrize("unit", ["vault.service", "vault-backup.timer"])
@pytest.mark.parametrize("name", STAYED)
def test_vault_starts_at_boot_where_it_stays(host, name, unit):
    service = host.get_host(f"docker://test-{name}").service(unit)
    assert service.is_running
    assert service.is_enabled


@pytest.mark.parametrize("unit", ["vault.service", "vault-backup.timer"])
def test_vault_is_stopped_for_good_where_it_left(host, unit):
    service = host.get_host("docker://test-vault-2").service(unit)
    assert not service.is_running
    assert not service.is_enabled
