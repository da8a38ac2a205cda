"""The way back from an encrypted file and its manifest, and each way in which it must not succeed."""

from __future__ import annotations

import hashlib
import json
import typing as t
from pathlib import Path

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._backup import decrypt
from ansible_collections.vaultops.cluster.plugins.module_utils._backup.errors import Exit, Failure
from backup_stage import BUCKET, SMALL, Stage, Wire
from fault_proxy import Answer, Drop, Rule
from vault_standin import CLUSTER_ID

OURS = decrypt.Cluster(CLUSTER_ID, "prod")


@pytest.fixture
def made(stage: Stage) -> Path:
    """A snapshot on the disk and in the bucket."""
    return stage.directory / stage.succeed()


@pytest.fixture
def target(stage: Stage) -> t.Iterator[Path]:
    """Where the snapshot goes; afterwards nothing half is beside it."""
    folder = stage.folder / "restore"
    folder.mkdir()
    yield folder / "vault.snap"
    assert [path.name for path in folder.iterdir()] in ([], ["vault.snap"])


def change_manifest(path: Path, **changes: t.Any) -> None:
    beside = path.with_name(f"{path.name}.json")
    beside.write_text(json.dumps({**json.loads(beside.read_text()), **changes}))


def with_content(path: Path, content: bytes) -> None:
    """Other content, and a manifest made to fit: whoever can write one can write both."""
    path.write_bytes(content)
    change_manifest(path, encrypted_bytes=len(content), encrypted_sha256=hashlib.sha256(content).hexdigest())


def refused(stage: Stage, path: Path, target: Path, cluster: decrypt.Cluster = OURS, **options: t.Any) -> Failure:
    with pytest.raises(Failure) as caught:
        decrypt.from_disk(str(path), str(target), cluster, **{"kms_endpoint_url": stage.aws, **options})
    assert not target.exists()
    return caught.value


def test_from_the_disk(stage: Stage, made: Path, target: Path):
    known = decrypt.from_disk(str(made), str(target), OURS, stage.aws)
    assert target.read_bytes() == SMALL and known.raft_index == 41
    assert target.stat().st_mode & 0o777 == 0o600


def test_from_the_bucket(stage: Stage, made: Path, target: Path):
    decrypt.from_s3(stage.s3_settings(), made.name, str(target), OURS, stage.aws)
    assert target.read_bytes() == SMALL


def test_what_the_bucket_has_not(stage: Stage, made: Path, target: Path):
    with pytest.raises(Failure, match="NoSuchKey.*Look at the bucket, the prefix and the name") as caught:
        decrypt.from_s3(stage.s3_settings(), "other", str(target), OURS, stage.aws)
    assert caught.value.code == Exit.S3


def test_an_object_that_was_changed(stage: Stage, made: Path, target: Path):
    content = bytearray(made.read_bytes())
    content[-300] ^= 1
    stage.s3.put_object(Bucket=BUCKET, Key=f"snapshots/{made.name}", Body=bytes(content))
    with pytest.raises(Failure, match="was changed: its SHA-256 is not its manifest's"):
        decrypt.from_s3(stage.s3_settings(), made.name, str(target), OURS, stage.aws)
    assert not target.exists()


@pytest.mark.parametrize("cluster", [decrypt.Cluster("other-id", "prod"), decrypt.Cluster(CLUSTER_ID, "staging")])
def test_a_foreign_cluster_is_refused_unless_it_is_meant(
    stage: Stage, made: Path, target: Path, cluster: decrypt.Cluster
):
    failure = refused(stage, made, target, cluster)
    assert failure.code == Exit.SNAPSHOT and f"is of the cluster prod ({CLUSTER_ID})" in str(failure)
    forced = decrypt.Cluster(cluster.id, cluster.name, any_cluster=True)
    decrypt.from_disk(str(made), str(target), forced, stage.aws)
    assert target.exists()


def test_a_manifest_that_claims_another_cluster(stage: Stage, made: Path, target: Path):
    """It can be written by anybody; the encryption context can't."""
    change_manifest(made, cluster_id="other-id")
    failure = refused(stage, made, target, decrypt.Cluster("other-id", "prod"))
    assert failure.code == Exit.SNAPSHOT and "its manifest says otherwise" in str(failure)
    assert "says otherwise" in str(refused(stage, made, target, decrypt.Cluster("x", "x", any_cluster=True)))


def test_a_file_that_was_cut_off(stage: Stage, made: Path, target: Path):
    made.write_bytes(made.read_bytes()[:-1])
    failure = refused(stage, made, target)
    assert failure.code == Exit.SNAPSHOT and "was cut off" in str(failure)


def test_a_file_that_was_changed(stage: Stage, made: Path, target: Path):
    content = bytearray(made.read_bytes())
    content[len(content) // 2] ^= 1
    made.write_bytes(bytes(content))
    assert "was changed: its SHA-256" in str(refused(stage, made, target))


@pytest.mark.parametrize("share", [0.0, 0.001, 0.02, 0.05, 0.3, 0.6, 0.9, 0.99, 0.999])
def test_a_file_and_a_manifest_that_were_changed_together(stage: Stage, made: Path, target: Path, share: float):
    """A bit anywhere, or an end anywhere: what the manifest can't tell any more, the encryption does."""
    whole = made.read_bytes()
    at = int(len(whole) * share)
    changed = bytearray(whole)
    changed[at] ^= 1
    for content in (bytes(changed), whole[:at]):
        with_content(made, content)
        failure = refused(stage, made, target)
        assert failure.code == Exit.ENCRYPTION, failure


def test_a_snapshot_under_another_ones_manifest(stage: Stage, made: Path, target: Path):
    change_manifest(made, raft_index=99)
    assert "its manifest tells of another snapshot" in str(refused(stage, made, target))


def test_the_wrong_key(stage: Stage, made: Path, target: Path):
    change_manifest(made, key_arn=stage.kms.create_key()["KeyMetadata"]["Arn"])
    failure = refused(stage, made, target)
    assert failure.code == Exit.ENCRYPTION and "it was encrypted with another key" in str(failure)


@pytest.mark.parametrize(
    ("action", "says"),
    [
        (Answer("AccessDeniedException"), "You need kms:Decrypt on this key"),
        (Answer("DisabledException"), "Enable the key"),
        (Answer("KMSInvalidStateException"), "cancel its deletion"),
        (Drop(), "Look at the way to AWS"),
    ],
)
def test_a_key_that_does_not_open(stage: Stage, made: Path, target: Path, action: t.Any, says: str):
    with Wire(stage.aws, [Rule("Decrypt", action, every=True)]) as proxy:
        failure = refused(stage, made, target, kms_endpoint_url=proxy.url)
    assert (failure.code, says in str(failure)) == (Exit.ENCRYPTION, True), failure


def test_a_kms_that_is_not_there(stage: Stage, made: Path, target: Path):
    failure = refused(stage, made, target, kms_endpoint_url="http://127.0.0.1:1", kms_timeout_seconds=1)
    assert failure.code == Exit.ENCRYPTION and "Could not connect to the endpoint URL" in str(failure)


def test_a_missing_manifest(stage: Stage, made: Path, target: Path):
    made.with_name(f"{made.name}.json").unlink()
    assert "the manifest" in str(refused(stage, made, target))


def test_what_was_there_stays_when_it_fails(stage: Stage, made: Path, target: Path):
    target.write_bytes(b"before")
    made.write_bytes(made.read_bytes()[:-1])
    with pytest.raises(Failure):
        decrypt.from_disk(str(made), str(target), OURS, stage.aws)
    assert target.read_bytes() == b"before"
