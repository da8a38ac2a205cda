"""The backup tool with a real Vault on loopback: what it takes is a snapshot to Vault's own tools too. Needs no lab."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
import typing as t
from pathlib import Path

import boto3
import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._snapshot import decrypt
from ansible_collections.vaultops.cluster.plugins.module_utils._snapshot.archive import verify
from kit.backup_stage import REGION, Certificates, Stage
from kit.vault_standin import SERVER_NAME
from labkit.settings import cache, inventory_version
from moto.server import ThreadedMotoServer

START_SECONDS = 20
ROLE = "vaultops-backup"
POLICY = 'path "sys/storage/raft/snapshot" { capabilities = ["read"] }'


def vault_binary() -> Path:
    version = inventory_version()
    found = sorted(cache().glob(f"bin/*/vault-{version}"))
    if not found:
        pytest.fail(f"there is no Vault {version} below {cache()}/bin; 'make lab-parts' gets it")
    return found[-1]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class RealVault:
    """A cluster of one, unsealed by moto's KMS. What Stage asks of a stand-in, it has too."""

    def __init__(self, folder: Path, certificates: Certificates, aws: str, key_arn: str) -> None:
        self.folder, self.binary = folder, vault_binary()
        self.address = f"https://127.0.0.1:{free_port()}"
        (folder / "data").mkdir()
        config = f"""
            disable_mlock = true
            api_addr      = "{self.address}"
            cluster_addr  = "https://127.0.0.1:{free_port()}"
            listener "tcp" {{
              address         = "{self.address.removeprefix("https://")}"
              cluster_address = "127.0.0.1:0"
              tls_cert_file   = "{certificates.path("server.crt")}"
              tls_key_file    = "{certificates.path("server.key")}"
            }}
            storage "raft" {{
              path    = "{folder}/data"
              node_id = "vault-1"
            }}
            seal "awskms" {{
              region     = "{REGION}"
              kms_key_id = "{key_arn}"
              endpoint   = "{aws}"
            }}
        """
        (folder / "vault.hcl").write_text(config)
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("VAULT_")},
            "VAULT_ADDR": self.address,
            "VAULT_CACERT": certificates.path("ca.crt"),
            "VAULT_TLS_SERVER_NAME": SERVER_NAME,
        }
        self.log = (folder / "vault.log").open("w")
        self.process = subprocess.Popen(
            [self.binary, "server", f"-config={folder}/vault.hcl"],
            env=self.environment,
            stdout=self.log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def cli(self, *arguments: str, **options: t.Any) -> str:
        done = subprocess.run(
            [self.binary, *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=START_SECONDS,
            check=False,
            **options,
        )
        assert done.returncode == 0, f"vault {arguments[0]}: {done.stderr}"
        return done.stdout

    def prepare(self, certificates: Certificates) -> None:
        """Initialised, active, and with a role for the node's certificate."""
        self.wait_for({"initialized": False})
        keys = json.loads(self.cli("operator", "init", "-format=json", "-recovery-shares=1", "-recovery-threshold=1"))
        self.environment["VAULT_TOKEN"] = keys["root_token"]
        self.wait_for({"initialized": True, "sealed": False, "is_self": True})
        self.cli("policy", "write", ROLE, "-", input=POLICY)
        self.cli("auth", "enable", "cert")
        certificate = f"certificate=@{certificates.path('ca.crt')}"
        self.cli("write", f"auth/cert/certs/{ROLE}", certificate, f"token_policies={ROLE}", "token_ttl=10m")
        self.cli("secrets", "enable", "-version=1", "kv")
        for number in range(20):
            self.cli("write", f"kv/{number}", f"value={os.urandom(2000).hex()}")

    def wait_for(self, state: dict[str, bool]) -> None:
        for _ in range(START_SECONDS * 5):
            done = subprocess.run(
                [self.binary, "status", "-format=json"],
                env=self.environment,
                capture_output=True,
                text=True,
                check=False,
            )
            found = json.loads(done.stdout) if done.returncode != 1 and done.stdout else {}
            # 'vault status' tells of the active node, and of nothing else, by its own times of activity.
            found["is_self"] = found.get("active_time", "0001").startswith("0001") is False
            if all(found.get(name) == value for name, value in state.items()):
                return
            time.sleep(0.2)
        pytest.fail(f"Vault did not become {state}: {(self.folder / 'vault.log').read_text()[-1500:]}")

    def tokens(self) -> int:
        return len(json.loads(self.cli("list", "-format=json", "auth/token/accessors")))

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=START_SECONDS)
        self.log.close()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[tuple[Stage, RealVault]]:
    folder = tmp_path_factory.mktemp("vault")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {"ACCESS_KEY_ID": "x", "SECRET_ACCESS_KEY": "x", "EC2_METADATA_DISABLED": "true"}.items():
            patch.setenv(f"AWS_{name}", value)
        aws = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
        aws.start()
        host, port = aws.get_host_and_port()
        url = f"http://{host}:{port}"
        certificates = Certificates(folder)
        seal_key = boto3.client("kms", REGION, endpoint_url=url).create_key()["KeyMetadata"]["Arn"]
        vault = RealVault(folder, certificates, url, seal_key)
        try:
            vault.prepare(certificates)
            yield Stage(folder, certificates, t.cast(t.Any, vault), url), vault
        finally:
            vault.stop()
            aws.stop()


def test_a_role_without_the_right_is_told(cluster: tuple[Stage, RealVault]):
    stage, vault = cluster
    vault.cli("policy", "write", ROLE, "-", input='path "x" { capabilities = ["read"] }')
    code, said = stage.run()
    assert code == 4 and "HTTP 403" in said and "policy must allow reading sys/storage/raft/snapshot" in said
    assert stage.files() == {}
    vault.cli("policy", "write", ROLE, "-", input=POLICY)


def test_a_real_snapshot_there_and_back(cluster: tuple[Stage, RealVault], tmp_path: Path):
    stage, vault = cluster
    tokens = vault.tokens()
    name = stage.succeed()
    assert vault.tokens() == tokens
    known = json.loads((stage.directory / f"{name}.json").read_text())
    assert known["cluster_id"] == json.loads(vault.cli("status", "-format=json"))["cluster_id"]
    assert known["vault_version"] in str(vault.binary)
    target = tmp_path / "back.snap"
    ours = decrypt.Wanted("prod", (stage.key_arn,), known["cluster_id"])
    decrypt.from_s3(stage.s3_settings(), name, str(target), ours, stage.aws)
    with open(target, "rb") as stream:
        assert verify(stream)["index"] == known["raft_index"]
    inspected = json.loads(vault.cli("operator", "raft", "snapshot", "inspect", "-format=json", str(target)))
    assert inspected["Meta"]["Index"] == known["raft_index"]
    assert f"snapshots/{name}" in stage.objects()
    vault.cli("write", "kv/0", "value=after")
    vault.cli("operator", "raft", "snapshot", "restore", str(target))
    for _ in range(50):
        if "after" not in vault.cli("read", "-field=value", "kv/0"):
            return
        time.sleep(0.2)
    pytest.fail("the restored cluster still has what was written after the snapshot")
