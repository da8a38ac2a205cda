"""After the loss of all data and a restore."""

from __future__ import annotations

import json
import os
import time

import boto3
import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._aws.runner_policies import RunnerInputs, runner_policies
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.client import call
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.status.api import read_nodes
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.status.state import classify
from kit import aws_calls, iam, simulated
from kit.canaries import VALUES, reader
from kit.runners import PLAIN
from labkit.servers import requests_file
from labkit.settings import ACCOUNT, REGION

# Whatever these tests themselves ask of AWS comes later.
BEGAN = time.time()
INPUTS: RunnerInputs = {
    **PLAIN,
    "account": ACCOUNT,
    "cluster": "test",
    "snapshots": True,
    "bucket": "test-snapshots",
    "secret": "vault/test/recovery",
    "ca_alias": "alias/vault-test-ca",
    "ca_parameter": "/vaultops/test/ca",
    "tag": {"key": "vault-cluster", "value": "test"},
    "records": "records/test",
}
NODES = ["docker://test-vault-1", "docker://test-vault-2", "docker://test-vault-3"]


@pytest.fixture(scope="module")
def aws(lab):
    return lambda service: boto3.client(service, region_name=REGION, endpoint_url=lab.aws_url)


@pytest.fixture(scope="module")
def manifests(aws):
    s3 = aws("s3")
    keys = [item["Key"] for item in s3.list_objects_v2(Bucket="test-snapshots", Prefix="snapshots/")["Contents"]]
    bodies = [s3.get_object(Bucket="test-snapshots", Key=key)["Body"].read() for key in keys if key.endswith(".json")]
    return [json.loads(body) for body in bodies]


def test_every_value_is_back(cluster):
    client = reader(cluster)
    found = {
        name: call(name, lambda name=name: client.adapter.get(f"/v1/kv/{name}"))["data"]["value"] for name in VALUES
    }
    assert found == VALUES


def test_it_is_the_cluster_that_was_backed_up(cluster, manifests):
    assert len(manifests) == 1
    assert classify(read_nodes(cluster))["cluster_id"] == manifests[0]["cluster_id"]


def test_the_recovery_keys_in_custody_are_the_cluster_s(cluster, aws):
    secrets = aws("secretsmanager")
    record = json.loads(secrets.get_secret_value(SecretId="vault/test/recovery")["SecretString"])
    from kit.login import recovery_keys_open

    assert recovery_keys_open(cluster, cluster.active(), record["recovery_keys"][:3])


@pytest.mark.parametrize("node", NODES)
def test_snapshots_are_scheduled_and_fenced_in(host, node):
    host = host.get_host(node)
    assert host.service("vault-backup.timer").is_running
    assert host.service("vault-backup.timer").is_enabled
    assert host.file("/var/lib/vault-backup").mode == 0o700
    assert "OK" in host.check_output("systemd-analyze security vault-backup.service --no-pager | tail -1")


@pytest.mark.parametrize("node", NODES)
def test_metrics_tell_of_every_run(host, node):
    host = host.get_host(node)
    assert (
        "vault_backup_last_exit_code 0"
        in host.file("/var/lib/prometheus/node-exporter/vault_backup.prom").content_string
    )


def test_whoever_ran_the_playbooks_asked_for_nothing_that_their_policies_do_not_allow(lab, aws):
    requests = aws_calls.written(requests_file(lab), os.environ["AWS_ACCESS_KEY_ID"], BEGAN)
    assert {"CreateSecret", "Sign", "Decrypt"} <= {one.operation for one in requests}
    policies = runner_policies(INPUTS)
    theirs = [policies[name] for name in ("site", "backup", "restore")]
    cluster = aws_calls.Cluster(ACCOUNT, "test", INPUTS["alias"], INPUTS["ca_alias"], REGION)
    assert iam.refused(theirs, requests, cluster) == []
    asked = {each for one in requests for each in aws_calls.asked(one, cluster)}

    def refused(*names: str) -> set[str]:
        allowed = [policies[name] for name in names]
        found = simulated.refused(aws, cluster, INPUTS["bucket"], allowed, asked)
        return {one.action for one, _why in found}

    assert refused("site", "backup", "restore") == set()
    # Both are needed, so that was asked.
    assert "secretsmanager:CreateSecret" in refused("backup", "restore")
    assert "s3:GetObject" in refused("site", "backup")
