"""An OpenBao from its archive to a node that serves: the release is verified, its configuration judged, and its API asked.

The test's name says which archive that was: one that its publisher signed (OPENBAO_ARCHIVES), or the lab's, of the same binary.
"""

from __future__ import annotations

import shutil
import socket
import subprocess

import boto3
import pytest
import requests
from ansible_collections.vaultops.cluster.plugins.module_utils._common.wait import Wait
from ansible_collections.vaultops.cluster.plugins.module_utils._node import config_check
from ansible_collections.vaultops.cluster.plugins.module_utils._node.files import Entry
from ansible_collections.vaultops.cluster.plugins.modules import vault_audit, vault_release, vault_status_info
from kit import openbao
from kit.templates import render

SOURCE = openbao.source()


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@pytest.fixture
def unseal_key(aws):
    kms = boto3.client("kms", region_name="eu-central-1", endpoint_url=aws)
    made = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName="alias/vault-unseal", TargetKeyId=made)
    return aws


@pytest.fixture
def configured(tmp_path, certificates, unseal_key):
    """What the role writes, for a node on loopback."""
    tls, data = tmp_path / "tls", tmp_path / "data"
    data.mkdir(mode=0o700)
    tls.mkdir()
    for name, source in (("vault.crt", "server.crt"), ("vault.key", "server.key"), ("ca.crt", "ca.crt")):
        shutil.copy(certificates.path(source), tls / name)
    for name in ("server.crt", "server.key"):
        shutil.copy(certificates.path(name), tls / name)
    port = free_port()
    node = {"name": "vault-1", "node_id": "vault-1", "address": "127.0.0.1"}
    node |= {"api_addr": f"https://127.0.0.1:{port}", "cluster_addr": f"https://127.0.0.1:{free_port()}"}
    devices = {"file": {"type": "file", "options": {"file_path": str(tmp_path / "audit.log")}}}
    text = render(
        "vault.hcl.j2",
        {
            "vault_flavour": "openbao",
            "vault_login_method": "cert",
            "vault_join": "static",
            "vault_nodes": [node],
            "vault_api_port": port,
            "vault_cluster_port": int(node["cluster_addr"].rpartition(":")[2]),
            "vault_node_tls_dir": str(tls),
            "vault_server_data_dir": str(data),
            "vault_aws_endpoint_url": unseal_key,
            "vault_audit_devices": devices,
        },
    )
    path = tmp_path / "vault.hcl"
    path.write_text(text)
    path.chmod(0o600)
    return {"path": path, "text": text, "data": str(data), "url": node["api_addr"], "devices": devices}


@pytest.mark.parametrize("ran", [f"{SOURCE.kind}-{SOURCE.versions[-1]}"])
def test_a_node_from_its_archive_to_its_api(ran, tmp_path, certificates, configured, run_module):
    version = SOURCE.versions[-1]
    home = tmp_path / "home"
    (tmp_path / "bin").mkdir()
    places = {"home": str(home), "releases": str(home / "releases"), "link": str(tmp_path / "bin" / "bao")}
    release = {"version": version, "flavour": "openbao", "mirror": f"file://{SOURCE.mirror()}"}
    release["signing_key"] = SOURCE.signing_key()
    installed = run_module(vault_release, **release, **places)
    assert installed.get("changed"), installed

    entry = Entry(str(configured["path"]), "root", "root", 0o600, configured["text"])
    config_check.check(installed["path"], entry, [entry], configured["data"])

    with (tmp_path / "server.log").open("wb") as log:
        command = [installed["path"], "server", f"-config={configured['path']}"]
        server = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        connection = {"nodes": {"vault-1": configured["url"]}, "ca_cert": certificates.path("ca.crt"), "timeout": 5}
        token = initialised(server, configured["url"], certificates.path("ca.crt"))
        waited = {"wait_for": ["live"], "wait_timeout": 60}
        (node,) = run_module(vault_status_info, **connection, **waited)["nodes"]
        assert (node["state"], node["version"], node["seal_type"]) == ("active", version, "awskms")
        options = {"auth_method": "token", "token": token, "declared": True, "devices": configured["devices"]}
        audited = run_module(vault_audit, **connection, **options)
        assert audited["devices"] == configured["devices"]
    finally:
        server.terminate()
        server.wait(60)


def initialised(server, url, ca):
    """The first token, once it answers."""
    wait = Wait(30)
    while not answers(url, ca):
        assert server.poll() is None, "it has ended: see server.log"
        assert wait.again(), "it does not answer"
    body = {"recovery_shares": 1, "recovery_threshold": 1}
    return requests.put(f"{url}/v1/sys/init", json=body, verify=ca, timeout=60).json()["root_token"]


def answers(url, ca):
    try:
        return requests.get(f"{url}/v1/sys/seal-status", verify=ca, timeout=5).ok
    except requests.exceptions.ConnectionError:
        return False
