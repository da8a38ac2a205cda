"""The backup tool beside AWS's own encryption tool, which verifies nothing, on the same download in one run.

Prints memory and throughput, and ends with 1 when a figure is missed: at most 120 MB resident and as much for 1 GiB as
for 64 MiB (within 8 MB), and at least 0.8 times the throughput of 'curl | aws-encryption-cli'. All is on loopback, and
in memory: a disk would take its time from both, and hide what verification costs. Needs no lab, and 4 GiB of memory.
"""

from __future__ import annotations

import http.client
import json
import logging
import os
import shutil
import ssl
import subprocess
import sys
import tempfile
import time
import typing as t
from pathlib import Path

import boto3
from moto.server import ThreadedMotoServer

ROOT = Path(__file__).parents[2]

from kit.vault_standin import SERVER_NAME, write_big_archive

MB = 1_000_000
SIZES_MIB = (64, 1024)
RSS_MB_AT_MOST = 120
GROWTH_MB_AT_MOST = 8
RATIO_AT_LEAST = 0.8
RUNS = 5
RUN_SECONDS = 300
REGION = "eu-central-1"
BUCKET = "bench-snapshots"
TOOL = "ansible_collections.vaultops.cluster.plugins.module_utils._backup.cli"
# It wants an older SDK than the collection, so it gets an environment of its own.
CLI = ("aws-encryption-sdk-cli==4.3.0", "aws-encryption-sdk==3.3.1")
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "vaultops" / "aws-encryption-cli-4.3.0"


def encryption_cli() -> Path:
    command = CACHE / "bin" / "aws-encryption-cli"
    if not command.exists():
        print("bench: installing aws-encryption-cli; usually half a minute", flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", CACHE], check=True)
        subprocess.run([CACHE / "bin" / "pip", "install", "--quiet", *CLI], check=True)
    return command


class Stage:
    """A Vault stand-in in a process of its own, and a KMS key."""

    def __init__(self, folder: Path, mib: int) -> None:
        self.folder, self.mib = folder, mib
        self.output = folder / "snapshots"
        self.output.mkdir(parents=True)
        archive = folder / "archive"
        write_big_archive(archive, mib << 20)
        self.archive_bytes = archive.stat().st_size
        command = [sys.executable, str(ROOT / "tests/kit/vault_standin.py"), str(archive), str(folder)]
        self.vault = subprocess.Popen(command)
        while not (folder / "address").exists():
            if self.vault.poll() is not None:
                sys.exit("bench: the stand-in for Vault did not start")
            time.sleep(0.05)
        self.address = (folder / "address").read_text()

    def __enter__(self) -> Stage:
        return self

    def __exit__(self, *_error: object) -> None:
        self.vault.kill()
        self.vault.wait()

    def configure(self, key_arn: str, aws: str, with_bucket: bool = False) -> list[str]:
        """The command that runs the tool."""
        vault = {
            "address": self.address,
            "tls_server_name": SERVER_NAME,
            "ca_cert": str(self.folder / "ca.crt"),
            "client_cert": str(self.folder / "client.crt"),
            "client_key": str(self.folder / "client.key"),
            "role": "vaultops-backup",
        }
        config = {
            "cluster_name": "bench",
            "node_name": "vault-1",
            "directory": str(self.output),
            "seal_key_arn": key_arn,
            "vault": vault,
            "kms": {"key_arn": key_arn, "endpoint_url": aws},
            "retention": {"keep_last": 1, "keep_days": 0},
        }
        if with_bucket:
            config["s3"] = {"bucket": BUCKET, "prefix": "snapshots", "region": REGION, "endpoint_url": aws}
        path = self.folder / "config.json"
        path.write_text(json.dumps(config))
        return [sys.executable, "-m", TOOL, "--config", str(path)]

    def token(self) -> str:
        tls = ssl.create_default_context(cafile=self.folder / "ca.crt")
        tls.load_cert_chain(self.folder / "client.crt", self.folder / "client.key")
        connection = http.client.HTTPSConnection(self.address.removeprefix("https://"), context=tls)
        connection.request("POST", "/v1/auth/cert/login", json.dumps({"name": "x"}))
        return json.load(connection.getresponse())["auth"]["client_token"]


def timed(command: list[str], environment: dict[str, str]) -> tuple[float, float]:
    """Seconds, and the peak of resident MB: from /proc, for what wait4() tells begins with the parent's."""
    begun = time.monotonic()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, start_new_session=True)
    peak = 0.0
    while process.poll() is None:
        try:
            for line in Path(f"/proc/{process.pid}/status").read_text().splitlines():
                if line.startswith("VmHWM:"):
                    peak = max(peak, int(line.split()[1]) * 1024 / MB)
        except OSError:
            pass
        if time.monotonic() - begun > RUN_SECONDS:
            process.kill()
        time.sleep(0.02)
    if process.returncode != 0:
        sys.exit(f"bench: {command[0]} ended with {process.returncode}")
    return time.monotonic() - begun, peak


def measure(stage: Stage, key_arn: str, aws: str, cli: Path | None) -> dict[str, t.Any]:
    """Memory with the upload, and time without it: a bucket on loopback says nothing of a real one."""
    environment = {**os.environ, "AWS_ENDPOINT_URL_KMS": aws, "AWS_DEFAULT_REGION": REGION}
    _, peak = timed(stage.configure(key_arn, aws, with_bucket=True), environment)
    command = stage.configure(key_arn, aws)
    tool, plain = [], []
    for _ in range(RUNS):
        # A snapshot is named after its second, and the tool may need less than one.
        shutil.rmtree(stage.output)
        stage.output.mkdir()
        tool.append(timed(command, environment)[0])
        if cli:
            plain.append(timed(["bash", "-c", pipe(stage, key_arn, cli)], environment)[0])
    # The best of several: whatever else the machine does only adds to a time.
    return {"tool": min(tool), "plain": min(plain) if plain else None, "peak": peak}


def pipe(stage: Stage, key_arn: str, cli: Path) -> str:
    target = stage.folder / "plain.encrypted"
    address = stage.address.replace("127.0.0.1", SERVER_NAME)
    resolve = f"{SERVER_NAME}:{address.rpartition(':')[2]}:127.0.0.1"
    return (
        "set -euo pipefail; "
        f"curl -sS --noproxy '*' --fail --cacert {stage.folder}/ca.crt --resolve {resolve} -H 'X-Vault-Token: {stage.token()}' "
        f"{address}/v1/sys/storage/raft/snapshot | "
        f"{cli} --encrypt --wrapping-keys key={key_arn} --frame-length 1048576 --suppress-metadata "
        f"--encryption-context cluster=bench -i - -o {target} --no-overwrite; rm {target}"
    )


def main() -> int:
    os.environ.update(AWS_ACCESS_KEY_ID="bench", AWS_SECRET_ACCESS_KEY="bench", AWS_EC2_METADATA_DISABLED="true")
    # Above it, the tool itself is measured with the names it has in the collection.
    os.environ["PYTHONPATH"] = str(ROOT / ".ansible" / "collections")
    cli = encryption_cli()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    aws = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    aws.start()
    host, port = aws.get_host_and_port()
    kms = f"http://{host}:{port}"
    key_arn = boto3.client("kms", REGION, endpoint_url=kms).create_key()["KeyMetadata"]["Arn"]
    location = {"LocationConstraint": REGION}
    boto3.client("s3", REGION, endpoint_url=kms).create_bucket(Bucket=BUCKET, CreateBucketConfiguration=location)
    found = {}
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        for mib in SIZES_MIB:
            with Stage(Path(folder) / str(mib), mib) as stage:
                figures = found[mib] = measure(stage, key_arn, kms, cli if mib == SIZES_MIB[-1] else None)
                rate = stage.archive_bytes / MB / figures["tool"]
                print(
                    f"{mib:5} MiB   tool {figures['tool']:6.2f} s {rate:5.0f} MB/s   peak {figures['peak']:5.1f} MB RSS"
                )
                if figures["plain"]:
                    rate = stage.archive_bytes / MB / figures["plain"]
                    print(f"            curl | aws-encryption-cli {figures['plain']:6.2f} s {rate:5.0f} MB/s")
    aws.stop()
    ratio = found[SIZES_MIB[-1]]["plain"] / found[SIZES_MIB[-1]]["tool"]
    growth = found[SIZES_MIB[-1]]["peak"] - found[SIZES_MIB[0]]["peak"]
    verdicts = [
        (f"throughput {ratio:.2f} of plain encryption, at least {RATIO_AT_LEAST}", ratio >= RATIO_AT_LEAST),
        *((f"{mib} MiB in {RSS_MB_AT_MOST} MB", found[mib]["peak"] <= RSS_MB_AT_MOST) for mib in SIZES_MIB),
        (f"growth {growth:.1f} MB, at most {GROWTH_MB_AT_MOST}", growth <= GROWTH_MB_AT_MOST),
    ]
    for text, good in verdicts:
        print(f"{'ok    ' if good else 'MISSED'} {text}")
    return 0 if all(good for _, good in verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
