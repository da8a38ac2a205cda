"""The bucket for files on their way to the nodes: provision.yml makes it, and decommission.yml removes it, with what is in it."""

from __future__ import annotations

import json

import pytest
from kit.account import ACCOUNT, EVERYTHING, SNAPSHOTS, Account, count
from labkit.settings import REGION

FILES = "example-transfer"
SESSIONS = {"vault_ssm": True, "vault_ssm_bucket": FILES}
CALLER = f"arn:aws:iam::{ACCOUNT}:*"


@pytest.fixture(scope="module")
def account(stand_in: str, tmp_path_factory: pytest.TempPathFactory) -> Account:
    return Account(stand_in, tmp_path_factory.mktemp("account"))


def versioning(account: Account, status: str) -> None:
    account.client("s3").put_bucket_versioning(Bucket=FILES, VersioningConfiguration={"Status": status})


# The tests follow each other in one account.


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({"vault_ssm_bucket": SNAPSHOTS}, "vault_ssm_bucket and vault_snapshot_bucket are both"),
        ({"vault_ssm": False}, "vault_ssm is false"),
    ],
)
def test_a_bucket_that_can_not_be_it_is_refused(account, variables, says):
    run = account.provision(variables={**SESSIONS, **variables})
    assert run.code != 0 and says in run.said
    assert set(count(account.made()).values()) == {0}


def test_one_that_keeps_versions_is_refused(account):
    s3 = account.client("s3")
    s3.create_bucket(Bucket=FILES, CreateBucketConfiguration={"LocationConstraint": REGION})
    tags = [{"Key": "vault-cluster", "Value": "prod"}, {"Key": "vault-cluster-use", "Value": "transfer"}]
    s3.put_bucket_tagging(Bucket=FILES, Tagging={"TagSet": tags})
    versioning(account, "Enabled")
    run = account.provision(variables=SESSIONS)
    assert run.code != 0 and f"The bucket {FILES} has versioning (Enabled)" in run.said
    s3.delete_bucket(Bucket=FILES)


def test_check_mode_says_what_would_be_made(account):
    run = account.provision("--check", "--diff", variables=SESSIONS)
    assert run.code == 0, run.output
    assert f"The bucket {FILES}: {FILES} would be created in {REGION}." in run.output
    assert set(count(account.made()).values()) == {0}


def test_it_is_made_once(account):
    run = account.provision(variables=SESSIONS)
    assert run.code == 0, run.output
    assert count(account.made()) == {**EVERYTHING, "bucket": 2}
    s3 = account.client("s3")
    assert "Status" not in s3.get_bucket_versioning(Bucket=FILES)
    (rule,) = s3.get_bucket_encryption(Bucket=FILES)["ServerSideEncryptionConfiguration"]["Rules"]
    # Without a key's name it is the one that AWS manages for S3.
    assert rule["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "aws:kms"}
    assert all(s3.get_public_access_block(Bucket=FILES)["PublicAccessBlockConfiguration"].values())
    (rule,) = s3.get_bucket_lifecycle_configuration(Bucket=FILES)["Rules"]
    assert (rule["Status"], rule["Expiration"]["Days"]) == ("Enabled", 1)
    statements = json.loads(s3.get_bucket_policy(Bucket=FILES)["Policy"])["Statement"]
    assert {one["Sid"]: one["Condition"] for one in statements} == {
        "TLSOnly": {"Bool": {"aws:SecureTransport": "false"}},
        "ControllersAlone": {"ArnNotLike": {"aws:PrincipalArn": [CALLER]}},
    }
    again = account.provision(variables=SESSIONS)
    assert (again.code, again.changed) == (0, 0), again.output
    would = account.provision("--check", variables=SESSIONS)
    assert (would.code, would.changed) == (0, 0), would.output


def test_what_somebody_changed_is_said_and_mended(account):
    s3 = account.client("s3")
    s3.delete_bucket_policy(Bucket=FILES)
    s3.delete_bucket_lifecycle(Bucket=FILES)
    would = account.provision("--check", variables=SESSIONS)
    assert "lets vault_ssm_principals alone read and write files" in would.output
    assert f"The bucket {FILES}: files would expire after a day." in would.output
    mended = account.provision(variables=SESSIONS)
    assert mended.code == 0 and mended.changed, mended.output
    again = account.provision(variables=SESSIONS)
    assert (again.code, again.changed) == (0, 0), again.output


def test_it_goes_with_the_files_in_it_whether_the_inventory_names_it_or_not(account):
    s3 = account.client("s3")
    s3.delete_bucket_policy(Bucket=FILES)  # which lets nobody in without TLS
    s3.put_object(Bucket=FILES, Key="i-1/AnsiballZ_command.py", Body=b"x")
    # Of the cluster too, and not for files: it is never emptied.
    s3.create_bucket(Bucket="older", CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_bucket_tagging(Bucket="older", Tagging={"TagSet": [{"Key": "vault-cluster", "Value": "prod"}]})
    s3.put_object(Bucket="older", Key="snapshots/one", Body=b"x")
    refused = account.run("decommission", "-e", "vault_decommission=prod", variables={"vault_ssm_bucket": "older"})
    assert refused.code != 0 and "older exists, and is this cluster's for something else" in refused.said
    keep = ("-e", "vault_decommission_keep_snapshots=true")
    run = account.run("decommission", "-e", "vault_decommission=prod", *keep)
    assert run.code == 0, run.output
    assert f"The bucket {FILES}, with the files on their way in it: removed." in run.output
    assert {one["Name"] for one in s3.list_buckets()["Buckets"]} >= {SNAPSHOTS, "older"}
    assert FILES not in {one["Name"] for one in s3.list_buckets()["Buckets"]}
