"""The controller dies at every point of init: the next run finishes, or says what is lost and how to start again."""

from __future__ import annotations

import json
import signal
import typing as t

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.raft import api
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.raft.state import normalise
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.status.api import read_nodes
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.status.state import classify
from kit.bench import end_family
from kit.fault_proxy import Kill, Rule
from kit.login import as_operator, is_revoked, recovery_keys_open
from kit.recording_proxy import PROXY_PORT, Wire

# Where the controller dies: the nth call of an operation, and whether that call still takes effect. The order of the
# calls is CreateSecret (reserve), Put (proof), init, Put (the keys), Put (the cluster's id), Put twice (without the root
# token, and so that the version before is without it too).
POINTS = {
    "before the reservation": ("CreateSecret", 1, False),
    "after the reservation": ("CreateSecret", 1, True),
    "before the proof that the sink can be written": ("PutSecretValue", 1, False),
    "between init and custody": ("PutSecretValue", 2, False),
    "after custody, before the answer": ("PutSecretValue", 2, True),
    "before the keys know their cluster": ("PutSecretValue", 3, False),
    "when the root token is revoked and not yet removed": ("PutSecretValue", 4, False),
    "when the root token is removed, and the version before has it": ("PutSecretValue", 5, False),
    "at the very end": ("PutSecretValue", 5, True),
}


class DuringInit(Wire):
    """Kills the controller when a node asks KMS for the first time after the sink was proven: Vault is initialising."""

    def __init__(self, *arguments: t.Any, end: t.Callable[[], int]) -> None:
        super().__init__(*arguments)
        self.end = end

    def action_for(self, operation):
        if operation == "Encrypt" and self.calls.count("PutSecretValue") == 1 and "killed" not in self.calls:
            self.calls.append("killed")
            self.end()
        return super().action_for(operation)


@pytest.fixture
def bench(fresh_lab):
    fresh_lab.forget_cluster()
    return fresh_lab


@pytest.mark.parametrize("point", POINTS)
def test_next_run_finishes(bench, point):
    operation, nth, forward = POINTS[point]
    process = None
    kill = Kill(lambda: end_family(process.pid), forward=forward)
    with Wire((bench.lab.gateway, PROXY_PORT), bench.lab.aws_url, [Rule(operation, kill, nth)]) as wire:
        variables = json.dumps({"vault_aws_endpoint_url": wire.url})
        process = bench.start_play("-e", variables)
        first, _ = process.communicate(timeout=240)
        assert process.returncode == -signal.SIGKILL, first
        wire.rules.clear()
        code, second = bench.play_after_kill("-e", variables)
        assert code == 0, second
        assert_finished(bench, wire)
        assert not wire.shown_in(first + second)


def test_an_answer_that_is_lost_is_said_to_be_lost(bench):
    process = None
    listen = (bench.lab.gateway, PROXY_PORT)
    with DuringInit(listen, bench.lab.aws_url, [], end=lambda: end_family(process.pid)) as wire:
        variables = json.dumps({"vault_aws_endpoint_url": wire.url})
        process = bench.start_play("-e", variables)
        process.communicate(timeout=240)
        assert process.returncode == -signal.SIGKILL
        assert "killed" in wire.calls

        code, output = bench.play_after_kill("-e", variables)
        said = " ".join(output.split())
        assert code != 0, output
        assert "recovery keys and the root token are lost" in said, output
        assert "To start again, on every node: 'systemctl stop vault', then empty its Raft directory" in said, output

        bench.on_nodes("systemctl stop vault && rm -rf /opt/vault/data/*")
        code, output = bench.play("-e", variables)
        assert code == 0, output
        assert_finished(bench, wire)


def test_a_journal_that_can_not_be_written_stops_before_vault_is_asked(bench):
    bench.controller.mkdir(mode=0o700, parents=True, exist_ok=True)
    obstacle = bench.controller / "init.journal"
    obstacle.mkdir()
    try:
        code, output = bench.play()
    finally:
        obstacle.rmdir()
    assert code != 0, output
    assert "init.journal on the controller: Is a directory" in " ".join(output.split()), output
    assert not any(
        secret["Name"] == bench.secret for secret in bench.aws("secretsmanager").list_secrets()["SecretList"]
    )
    with Wire((bench.lab.gateway, PROXY_PORT), bench.lab.aws_url, []) as wire:
        code, output = bench.play("-e", json.dumps({"vault_aws_endpoint_url": wire.url}))
        assert code == 0, output
        assert_finished(bench, wire)


def test_the_reservation_of_a_run_that_is_not_known_here_is_taken_over_by_name_only(bench):
    process = None
    kill = Kill(lambda: end_family(process.pid), forward=True)
    with Wire((bench.lab.gateway, PROXY_PORT), bench.lab.aws_url, [Rule("CreateSecret", kill, 1)]) as wire:
        variables = {"vault_aws_endpoint_url": wire.url}
        process = bench.start_play("-e", json.dumps(variables))
        process.communicate(timeout=240)
        assert process.returncode == -signal.SIGKILL
        wire.rules.clear()
        # As another controller sees it, which has no journal of that run.
        (bench.controller / "init.journal").unlink()
        reservation = json.loads(bench.aws("secretsmanager").get_secret_value(SecretId=bench.secret)["SecretString"])
        code, output = bench.play_after_kill("-e", json.dumps(variables))
        said = " ".join(output.split())
        assert code != 0, output
        assert f"{reservation['who']} began an init of this cluster at {reservation['since']}" in said, output
        assert f"vault_custody_take_over='{reservation['who']}'" in said, output

        code, output = bench.play("-e", json.dumps({**variables, "vault_custody_take_over": reservation["who"]}))
        assert code == 0, output
        assert_finished(bench, wire)


def assert_finished(bench, wire) -> None:
    """One cluster of three voters, working recovery keys in custody, and no root token anywhere."""
    record = json.loads(bench.aws("secretsmanager").get_secret_value(SecretId=bench.secret)["SecretString"])
    assert record["status"] == "stored"
    assert record["root_token"] is None
    assert not (bench.controller / "init.journal").exists()
    cluster = as_operator(bench)
    assert record["cluster_id"] == classify(read_nodes(cluster))["cluster_id"]
    name = cluster.active()
    with cluster.login(name) as client:
        raft = normalise(api.read_configuration(name, client), api.read_autopilot_state(name, client))
    assert len(raft["voters"]) == 3
    assert raft["healthy"]
    assert recovery_keys_open(cluster, name, record["recovery_keys"][: record["recovery_threshold"]])
    # What was put to try whether there is room is no token.
    dead = [old["root_token"] for old in wire.records if (old["root_token"] or "").startswith("hvs.")]
    assert dead
    for token in set(dead):
        assert is_revoked(cluster, name, token)
