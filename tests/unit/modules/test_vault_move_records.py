"""What an earlier release kept in a directory is brought to where it is kept now, and nothing of it is lost."""

from __future__ import annotations

import json
import os

import boto3
import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._custody import record
from ansible_collections.vaultops.cluster.plugins.modules import vault_move_records
from kit.manifests import ID
from labkit.settings import REGION

OLD = f"prod_{ID[:8]}_20260101T000000Z_7_vault-1.snap.encrypted"
NEW = f"prod_{ID[:8]}_20260601T000000Z_9_vault-1.snap.encrypted"


def canary(day):
    return {"written": f"2026-01-{day:02}T00:00:00Z", "value": f"# {day}", "sure": day != 3}


@pytest.fixture
def old(tmp_path):
    """A directory as an earlier release left it."""
    for name, content in {
        "drills/20260101T000000Z.json": '{"result": "passed"}',
        "drills/drills.html": "<p>",
        "canaries.json": json.dumps([canary(1), canary(3)]),
        "snapshots-seen.json": json.dumps({ID[:8]: OLD}),
        "snapshots/20260101T000000Z.snap": "a snapshot",
        "recovery.kms_file": "recovery keys",
        "init.journal": "vaultops journal 2 answered",
        "tls/ca.key": "a key",
    }.items():
        path = tmp_path / "old" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return tmp_path / "old"


@pytest.fixture
def s3(aws):
    client = boto3.client("s3", region_name=REGION, endpoint_url=aws)
    client.create_bucket(Bucket="snapshots", CreateBucketConfiguration={"LocationConstraint": REGION})
    return client


@pytest.fixture
def move(aws, old, tmp_path, run_module):
    to = {"region": REGION, "endpoint_url": aws}

    def run(check=False, sink="kms_file", **more):
        path = str(tmp_path / "safe" / "recovery") if sink == "kms_file" else ""
        custody = {"sink": sink, "name": "n", "path": path, "kms_key_id": "alias/x", **to}
        custody["journal"] = {"bucket": "snapshots", "object": "init/prod.journal"}
        records = {"bucket": "snapshots", "prefix": "records/prod", **to, **more}
        where = {"source": str(old), "cluster_name": "prod"}
        return run_module(vault_move_records, check, **where, records=records, custody=custody)

    return run


def kept(s3):
    names = [one["Key"] for one in s3.list_objects_v2(Bucket="snapshots").get("Contents", [])]
    return {name: s3.get_object(Bucket="snapshots", Key=name)["Body"].read().decode() for name in names}


def test_all_of_it_is_brought_and_nothing_removed(move, old, s3, tmp_path):
    before = {path: path.read_bytes() for path in old.rglob("*") if path.is_file()}
    foreseen = move(check=True)
    assert foreseen["changed"] and kept(s3) == {} and not (tmp_path / "safe").exists()
    done = move()
    assert not done.get("failed"), done["msg"]
    assert done["lines"] == foreseen["lines"] and len(done["lines"]) == 6
    assert kept(s3) == {
        "init/prod.journal": "vaultops journal 2 answered",
        "records/prod/before-changes/20260101T000000Z.snap": "a snapshot",
        "records/prod/canaries.json": json.dumps([canary(1), canary(3)], indent=1),
        "records/prod/drills/20260101T000000Z.json": '{"result": "passed"}',
        "records/prod/snapshots-seen.json": json.dumps({ID[:8]: OLD}, indent=1),
    }
    safe = tmp_path / "safe" / "recovery"
    assert safe.read_text() == "recovery keys" and safe.stat().st_mode & 0o777 == 0o600
    assert {path: path.read_bytes() for path in old.rglob("*") if path.is_file()} == before
    again = move()
    assert not again["changed"] and all(" already." in line for line in again["lines"])


def test_what_later_runs_wrote_is_put_together_and_never_written_over(move, s3, tmp_path):
    put = {
        "records/prod/canaries.json": json.dumps([{**canary(3), "sure": True}, canary(9)]),
        "records/prod/snapshots-seen.json": json.dumps({ID[:8]: NEW}),
        "records/prod/drills/20260101T000000Z.json": "another",
        "records/prod/before-changes/20260101T000000Z.snap": "another snapshot",
        "init/prod.journal": "another",
    }
    for name, content in put.items():
        s3.put_object(Bucket="snapshots", Key=name, Body=content, ChecksumAlgorithm="SHA256")
    (tmp_path / "safe").mkdir(mode=0o700)
    (tmp_path / "safe" / "recovery").write_text("other keys")
    said = move()
    together = json.loads(kept(s3)["records/prod/canaries.json"])
    assert together == [canary(1), {**canary(3), "sure": True}, canary(9)]
    assert {name: text for name, text in kept(s3).items() if name != "records/prod/canaries.json"} == {
        name: text for name, text in put.items() if name != "records/prod/canaries.json"
    }
    assert (tmp_path / "safe" / "recovery").read_text() == "other keys"
    assert sum("is left, since" in line for line in said["lines"]) == 4
    assert not move()["changed"]


@pytest.mark.parametrize(
    ("status", "cluster_id", "is_brought"), [("stored", ID, False), ("stored", None, True), ("prepared", None, True)]
)
def test_the_answer_of_an_init_that_was_finished_is_not_brought_once_more(
    move, s3, aws, status, cluster_id, is_brought
):
    """Init has removed its journal by then, and would not do so again."""
    secrets = boto3.client("secretsmanager", region_name=REGION, endpoint_url=aws)
    held = {**record.prepared("prod", "2026-01-01T00:00:00Z"), "status": status, "cluster_id": cluster_id}
    secrets.create_secret(Name="n", SecretString=record.dump(held))
    foreseen, said = move(check=True, sink="secretsmanager"), move(sink="secretsmanager")
    assert foreseen["lines"] == said["lines"]
    assert ("init/prod.journal" in kept(s3)) == is_brought
    left = "init.journal: is left, since AWS Secrets Manager, secret n in " + REGION
    assert any(line.startswith(left) for line in said["lines"]) != is_brought


def test_recovery_keys_that_are_kept_elsewhere_now_are_left_and_said(move, s3):
    said = move(sink="secretsmanager")
    assert "recovery.kms_file: is left, since the recovery keys are kept in secretsmanager now." in said["lines"]


def test_nowhere_to_bring_it_nothing_there_and_damage_are_said(move, old, s3):
    assert "there is nowhere to bring it" in move(bucket=None)["msg"]
    (old / "canaries.json").write_text("{")
    said = move()
    assert said["failed"] and "canaries.json is damaged" in said["msg"]
    os.rename(old, old.with_name("elsewhere"))
    assert "it is no directory" in move()["msg"]
