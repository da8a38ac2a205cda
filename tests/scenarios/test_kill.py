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
from kit.fault_proxy import Answer, Kill, Rule
from kit.login import as_operator, is_revoked, recovery_keys_open
from kit.recording_proxy import PROXY_PORT, Wire
from labkit.settings import REGION

# Where the controller dies: the nth call of an operation, and whether that call still takes effect. The journal is in a secret
# of its own, or in the bucket. The order of the calls is CreateSecret (the journal), CreateSecret (reserve), Put (proof), init,
# Put (the keys into the journal), Put (the keys), DeleteSecret (the journal), Put (the cluster's id), Put twice (without the root
# token, and so that the version before is without it too).
POINTS = {
    "before the journal is made ready": ("CreateSecret", 1, False),
    "before the reservation": ("CreateSecret", 2, False),
    "after the reservation": ("CreateSecret", 2, True),
    "before the proof that the sink can be written": ("PutSecretValue", 1, False),
    "between init and custody, with the keys in the journal": ("PutSecretValue", 2, True),
    "after custody, before the answer": ("PutSecretValue", 3, True),
    "before the journal is removed": ("DeleteSecret", 1, False),
    "before the keys know their cluster": ("PutSecretValue", 4, False),
    "when the root token is revoked and not yet removed": ("PutSecretValue", 5, False),
    "when the root token is removed, and the version before has it": ("PutSecretValue", 6, False),
    "at the very end": ("PutSecretValue", 6, True),
}
# The same with the journal in the bucket, whose calls there are PUT (made ready), PUT (the keys), DELETE.
IN_BUCKET = {
    "before the journal is made ready": ("PUT", 1, False),
    "between init and custody, with the keys in the journal": ("PUT", 2, True),
    "before the journal is removed": ("DELETE", 1, False),
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
def test_next_run_finishes_from_another_machine(bench, point):
    finished_elsewhere(bench, POINTS[point], {})


@pytest.mark.parametrize("point", IN_BUCKET)
def test_next_run_finishes_by_what_is_in_the_bucket(bench, point):
    verb, nth, forward = IN_BUCKET[point]
    s3 = bench.aws("s3")
    if bench.bucket not in [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]:
        s3.create_bucket(Bucket=bench.bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    at = f"{verb} /{bench.bucket}/init/{bench.lab.name}.journal"
    # The tool on the nodes is no part of this.
    finished_elsewhere(bench, (at, nth, forward), {"vault_snapshot_bucket": bench.bucket, "vault_backup": False})


def finished_elsewhere(bench, point, inputs) -> None:
    """The controller dies there, all that is on it is lost, and the next run finishes."""
    operation, nth, forward = point
    process = None
    kill = Kill(lambda: end_family(process.pid), forward=forward)
    with Wire((bench.lab.gateway, PROXY_PORT), bench.lab.aws_url, [Rule(operation, kill, nth)]) as wire:
        variables = json.dumps({**inputs, "vault_aws_endpoint_url": wire.url})
        process = bench.start_play("-e", variables)
        first, _ = process.communicate(timeout=240)
        assert process.returncode == -signal.SIGKILL, first
        wire.rules.clear()
        bench.forget_controller()
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
        bench.forget_controller()

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
    """Somebody else's secret has its name, which shows in the look before a node is changed."""
    secrets = bench.aws("secretsmanager")
    secrets.create_secret(Name=bench.journal, SecretString="a database password")
    try:
        code, output = bench.play()
        assert code != 0, output
        said = " ".join(output.split())
        assert f"secret {bench.journal}" in said and "it is not this cluster's" in said, output
        assert not any(secret["Name"] == bench.secret for secret in secrets.list_secrets()["SecretList"])
        assert secrets.get_secret_value(SecretId=bench.journal)["SecretString"] == "a database password"
    finally:
        secrets.delete_secret(SecretId=bench.journal, ForceDeleteWithoutRecovery=True)
    # And one that may not be written is known before Vault is asked.
    rules = [Rule("CreateSecret", Answer("AccessDeniedException"), 1, True)]
    with Wire((bench.lab.gateway, PROXY_PORT), bench.lab.aws_url, rules) as wire:
        variables = json.dumps({"vault_aws_endpoint_url": wire.url})
        code, output = bench.play("-e", variables)
        said = " ".join(output.split())
        assert code != 0 and f"secret {bench.journal}" in said and "secretsmanager:CreateSecret was refused" in said
        wire.rules.clear()
        code, output = bench.play("-e", variables)
        assert code == 0, output
        assert_finished(bench, wire)


def test_the_reservation_of_a_run_whose_journal_is_not_found_is_taken_over_by_name_only(bench):
    process = None
    kill = Kill(lambda: end_family(process.pid), forward=True)
    with Wire((bench.lab.gateway, PROXY_PORT), bench.lab.aws_url, [Rule("CreateSecret", kill, 2)]) as wire:
        variables = {"vault_aws_endpoint_url": wire.url}
        process = bench.start_play("-e", json.dumps(variables))
        process.communicate(timeout=240)
        assert process.returncode == -signal.SIGKILL
        wire.rules.clear()
        # As a run with other inputs sees it, which name another home.
        bench.aws("secretsmanager").delete_secret(SecretId=bench.journal, ForceDeleteWithoutRecovery=True)
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
    assert not bench.has_journal()
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
