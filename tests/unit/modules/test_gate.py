"""The gates and the removal of a peer, as modules, against a cluster of stand-ins on loopback."""

from __future__ import annotations

import http.server
import json
import ssl
import threading
import time
import typing as t

import pytest
from ansible_collections.vaultops.cluster.plugins.modules import (
    vault_raft_info,
    vault_raft_peer,
    vault_raft_restore,
    vault_status_info,
)
from kit.backup_stage import SERVER_NAME

INDEX = 100


class ClusterStandIn:
    """Nodes a, b, c, ... of which the first leads; autopilot calls everyone healthy until it is told otherwise."""

    def __init__(self, certificates: t.Any, names: str = "abc") -> None:
        self.names = list(names)
        self.peers = {name: f"{name}:8201" for name in names}
        self.leader = names[0]
        self.thought_dead: set[str] = set()
        self.cut_off: set[str] = set()
        self.calls: list[tuple[str, str]] = []
        self.on: dict[str, t.Callable[[], None]] = {}
        self.answers: dict[str, tuple[int, t.Any]] = {}
        self._servers = {name: self._server(name, certificates) for name in names}
        self.options = {
            "nodes": {name: f"https://127.0.0.1:{one.server_address[1]}" for name, one in self._servers.items()},
            "ca_cert": certificates.path("ca.crt"),
            "tls_server_name": SERVER_NAME,
            "token": "hvs.a-token",
            "timeout": 2,
            "retries": 0,
        }
        self.raft_addresses = dict(self.peers)

    def stop(self, name: str) -> None:
        if one := self._servers.pop(name, None):
            one.shutdown()
            one.server_close()

    def _server(self, name: str, certificates: t.Any) -> http.server.ThreadingHTTPServer:
        stand_in = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *_arguments: t.Any) -> None:
                pass

            def _any(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                path = self.path.removeprefix("/v1/sys/").removeprefix("storage/raft/")
                stand_in.calls.append((name, path))
                if path in stand_in.on:
                    stand_in.on.pop(path)()
                status, content = stand_in.answers.get(path) or stand_in.answer(name, path, body)
                data = json.dumps(content).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_PUT = do_POST = _any  # noqa: N815

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificates.path("server.crt"), certificates.path("server.key"))
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=lambda: server.serve_forever(poll_interval=0.02), daemon=True).start()
        return server

    def answer(self, name: str, path: str, body: bytes) -> tuple[int, t.Any]:
        leads = name == self.leader
        if path == "health":
            status = 474 if name in self.cut_off else 200 if leads else 429
            return status, {"cluster_id": "one", "version": "1.21.1", "initialized": True, "sealed": False}
        if path == "seal-status":
            return 200, {"initialized": True, "sealed": False, "type": "awskms", "version": "1.21.1"}
        if path == "leader":
            return 200, {"is_self": leads, "leader_address": self.leader, "raft_committed_index": INDEX}
        if path == "configuration":
            servers = [
                {"node_id": one, "address": address, "voter": True, "leader": one == self.leader}
                for one, address in self.peers.items()
            ]
            return 200, {"data": {"config": {"servers": servers}}}
        if path == "autopilot/state":
            one = {"status": "voter", "last_index": INDEX, "last_term": 2, "version": "1.21.1"}
            healthy = {peer: peer not in self.thought_dead for peer in self.peers}
            tolerance = sum(healthy.values()) - (len(healthy) // 2 + 1)
            servers = {peer: {**one, "healthy": well} for peer, well in healthy.items()}
            return 200, {"data": {"healthy": all(healthy.values()), "failure_tolerance": tolerance, "servers": servers}}
        if path == "autopilot/configuration":
            return 200, {"data": {}}
        if path == "step-down":
            self.leader = self.names[1]
            return 200, {}
        if path == "remove-peer":
            self.peers.pop(json.loads(body)["server_id"])
            return 200, {}
        return 404, {"errors": []}


@pytest.fixture
def cluster(certificates: t.Any, request: pytest.FixtureRequest) -> t.Iterator[ClusterStandIn]:
    made = ClusterStandIn(certificates, getattr(request, "param", "abc"))
    yield made
    for name in made.names:
        made.stop(name)


def gate(run_module: t.Any, cluster: ClusterStandIn, **options: t.Any) -> dict[str, t.Any]:
    params = {"voters": 3, "wait": True, "wait_timeout": 1, "peers": cluster.raft_addresses, **options}
    return run_module(vault_raft_info, **cluster.options, **params)


def test_a_cluster_that_is_well_passes(cluster, run_module):
    assert gate(run_module, cluster)["raft"]["voters"] == ["a", "b", "c"]


def test_a_look_that_waits_for_nothing_asks_nobody_but_the_leader(cluster, run_module):
    """The everyday run: who leads, once, and then the leader alone."""
    gate(run_module, cluster, wait=False)
    assert sorted(cluster.calls) == sorted(
        [
            *((name, "leader") for name in "abc"),
            ("a", "configuration"),
            ("a", "autopilot/state"),
            ("a", "autopilot/configuration"),
        ]
    )


@pytest.mark.long
def test_a_voter_that_autopilot_has_not_missed_yet_shuts_the_gate(cluster, run_module):
    cluster.stop("b")
    assert "after 3 s b is unreachable" in gate(run_module, cluster, wait_timeout=3)["msg"]


@pytest.mark.parametrize(("patience", "passes"), [(20, True), (0, False)])
def test_a_new_leader_that_refuses_for_a_moment_is_waited_for(cluster, run_module, monkeypatch, patience, passes):
    """Until it has read the policies, a node that has just taken over answers 403 to whoever may."""
    monkeypatch.setattr(vault_raft_info, "REFUSED_SECONDS", patience)
    refusals = iter([(403, {"errors": ["permission denied"]})] * 3)

    class Answers(dict[str, t.Any]):
        def get(self, path: str, default: t.Any = None) -> t.Any:
            return next(refusals, None) if path == "configuration" else default

    cluster.answers = Answers()
    found = gate(run_module, cluster, wait_timeout=20)
    assert found.get("failed", False) is not passes
    assert passes or "permission denied" in found["msg"]


@pytest.mark.long
def test_a_node_whose_answer_the_end_of_the_waiting_cut_off_is_not_blamed(cluster, run_module, monkeypatch):
    cluster.stop("b")
    read, looks = vault_raft_info.read_nodes, []

    def slow_at_the_end(asked: t.Any) -> t.Any:
        looks.append(read(asked))
        if len(looks) < 2:
            return looks[-1]
        time.sleep(2)
        return [{**node, "state": "unreachable"} for node in looks[-1]]

    monkeypatch.setattr(vault_raft_info, "read_nodes", slow_at_the_end)
    said = gate(run_module, cluster, wait_timeout=2)["msg"]
    assert len(looks) == 2
    assert "after 2 s b is unreachable" in said


@pytest.mark.long
def test_a_standby_that_can_not_reach_the_active_node_shuts_it_too(cluster, run_module):
    cluster.cut_off.add("c")
    assert "after 3 s c is isolated" in gate(run_module, cluster, wait_timeout=3)["msg"]
    nodes = run_module(vault_status_info, **{k: v for k, v in cluster.options.items() if k != "token"})
    assert (nodes["cluster"]["state"], nodes["nodes"][2]["state"]) == ("degraded", "isolated")


def test_a_voter_that_nobody_asked_ends_the_wait_at_once(cluster, run_module):
    cluster.peers["x"] = "10.0.0.9:8201"
    cluster.thought_dead.add("x")
    found = gate(run_module, cluster, wait_timeout=600)
    assert "x (10.0.0.9:8201): a voter of the cluster that is none of the nodes asked (a, b, c)" in found["msg"]


@pytest.mark.long
def test_a_node_is_back_whatever_becomes_of_another(cluster, run_module):
    cluster.stop("c")
    cluster.thought_dead.add("c")
    back = gate(run_module, cluster, voters=None, node_id="b", version="1.21.1")
    assert back["changed"] is False, back
    cluster.stop("b")
    assert "b is unreachable" in gate(run_module, cluster, voters=None, node_id="b")["msg"]


def test_who_leaves_need_not_be_asked(cluster, run_module):
    cluster.peers["x"] = "10.0.0.9:8201"
    cluster.thought_dead.add("x")
    assert gate(run_module, cluster, leaving=["x"])["changed"] is False


# --- removal


def remove(run_module: t.Any, cluster: ClusterStandIn, node_id: str, **options: t.Any) -> dict[str, t.Any]:
    params = {"node_id": node_id, "confirm": node_id, "peers": cluster.raft_addresses, "wait_timeout": 5, **options}
    return run_module(vault_raft_peer, **cluster.options, **params)


@pytest.mark.parametrize("cluster", ["abcd"], indirect=True)
def test_a_peer_that_can_be_spared_is_removed(cluster, run_module):
    assert remove(run_module, cluster, "d")["changed"] is True
    assert list(cluster.peers) == ["a", "b", "c"]


@pytest.mark.long
@pytest.mark.parametrize("noticed", [True, False])
@pytest.mark.parametrize("cluster", ["abc"], indirect=True)
def test_a_voter_that_dies_during_the_hand_over_keeps_the_peer_in(cluster, run_module, noticed):
    """Two voters would be left, and one of them alive: the removal could not even be committed."""

    def dies() -> None:
        threading.Thread(target=lambda: cluster.stop("c")).start()
        if noticed:
            cluster.thought_dead.add("c")

    cluster.on["step-down"] = dies
    found = remove(run_module, cluster, "a", accept_lost_tolerance=True)
    assert "without a, 2 voters would need 2 healthy ones, and there are 1" in found["msg"]
    assert list(cluster.peers) == ["a", "b", "c"]
    assert ("b", "remove-peer") not in cluster.calls


def test_a_voter_that_is_dead_and_not_missed_yet_is_not_counted_on(cluster, run_module):
    cluster.stop("c")
    found = remove(run_module, cluster, "b", accept_lost_tolerance=True)
    assert "there are 1" in found["msg"]
    assert len(cluster.peers) == 3


# --- restore


@pytest.mark.parametrize(
    ("status", "says"),
    [(429, "can't be told"), (500, "can't be told"), (503, "can't be told"), (200, "still serves"), (403, None)],
)
def test_only_a_plain_no_proves_that_the_old_token_is_gone(cluster, status, says):
    cluster.answers["/v1/auth/token/lookup-self"] = (status, {"errors": ["x"]})
    asked = vault_raft_restore.Cluster(vault_raft_restore.Connection(**cluster.options))
    found = vault_raft_restore.what_is_missing(asked, {"cluster_id": "one"}, "old", INDEX)
    assert found is None if says is None else says in str(found)


def test_the_child_of_a_token_goes_when_the_restore_is_refused(cluster, tmp_path):
    source = tmp_path / "plain.snap"
    source.write_bytes(b"snapshot")
    cluster.answers["snapshot"] = (400, {"errors": ["refused"]})
    cluster.answers["/v1/auth/token/create"] = (200, {"auth": {"client_token": "child"}})
    cluster.answers["/v1/auth/token/revoke-self"] = (200, {})
    asked = vault_raft_restore.Cluster(vault_raft_restore.Connection(**cluster.options))
    with pytest.raises(vault_raft_restore.VaultError, match="the restore was refused"):
        vault_raft_restore.over_what_serves(asked, {"src": str(source), "admin_public_key": None}, 5)
    assert [path for _name, path in cluster.calls if path.startswith("/v1/auth")] == [
        "/v1/auth/token/create",
        "/v1/auth/token/revoke-self",
    ]
