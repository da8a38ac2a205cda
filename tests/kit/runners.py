"""Inputs of the policies of whoever runs the playbooks: as little as can be switched on, and everything."""

from __future__ import annotations

from ansible_collections.vaultops.cluster.plugins.module_utils._aws.runner_policies import RunnerInputs

ACCOUNT = "111122223333"
PLAIN: RunnerInputs = {
    "partition": "aws",
    "account": ACCOUNT,
    "region": "eu-central-1",
    "cluster": "prod",
    "key_arns": [],
    "auto_join": True,
    "snapshots": False,
    "snapshot_key": "",
    "bucket": "",
    "prefix": "snapshots",
    "archive": False,
    "restorers": [],
    "secret": "vault/prod/recovery",
    "node_role": "vault-prod-node",
    "sessions": False,
    "ca_alias": "alias/vault-prod-ca",
    "ca_parameter": "/vaultops/prod/ca",
    "tag": {"key": "vault-cluster", "value": "prod"},
    "alias": "alias/vault-unseal",
    "manages_key": True,
    "replica_region": "",
    "balancer": False,
    "subnets": ["subnet-1", "subnet-2", "subnet-3"],
    "key_pair": "",
    "managed_policies": [],
    "lock": False,
    "certificates": False,
    "restore_keys": [],
    "custody_key": "",
    "file_sink": False,
    "lease": "/vaultops/prod/lease",
    "records": "records/prod",
    "transfer_bucket": "",
}
EVERYTHING: RunnerInputs = {
    **PLAIN,
    "snapshots": True,
    "snapshot_key": "arn:aws:kms:eu-central-1:444455556666:key/snapshots",
    "bucket": "example-snapshots",
    "prefix": "vault/prod",
    "sessions": True,
    "replica_region": "eu-west-1",
    "balancer": True,
    "key_pair": "ops",
    "managed_policies": [f"arn:aws:iam::{ACCOUNT}:policy/agent"],
    "lock": True,
    "certificates": True,
    "restore_keys": [f"arn:aws:kms:eu-central-1:{ACCOUNT}:key/before"],
    "custody_key": "alias/custody",
    "transfer_bucket": "example-transfer",
}
