"""The cluster in a few lines."""

from __future__ import annotations

from ansible_collections.vaultops.cluster.plugins.module_utils._cluster import overview


def node(number, **changes):
    plain = {"name": f"vault-{number}", "url": f"https://10.0.0.{number}:8200", "state": "standby", "version": "1.21.1"}
    return {**plain, "sealed": False, "seal_type": "awskms", "error": None, **changes}


def test_every_node_has_a_line_and_so_has_a_peer_that_nobody_named():
    status = {
        "cluster": {"state": "degraded", "reason": "unreachable: vault-2", "versions": ["1.21.1"]},
        "nodes": [node(1, state="active"), node(2, state="unreachable", error="vault-2: no connection.")],
    }
    certificates = {
        "certificates": [
            {
                "node": "vault-1",
                "not_after": "2027-01-02T00:00:00",
                "days_left": -3,
                "problem": "certificate has expired",
            },
            {"node": "vault-2", "not_after": None, "days_left": None, "problem": "no certificate could be read"},
        ]
    }
    servers = [
        {"node_id": "a", "address": "10.0.0.1:8201", "voter": True, "healthy": True, "last_index": 7},
        {"node_id": "x", "address": "10.0.0.9:8201", "voter": True, "healthy": False, "last_index": 5},
    ]
    found = overview.lines(
        status, certificates, {"raft": {"servers": servers, "voters": ["a", "x"], "failure_tolerance": 0}}
    )
    assert found[0].startswith("The cluster is degraded")
    assert "2 voters, of which 0 may fail" in found[0]
    assert "active, 1.21.1, unsealed (awskms)" in found[1]
    assert "voter a, healthy, index 7" in found[1]
    assert "expires in -3 days (2027-01-02), and clients do not accept it: certificate has expired" in found[1]
    assert "unreachable (vault-2: no connection.); no peer; no certificate could be read" in found[2]
    assert found[3] == "x (10.0.0.9:8201) is a peer, and not in the inventory"


def test_without_a_login_the_peers_are_left_out():
    status = {"cluster": {"state": "down", "reason": "", "versions": []}, "nodes": [node(1)]}
    certificates = {
        "certificates": [{"node": "vault-1", "not_after": "2027-01-02T00", "days_left": 3, "problem": None}]
    }
    found = overview.lines(status, certificates, None)
    assert len(found) == 2
    assert "peer" not in found[1]
