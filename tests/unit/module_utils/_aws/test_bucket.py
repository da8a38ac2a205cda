"""What check mode says of the bucket."""

from __future__ import annotations

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._aws import policies
from ansible_collections.vaultops.cluster.plugins.module_utils._aws.bucket import (
    differences,
    elsewhere,
    merged_policy,
    policy_problems,
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


# A number is text to AWS. What others have tagged is not among them.
TAGS = {"vault-cluster": "prod", "Service": "vault", "CostCenter": 1234}


def bucket(**changes):
    """A bucket as it should be, in the shape of aws_bucket_info, with changes."""
    every = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")
    return {
        "name": "example",
        "region": "eu-central-1",
        "versioning": "Enabled",
        "encryption": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": KEY},
        "public_access_block": dict.fromkeys(every, True),
        "policy": policies.bucket_policy(SITE),
        "rules": [ANOTHER, *lifecycle_state.wanted("snapshots", 30)],
        "tags": {"vault-cluster": "prod", "Service": "vault", "CostCenter": "1234", "DataClass": "secret"},
        **changes,
    }


def test_a_bucket_of_another_region_is_refused_and_one_that_does_not_say_is_not():
    (said,) = elsewhere([bucket(region="us-east-1")], "eu-central-1")
    assert said.startswith("The bucket example is in us-east-1, and this inventory wants it in eu-central-1.")
    assert elsewhere([bucket(), bucket(region="")], "eu-central-1") == []


def test_a_bucket_as_it_should_be_has_no_differences():
    assert differences([bucket()], SITE, "30", TAGS) == []


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"name": "other"}, "example would be created in eu-central-1"),
        ({"versioning": ""}, "versioning would be enabled"),
        ({"tags": {"vault-cluster": "prod"}}, "the bucket would be tagged with CostCenter=1234, Service=vault"),
        ({"encryption": {}}, f"encrypted with {KEY} instead of keys of S3"),
        ({"public_access_block": {}}, "public access would be blocked"),
        ({"policy": {}}, "ask for TLS, and let nodes add snapshots only"),
        ({"rules": []}, "superseded snapshots would expire after 30 days, and no other"),
        ({"rules": [BY_AGE]}, "and no other"),
        ({"rules": lifecycle_state.wanted("snapshots", 31)}, "after 30 days"),
        ({"rules": lifecycle_state.wanted("", 30)}, "after 30 days"),
    ],
)
def test_each_difference_is_said(changes, says):
    (said,) = differences([bucket(**changes)], SITE, 30, TAGS)
    assert says in said


def test_the_lifecycle_is_that_of_the_inputs():
    other = bucket(rules=lifecycle_state.wanted("", 31))
    assert differences([other], {**SITE, "prefix": ""}, 31, TAGS) == []
    (said,) = differences([bucket()], SITE, 31, TAGS)
    assert "after 31 days" in said


THEIRS = {"Sid": "Organisation", "Effect": "Deny", "Principal": "*", "Action": "s3:PutBucketAcl", "Resource": "*"}
UNNAMED = {key: value for key, value in THEIRS.items() if key != "Sid"}


def merged(before):
    return merged_policy(before, policies.bucket_policy(SITE))


def test_statements_of_others_stay_and_are_no_difference():
    own = policies.bucket_policy(SITE)
    with_theirs = {"Version": "2012-10-17", "Id": "theirs", "Statement": [THEIRS, UNNAMED, *own["Statement"]]}
    assert differences([bucket(policy=with_theirs)], SITE, 30, TAGS) == []
    assert merged(with_theirs) == with_theirs


def test_of_an_older_policy_the_clusters_own_statements_are_replaced():
    own = policies.bucket_policy(SITE)
    older = {**own, "Statement": [{**own["Statement"][0], "Effect": "Allow"}, THEIRS]}
    assert merged(older) == {**own, "Statement": [THEIRS, *own["Statement"]]}
    assert any("statements of others stay" in line for line in differences([bucket(policy=older)], SITE, 30, TAGS))
    # A document may have one statement that is no list.
    assert merged({"Version": "2012-10-17", "Statement": THEIRS})["Statement"] == [THEIRS, *own["Statement"]]


def test_a_bucket_without_a_policy_gets_the_clusters_own():
    assert merged({}) == policies.bucket_policy(SITE)


ROLE_ID, USER_ID = "AROAEXAMPLEROLEID00001", "AIDAEXAMPLEUSERID00001"


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ({**THEIRS, "Principal": {"AWS": ROLE_ID}}, f"a statement of others, Organisation, that names {ROLE_ID}:"),
        (
            {**THEIRS, "Principal": {"AWS": ["arn:aws:iam::111122223333:root", ROLE_ID, USER_ID]}},
            f"that names {USER_ID}, {ROLE_ID}:",
        ),
        (
            {"Effect": "Deny", "NotPrincipal": {"AWS": [USER_ID]}, "Action": "s3:*", "Resource": "*"},
            f"without a Sid (number 1 of others), that names {USER_ID}:",
        ),
    ],
)
def test_who_was_deleted_is_named_before_s3_refuses(statement, says):
    (said,) = policy_problems([bucket(policy={"Version": "2012-10-17", "Statement": [statement]})], SITE)
    assert says in said and "The policy of the bucket example" in said and "Take the id out" in said
    # Where nothing is to be written, S3 keeps the id.
    in_line = merged({"Version": "2012-10-17", "Statement": [statement]})
    assert policy_problems([bucket(policy=in_line)], SITE) == []


@pytest.mark.parametrize(
    "principal",
    ["*", {"Service": "logging.s3.amazonaws.com"}, {"AWS": "111122223333"}, {"AWS": "arn:aws:iam::1:role/AROA1"}],
)
def test_who_is_there_is_no_problem(principal):
    found = {"Version": "2012-10-17", "Statement": [{**THEIRS, "Principal": principal}]}
    assert policy_problems([bucket(policy=found)], SITE) == []


def test_the_clusters_own_statement_may_name_a_role_that_was_made_anew():
    own = policies.bucket_policy(SITE)
    older = {**own, "Statement": [{**one, "Principal": {"AWS": ROLE_ID}} for one in own["Statement"]]}
    assert policy_problems([bucket(policy=older)], SITE) == policy_problems([], SITE) == []


CALLER = "arn:aws:iam::111122223333:role/platform"


def transfer(key="", **changes):
    """The bucket for files on their way, as it should be, with changes."""
    encryption = {"SSEAlgorithm": "aws:kms", **({"KMSMasterKeyID": key} if key else {})}
    rule = {"ID": "vault-transfer", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 1}}
    return bucket(
        name="files",
        versioning="",
        encryption=encryption,
        policy=policies.transfer_bucket_policy(SITE, "files", [CALLER]),
        rules=[ANOTHER, rule],
        **changes,
    )


def files(found, key=""):
    return transfer_differences([found], SITE, "files", key, [CALLER], TAGS)


def test_a_bucket_for_files_as_it_should_be_has_no_differences():
    assert files(transfer()) == []
    assert files(transfer(KEY), KEY) == []


RULES = {
    "another filter": {"Filter": {"Prefix": "logs/"}},
    "a tag besides": {"Filter": {"And": {"Prefix": "", "Tags": []}}},
    "switched off": {"Status": "Disabled"},
    "later": {"Expiration": {"Days": 2}},
}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"name": "other"}, "files would be created in eu-central-1"),
        ({"encryption": {}}, "encrypted with the key of AWS for S3 instead of keys of S3"),
        ({"public_access_block": {}}, "public access would be blocked"),
        ({"policy": {}}, "lets vault_ssm_principals alone read and write files"),
        ({"rules": []}, "files would expire after a day"),
    ],
)
def test_each_difference_of_a_bucket_for_files_is_said(changes, says):
    (said,) = files({**transfer(), **changes})
    assert says in said


@pytest.mark.parametrize("changes", RULES.values(), ids=RULES)
def test_files_expire_all_of_them_and_after_a_day(changes):
    found = transfer()
    found["rules"][1].update(changes)
    assert files(found) == ["files would expire after a day"]


def test_the_key_of_the_files_is_that_of_the_inputs():
    (said,) = files(transfer(), KEY)
    assert f"with {KEY} instead of the key of AWS for S3" in said
    (said,) = files(transfer(KEY))
    assert f"with the key of AWS for S3 instead of {KEY}" in said


@pytest.mark.parametrize("status", ["Enabled", "Suspended"])
def test_a_bucket_that_keeps_versions_is_none_for_files(status):
    (said,) = versioned([transfer() | {"versioning": status}], "files")
    assert status in said and "Nothing of it is changed" in said
    for found in ([], [transfer()]):
        assert versioned(found, "files") == []
