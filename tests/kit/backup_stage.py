"""What the backup tests share: a node that backs up, with a stand-in for its Vault and moto for AWS."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import typing as t
from pathlib import Path

import boto3
from ansible_collections.vaultops.cluster.plugins.module_utils._backup import config, run
from ansible_collections.vaultops.cluster.plugins.module_utils._backup.config import S3
from ansible_collections.vaultops.cluster.plugins.module_utils._snapshot import manifest
from kit.fault_proxy import FaultProxy
from kit.vault_standin import SERVER_NAME, Certificates, VaultStandIn, archive, whole

__all__ = ["Certificates"]

REGION = "eu-central-1"
BUCKET = "snapshots-bucket"
TOOL = "ansible_collections.vaultops.cluster.plugins.module_utils._backup.cli"
RUN_SECONDS = 60
SUPERSEDED = {"Key": "vaultops-superseded", "Value": "true"}
# Two parts of an upload.
STATE = os.urandom(9 << 20)
SMALL = archive(b"state" * 1000)


class Wire(FaultProxy):
    """The snapshot's key, which nobody knows before, is KEY to its rules; *delays*: seconds before an operation."""

    def __init__(self, upstream: str, rules: t.Sequence[t.Any] = (), delays: dict[str, float] | None = None) -> None:
        super().__init__(("127.0.0.1", 0), upstream, rules)
        self.delays = delays or {}
        self.asked: list[str] = []

    def action_for(self, operation: str) -> t.Any:
        operation = re.sub(r"/\S+_vault-1\.snap\.encrypted", "KEY", operation)
        self.asked.append(operation)
        time.sleep(self.delays.get(operation, 0))
        return super().action_for(operation)


def way_to(vault: VaultStandIn, certificates: Certificates, role: str, timeout_seconds: int) -> dict[str, t.Any]:
    """Of a program's configuration: how it logs in to its Vault."""
    return {
        "address": vault.address,
        "tls_server_name": SERVER_NAME,
        "ca_cert": certificates.path("ca.crt"),
        "client_cert": certificates.path("client.crt"),
        "client_key": certificates.path("client.key"),
        "role": role,
        "timeout_seconds": timeout_seconds,
    }


class Stage:
    def __init__(self, folder: Path, certificates: t.Any, vault: VaultStandIn, aws: str) -> None:
        self.folder, self.vault, self.aws = folder, vault, aws
        self.directory = folder / "snapshots"
        self.directory.mkdir()
        self.metrics = folder / "backup.prom"
        self.kms = boto3.client("kms", REGION, endpoint_url=aws)
        self.s3 = boto3.client("s3", REGION, endpoint_url=aws)
        self.key_arn = self.kms.create_key()["KeyMetadata"]["Arn"]
        self.seal_key_arn = self.kms.create_key()["KeyMetadata"]["Arn"]
        self.s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        self.config: dict[str, t.Any] = {
            "cluster_name": "prod",
            "node_name": "vault-1",
            "directory": str(self.directory),
            "metrics_file": str(self.metrics),
            "reserve_mib": 0,
            "seal_key_arn": self.seal_key_arn,
            "vault": way_to(vault, certificates, "vaultops-backup", 5),
            "kms": {"key_arn": self.key_arn, "endpoint_url": aws, "timeout_seconds": 2},
            "s3": {
                "bucket": BUCKET,
                "prefix": "snapshots/",
                "region": REGION,
                "endpoint_url": aws,
                "timeout_seconds": 3,
            },
            "retention": {"keep_last": 3, "keep_days": 0},
        }

    def start(self, prelude: str = "") -> subprocess.Popen[str]:
        """The tool, as a process. *prelude*: a shell command before it, such as ulimit."""
        path = self.folder / "config.json"
        path.write_text(json.dumps(self.config))
        command = f"{prelude} exec {sys.executable} -m {TOOL} --config {path}"
        return subprocess.Popen(
            ["bash", "-c", command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
        )

    def run(self, prelude: str = "") -> tuple[int, str]:
        """Exit code, and all that was said."""
        process = self.start(prelude)
        try:
            out, err = process.communicate(timeout=RUN_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        assert "Traceback" not in err, err
        assert "hvs." not in out + err
        return process.returncode, out + err

    def files(self) -> dict[str, bytes]:
        """All that is in the directory, but for the lock."""
        return {path.name: path.read_bytes() for path in self.directory.iterdir() if path.name != ".lock"}

    def names(self) -> list[str]:
        """Oldest first; of two that were begun in one second, by their Raft index."""
        found = [name for name in self.files() if name.endswith(".encrypted")]
        return sorted(found, key=lambda name: (manifest.started_at_of(name), index_of(name)))

    def s3_settings(self) -> S3:
        return S3(BUCKET, "snapshots", REGION, self.aws, 5)

    def objects(self) -> dict[str, int]:
        found = self.s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])
        return {item["Key"]: item["Size"] for item in found}

    def superseded(self) -> set[str]:
        """The objects that the bucket's lifecycle may expire."""
        return {key for key in self.objects() if SUPERSEDED in self.tags(key)}

    def tags(self, key: str) -> list[dict[str, str]]:
        return self.s3.get_object_tagging(Bucket=BUCKET, Key=key)["TagSet"]

    def uploads(self) -> list[str]:
        return [item["Key"] for item in self.s3.list_multipart_uploads(Bucket=BUCKET).get("Uploads", [])]

    def samples(self) -> dict[str, float]:
        found = re.findall(r"^(vault_backup_[^ ]+) (\S+)$", self.metrics.read_text(), re.MULTILINE)
        return {name.removeprefix("vault_backup_last_"): float(value) for name, value in found}

    def succeed(self) -> str:
        """A run that goes well; returns the name of what it made."""
        before = set(self.names())
        code, said = self.run()
        assert code == 0, said
        (made,) = set(self.names()) - before
        return made

    def take(self) -> str:
        """The same without a process of its own: for tests of what is done with a snapshot."""
        before = set(self.names())
        path = self.folder / "config.json"
        path.write_text(json.dumps(self.config))
        run.run(config.load(str(path)))
        (made,) = set(self.names()) - before
        return made

    def require_as_before(self, before: dict[str, bytes]) -> None:
        """Nothing new, nothing changed, nothing half; no token left either."""
        assert self.files() == before
        assert self.vault.tokens == set()
        assert self.uploads() == []


def index_of(name: str) -> int:
    """The Raft index that a snapshot's name tells."""
    match = manifest.NAME.fullmatch(name)
    assert match, name
    return int(match["index"])


def kill(process: subprocess.Popen[str]) -> None:
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def snapshot(index: int = 41) -> t.Callable[[], t.Iterator[bytes]]:
    return whole(archive(b"state" * 1000, index))
