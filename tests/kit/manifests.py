"""Manifests of snapshots, and a configuration of the tool that is right."""

from __future__ import annotations

import dataclasses

from ansible_collections.vaultops.cluster.plugins.module_utils._snapshot import manifest

DAY = 86_400


NOW = 1_800_000_000.0


GOOD = {
    "cluster_name": "prod",
    "node_name": "vault-1",
    "directory": "/var/lib/vault-backup",
    "seal_key_arn": "arn:aws:kms:eu-central-1:123456789012:key/5ea1-2c",
    "vault": {
        "address": "https://127.0.0.1:8200",
        "ca_cert": "/ca.crt",
        "client_cert": "/client.crt",
        "client_key": "/client.key",
        "role": "vaultops-backup",
    },
    "kms": {"key_arn": "arn:aws:kms:eu-central-1:123456789012:key/0a1b-2c"},
    "s3": {"bucket": "some-bucket", "prefix": "/snapshots/", "region": "eu-central-1"},
    "retention": {"keep_last": 3, "keep_days": 7},
}


ID = "7f0c1f9e-0000-4000-8000-000000000001"


OTHER_ID = "0e5a7c11-0000-4000-8000-000000000002"


def backup(
    index: int, age_days: float, now: float = NOW, node: str = "vault-1", cluster_id: str = ID, cluster: str = "prod"
) -> manifest.Manifest:
    started_at = manifest.moment(now - age_days * DAY)
    return manifest.Manifest(
        format=manifest.FORMAT,
        name=manifest.name(cluster, cluster_id, node, started_at, index),
        cluster_id=cluster_id,
        cluster_name=cluster,
        node_name=node,
        vault_version="1.21.1",
        raft_index=index,
        raft_term=3,
        key_arn="arn",
        seal_key_arn="seal-arn",
        plain_bytes=1,
        plain_sha256="a",
        state_bytes=1,
        state_sha256="b",
        encrypted_bytes=1,
        encrypted_sha256="c",
        started_at=started_at,
        finished_at=started_at,
        seal="c2VhbA==",
    )


def unbound(made: manifest.Manifest) -> manifest.Manifest:
    """As an older tool wrote it."""
    name = manifest.name(made.cluster_name, None, made.node_name, made.started_at, made.raft_index)
    return dataclasses.replace(made, format=1, name=name, seal="")
