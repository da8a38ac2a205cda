"""Say what runs in the lab, and how to use it: the last step of 'make demo'."""

from __future__ import annotations

import dataclasses
import os
import sys
from pathlib import Path

from ansible_collections.vaultops.cluster.plugins.module_utils._vault import iam
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.client import Cluster, Connection
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.raft import api
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.raft.state import normalise
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.status.api import read_nodes
from labkit.aws import ca_file
from labkit.settings import REGION, Lab, from_environment


def seen_from_here(lab: Lab, ca: Path) -> Cluster:
    return Cluster(
        Connection(
            nodes={node.hostname: f"https://{node.address}:8200" for node in lab.nodes},
            ca_cert=str(ca),
            auth_method="aws_iam",
            region=REGION,
            aws_iam_server_id=f"vault.{lab.name}.internal",
            aws_sts_endpoint=lab.aws_url,
        )
    )


def token(cluster: Cluster) -> str:
    """The `minimal` build's own command line can't log in by IAM."""
    name = cluster.active()
    client = cluster.client(name)
    admin = dataclasses.replace(cluster.connection, role_id="vaultops-admin")
    client.adapter.login("/v1/auth/aws/login", json=iam.login(name, admin))
    return str(client.token)


def main() -> None:
    lab = from_environment()
    ca = ca_file(lab)
    cluster = seen_from_here(lab, ca)
    if sys.argv[1:] == ["token"]:
        print(token(cluster))
        return
    name = cluster.active()
    with cluster.login(name) as client:
        raft = normalise(api.read_configuration(name, client), api.read_autopilot_state(name, client))
    print("\nPeers")
    for server in raft["servers"]:
        role = "leader" if server["leader"] else "voter" if server["voter"] else "non-voter"
        health = "healthy" if server["healthy"] else "NOT healthy"
        print(f"  {server['node_id']}  {server['address']}  {role:9}  {health}  Vault {server['version']}")
    print("Seal")
    for node in read_nodes(cluster):
        print(f"  {node['name']}  {node['seal_type']}  {'SEALED' if node['sealed'] else 'unsealed'}")
    print(
        f"""
API and UI     {cluster.connection.nodes[name]}   (CA: {ca})
Log in         export VAULT_ADDR={cluster.connection.nodes[name]} VAULT_CACERT={ca}
               export VAULT_TOKEN=$(. tests/lab/env; python tests/lab/show.py token)   (15 minutes, as vaultops-admin)
On a node      docker exec -it {lab.nodes[0].container} bash
Recovery keys  secret vault/{lab.name}/recovery in the AWS stand-in at {lab.aws_url}
Snapshots      s3://{lab.bucket} in the same; playbooks/backup.yml takes one, playbooks/status.yml shows all
Tear down      make clean-lab"""
    )


if __name__ == "__main__":
    os.umask(0o077)
    main()
