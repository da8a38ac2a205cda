"""Which snapshot in the bucket is the newest, and which are left to the bucket's lifecycle."""

from __future__ import annotations

import base64
import hashlib
import time
import typing as t
from pathlib import Path

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._common.aws import Refusal
from ansible_collections.vaultops.cluster.plugins.module_utils._snapshot import aws, decrypt, manifest, s3
from ansible_collections.vaultops.cluster.plugins.module_utils._snapshot.errors import Exit, Failure
from ansible_collections.vaultops.cluster.plugins.module_utils._snapshot.settings import S3
from ansible_collections.vaultops.cluster.plugins.modules import vault_snapshot_fetch
from kit.backup_stage import BUCKET, REGION, SUPERSEDED, Stage, Wire, snapshot
from kit.fault_proxy import Answer, Drop, Rule
from kit.manifests import ID, OTHER_ID, backup, unbound

NOW = time.time()
OTHER_KEY = f"arn:aws:kms:{REGION}:123456789012:key/other"


def put(
    stage: Stage,
    index: int,
    age_days: float,
    cluster: str = "prod",
    parts: t.Sequence[str] = ("", ".json"),
    cluster_id: str = ID,
    old: bool = False,
) -> str:
    """A snapshot as a listing shows it, and its manifest; returns its name. *old*: as an older tool made it."""
    made = backup(index, age_days, NOW, cluster=cluster, cluster_id=cluster_id)
    made = unbound(made) if old else made
    for part in parts:
        stage.s3.put_object(Bucket=BUCKET, Key=f"snapshots/{made.name}{part}", Body=made.to_json().encode())
    return made.name


def objects(*names: str) -> set[str]:
    return {f"snapshots/{name}{part}" for name in names for part in ("", ".json")}


@pytest.fixture
def bucket(stage: Stage) -> s3.Bucket:
    return s3.Bucket(stage.s3_settings())


@pytest.mark.parametrize(
    ("code", "says"), [("ExpiredToken", "log in to AWS again"), ("AccessDenied", "Allow it"), ("NoSuchKey", "")]
)
def test_credentials_that_have_expired_are_told_whatever_was_asked_for(code, says):
    found = aws.failure(Exit.CONFIG, "no", Refusal("refused", "why", code), {"AccessDenied": "Allow it"})
    assert str(found).startswith(f"no ({code}: why)") and says in found.cure and bool(says) is bool(found.cure)


def test_the_newest_is_whole_of_this_cluster_and_not_from_the_future(stage: Stage, bucket: s3.Bucket):
    put(stage, 1, 3)
    newest = put(stage, 2, 2)
    put(stage, 3, 1, parts=[".json"])
    put(stage, 4, 0.5, parts=[""])
    put(stage, 5, 0, cluster="prod-2")
    ahead = put(stage, 6, -1)
    assert bucket.newest("prod", NOW) == newest
    assert bucket.newest("prod", NOW + 2 * 86_400) == ahead


def test_without_one_that_can_be_believed_the_others_are_named(stage: Stage, bucket: s3.Bucket):
    ahead = put(stage, 6, -1)
    with pytest.raises(Failure, match=f"claim to be from the future; look at the clocks, .*: {ahead}"):
        bucket.newest("prod", NOW)
    with pytest.raises(Failure, match="Look at the bucket, the prefix and the cluster's name"):
        bucket.newest("other", NOW)


def test_all_that_is_older_is_superseded_however_long_that_was_not_done(stage: Stage, bucket: s3.Bucket):
    """Not the newest, not another cluster's, not what says that it is newer."""
    old = [put(stage, index, 20 - index) for index in range(1, 9)]
    put(stage, 9, 5, parts=[""])
    made = backup(10, 4, NOW)
    put(stage, 10, 4)
    put(stage, 11, -300)
    put(stage, 1, 20, cluster="prod-2")
    alone = f"snapshots/{backup(9, 5, NOW).name}"
    bucket.supersede(made)
    assert stage.superseded() == objects(*old) | {alone}


def test_other_tags_stay_and_one_that_is_there_is_not_written_again(stage: Stage, bucket: s3.Bucket):
    old = put(stage, 1, 2)
    put(stage, 2, 1)
    other = [{"Key": "team", "Value": "a b"}]
    stage.s3.put_object_tagging(Bucket=BUCKET, Key=f"snapshots/{old}", Tagging={"TagSet": other})
    with Wire(stage.aws) as proxy:
        seen = s3.Bucket(S3(BUCKET, "snapshots", REGION, proxy.url, 5))
        seen.supersede(backup(2, 1, NOW))
        assert stage.tags(f"snapshots/{old}") == [*other, SUPERSEDED]
        assert len([call for call in proxy.calls if call.startswith("PUT")]) == 2
        seen.supersede(backup(2, 1, NOW))
        assert len([call for call in proxy.calls if call.startswith("PUT")]) == 2


def test_not_every_old_object_is_looked_at_each_time(stage: Stage, bucket: s3.Bucket):
    for index in range(12):
        put(stage, index, 20 - index)
    bucket.supersede(backup(11, 9, NOW))
    with Wire(stage.aws) as proxy:
        s3.Bucket(S3(BUCKET, "snapshots", REGION, proxy.url, 5)).supersede(backup(11, 9, NOW))
    assert len(proxy.calls) == 1 + s3.LOOKED_AT + 1


def test_one_that_came_late_among_the_last_few_is_made_up_for(stage: Stage, bucket: s3.Bucket):
    """The manifest of a node that went on uploading when another was active already."""
    old = [put(stage, index, 20 - index) for index in range(1, 6)]
    bucket.supersede(backup(6, 1, NOW))
    put(stage, 3, 17, parts=[".json"])
    assert stage.superseded() == objects(*old) - {f"snapshots/{old[2]}.json"}
    bucket.supersede(backup(7, 0.5, NOW))
    assert stage.superseded() == objects(*old)


def test_a_run_that_was_cut_short_while_it_tagged_is_made_up_for(stage: Stage, bucket: s3.Bucket):
    old = [put(stage, index, 20 - index) for index in range(1, 11)]
    made = backup(11, 1, NOW)

    class Short(Wire):
        def action_for(self, operation: str) -> t.Any:
            if operation.startswith("PUT") and len(stage.superseded()) == 9:
                return Drop()
            return super().action_for(operation)

    with Short(stage.aws) as proxy, pytest.raises(Failure):
        s3.Bucket(S3(BUCKET, "snapshots", REGION, proxy.url, 5)).supersede(made)
    assert len(stage.superseded()) == 9
    bucket.supersede(made)
    assert stage.superseded() == objects(*old)


def test_an_empty_cluster_of_an_old_one_s_name_supersedes_nothing_of_it(stage: Stage, bucket: s3.Bucket):
    lost = [put(stage, 90_000 + index, 9 - index, cluster_id=OTHER_ID) for index in range(3)]
    older = put(stage, 80_000, 12, cluster_id=OTHER_ID, old=True)
    own = put(stage, 7, 1)
    put(stage, 12, 0.5)
    bucket.supersede(backup(12, 0.5, NOW))
    assert stage.superseded() == objects(own)
    bucket.supersede(backup(90_002, 7, NOW, cluster_id=OTHER_ID), known={older})
    assert stage.superseded() == objects(own, *lost[:2], older)


def test_the_newest_of_several_clusters_of_one_name_has_to_be_said(stage: Stage, bucket: s3.Bucket):
    lost = put(stage, 90_500, 3, cluster_id=OTHER_ID)
    empty = put(stage, 12, 1)
    with pytest.raises(Failure) as caught:
        bucket.newest("prod", NOW)
    said = str(caught.value)
    assert f"{lost} (cluster id {OTHER_ID})" in said and f"{empty} (cluster id {ID})" in said
    assert "vault_restore_cluster_id" in said
    assert [bucket.newest("prod", NOW, each) for each in (OTHER_ID, ID)] == [lost, empty]
    with pytest.raises(Failure, match="no complete one of the cluster id third"):
        bucket.newest("prod", NOW, "third")


def test_the_same_where_names_tell_no_id_yet(stage: Stage, bucket: s3.Bucket):
    lost = put(stage, 90_500, 3, cluster_id=OTHER_ID, old=True)
    assert bucket.newest("prod", NOW) == lost
    own = put(stage, 5, 2, old=True)
    for _turn in range(2):
        with pytest.raises(Failure, match=f"{lost} .cluster id {OTHER_ID}"):
            bucket.newest("prod", NOW)
        assert [bucket.newest("prod", NOW, each) for each in (OTHER_ID, ID)] == [lost, own]
        own = put(stage, 12, 1)


def test_one_without_a_seal_is_not_the_newest_beside_those_with_one(stage: Stage, bucket: s3.Bucket):
    """It may be an old one under another name, which nobody would notice."""
    sealed = put(stage, 12, 2)
    put(stage, 7, 3, old=True)
    put(stage, 99, 1, cluster_id=OTHER_ID, old=True)
    assert bucket.newest("prod", NOW, ID) == sealed
    copied = put(stage, 13, 1, old=True)
    with pytest.raises(Failure, match="the newest has no seal, and an older one has") as caught:
        bucket.newest("prod", NOW, ID)
    assert sealed in str(caught.value) and copied in str(caught.value)


def test_a_manifest_under_another_name_than_its_own_is_refused(stage: Stage, bucket: s3.Bucket):
    old, name = backup(7, 3, NOW), put(stage, 12, 1)
    stage.s3.put_object(Bucket=BUCKET, Key=f"snapshots/{name}.json", Body=old.to_json().encode())
    with pytest.raises(Failure, match=f"{name}.json is the manifest of {old.name}. It was copied or renamed"):
        bucket.fetch_manifest(name)


@pytest.fixture
def taken(stage: Stage) -> tuple[str, manifest.Manifest]:
    """A snapshot on the disk that is not in the bucket: where it is, and its manifest."""
    stage.config["s3"] = None
    path = stage.directory / stage.take()
    return str(path), decrypt.read_manifest(str(path))


def through(proxy: Wire) -> s3.Bucket:
    return s3.Bucket(S3(BUCKET, "snapshots", REGION, proxy.url, 5))


def answering(bucket: s3.Bucket, checksum: str) -> s3.Bucket:
    """The stand-in does not tell the checksum of what an upload becomes, as S3 does."""

    def add(parsed: dict[str, t.Any], **_other: t.Any) -> None:
        parsed["ChecksumSHA256"] = checksum

    bucket._client.meta.events.register("after-call.s3.CompleteMultipartUpload", add)
    return bucket


def test_what_was_uploaded_is_compared_without_the_right_to_read_it(stage: Stage, taken: tuple[str, manifest.Manifest]):
    path, made = taken
    of_parts = hashlib.sha256(hashlib.sha256(Path(path).read_bytes()).digest()).digest()
    with Wire(stage.aws) as proxy:
        answering(through(proxy), base64.b64encode(of_parts).decode() + "-1").upload(path, made)
        read = [call for call in proxy.asked if call.startswith(("HEAD", "GET KEY"))]
    assert read == [] and set(stage.objects()) == objects(made.name)


def test_another_checksum_in_the_answer_gets_no_manifest(stage: Stage, taken: tuple[str, manifest.Manifest]):
    path, made = taken
    with pytest.raises(Failure, match="the checksum b3RoZXI=, and not .* It got no manifest"):
        answering(s3.Bucket(stage.s3_settings()), "b3RoZXI=-1").upload(path, made)
    assert set(stage.objects()) == {f"snapshots/{made.name}"}


@pytest.mark.parametrize("part", ["", ".json"])
def test_what_is_there_is_never_written_over(stage: Stage, taken: tuple[str, manifest.Manifest], part: str):
    path, made = taken
    key = f"snapshots/{made.name}{part}"
    stage.s3.put_object(Bucket=BUCKET, Key=key, Body=b"before")
    with pytest.raises(Failure, match="PreconditionFailed.*An object of that name is there, and was left as it is"):
        s3.Bucket(stage.s3_settings()).upload(path, made)
    assert stage.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() == b"before"
    assert stage.uploads() == []


def test_a_store_that_knows_no_condition_is_asked_without_one(stage: Stage, taken: tuple[str, manifest.Manifest]):
    path, made = taken
    unknown = Answer("NotImplemented", status=501)
    with Wire(stage.aws, [Rule("POST KEY?uploadId", unknown), Rule("PUT KEY.json", unknown)]) as proxy:
        through(proxy).upload(path, made)
    assert set(stage.objects()) == objects(made.name)


def fetched(run_module: t.Callable[..., dict[str, t.Any]], stage: Stage, **params: t.Any) -> dict[str, t.Any]:
    common = {"bucket": BUCKET, "region": REGION, "endpoint_url": stage.aws, "cluster_name": "prod"}
    common["key_arns"] = [stage.key_arn]
    return run_module(vault_snapshot_fetch, dest=str(stage.folder / "plain.snap"), **{**common, **params})


def test_a_snapshot_that_was_taken_of_openbao_is_none_for_vault(stage: Stage, run_module):
    stage.config["flavour"] = "openbao"
    stage.take()
    found = fetched(run_module, stage, flavour="openbao")
    assert found["manifest"]["vault_version"] == "1.21.1+openbao"
    assert (found["release"], found["server"]) == ("1.21.1", "OpenBao 1.21.1")
    (stage.folder / "plain.snap").unlink()
    assert "is a snapshot of OpenBao 1.21.1, and vault_flavour is vault" in fetched(run_module, stage)["msg"]
    assert not (stage.folder / "plain.snap").exists()


def test_the_unseal_key_of_its_time_decides_not_the_one_of_the_file(stage: Stage, run_module):
    name = stage.take()
    # A replica of the key in another region has its id.
    replica = stage.seal_key_arn.replace(REGION, "eu-west-1")
    for arn in (stage.seal_key_arn, replica):
        found = fetched(run_module, stage, seal_key_arn=arn)
        assert (found["manifest"]["name"], found["bound"], "seal" in found["manifest"]) == (name, True, False)
    for wrong in (stage.key_arn, OTHER_KEY):
        said = fetched(run_module, stage, seal_key_arn=wrong)
        assert f"is of the time of another unseal key, {stage.seal_key_arn}" in said["msg"]
        assert fetched(run_module, stage, seal_key_arn=wrong, any_key=True)["manifest"]["key_arn"] == stage.key_arn


def test_an_older_one_is_not_the_newest_where_a_newer_one_was_proven(stage: Stage, run_module):
    """Whoever may delete, or give the bucket back as it once was, can't bring back what was revoked since."""
    folder = stage.folder / "records"
    seen, records = folder / "snapshots-seen.json", {"directory": str(folder)}
    stage.vault.body = snapshot(7)
    old = stage.take()
    time.sleep(max(0.0, 1.1 - time.time() % 1))
    stage.vault.body = snapshot(8)
    name = stage.take()
    assert fetched(run_module, stage, records=records, check=True)["manifest"]["name"] == name
    assert not seen.exists()
    assert fetched(run_module, stage, records=records)["manifest"]["name"] == name
    assert seen.stat().st_mode & 0o777 == 0o600
    for part in ("", ".json"):
        stage.s3.delete_object(Bucket=BUCKET, Key=f"snapshots/{name}{part}")
    said = fetched(run_module, stage, records=records)["msg"]
    assert f"{old}, is older than {name}, which was already proven (file {seen}" in said
    assert fetched(run_module, stage, records=records, name=old)["manifest"]["name"] == old
    assert fetched(run_module, stage, records=records)["failed"]
    seen.write_text("{}}")
    assert "does not tell which snapshots were seen" in fetched(run_module, stage, records=records)["msg"]


def test_a_key_that_is_no_arn_is_refused(stage: Stage, run_module):
    assert "key_arns: alias/x is not the ARN" in fetched(run_module, stage, key_arns=["alias/x"])["msg"]
