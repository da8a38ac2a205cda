"""What the bucket's manifests say, over real HTTP, against a stand-in on loopback."""

from __future__ import annotations

import datetime

import boto3
import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._snapshot import manifest
from ansible_collections.vaultops.cluster.plugins.modules import vault_snapshot_info
from labkit.settings import REGION
from moto.s3.models import FakeKey

BUCKET = "example-vault-snapshots"
BEGIN = 1_700_000_000
CLUSTER_ID = "7f0c1f9e-0000-4000-8000-000000000001"


@pytest.fixture
def s3(aws):
    client = boto3.client("s3", region_name=REGION, endpoint_url=aws)
    client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    return client


@pytest.fixture
def run(aws, run_module):
    def call(**params):
        return run_module(vault_snapshot_info, **{"region": REGION, "endpoint_url": aws, "bucket": BUCKET, **params})

    return call


def put(s3, hours, cluster="prod", prefix="snapshots/", text=None, size=1100):
    """A snapshot that was begun so many hours after BEGIN, and its manifest. *size*: in the bucket, None for none."""
    started_at, finished_at = manifest.moment(BEGIN + hours * 3600), manifest.moment(BEGIN + hours * 3600 + 5)
    name = manifest.name(cluster, CLUSTER_ID, "vault-1", started_at, 100 + hours)
    texts = dict.fromkeys(("vault_version", "key_arn", "seal_key_arn"), "x")
    texts |= {"cluster_id": CLUSTER_ID, "node_name": "vault-1", "seal": "c2VhbA=="}
    texts |= dict.fromkeys(("plain_sha256", "state_sha256", "encrypted_sha256"), "0" * 64)
    numbers = {
        "raft_index": 100 + hours,
        "raft_term": 2,
        "plain_bytes": 1000,
        "state_bytes": 1500,
        "encrypted_bytes": 1100,
    }
    made = manifest.Manifest(
        format=3, name=name, cluster_name=cluster, started_at=started_at, finished_at=finished_at, **texts, **numbers
    )
    if size is not None:
        s3.put_object(Bucket=BUCKET, Key=f"{prefix}{name}", Body=b"x" * size)
    s3.put_object(Bucket=BUCKET, Key=f"{prefix}{name}.json", Body=made.to_json() if text is None else text)
    return name


def test_snapshots_come_oldest_first_with_sizes_and_ages(run, s3):
    # Written in another order than begun.
    names = [put(s3, hours) for hours in (6, 0, 12)]
    found = run()
    assert found["changed"] is False
    assert [one["name"] for one in found["snapshots"]] == [names[1], names[0], names[2]]
    last = found["snapshots"][-1]
    assert (last["plain_bytes"], last["encrypted_bytes"], last["raft_index"]) == (1000, 1100, 112)
    now = datetime.datetime.now(datetime.timezone.utc).timestamp()
    assert last["age_seconds"] == pytest.approx(now - BEGIN - 12 * 3600, abs=30)
    assert (found["broken"], found["left_out"]) == ([], 0)


def test_what_it_returns_is_documented(run, s3):
    import yaml

    put(s3, 0)
    put(s3, 1, size=None)
    put(s3, 1_000_000)
    documented = yaml.safe_load(vault_snapshot_info.RETURN)
    found = run()
    assert set(documented) == set(found) - {"changed", "invocation", "warnings", "deprecations"}
    assert set(documented["snapshots"]["contains"]) == set(found["snapshots"][0])


@pytest.fixture
def copies(monkeypatch):
    """How far S3 is with the copy of each object, by what its key ends in, on the wire; moto has no such answer."""
    known: dict[str, str] = {}
    plain = FakeKey.response_dict.fget
    assert plain is not None

    def with_state(key):
        state = next((state for end, state in known.items() if key.name.endswith(end)), None)
        return {**plain(key), **({"x-amz-replication-status": state} if state else {})}

    monkeypatch.setattr(FakeKey, "response_dict", property(with_state))
    return known


@pytest.mark.parametrize(
    ("of_manifest", "of_snapshot", "said"),
    [
        (None, None, None),
        ("COMPLETED", "COMPLETED", "COMPLETED"),
        ("PENDING", "COMPLETED", "PENDING"),
        ("COMPLETED", "PENDING", "PENDING"),
        ("COMPLETED", "FAILED", "FAILED"),
        ("FAILED", "PENDING", "FAILED"),
        # The rule was written between the two.
        ("COMPLETED", None, None),
        ("REPLICA", "REPLICA", "REPLICA"),
        # One that was copied in an order of its own.
        ("REPLICA", None, "REPLICA"),
    ],
)
def test_a_snapshot_is_copied_as_far_as_both_its_objects_are(run, s3, copies, of_manifest, of_snapshot, said):
    put(s3, 0)
    copies.update({end: state for end, state in ((".json", of_manifest), (".encrypted", of_snapshot)) if state})
    (found,) = run()["snapshots"]
    assert found["replication"] == said


def test_the_newest_are_read_and_the_others_counted(run, s3):
    for hours in range(5):
        put(s3, hours)
    found = run(limit=2)
    assert [one["raft_index"] for one in found["snapshots"]] == [103, 104]
    assert found["left_out"] == 3


def test_another_cluster_and_another_prefix_are_left_alone(run, s3):
    put(s3, 0, "prod-2")
    put(s3, 1, prefix="elsewhere/")
    name = put(s3, 2)
    assert [one["name"] for one in run(cluster_name="prod")["snapshots"]] == [name]
    assert len(run()["snapshots"]) == 2
    assert len(run(prefix="")["snapshots"]) == 3
    assert len(run(prefix="elsewhere/")["snapshots"]) == 1


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "Expecting"),
        ("[]", "not an object"),
        ('{"format": 4}', "its format is 4"),
        (b"\xff\xfe\xff", "can't decode"),
    ],
)
def test_a_broken_manifest_is_listed_and_hides_no_other(run, s3, text, problem):
    put(s3, 0, text=text)
    put(s3, 1)
    found = run()
    assert len(found["snapshots"]) == 1
    (broken,) = found["broken"]
    assert broken["key"].endswith("_100_vault-1.snap.encrypted.json")
    assert problem in broken["problem"]


@pytest.mark.parametrize(
    ("size", "problem"),
    [
        (None, "the snapshot that it tells of is not in the bucket"),
        (1099, "its snapshot has 1099 bytes in the bucket, and it says 1100"),
    ],
)
def test_a_manifest_without_its_whole_snapshot_is_broken_and_takes_nobodys_place(run, s3, size, problem):
    good = put(s3, 0)
    name = put(s3, 1, size=size)
    found = run()
    assert [one["name"] for one in found["snapshots"]] == [good]
    assert found["broken"] == [{"key": f"snapshots/{name}.json", "problem": problem}]


def test_a_manifest_under_another_name_is_broken(run, s3):
    """An old snapshot that was copied under a newer name."""
    name = put(s3, 0)
    newer = manifest.name("prod", CLUSTER_ID, "vault-1", manifest.moment(BEGIN + 7200), 102)
    for part in ("", ".json"):
        s3.copy_object(Bucket=BUCKET, Key=f"snapshots/{newer}{part}", CopySource=f"{BUCKET}/snapshots/{name}{part}")
    found = run()
    assert [(one["name"], one["cluster_id"], one["bound"]) for one in found["snapshots"]] == [(name, CLUSTER_ID, True)]
    assert found["broken"] == [
        {"key": f"snapshots/{newer}.json", "problem": f"it is the manifest of {name}, copied or renamed"}
    ]


def test_what_claims_to_be_from_the_future_is_apart(run, s3):
    good = put(s3, 0)
    future_dated = put(s3, 1_000_000)
    found = run(limit=1)
    assert [one["name"] for one in found["snapshots"]] == [good]
    assert found["future_dated"] == [
        {"key": f"snapshots/{future_dated}.json", "name": future_dated, "node_name": "vault-1"}
    ]
    assert (found["broken"], found["left_out"]) == ([], 0)


def test_an_empty_bucket_is_no_error(run, s3):
    assert run()["snapshots"] == []


def test_a_bucket_that_is_not_there_is_one(run, aws):
    found = run()
    assert found["failed"]
    assert found["msg"].startswith("s3:ListObjectsV2 was refused in eu-central-1: NoSuchBucket")
    assert "playbooks/provision.yml" in found["msg"]


def test_nobody_there_is_said_quickly(run):
    found = run(endpoint_url="http://127.0.0.1:9")
    assert "S3 can't be reached in eu-central-1" in found["msg"]


def test_a_limit_of_nothing_is_refused(run, aws):
    assert run(limit=0)["msg"] == "limit: it must be 1 or more."
