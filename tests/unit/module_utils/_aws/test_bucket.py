"""What check mode says of the bucket."""

from __future__ import annotations

import json

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._aws import policies
from ansible_collections.vaultops.cluster.plugins.module_utils._aws.bucket import (
    differences,
    merged_policy,
    transfer_differences,
    versioned,
)
from ansible_collections.vaultops.cluster.plugins.module_utils._snapshot import lifecycle as lifecycle_state

KEY = "arn:aws:kms:eu-central-1:111122223333:key/1"
SITE: policies.PolicyInputs = {
    "partition": "aws",
    "account": "111122223333",
    "region": "eu-central-1",
    "cluster": "prod",
    "key_arns": [KEY],
    "auto_join": True,
    "snapshots": True,
    "snapshot_key": "",
    "bucket": "example",
    "prefix": "snapshots",
    "archive": False,
    "replica_region": "",
    "replica_bucket": "",
    "restorers": [],
    "secret": "",
    "node_role": "vault-prod-node",
    "drill_role": "",
    "iam_path": "/",
    "sessions": False,
}
# Somebody else's rule in the same bucket.
ANOTHER = {"ID": "logs", "Status": "Enabled", "Filter": {"Prefix": "logs/"}, "Expiration": {"Days": 7}}
BY_AGE = {"ID": "vault-snapshots", "Filter": {"Prefix": "snapshots/"}, "Expiration": {"Days": 30}}


def bucket(**changes):
    """A bucket as it should be, in the shape of s3_bucket_info, with changes."""
    encryption = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": KEY}
    every = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")
    return {
        "name": "example",
        "bucket_versioning": {"Status": "Enabled"},
        "bucket_encryption": {
            "ServerSideEncryptionConfiguration": {"Rules": [{"ApplyServerSideEncryptionByDefault": encryption}]}
        },
        "public_access_block": {"PublicAccessBlockConfiguration": dict.fromkeys(every, True)},
        "bucket_policy": {"Policy": json.dumps(policies.bucket_policy(SITE))},
        "bucket_lifecycle_configuration": {"Rules": [ANOTHER, *lifecycle_state.wanted("snapshots", 30)]},
        **changes,
    }


def unwrapped(shown):
    """The same, in the shape of s3_bucket_info since amazon.aws 11."""
    inside = {
        "bucket_encryption": shown["bucket_encryption"].get("ServerSideEncryptionConfiguration", {}),
        "public_access_block": shown["public_access_block"].get("PublicAccessBlockConfiguration", {}),
        "bucket_policy": json.loads(shown["bucket_policy"].get("Policy", "{}")),
    }
    return {**shown, **inside}


SHAPES = pytest.mark.parametrize("shape", [dict, unwrapped], ids=["amazon.aws 10", "amazon.aws 11"])


@SHAPES
def test_a_bucket_as_it_should_be_has_no_differences(shape):
    assert differences([shape(bucket())], SITE, "30") == []


@SHAPES
@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"name": "other"}, "example would be created in eu-central-1"),
        ({"bucket_versioning": {}}, "versioning would be enabled"),
        ({"bucket_encryption": {}}, f"encrypted with {KEY} instead of keys of S3"),
        ({"public_access_block": {}}, "public access would be blocked"),
        ({"bucket_policy": {}}, "ask for TLS, and let nodes add snapshots only"),
        ({"bucket_lifecycle_configuration": {}}, "superseded snapshots would expire after 30 days, and no other"),
        ({"bucket_lifecycle_configuration": {"Rules": [BY_AGE]}}, "and no other"),
        ({"bucket_lifecycle_configuration": {"Rules": lifecycle_state.wanted("snapshots", 31)}}, "after 30 days"),
        ({"bucket_lifecycle_configuration": {"Rules": lifecycle_state.wanted("", 30)}}, "after 30 days"),
    ],
)
def test_each_difference_is_said(shape, changes, says):
    (said,) = differences([shape(bucket(**changes))], SITE, 30)
    assert says in said


def test_the_lifecycle_is_that_of_the_inputs():
    other = bucket(bucket_lifecycle_configuration={"Rules": lifecycle_state.wanted("", 31)})
    assert differences([other], {**SITE, "prefix": ""}, 31) == []
    (said,) = differences([bucket()], SITE, 31)
    assert "after 31 days" in said


THEIRS = {"Sid": "Organisation", "Effect": "Deny", "Principal": "*", "Action": "s3:PutBucketAcl", "Resource": "*"}
UNNAMED = {key: value for key, value in THEIRS.items() if key != "Sid"}


@pytest.mark.parametrize("shape", [lambda shown: shown, unwrapped])
def test_statements_of_others_stay_and_are_no_difference(shape):
    own = policies.bucket_policy(SITE)
    with_theirs = {"Version": "2012-10-17", "Id": "theirs", "Statement": [THEIRS, UNNAMED, *own["Statement"]]}
    found = [shape(bucket(bucket_policy={"Policy": json.dumps(with_theirs)}))]
    assert differences(found, SITE, 30) == []
    assert merged_policy(found, SITE) == with_theirs


def test_of_an_older_policy_the_clusters_own_statements_are_replaced():
    own = policies.bucket_policy(SITE)
    older = {**own, "Statement": [{**own["Statement"][0], "Effect": "Allow"}, THEIRS]}
    found = [bucket(bucket_policy={"Policy": json.dumps(older)})]
    assert merged_policy(found, SITE) == {**own, "Statement": [THEIRS, *own["Statement"]]}
    assert any("statements of others stay" in line for line in differences(found, SITE, 30))
    # A document may have one statement that is no list.
    alone = [bucket(bucket_policy={"Policy": json.dumps({"Version": "2012-10-17", "Statement": THEIRS})})]
    assert merged_policy(alone, SITE)["Statement"] == [THEIRS, *own["Statement"]]


def test_a_bucket_without_a_policy_gets_the_clusters_own():
    assert merged_policy([], SITE) == merged_policy([bucket(bucket_policy={})], SITE) == policies.bucket_policy(SITE)


CALLER = "arn:aws:iam::111122223333:role/platform"


def transfer(key="", **changes):
    """The bucket for files on their way, as it should be, with changes."""
    encryption = {"SSEAlgorithm": "aws:kms", **({"KMSMasterKeyID": key} if key else {})}
    rule = {"ID": "vault-transfer", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 1}}
    return bucket(
        name="files",
        bucket_versioning={},
        bucket_encryption={
            "ServerSideEncryptionConfiguration": {"Rules": [{"ApplyServerSideEncryptionByDefault": encryption}]}
        },
        bucket_policy={"Policy": json.dumps(policies.transfer_bucket_policy(SITE, "files", [CALLER]))},
        bucket_lifecycle_configuration={"Rules": [ANOTHER, rule]},
        **changes,
    )


def files(found, key=""):
    return transfer_differences([found], SITE, "files", key, [CALLER])


@SHAPES
def test_a_bucket_for_files_as_it_should_be_has_no_differences(shape):
    assert files(shape(transfer())) == []
    assert files(shape(transfer(KEY)), KEY) == []


RULES = {
    "another filter": {"Filter": {"Prefix": "logs/"}},
    "a tag besides": {"Filter": {"And": {"Prefix": "", "Tags": []}}},
    "switched off": {"Status": "Disabled"},
    "later": {"Expiration": {"Days": 2}},
}


@SHAPES
@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"name": "other"}, "files would be created in eu-central-1"),
        ({"bucket_encryption": {}}, "encrypted with the key of AWS for S3 instead of keys of S3"),
        ({"public_access_block": {}}, "public access would be blocked"),
        ({"bucket_policy": {}}, "lets vault_ssm_principals alone read and write files"),
        ({"bucket_lifecycle_configuration": {}}, "files would expire after a day"),
    ],
)
def test_each_difference_of_a_bucket_for_files_is_said(shape, changes, says):
    (said,) = files(shape({**transfer(), **changes}))
    assert says in said


@pytest.mark.parametrize("changes", RULES.values(), ids=RULES)
def test_files_expire_all_of_them_and_after_a_day(changes):
    found = transfer()
    found["bucket_lifecycle_configuration"]["Rules"][1].update(changes)
    assert files(found) == ["files would expire after a day"]


def test_the_key_of_the_files_is_that_of_the_inputs():
    (said,) = files(transfer(), KEY)
    assert f"with {KEY} instead of the key of AWS for S3" in said
    (said,) = files(transfer(KEY))
    assert f"with the key of AWS for S3 instead of {KEY}" in said


@pytest.mark.parametrize("status", ["Enabled", "Suspended"])
def test_a_bucket_that_keeps_versions_is_none_for_files(status):
    (said,) = versioned([{"name": "files", "bucket_versioning": {"Status": status}}], "files")
    assert status in said and "Nothing of it is changed" in said
    for found in ([], [{"name": "files", "bucket_versioning": {}}], [{"name": "files"}]):
        assert versioned(found, "files") == []
