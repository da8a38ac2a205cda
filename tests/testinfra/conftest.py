"""A logged-in view of the cluster that the scenario made."""

from __future__ import annotations

import os

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.client import Cluster, Connection
from labkit.aws import ca_file
from labkit.settings import REGION, from_environment


@pytest.fixture(scope="session")
def lab():
    return from_environment()


@pytest.fixture(scope="session")
def cluster(lab):
    """For the admin: these tests make tokens and mounts, which the operator may not."""
    # That scenario has the names of inventories/ec2.
    name = "prod" if os.environ.get("MOLECULE_SCENARIO_NAME") == "aws" else lab.name
    return Cluster(
        Connection(
            nodes={node.hostname: f"https://{node.address}:8200" for node in lab.nodes},
            ca_cert=str(ca_file(lab)),
            auth_method="aws_iam",
            role_id="vaultops-admin",
            region=REGION,
            aws_iam_server_id=f"vault.{name}.internal",
            aws_sts_endpoint=lab.aws_url,
        )
    )


@pytest.fixture(scope="session")
def operator(cluster):
    with cluster.login_active() as client:
        yield client


@pytest.fixture(scope="session", autouse=True)
def _test_lab_only():
    """These tests write to the cluster and stop nodes: never a person's."""
    assert os.environ.get("VAULTOPS_LAB") == "test", "run 'make molecule': these tests are for the test lab"
