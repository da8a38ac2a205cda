"""Rotated audit files on their way to a bucket: each once, whatever is killed or down, and none of them touched."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import time
import typing as t
from pathlib import Path

import boto3
import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._backup import archive, config, rotated
from ansible_collections.vaultops.cluster.plugins.module_utils._backup.lock import held
from ansible_collections.vaultops.cluster.plugins.module_utils._common import samples
from ansible_collections.vaultops.cluster.plugins.module_utils._snapshot.errors import Exit
from kit.fault_proxy import Answer, Drop, FaultProxy, Kill, Rule

TOOL = "ansible_collections.vaultops.cluster.plugins.module_utils._backup.archive_cli"
REGION, BUCKET, PREFIX = "eu-central-1", "audit-bucket", "audit/prod/vault-1"
RUN_SECONDS = 60
HOUR = 3600


def entries(number: int, count: int = 50) -> bytes:
    return b"".join(
        json.dumps({"time": f"2026-11-{number:02}T08:00:00.1Z", "type": "request", "n": one}).encode() + b"\n"
        for one in range(count)
    )


class Wire(FaultProxy):
    """A PUT of any object is PUT to its rules."""

    def action_for(self, operation: str) -> t.Any:
        return super().action_for("PUT" if operation.startswith(f"PUT /{BUCKET}/") else operation)


class Stage:
    def __init__(self, folder: Path, aws: str) -> None:
        self.logs, self.metrics, self.path = folder / "log", folder / "audit.prom", folder / "audit.json"
        self.directory = folder / "state"
        self.logs.mkdir()
        self.directory.mkdir()
        self.aws, self.s3 = aws, boto3.client("s3", REGION, endpoint_url=aws)
        self.s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        self.config: dict[str, t.Any] = {
            "metrics_file": str(self.metrics),
            "directory": str(self.directory),
            "reserve_mib": 0,
            "files": [str(self.logs / "audit.log")],
            "s3": {"bucket": BUCKET, "prefix": PREFIX, "region": REGION, "endpoint_url": aws, "timeout_seconds": 2},
        }

    def write(self, name: str, content: bytes, age: float = HOUR) -> Path:
        path = self.logs / name
        path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
        os.utime(path, (time.time() - age, time.time() - age))
        return path

    def rotate(self, content: bytes) -> None:
        """As logrotate does, with delaycompress: a new number for each, and what was number one is compressed."""
        for number in (3, 2):
            there = self.logs / f"audit.log.{number}.gz"
            if there.exists():
                there.rename(self.logs / f"audit.log.{number + 1}.gz")
        plain = self.logs / "audit.log.1"
        if plain.exists():
            age = time.time() - plain.stat().st_mtime
            self.write("audit.log.2.gz", plain.read_bytes(), age)
            plain.unlink()
        self.write("audit.log.1", content)

    def start(self, through: str = "", prelude: str = "") -> subprocess.Popen[str]:
        given = {**self.config, "s3": {**self.config["s3"], "endpoint_url": through or self.aws}}
        self.path.write_text(json.dumps(given))
        command = f"{prelude} exec {sys.executable} -m {TOOL} --config {self.path}"
        return subprocess.Popen(
            ["bash", "-c", command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
        )

    def run(self, through: str = "", prelude: str = "") -> tuple[int, str]:
        process = self.start(through, prelude)
        said = process.communicate(timeout=RUN_SECONDS)[0]
        assert "Traceback" not in said, said
        return process.returncode, said

    def objects(self) -> dict[str, bytes]:
        """What the archive says, uncompressed."""
        listed = self.s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])
        bodies = {one["Key"]: self.s3.get_object(Bucket=BUCKET, Key=one["Key"])["Body"].read() for one in listed}
        return {key: gzip.decompress(body) for key, body in bodies.items()}

    def said(self) -> list[bytes]:
        return sorted(self.objects().values())

    def files(self) -> dict[str, tuple[bytes, float]]:
        return {path.name: (path.read_bytes(), path.stat().st_mtime) for path in self.logs.iterdir()}

    def values(self) -> dict[str, float]:
        found = samples.parse(self.metrics.read_text(), archive.HELP)
        return {name.removeprefix("vault_audit_archive_"): value for name, value in found.items()}


@pytest.fixture
def stage(tmp_path: Path, aws: str) -> Stage:
    return Stage(tmp_path, aws)


def test_what_was_rotated_is_sent_once_and_left_where_it_is(stage: Stage):
    stage.write("audit.log", entries(9), 0)
    for number in (1, 2, 3):
        stage.rotate(entries(number))
    before = stage.files()
    code, said = stage.run()
    assert code == 0 and said.count("sent as s3://audit-bucket/audit/prod/vault-1/2026/11/") == 3, said
    assert stage.said() == [entries(1), entries(2), entries(3)]
    assert sorted(key.rpartition("/")[0] for key in stage.objects()) == [
        f"{PREFIX}/2026/11/0{day}" for day in (1, 2, 3)
    ]
    assert stage.files() == before
    values = stage.values()
    assert (values["unsent_files"], values["last_exit_code"]) == (0, 0)
    assert "oldest_unsent_timestamp_seconds" not in values
    assert abs(values["last_success_timestamp_seconds"] - time.time()) < 30
    with FaultProxy(("127.0.0.1", 0), stage.aws) as wire:
        assert stage.run(wire.url) == (0, "")
        assert wire.calls == [], "there was nothing to send, so nobody was asked"


def test_a_file_that_logrotate_has_compressed_since_is_the_same(stage: Stage):
    stage.rotate(entries(1))
    assert stage.run()[0] == 0
    stage.rotate(entries(2))
    stage.rotate(entries(3))
    code, said = stage.run()
    assert code == 0 and said.count("sent as") == 2, said
    assert stage.said() == [entries(1), entries(2), entries(3)]


def test_a_tool_that_has_forgotten_all_overwrites_nothing_and_sends_nothing_twice(stage: Stage):
    stage.rotate(entries(1))
    stage.rotate(entries(2))
    assert stage.run()[0] == 0
    there = {one["Key"]: one["LastModified"] for one in stage.s3.list_objects_v2(Bucket=BUCKET)["Contents"]}
    for damage in (lambda path: path.unlink(), lambda path: path.write_text("{")):
        damage(stage.directory / "sent.json")
        code, said = stage.run()
        assert code == 0 and said.count("was there already as") == 2 and "sent as" not in said
    now = {one["Key"]: one["LastModified"] for one in stage.s3.list_objects_v2(Bucket=BUCKET)["Contents"]}
    assert now == there


@pytest.mark.parametrize("forward", [True, False])
@pytest.mark.parametrize("nth", [1, 2, 3])
def test_a_run_that_is_killed_is_gone_on_with(stage: Stage, nth: int, forward: bool):
    for number in (1, 2, 3):
        stage.rotate(entries(number))
    process: list[subprocess.Popen[str]] = []
    with Wire(("127.0.0.1", 0), stage.aws, [Rule("PUT", Kill(lambda: process[0].pid, forward), nth)]) as wire:
        process.append(stage.start(wire.url))
        process[0].communicate(timeout=RUN_SECONDS)
    assert process[0].returncode == -9
    assert len(stage.objects()) == nth - (not forward)
    code, said = stage.run()
    assert code == 0 and said.count("already as") == int(forward) and said.count("sent as") == 3 - nth + (not forward)
    assert stage.said() == [entries(1), entries(2), entries(3)]
    assert sorted(path.name for path in stage.directory.iterdir()) == [".lock", "sent.json"]
    assert stage.run() == (0, "")


@pytest.mark.parametrize(
    ("action", "says"),
    [
        (Drop(), "Look at the way to AWS"),
        (Answer("AccessDenied", status=403), "needs s3:PutObject below the prefix, and kms:GenerateDataKey"),
        (Answer("SlowDown", status=503), "SlowDown"),
    ],
)
def test_a_bucket_that_fails_is_told_and_tried_again(stage: Stage, action: t.Any, says: str):
    stage.rotate(entries(1))
    assert stage.run()[0] == 0
    before = stage.values()
    stage.rotate(entries(2))
    stage.rotate(entries(3))
    oldest = (stage.logs / "audit.log.2.gz").stat().st_mtime
    with Wire(("127.0.0.1", 0), stage.aws, [Rule("PUT", action, every=True)]) as wire:
        code, said = stage.run(wire.url)
        assert len(set(wire.calls)) == 1, "it does not wait for the bucket with each file"
    assert code == Exit.S3 and says in said, said
    values = stage.values()
    assert (values["unsent_files"], values["last_exit_code"]) == (2, Exit.S3)
    assert values["oldest_unsent_timestamp_seconds"] == pytest.approx(oldest, abs=1)
    assert values["last_success_timestamp_seconds"] == before["last_success_timestamp_seconds"]
    assert values["last_run_timestamp_seconds"] > before["last_run_timestamp_seconds"]
    code, said = stage.run()
    assert code == 0 and stage.values()["unsent_files"] == 0
    assert stage.said() == [entries(1), entries(2), entries(3)]


def test_an_answer_that_is_lost_is_no_second_object(stage: Stage):
    stage.rotate(entries(1))
    with Wire(("127.0.0.1", 0), stage.aws, [Rule("PUT", Drop(forward=True))]) as wire:
        code, said = stage.run(wire.url)
    assert code == 0 and "was there already as" in said, "boto3 asked again, and the bucket had it"
    assert stage.said() == [entries(1)]


def test_what_is_still_written_to_waits_and_is_not_taken_for_sent(stage: Stage):
    """Rotated just now, or written to for long, since Vault has not heard of the rotation."""
    stage.rotate(entries(1))
    stage.write("audit.log.1", entries(2), rotated.SETTLE_SECONDS / 2)
    assert stage.run() == (0, "")
    values = stage.values()
    assert stage.objects() == {} and values["unsent_files"] == 1
    assert "last_success_timestamp_seconds" not in values


def test_what_vault_adds_while_a_file_is_read_is_not_sent_under_the_name_of_less(stage: Stage, monkeypatch):
    stage.write("audit.log.1", entries(1))
    compressed = archive._compressed

    def added_to(given: t.Any, one: rotated.Rotated, *others: t.Any) -> t.BinaryIO:
        with open(one.path, "ab") as file:
            file.write(entries(2))
        return compressed(given, one, *others)

    monkeypatch.setattr(archive, "_compressed", added_to)
    stage.path.write_text(json.dumps(stage.config))
    archive.run(config.load_archive(str(stage.path)))
    assert stage.objects() == {} and stage.values()["unsent_files"] == 1


def test_a_broken_file_keeps_no_other_back(stage: Stage):
    for number in (1, 2, 3):
        stage.rotate(entries(number))
    path = stage.logs / "audit.log.3.gz"
    path.write_bytes(path.read_bytes()[:-9])
    os.utime(path, (time.time() - 2 * HOUR,) * 2)
    code, said = stage.run()
    assert code == Exit.SNAPSHOT and "audit.log.3.gz is no whole gzip file" in said
    assert stage.said() == [entries(2), entries(3)]
    assert stage.values()["unsent_files"] == 1


def test_a_file_that_is_too_big_keeps_no_other_back(stage: Stage):
    stage.rotate(entries(1))
    stage.rotate(entries(2))
    with Wire(("127.0.0.1", 0), stage.aws, [Rule("PUT", Answer("EntityTooLarge"))]) as wire:
        code, said = stage.run(wire.url)
    assert code == Exit.S3 and "EntityTooLarge" in said
    assert len(stage.objects()) == 1 and stage.values()["unsent_files"] == 1


def test_a_disk_without_room_is_left_its_reserve(stage: Stage):
    stage.rotate(entries(1))
    stage.rotate(entries(2))
    stage.config["reserve_mib"] = 1 << 30
    code, said = stage.run()
    assert code == Exit.DISK and "are reserved" in said
    assert stage.said() == [entries(1)], "what is compressed needs no room"
    assert not list(stage.directory.glob(".*.sending"))


def test_a_directory_that_is_not_there_is_nothing_to_send(stage: Stage):
    stage.config["files"].append("/nowhere/audit.log")
    stage.rotate(entries(1))
    assert stage.run()[0] == 0 and stage.said() == [entries(1)]


def test_two_runs_at_once_are_one(stage: Stage):
    stage.rotate(entries(1))
    with held(str(stage.directory / ".lock")):
        code, said = stage.run()
    assert code == Exit.LOCKED and "another run holds" in said
    assert stage.objects() == {}
