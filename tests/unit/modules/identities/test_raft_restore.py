"""Whether a snapshot may be restored, and whether it has been."""

from __future__ import annotations

import copy
import hashlib
import shutil

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.errors import VaultError
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.snapshot import restore
from ansible_collections.vaultops.cluster.plugins.modules import vault_raft_restore
from kit.identities import ADMIN, OPERATOR, Vault, narrow, wide

# The stand-in reads every body as JSON.
SNAPSHOT = b'{"a": "snapshot"}'


def cluster(state, cluster_id="one"):
    return {"state": state, "active": "a", "cluster_id": cluster_id, "versions": [], "reason": "sealed: b"}


@pytest.mark.parametrize(
    ("state", "confirm", "says"),
    [
        ("fresh", None, None),
        ("live", "prod", None),
        ("live", None, "confirm=prod"),
        ("live", "test", "confirm=prod"),
        ("degraded", "prod", "sealed: b"),
        ("partial", "prod", "Bring every node up first"),
        ("split", "prod", "Bring every node up first"),
        ("down", None, "Bring every node up first"),
    ],
)
def test_only_nothing_or_what_was_typed_is_overwritten(state, confirm, says):
    found = restore.obstacle(cluster(state), "prod", confirm)
    assert found is None if says is None else says in found


@pytest.mark.parametrize(
    ("state", "cluster_id", "indices", "says"),
    [
        ("live", "one", (7, 8), None),
        ("live", "one", (7, 6), "b has not reached Raft index 7"),
        ("live", "one", (7, None), "b has not reached Raft index 7"),
        ("live", "two", (7, 7), "has the id two, and the snapshot one"),
        ("degraded", "one", (7, 7), "the cluster is degraded"),
    ],
)
def test_it_is_waited_for_until_every_node_has_it(state, cluster_id, indices, says):
    nodes = [{"name": name, "raft_index": index} for name, index in zip("ab", indices, strict=True)]
    found = restore.missing(cluster(state, cluster_id), nodes, "one", 7)
    assert found is None if says is None else says in found


def test_only_what_was_proven_is_sent(tmp_path):
    path = tmp_path / "plain.snap"
    path.write_bytes(b"proven")
    assert vault_raft_restore.require_same(str(path), hashlib.sha256(b"proven").hexdigest()) == 6
    path.write_bytes(b"a drill's")
    with pytest.raises(VaultError, match="not the snapshot that was fetched and proven"):
        vault_raft_restore.require_same(str(path), hashlib.sha256(b"proven").hexdigest())


def test_a_follower_that_was_beyond_the_snapshot_has_to_reach_what_came_after_it(monkeypatch):
    """The snapshot is of index 7; before the restore the cluster was at 20, and it goes on from 21."""
    looks = iter([(21, 20), (21, 20), (21, 20), (21, 22)])
    seen = []

    def nodes(_cluster):
        seen.append(next(looks))
        states = ("active", "standby")
        found = zip("ab", states, seen[-1], strict=True)
        return [{"name": name, "state": state, "raft_index": index} for name, state, index in found]

    class Cluster:
        class connection:
            token = "given"

        def active(self):
            return "a"

        def client(self, _name):
            return None

    monkeypatch.setattr(vault_raft_restore, "read_nodes", nodes)
    monkeypatch.setattr(vault_raft_restore, "classify", lambda _nodes: cluster("live"))
    monkeypatch.setattr(vault_raft_restore.api, "knows_token", lambda _name, _client, _token: False)
    monkeypatch.setattr(vault_raft_restore, "POLL_SECONDS", 0)
    vault_raft_restore.wait_until_applied(
        Cluster(), {"cluster_name": "prod", "cluster_id": "one", "raft_index": 7}, "", 60
    )
    assert seen[-1] == (21, 22)
    assert next(looks, None) is None


STANDBY = {"cluster_id": "one", "version": "1.21.1", "initialized": True, "sealed": False}
STALE = 500, {"errors": ["decryption failed"]}


@pytest.mark.parametrize(
    ("leader", "waits"),
    [
        ((200, {"raft_applied_index": 7}), False),
        ((200, {"raft_applied_index": 6}), True),
        ((200, {}), True),
        (STALE, True),
    ],
)
def test_a_standby_that_has_the_data_and_keys_from_before_is_not_waited_for(
    tmp_path, ca, vault, set_up, options, restored, leader, waits
):
    """Raft gave it the snapshot and what comes behind at once. All nodes are restarted after that."""
    set_up(root=True)
    vault.take()
    (tmp_path / "second").mkdir()
    shutil.copy(tmp_path / "ca.crt", tmp_path / "second" / "ca.crt")
    with Vault(tmp_path / "second", ca) as stale:

        def answer(_verb, path, *_rest):
            if vault.sends:
                return leader if path == "sys/leader" else STALE
            return 429 if path == "sys/health" else 200, STANDBY

        stale.answer = answer
        said = restored(nodes={**options["nodes"], "vault-2": stale.address})
    assert bool(said.get("failed")) is waits, said
    if waits and leader[0] == 200:
        assert "vault-2 has not reached Raft index 7 yet" in said["msg"]


class Restorable(Vault):
    """Restores whom it knew when the snapshot was taken; tokens of before are gone then."""

    taken: tuple = ({}, {})
    sends: list
    refuses = False
    refuses_logins = 0  # once it is restored: with this status

    def take(self):
        self.taken = copy.deepcopy((self.policies, self.roles))
        self.logins.clear()
        self.sends = []

    def answer(self, verb, path, body, token, peer):
        if path in ("sys/health", "sys/seal-status"):
            return 200, {"cluster_id": "one", "version": "1.21.1", "initialized": True, "sealed": False}
        if path == "sys/leader":
            return 200, {"is_self": True, "leader_address": "x", "raft_committed_index": 7}
        if self.refuses_logins and self.sends and path.startswith("auth/") and path.endswith("/login"):
            return self.refuses_logins, {"errors": ["refused"]}
        if path not in ("auth/token/create", "auth/token/create-orphan", "sys/storage/raft/snapshot"):
            return super().answer(verb, path, body, token, peer)
        if not self.may(token, verb, path):
            return 403, {"errors": ["permission denied"]}
        if path.startswith("auth/token/create"):
            self.tokens["witness"] = self.tokens[token]
            return 200, {"auth": {"client_token": "witness"}}
        self.sends.append(self.logins[-1])
        if self.refuses:
            return 400, {"errors": ["refused"]}
        (self.policies, self.roles), self.tokens = copy.deepcopy(self.taken), {}
        return 204, {}


@pytest.fixture
def vault(tmp_path, ca):
    with Restorable(tmp_path, ca) as running:
        yield running


@pytest.fixture
def restored(tmp_path, options, run_module):
    """Runs vault_raft_restore over what serves."""
    path = tmp_path / "plain.snap"
    path.write_bytes(SNAPSHOT)
    of = {"cluster_name": "prod", "cluster_id": "one", "raft_index": 7, "confirm": "prod", "wait_timeout": 2}
    known = {name: value for name, value in options.items() if name != "client_ca"}
    return lambda **more: run_module(
        vault_raft_restore, src=str(path), sha256=hashlib.sha256(SNAPSHOT).hexdigest(), **of, **{**known, **more}
    )


def test_the_admin_sends_it_and_the_operator_sees_it_through(vault, set_up, restored):
    set_up(root=True)
    vault.take()
    assert restored()["was"] == "live"
    assert vault.sends == [ADMIN]
    assert set(vault.logins[vault.logins.index(ADMIN) :]) == {ADMIN, OPERATOR}
    assert vault.logins[-1] == OPERATOR
    assert not set_up()["changed"]


def test_a_snapshot_from_before_there_was_an_admin_brings_none(vault, set_up, restored):
    wide(vault)
    vault.take()
    set_up()
    assert narrow(vault)
    said = restored()
    assert said.get("was") == "live", said
    assert ADMIN not in vault.roles
    assert not narrow(vault)
    assert set_up()["changed"]
    assert narrow(vault)
    assert ADMIN in vault.roles


@pytest.mark.parametrize("status", [400, 403])
def test_a_snapshot_that_does_not_know_who_restores_it_is_restored_all_the_same(vault, set_up, restored, status):
    """Of before there were such logins: to be refused is an answer of what was restored."""
    vault.take()
    set_up(root=True)
    vault.refuses_logins = status
    said = restored()
    assert said.get("was") == "live", said
    assert OPERATOR not in vault.roles


def test_a_login_that_fails_says_nothing_of_the_snapshot(vault, set_up, restored):
    set_up(root=True)
    vault.take()
    vault.refuses_logins = 503
    said = restored()
    assert "the operator of the snapshot can't log in yet" in said["msg"]


def test_an_admin_whom_what_serves_does_not_know_sends_nothing(vault, restored):
    wide(vault)
    vault.take()
    said = restored()
    assert "the identity 'vaultops-admin' can't log in" in said["msg"]
    assert "playbooks/site.yml makes it" in said["msg"]
    assert vault.sends == []


def test_no_token_is_left_when_vault_refuses_it(vault, set_up, restored):
    set_up(root=True)
    vault.take()
    vault.refuses = True
    assert "What serves is as it was" in restored()["msg"]
    assert vault.sends == [ADMIN]
    assert vault.tokens == {}


def test_a_given_token_is_kept_when_vault_refuses_it(vault, set_up, restored):
    set_up(root=True)
    vault.take()
    vault.tokens["given"] = ["root"]
    vault.refuses, vault.logins = True, ["none"]
    assert "What serves is as it was" in restored(token="given")["msg"]
    assert vault.sends == ["none"]
    assert set(vault.tokens) == {"given"}


def test_what_proves_that_the_old_is_gone_outlives_the_login(vault, set_up, restored, monkeypatch):
    """A large snapshot may take longer than a login lasts, and its token would be gone without any restore."""
    set_up(root=True)
    vault.take()
    asked = []
    monkeypatch.setattr(
        vault_raft_restore.api, "knows_token", lambda _name, _client, token: asked.append(token) is not None
    )
    restored()
    assert asked
    assert set(asked) == {"witness"}
