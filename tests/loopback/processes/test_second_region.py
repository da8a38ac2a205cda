"""A second region of AWS: what is backed up in the first opens there, without the first being asked."""

from __future__ import annotations

import dataclasses
import re
import typing as t
import urllib.parse
from pathlib import Path

import boto3
import pytest
import requests
from ansible_collections.vaultops.cluster.plugins.module_utils._snapshot import decrypt, encryption
from ansible_collections.vaultops.cluster.plugins.module_utils._snapshot.errors import Exit, Failure
from ansible_collections.vaultops.cluster.plugins.modules import vault_snapshot_fetch, vault_snapshot_replication
from aws_encryption_sdk.key_providers.kms import KMSMasterKey
from kit.backup_stage import BUCKET, SMALL, SUPERSEDED, Stage
from kit.fault_proxy import FaultProxy
from kit.regions import HOME, SECOND, ministack
from kit.vault_standin import VaultStandIn, whole

THERE = f"{BUCKET}-there"
_SCOPE = re.compile(r"Credential=[^/]+/\d+/(?P<region>[^/]+)/(?P<service>[^/]+)/")


class Regions(FaultProxy):
    """Tells which service of which region was asked."""

    def __init__(self, upstream: str) -> None:
        super().__init__(("127.0.0.1", 0), upstream)
        self.asked: set[tuple[str, ...]] = set()

    def forward(self, method: str, path: str, headers: t.Mapping[str, str], body: bytes) -> t.Any:
        scope = _SCOPE.search(headers.get("Authorization", ""))
        self.asked.add((scope["service"], scope["region"]) if scope else ("unsigned",))
        return super().forward(method, path, headers, body)


@pytest.fixture(scope="module")
def regions(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[str]:
    with ministack(tmp_path_factory.mktemp("regions")) as url:
        yield url


@pytest.fixture
def stage(
    regions: str, tmp_path: Path, certificates: t.Any, monkeypatch: pytest.MonkeyPatch
) -> t.Iterator[tuple[Stage, str]]:
    """A node of the first region that backs up with a multi-Region key, and the ARN of that key's replica."""
    requests.post(f"{regions}/_ministack/reset", timeout=30).raise_for_status()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "unit")
    boto3.setup_default_session()
    with VaultStandIn(certificates, whole(SMALL)) as vault:
        made = Stage(tmp_path, certificates, vault, regions)
        key = made.kms.create_key(MultiRegion=True)["KeyMetadata"]
        made.kms.replicate_key(KeyId=key["KeyId"], ReplicaRegion=SECOND)
        made.key_arn = made.seal_key_arn = key["Arn"]
        made.config["kms"]["key_arn"] = made.config["seal_key_arn"] = key["Arn"]
        yield made, key["Arn"].replace(HOME, SECOND)


def wanted(*arns: str) -> decrypt.Wanted:
    return decrypt.Wanted("prod", arns, seal_key_arn=arns[0])


def test_a_snapshot_opens_in_the_other_region_and_the_first_is_not_asked(stage, tmp_path: Path):
    made, replica = stage
    name = made.take()
    target = tmp_path / "vault.snap"
    with Regions(made.aws) as proxy:
        # The first region's ARN may be among the keys: an inventory may have named it for other snapshots.
        known = decrypt.from_disk(str(made.directory / name), str(target), wanted(replica, made.key_arn), proxy.url)
        assert proxy.asked == {("kms", SECOND)}
    assert target.read_bytes() == SMALL and known.is_bound and known.key_arn == made.key_arn


def test_it_opens_where_it_was_taken_too(stage, tmp_path: Path):
    made, replica = stage
    target = tmp_path / "vault.snap"
    with Regions(made.aws) as proxy:
        decrypt.from_disk(str(made.directory / made.take()), str(target), wanted(made.key_arn, replica), proxy.url)
        assert proxy.asked == {("kms", HOME)}
    assert target.read_bytes() == SMALL


def test_the_module_takes_the_newest_of_a_bucket_there(stage, tmp_path: Path, run_module):
    made, replica = stage
    name = made.take()
    there = boto3.client("s3", SECOND, endpoint_url=made.aws)
    there.create_bucket(Bucket=THERE, CreateBucketConfiguration={"LocationConstraint": SECOND})
    for key in (f"snapshots/{name}", f"snapshots/{name}.json"):
        there.copy_object(Bucket=THERE, Key=key, CopySource={"Bucket": BUCKET, "Key": key})
    with Regions(made.aws) as proxy:
        result = run_module(
            vault_snapshot_fetch,
            dest=str(tmp_path / "vault.snap"),
            cluster_name="prod",
            key_arns=[replica],
            seal_key_arn=replica,
            bucket=THERE,
            region=SECOND,
            endpoint_url=proxy.url,
        )
        assert proxy.asked == {("kms", SECOND), ("s3", SECOND)}, result
    assert result["manifest"]["name"] == name and (tmp_path / "vault.snap").read_bytes() == SMALL


def test_one_of_a_key_without_a_replica_says_so_before_anything_is_asked(stage, tmp_path: Path):
    made, replica = stage
    alone = made.kms.create_key()["KeyMetadata"]["Arn"]
    made.config["kms"]["key_arn"] = alone
    path = made.directory / made.take()
    with Regions(made.aws) as proxy, pytest.raises(Failure, match="KMS was not asked.*name the replica of it there"):
        decrypt.from_disk(str(path), str(tmp_path / "vault.snap"), wanted(replica), proxy.url)
    assert proxy.asked == set()


def test_another_multi_region_key_opens_nothing(stage, tmp_path: Path):
    """The manifest is changed to name a key that may be asked: the file itself names its own."""
    made, _replica = stage
    other = made.kms.create_key(MultiRegion=True)["KeyMetadata"]
    made.kms.replicate_key(KeyId=other["KeyId"], ReplicaRegion=SECOND)
    path = made.directory / made.take()
    beside = path.with_name(f"{path.name}.json")
    beside.write_text(beside.read_text().replace(f'"key_arn": "{made.key_arn}"', f'"key_arn": "{other["Arn"]}"'))
    there = other["Arn"].replace(HOME, SECOND)
    of = dataclasses.replace(wanted(there), seal_key_arn=None)
    with pytest.raises(Failure, match="it was encrypted with another key") as caught:
        decrypt.from_disk(str(path), str(tmp_path / "vault.snap"), of, made.aws)
    assert caught.value.code == Exit.ENCRYPTION


def test_a_snapshot_of_an_older_release_opens_in_both_regions(stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Its tool knew a key by one ARN alone."""
    made, replica = stage
    monkeypatch.setattr(encryption, "MRKAwareKMSMasterKey", KMSMasterKey)
    path = made.directory / made.take()
    with pytest.raises(Failure, match="it was encrypted with another key"):
        decrypt.from_disk(str(path), str(tmp_path / "before.snap"), wanted(replica), made.aws)
    monkeypatch.undo()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "unit")
    for number, arn in enumerate((made.key_arn, replica)):
        target = tmp_path / f"{number}.snap"
        decrypt.from_disk(str(path), str(target), wanted(arn), made.aws)
        assert target.read_bytes() == SMALL


# --- replication

TAGGING = {SUPERSEDED["Key"]: SUPERSEDED["Value"]}
ROLE = "arn:aws:iam::123456789012:role/vault-prod-replication"


@pytest.fixture
def replicating(stage, run_module) -> t.Iterator[tuple[Stage, t.Any, dict[str, t.Any]]]:
    """The node's bucket, one there, and what the module is given."""
    made, replica = stage
    there = boto3.client("s3", SECOND, endpoint_url=made.aws)
    there.create_bucket(
        Bucket=THERE, ObjectLockEnabledForBucket=True, CreateBucketConfiguration={"LocationConstraint": SECOND}
    )
    enabled = {"Status": "Enabled"}
    made.s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration=enabled)
    there.put_bucket_versioning(Bucket=THERE, VersioningConfiguration=enabled)
    yield (
        made,
        there,
        {
            "bucket": BUCKET,
            "role": ROLE,
            "target": f"arn:aws:s3:::{THERE}",
            "key_arn": replica,
            "names": {"vault-snapshots": "snapshots/prod_", "vault-records": "records/prod/"},
            "region": HOME,
            "endpoint_url": made.aws,
        },
    )


def keys(client: t.Any, bucket: str) -> set[str]:
    return {item["Key"] for item in client.list_objects_v2(Bucket=bucket).get("Contents", [])}


def test_the_rules_are_written_once_and_check_mode_writes_none(replicating, run_module):
    made, _there, arguments = replicating
    would = run_module(vault_snapshot_replication, True, **arguments)
    with pytest.raises(made.s3.exceptions.ClientError, match="ReplicationConfigurationNotFoundError"):
        made.s3.get_bucket_replication(Bucket=BUCKET)
    first = run_module(vault_snapshot_replication, **arguments)
    second = run_module(vault_snapshot_replication, **arguments)
    assert (would["changed"], first["changed"], second["changed"]) == (True, True, False), (would, first, second)
    assert would["rules"] == first["rules"] == second["rules"]
    assert would["diff"] == first["diff"]


def test_a_bucket_that_is_not_there_is_named(stage, run_module):
    made, replica = stage
    given = {"bucket": "other", "role": ROLE, "target": f"arn:aws:s3:::{THERE}", "key_arn": replica}
    given |= {"names": {"vault-snapshots": "snapshots/"}, "region": HOME, "endpoint_url": made.aws}
    assert run_module(vault_snapshot_replication, True, **given)["changed"]
    failed = run_module(vault_snapshot_replication, **given)
    assert failed["msg"].startswith("there is no bucket other. Create it"), failed


def test_snapshots_and_records_arrive_and_nothing_else(replicating, run_module):
    made, there, arguments = replicating
    run_module(vault_snapshot_replication, **arguments)
    name = made.take()
    for key in ("records/prod/canary.json", "init/prod.journal", "snapshots/staging_1"):
        made.s3.put_object(Bucket=BUCKET, Key=key, Body=b"x")
    assert keys(there, THERE) == {f"snapshots/{name}", f"snapshots/{name}.json", "records/prod/canary.json"}


def test_a_tag_arrives_and_no_deletion_does(replicating, run_module):
    """The stand-in copies a tag with the object alone. S3 copies one that is set later, such as that of what was superseded."""
    made, there, arguments = replicating
    run_module(vault_snapshot_replication, **arguments)
    made.s3.put_object(Bucket=BUCKET, Key="snapshots/prod_1", Body=b"x", Tagging=urllib.parse.urlencode(TAGGING))
    assert there.get_object_tagging(Bucket=THERE, Key="snapshots/prod_1")["TagSet"] == [SUPERSEDED]
    made.s3.delete_object(Bucket=BUCKET, Key="snapshots/prod_1")
    assert "snapshots/prod_1" not in keys(made.s3, BUCKET)
    assert "snapshots/prod_1" in keys(there, THERE)


def test_what_was_replicated_is_restored_there(replicating, run_module, tmp_path: Path):
    made, _there, arguments = replicating
    run_module(vault_snapshot_replication, **arguments)
    name = made.take()
    with Regions(made.aws) as proxy:
        result = run_module(
            vault_snapshot_fetch,
            dest=str(tmp_path / "vault.snap"),
            cluster_name="prod",
            key_arns=[arguments["key_arn"]],
            seal_key_arn=arguments["key_arn"],
            bucket=THERE,
            region=SECOND,
            endpoint_url=proxy.url,
        )
        assert {region for _service, region in proxy.asked} == {SECOND}, result
    assert result["manifest"]["name"] == name and (tmp_path / "vault.snap").read_bytes() == SMALL
