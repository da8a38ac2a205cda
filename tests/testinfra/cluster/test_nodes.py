"""Each node: who may read what, how the service is fenced in, and that nothing secret lies about."""

from __future__ import annotations

import json
import os
import re
import socket
import ssl

import boto3
import pytest

EXPOSURE_AT_MOST = 2.0
testinfra_hosts = ["docker://test-vault-1", "docker://test-vault-2", "docker://test-vault-3"]


@pytest.mark.parametrize(
    ("path", "owner", "mode"),
    [
        ("/etc/vault.d/vault.hcl", "root", 0o640),
        ("/etc/vault.d/tls/vault.key", "vault", 0o400),
        ("/opt/vault/data", "vault", 0o700),
        ("/var/log/vault", "vault", 0o700),
        ("/opt/vault/releases/1.21.1/vault", "root", 0o755),
    ],
)
def test_owner_and_mode(host, path, owner, mode):
    found = host.file(path)
    assert (found.user, oct(found.mode)) == (owner, oct(mode))


def test_service_runs_is_enabled_and_never_gives_up(host):
    service = host.service("vault")
    assert service.is_running
    assert service.is_enabled
    assert host.check_output("systemctl show vault -p StartLimitIntervalUSec --value") == "0"


def test_exposure(host):
    output = host.check_output("systemd-analyze security vault --no-pager")
    exposure = float(re.search(r"Overall exposure level for vault.service: ([\d.]+)", output).group(1))
    assert exposure <= EXPOSURE_AT_MOST


def test_runs_the_release_that_is_switched_on(host):
    pid = host.check_output("systemctl show vault -p MainPID --value")
    assert host.check_output(f"readlink /proc/{pid}/exe") == "/opt/vault/releases/1.21.1/vault"
    assert host.file("/usr/local/bin/vault").linked_to == "/opt/vault/releases/1.21.1/vault"


def test_listener_refuses_an_older_tls_than_it_is_told(host, lab, cluster):
    """1.3 is the oldest, except behind a load balancer."""
    oldest = re.search(r'tls_min_version = "(\w+)"', host.file("/etc/vault.d/vault.hcl").content_string).group(1)
    assert oldest == ("tls12" if os.environ["MOLECULE_SCENARIO_NAME"] == "aws" else "tls13")
    address = next(node.address for node in lab.nodes if node.container == host.backend.name)
    context = ssl.create_default_context(cafile=cluster.connection.ca_cert)
    context.set_ciphers("ALL:@SECLEVEL=0")  # else this side would refuse
    context.maximum_version = {"tls13": ssl.TLSVersion.TLSv1_2, "tls12": ssl.TLSVersion.TLSv1_1}[oldest]
    with socket.create_connection((address, 8200), timeout=5) as plain, pytest.raises(ssl.SSLError):
        context.wrap_socket(plain, server_hostname=address)


def test_no_access_key_on_the_node(host):
    """The node has its role's temporary credentials from the metadata service, and nothing in a file or a unit."""
    found = host.run(
        "grep -rlE 'AKIA|aws_secret_access_key|AWS_SECRET_ACCESS_KEY' /etc /opt/vault/releases/*/[!v]* /home /root"
    )
    assert found.stdout == ""


def test_recovery_keys_are_not_on_the_node(host, lab):
    client = boto3.client("secretsmanager", region_name="eu-central-1", endpoint_url=lab.aws_url)
    record = json.loads(client.get_secret_value(SecretId="vault/test/recovery")["SecretString"])
    assert len(record["recovery_keys"]) == 5
    for key in record["recovery_keys"]:
        assert host.run(f"grep -rlF '{key}' /etc /var/log /opt/vault/data /root /tmp").stdout == ""
        assert host.run(f"journalctl --no-pager | grep -cF '{key}'").stdout.strip() == "0"
