"""Whose a thing is: what has the cluster's name is not the cluster's by that alone."""

from __future__ import annotations

import boto3
import botocore.exceptions
import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._aws import ownership, ownership_api
from ansible_collections.vaultops.cluster.plugins.modules import aws_cluster_info
from labkit.settings import REGION

TAG = {"key": "vault-cluster", "value": "prod"}
OURS, THEIRS = {"vault-cluster": "prod", "Team": "x"}, {"vault-cluster": "staging"}
POLICY = '{"Version": "2012-10-17", "Statement": []}'


def thing(kind="role", tags=None, **changes):
    return {
        "kind": kind,
        "name": "vault",
        "id": "arn",
        "tags": tags,
        "named": True,
        "empty": False,
        "bare": False,
        "type": "network" if kind == "load_balancer" else "",
        "vpc_id": "vpc-1" if kind == "security_group" else "",
        "groups": [],
        "zones": {},
        "targets": [],
        "replicas": [],
        "primary": "",
        **changes,
    }


FILES = {ownership.USE_TAG: ownership.TRANSFER}


@pytest.mark.parametrize("kind", ownership.LABELS)
@pytest.mark.parametrize(
    ("tags", "bare", "says"),
    [
        (OURS, False, None),
        (THEIRS, False, "it has vault-cluster=staging"),
        (THEIRS, True, "it has vault-cluster=staging"),
        ({}, False, "it has no tag vault-cluster"),
        ({"Team": "x"}, False, "it has no tag vault-cluster"),
        # What a run that was cut short between creation and tag has left.
        ({}, True, None),
        ({"Team": "x"}, True, None),
        # Not to be allowed to look is not to have seen nothing.
        (None, False, "may not read its tags"),
        (None, True, "may not read its tags"),
    ],
)
def test_what_is_not_the_clusters_is_left_alone(kind, tags, bare, says):
    if kind == "transfer_bucket" and tags == OURS:
        tags = {**OURS, **FILES}
    found = ownership.problems([thing(kind, tags, bare=bare)], TAG)
    assert len(found) == (1 if says else 0)
    assert not says or (says in found[0] and f"{ownership.LABELS[kind]} vault exists" in found[0])
    # A removal takes nothing without the tag, however bare it is.
    assert bool(ownership.owned([thing(kind, tags, bare=bare)], TAG, kind)) is (says is None and not bare)


@pytest.mark.parametrize(
    ("kind", "tags", "says"),
    [
        # It would be emptied when the cluster is removed.
        ("transfer_bucket", OURS, "it has no tag vault-cluster-use=transfer"),
        ("transfer_bucket", {**OURS, ownership.USE_TAG: "other"}, "it has no tag vault-cluster-use=transfer"),
        # What is put there expires.
        ("bucket", {**OURS, **FILES}, "which expire after a day"),
        ("transfer_bucket", {**THEIRS, **FILES}, "it has vault-cluster=staging"),
    ],
)
def test_a_bucket_for_snapshots_is_none_for_files_on_their_way(kind, tags, says):
    (said,) = ownership.problems([thing(kind, tags)], TAG)
    assert says in said
    assert ownership.owned([thing(kind, tags)], TAG, kind) == []


def test_what_is_on_its_way_keeps_no_key():
    assert ownership.bucket_problems([thing("transfer_bucket", {**OURS, **FILES})], TAG, "alias/vault") == []


def test_a_bucket_of_this_cluster_that_is_named_for_files_by_mistake_keeps_the_key():
    (said,) = ownership.bucket_problems([thing("transfer_bucket", OURS)], TAG, "alias/vault")
    assert said.startswith("The bucket vault exists, and is this cluster's for something else")
    # One of a company, which the collection has not made, is nobody's reason to stay.
    assert ownership.bucket_problems([thing("transfer_bucket", {})], TAG, "alias/vault") == []


HERE = {**TAG, "region": "eu-central-1"}


@pytest.mark.parametrize("kind", ["role", "instance_profile", "managed_policy", "bucket"])
@pytest.mark.parametrize("region", ["eu-central-1", "us-east-1", None])
def test_what_a_cluster_of_the_same_name_has_in_another_region_is_its_own(kind, region):
    tagged = thing(kind, {**OURS, **({ownership.REGION_TAG: region} if region else {})})
    theirs = region == "us-east-1"
    found = ownership.problems([tagged], HERE)
    assert len(found) == theirs and bool(ownership.owned([tagged], HERE, kind)) is not theirs
    if theirs:
        assert "is the cluster prod's in us-east-1" in found[0] and "is about eu-central-1" in found[0]


def test_an_application_load_balancer_is_no_network_one():
    theirs = thing("load_balancer", OURS, type="application")
    assert "is of type application" in ownership.problems([theirs], TAG)[0]
    assert ownership.owned([theirs], TAG, "load_balancer") == []


def test_the_name_of_a_security_group_is_taken_in_one_vpc_only():
    theirs = thing("security_group", THEIRS)
    assert ownership.problems([theirs], TAG, "vpc-2") == []
    assert ownership.problems([theirs], TAG, "vpc-1")


def test_a_bucket_of_another_account_is_not_ours():
    assert "ask its owner" in ownership.problems([thing("bucket", None, id="")], TAG)[0]


@pytest.mark.parametrize(
    ("buckets", "says"),
    [
        ([], None),
        ([thing("bucket", OURS, empty=True)], None),
        ([thing("bucket", OURS)], "vault holds snapshots"),
        # One that the inventory does not name, or no longer.
        ([thing("bucket", OURS, named=False, name="old")], "old holds snapshots"),
        ([thing("bucket", THEIRS)], "is not this cluster's"),
        ([thing("bucket", None, named=False, name="secret")], "vault_decommission_other_buckets=secret"),
        ([thing("bucket", None, named=False, name="known")], None),
    ],
)
def test_the_key_stays_while_a_bucket_may_need_it(buckets, says):
    found = ownership.bucket_problems(buckets, TAG, "alias/vault", ["known"])
    assert len(found) == (1 if says else 0), found
    assert not says or says in found[0]


# --- over real HTTP, against a stand-in on loopback


@pytest.fixture
def client(aws):
    return lambda service: boto3.client(service, region_name=REGION, endpoint_url=aws)


@pytest.fixture
def look(aws, run_module):
    def call(**names):
        asked = {"tag_key": TAG["key"], "tag_value": TAG["value"], "region": REGION, "endpoint_url": aws, **names}
        return {each["name"]: each for each in run_module(aws_cluster_info, False, **asked)["things"]}

    return call


def test_nothing_is_an_empty_list(look):
    policy = "arn:aws:iam::123456789012:policy/none"
    names = dict.fromkeys(("role", "instance_profile", "bucket", "secret", "load_balancer", "target_group"), "none")
    assert look(**names, security_group="none", managed_policy=policy, tagged=["bucket", "load_balancer"]) == {}


def test_buckets_are_found_by_tag_and_their_emptiness_by_every_version(look, client):
    s3 = client("s3")
    where = {"LocationConstraint": REGION}
    for name, tags in (("bare", {}), ("full", OURS), ("set-up", {}), ("other", THEIRS)):
        s3.create_bucket(Bucket=name, CreateBucketConfiguration=where)
        if tags:
            listed = [{"Key": key, "Value": value} for key, value in tags.items()]
            s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": listed})
    s3.put_bucket_policy(Bucket="set-up", Policy=POLICY)
    s3.put_bucket_versioning(Bucket="full", VersioningConfiguration={"Status": "Enabled"})
    s3.put_object(Bucket="full", Key="x", Body=b"")
    s3.delete_object(Bucket="full", Key="x")

    found = look(bucket="bare", tagged=["bucket"])
    assert {name: (each["named"], each["empty"], each["bare"]) for name, each in found.items()} == {
        "bare": (True, True, True),
        "full": (False, False, False),
    }
    assert look(bucket="set-up")["set-up"]["bare"] is False
    # What a bucket is for, its name says where it is given, else its tag.
    files = [{"Key": key, "Value": value} for key, value in {**OURS, **FILES}.items()]
    s3.create_bucket(Bucket="files", CreateBucketConfiguration=where)
    s3.put_bucket_tagging(Bucket="files", Tagging={"TagSet": files})
    kinds = {name: each["kind"] for name, each in look(tagged=["bucket"]).items()}
    assert kinds == {"full": "bucket", "files": "transfer_bucket"}
    both = look(bucket="full", transfer_bucket="bare")
    assert {name: each["kind"] for name, each in both.items()} == {"full": "bucket", "bare": "transfer_bucket"}
    assert look(bucket="files")["files"]["kind"] == "bucket"
    assert look(transfer_bucket="none") == {}
    assert look(bucket="other")["other"]["tags"] == THEIRS


class Refusing:
    """An S3 that keeps the tags of a bucket, and the bucket of somebody else, to itself."""

    def list_buckets(self, **_how):
        return {"Buckets": [{"Name": "ours"}]}

    def get_bucket_tagging(self, **_how):
        raise refused("AccessDenied")

    def head_bucket(self, **_how):
        raise refused("403")


def refused(code):
    return botocore.exceptions.ClientError({"Error": {"Code": code, "Message": "no"}}, "GetBucketTagging")


def test_tags_that_may_not_be_read_are_not_no_tags():
    (ours,) = ownership_api.buckets(Refusing(), "ours", TAG, False)
    assert (ours["tags"], ours["bare"]) == (None, False)
    *_rest, theirs = ownership_api.buckets(Refusing(), "theirs", TAG, True)
    assert (theirs["name"], theirs["id"], theirs["tags"]) == ("theirs", "", None)


SECRET = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:vault/prod/recovery-AbCdEf"


def recovery_keys(**changes):
    return thing("secret", OURS, name="vault/prod/recovery", id=SECRET, **changes)


def test_recovery_keys_with_copies_stop_a_removal_that_aws_would_end_half_way():
    found = recovery_keys(replicas=["eu-north-1", "eu-west-1"])
    (said,) = ownership.secret_problems([found], TAG, "eu-central-1")
    assert "AWS keeps copies of the secret vault/prod/recovery in eu-north-1, eu-west-1" in said
    assert "Nothing was removed" in said
    assert (
        f"aws secretsmanager remove-regions-from-replication --region eu-central-1 --secret-id {SECRET} "
        "--remove-replica-regions eu-north-1 eu-west-1 deletes the copies at once"
    ) in said
    for region in found["replicas"]:
        assert f"stop-replication-to-replica --region {region} --secret-id vault/prod/recovery" in said


def test_a_copy_is_deleted_where_its_primary_is():
    there = SECRET.replace("eu-central-1", "eu-west-1")
    (said,) = ownership.secret_problems([{**recovery_keys(primary="eu-central-1"), "id": there}], TAG, "eu-west-1")
    assert f"--region eu-central-1 --secret-id {SECRET} --remove-replica-regions eu-west-1 deletes the copy" in said
    assert said.endswith(f"stop-replication-to-replica --region eu-west-1 --secret-id {there}")


@pytest.mark.parametrize(
    "secret",
    [recovery_keys(), {**recovery_keys(replicas=["eu-west-1"]), "tags": THEIRS}, thing("role", OURS)],
    ids=["in one region, or made a secret of its own", "of others", "no secret"],
)
def test_other_secrets_stop_no_removal(secret):
    assert ownership.secret_problems([secret], TAG, "eu-central-1") == []
