"""What a drill reports, and which canary it looks for."""

from __future__ import annotations

import contextlib
import itertools

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._snapshot import drill
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.errors import VaultError
from ansible_collections.vaultops.cluster.plugins.modules import vault_canary

MANIFEST = {"name": "n", "raft_index": 7, "vault_version": "1.21.1", "started_at": "2026-01-02T00:00:00Z"}
ALL = {"before": "2099-01-01T00:00:00Z", "until": "2099-01-01T00:00:00Z"}
BEGUN = 1767312000.0  # 2026-01-02T00:00:00Z


def test_what_would_have_been_lost_and_how_long_it_took():
    found = drill.report(MANIFEST, BEGUN + 3600, BEGUN + 3640.4, None, {"written": "2026-01-01T23:00:00Z"})
    assert (found["rpo_seconds"], found["rto_seconds"]) == (3600, 40)
    assert (found["result"], found["problem"]) == ("passed", None)
    assert found["finished_at"] == "2026-01-02T01:00:40Z"
    assert found["canary_of"] == "2026-01-01T23:00:00Z"


def test_a_drill_that_failed_says_why():
    found = drill.report(MANIFEST, BEGUN, BEGUN, "it did not unseal", None)
    assert (found["result"], found["problem"], found["canary_of"]) == ("failed", "it did not unseal", None)


def test_a_drill_that_could_fetch_nothing_is_a_report_too():
    found = drill.report({}, BEGUN, BEGUN + 2, "KMS is down", None)
    assert (found["result"], found["snapshot"], found["rpo_seconds"], found["rto_seconds"]) == ("failed", None, None, 2)


def test_a_report_with_the_older_name_of_its_time_is_read_too():
    rest = '"2026-11-01T00:00:00Z", "result": "passed", "rpo_seconds": 7, "rto_seconds": 9}'
    texts = {"a.json": f'{{"ended": {rest}', "b.json": f'{{"finished_at": {rest}'}
    found, unreadable = drill.read(texts)
    assert unreadable == []
    assert found[0] == found[1] and "2026-11-01T00:00:00Z" in found[0].values()


def canary(day: int, sure: bool = True) -> vault_canary.Canary:
    return {"written": f"2026-01-0{day}T00:00:00Z", "value": f"# {day}", "sure": sure}


@pytest.mark.parametrize(
    ("before", "value"),
    [
        ("2026-01-01T00:00:00Z", None),
        # The clocks may differ by ten seconds.
        ("2026-01-01T00:00:10Z", None),
        ("2026-01-01T00:00:11Z", "# 1"),
        ("2026-01-03T00:00:00Z", "# 2"),
        # The fifth may never have reached Vault.
        ("2026-01-09T00:00:00Z", "# 4"),
    ],
)
def test_the_newest_canary_before_the_snapshot_counts(before, value):
    known = [canary(1), canary(4), canary(2), canary(5, sure=False)]
    found = vault_canary.expected(known, before)
    assert (found["value"] if found else None) == value


class Vault:
    """A cluster whose one node holds one policy."""

    def __init__(self, policy=None, refuses=False):
        self.policy, self.refuses = policy, refuses

    def active(self):
        return "vault-1"

    @contextlib.contextmanager
    def login(self, _name):
        yield self


@pytest.fixture
def run(monkeypatch):
    minutes = itertools.count(BEGUN, 60)
    monkeypatch.setattr(vault_canary.time, "time", lambda: next(minutes))

    def call(vault, state, **params):
        def put(where, client, name, value):
            if client.refuses:
                raise VaultError(where, "it does not answer")
            client.policy = value

        monkeypatch.setattr(vault_canary, "Cluster", lambda _connection: vault)
        monkeypatch.setattr(vault_canary.Connection, "from_params", lambda _params: None)
        monkeypatch.setattr(vault_canary.api, "read_policy", lambda where, client, name: client.policy)
        monkeypatch.setattr(vault_canary.api, "write_policy", put)
        if state == "written":
            noted = ask("noted")
            texts["vault-1"] = noted["record"]
            params["noted"] = noted["written"]
        said = ask(state, **params)
        texts["vault-1"] = said["record"] or texts["vault-1"]
        return said

    texts = {"vault-1": None}

    def ask(state, **params):
        """Of a cluster of one node, which has the record."""
        about = {"state": state, "records": {}, "on_nodes": dict(texts), "of_nodes": 1}
        return vault_canary.run({**about, **params}, False)

    return call


def test_what_was_written_is_found(run):
    vault = Vault()
    written = run(vault, "written")["written"]
    assert run(vault, "found", **ALL)["written"] == written


def test_an_older_one_an_unknown_one_and_none_are_losses(run):
    vault = Vault()
    run(vault, "written")
    first = vault.policy
    run(vault, "written")
    for policy, says in ((first, "that of 20"), ("# strange", "an unknown one is"), (None, "there is none")):
        with pytest.raises(VaultError, match=says):
            run(Vault(policy), "found", **ALL)


def test_a_later_one_than_had_to_be_there_is_none(run):
    """Written between the begin of the snapshot and its last entry."""
    vault = Vault()
    written = run(vault, "written")["written"]
    assert run(vault, "found", before=written, until=written)["written"] == written


def test_one_from_after_the_snapshot_is_not_of_it(run):
    vault = Vault()
    run(vault, "written")
    with pytest.raises(VaultError, match="later than the snapshot"):
        run(vault, "found", before="2026-01-01T00:00:00Z", until="2026-01-01T23:59:49Z")


def test_one_that_vault_did_not_take_need_not_be_there(run):
    vault = Vault(refuses=True)
    with pytest.raises(VaultError):
        run(vault, "written")
    assert run(vault, "found", **ALL)["written"] is None
