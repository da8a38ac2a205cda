"""decommission.yml on loopback: nothing without the name, nothing of others, nothing that snapshots still need."""

from __future__ import annotations

import datetime

import pytest
from kit.account import ACCOUNT, EVERYTHING, Account, count
from kit.fault_proxy import Answer, Rule
from labkit.settings import REGION

BUCKET, KEY = "example-vault-snapshots", "alias/vault-unseal"
SECRET, NO_BUCKET = "vault/test/recovery", {"vault_snapshot_bucket": ""}
NAMED = ("-e", "vault_decommission=prod")


@pytest.fixture(scope="module")
def account(stand_in: str, tmp_path_factory: pytest.TempPathFactory) -> Account:
    """An account with a cluster in it, and things of others."""
    account = Account(stand_in, tmp_path_factory.mktemp("account"))
    run = account.provision()
    assert run.code == 0, run.output
    assert count(account.made()) == EVERYTHING
    return account


def deletion_days(account: Account) -> int | None:
    key = account.client("kms").describe_key(KeyId=KEY)["KeyMetadata"]
    if key["KeyState"] != "PendingDeletion":
        return None
    return round((key["DeletionDate"] - datetime.datetime.now(datetime.timezone.utc)) / datetime.timedelta(days=1))


@pytest.fixture
def fresh_account(stand_in: str, tmp_path_factory: pytest.TempPathFactory) -> Account:
    return Account(stand_in, tmp_path_factory.mktemp("account"))


def test_what_others_have_under_the_clusters_names_stays(fresh_account):
    fresh_account.take_the_names({"vault-cluster": "staging"})
    secrets = fresh_account.client("secretsmanager")
    secrets.create_secret(Name=SECRET, SecretString="theirs")
    seen = fresh_account.under_the_names()

    run = fresh_account.run("decommission", *NAMED)
    assert run.code != 0
    assert f"The bucket {BUCKET} exists, and is not this cluster's" in run.said
    assert fresh_account.under_the_names() == seen

    # The bucket is not what this cluster's snapshots are in, so that the rest can go: nothing of it is this cluster's.
    run = fresh_account.run("decommission", *NAMED, variables=NO_BUCKET)
    assert (run.code, run.changed) == (0, 0), run.output
    said = " ".join(run.output.split())
    for what in (
        "role vault-node",
        "instance profile vault-node",
        "managed policy vault-prod-init",
        f"secret {SECRET}",
        "load balancer vault-prod",
        "target group vault-prod",
    ):
        assert f"The {what} exists, and is not this cluster's" in said
    assert fresh_account.under_the_names() == seen
    assert "DeletedDate" not in secrets.describe_secret(SecretId=SECRET)


# The tests follow each other in one account: what one refuses, the next still finds.


@pytest.mark.parametrize("arguments", [(), ("-e", "vault_decommission=staging")])
def test_nothing_happens_without_the_clusters_name(account, arguments):
    before = account.made()
    run = account.run("decommission", *arguments)
    assert run.code != 0
    assert "-e vault_decommission=prod" in " ".join(run.output.split())
    assert account.made() == before


@pytest.mark.parametrize(
    ("says", "because"),
    [
        (
            {"vault_aws_account": "111111111111"},
            "this inventory is for 111111111111 (vault_aws_account). Log in to that account",
        ),
        (
            {"vault_kms_administrators": ["arn:aws:iam::222222222222:role/platform"]},
            "this inventory is for 222222222222 (the accounts of vault_kms_administrators). Log in to that account",
        ),
        (
            {"vault_kms_administrators": []},
            "is (there are no vault_kms_administrators), and another account may have one of the same name.",
        ),
        (
            {"vault_kms_administrators": [f"arn:aws:iam::{number}:root" for number in ("222222222222", ACCOUNT)]},
            f"is (administrators are of 222222222222 and {ACCOUNT}), and another account may have one of the same name.",
        ),
    ],
    ids=["pinned", "the administrators'", "nobody says", "several"],
)
@pytest.mark.parametrize("arguments", [(), ("--check",)], ids=["", "check"])
def test_a_cluster_of_this_name_in_another_account_is_left_alone(account, says, because, arguments):
    before = account.made()
    run = account.run("decommission", *NAMED, *arguments, variables=says)
    assert run.code != 0
    assert because in " ".join(run.output.split()), run.output
    assert account.made() == before
    # Not even the lease is taken there.
    assert set(run.calls) <= {"GetCallerIdentity", "ListAccountAliases"}


def test_check_mode_says_what_would_go_and_touches_nothing(account):
    before = account.made()
    run = account.run("decommission", *NAMED, "--check")
    assert run.code == 0, run.output
    assert run.changed > 0
    plan = run.output.partition("TASK [The plan]")[2]
    going = [
        "bucket",
        "load balancer vault-prod",
        "target group vault-prod",
        "instances vault-1, vault-2, vault-3: terminated",
    ]
    going += ["security group vault-prod", "instance profile", "role", "policy", "unseal key"]
    places = [plan.find(f'"The {one}') for one in going]
    assert -1 not in places and places == sorted(places), plan
    assert account.made() == before
    assert deletion_days(account) is None


def test_another_clusters_key_stops_it_at_once(account):
    kms = account.client("kms")
    key_id = kms.describe_key(KeyId=KEY)["KeyMetadata"]["KeyId"]
    kms.tag_resource(KeyId=key_id, Tags=[{"TagKey": "vault-cluster", "TagValue": "staging"}])
    before = account.made()
    run = account.run("decommission", *NAMED)
    kms.tag_resource(KeyId=key_id, Tags=[{"TagKey": "vault-cluster", "TagValue": "prod"}])
    assert run.code != 0
    assert "does not carry the tag vault-cluster=prod" in run.said
    assert account.made() == before


def test_an_old_version_of_a_snapshot_is_a_snapshot(account):
    s3 = account.client("s3")
    policy = s3.get_bucket_policy(Bucket=BUCKET)["Policy"]
    s3.delete_bucket_policy(Bucket=BUCKET)  # which lets nobody write without TLS
    s3.put_object(Bucket=BUCKET, Key="snapshots/one", Body=b"a snapshot")
    s3.delete_object(Bucket=BUCKET, Key="snapshots/one")
    s3.put_bucket_policy(Bucket=BUCKET, Policy=policy)
    before = account.made()
    run = account.run("decommission", *NAMED)
    assert run.code != 0
    for words in (BUCKET, KEY, "Nothing was removed", "vault_decommission_keep_snapshots=true"):
        assert words in run.said
    assert account.made() == before
    assert deletion_days(account) is None


def test_a_bucket_that_the_inventory_no_longer_names_keeps_the_key(account):
    before = account.made()
    run = account.run("decommission", *NAMED, variables=NO_BUCKET)
    assert run.code != 0
    assert f"{BUCKET} holds snapshots, and {KEY} is the only key that opens them" in run.said
    assert account.made() == before
    assert deletion_days(account) is None


def test_a_bucket_whose_tags_can_not_be_read_keeps_the_key(account):
    account.client("s3").create_bucket(Bucket="hidden", CreateBucketConfiguration={"LocationConstraint": REGION})
    rules = [Rule("GET /hidden?tagging", Answer("AccessDenied", "no", 403), every=True)]
    before = account.made()
    run = account.run("decommission", *NAMED, rules=rules)
    assert account.made() == before
    account.client("s3").delete_bucket(Bucket="hidden")
    assert run.code != 0
    assert "may not read the tags of hidden" in run.said
    assert "-e vault_decommission_other_buckets=hidden" in run.said
    assert deletion_days(account) is None


def test_others_that_use_the_security_group_are_named_before_anything_is_removed(account):
    ec2, before = account.client("ec2"), account.made()
    named = [{"Name": "group-name", "Values": ["vault-prod"]}]
    group = ec2.describe_security_groups(Filters=named)["SecurityGroups"][0]["GroupId"]
    endpoints = ec2.create_security_group(GroupName="endpoints", Description="x", VpcId=account.vpc)["GroupId"]
    pairs = [{"GroupId": group}]
    ports = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443}
    rules = [{**ports, "UserIdGroupPairs": pairs}]
    ec2.authorize_security_group_ingress(GroupId=endpoints, IpPermissions=rules)
    job = ec2.create_network_interface(SubnetId=account.subnet, Groups=[group], Description="a job")["NetworkInterface"]
    run = account.run("decommission", *NAMED, "-e", "vault_decommission_keep_snapshots=true")
    ec2.delete_network_interface(NetworkInterfaceId=job["NetworkInterfaceId"])
    ec2.delete_security_group(GroupId=endpoints)
    assert run.code != 0 and "Nothing was removed" in run.said
    assert f"aws ec2 revoke-security-group-ingress --region {REGION} --group-id {endpoints}" in run.said
    assert f"The network interface {job['NetworkInterfaceId']} (a job) is in the security group vault-prod" in run.said
    assert account.made() == before and "TerminateInstances" not in run.calls


def test_snapshots_and_their_key_can_outlive_the_machines(account):
    # A listener is still there when its load balancer has just been deleted.
    listened = Rule("DeleteTargetGroup", Answer("ResourceInUse", "Target group is currently in use by a listener"))
    run = account.run("decommission", *NAMED, "-e", "vault_decommission_keep_snapshots=true", rules=[listened])
    assert run.code == 0, run.output
    assert run.calls.count("DeleteTargetGroup") == 2
    ended, deleted = run.calls.index("TerminateInstances"), run.calls.index("DeleteSecurityGroup")
    assert "DescribeNetworkInterfaces" in run.calls[ended:deleted]
    left = {kind: number for kind, number in count(account.made()).items() if number}
    assert left == {"bucket": 1, "key": 1, "alias": 1}
    assert deletion_days(account) is None
    # Nor does the bucket remove the last one later: whatever expires has a successor.
    rules = account.client("s3").get_bucket_lifecycle_configuration(Bucket=BUCKET)["Rules"]
    expiring = [rule for rule in rules if "Days" in rule["Expiration"] or "NoncurrentVersionExpiration" in rule]
    expiring = [rule for rule in expiring if rule["Filter"].get("Prefix") not in ("init/", "records/")]
    assert [rule["Filter"]["And"]["Tags"] for rule in expiring] == [[{"Key": "vaultops-superseded", "Value": "true"}]]


def test_recovery_keys_with_a_copy_elsewhere_stop_it_before_anything_is_removed(account):
    s3 = account.client("s3")
    s3.delete_bucket_policy(Bucket=BUCKET)
    listed = s3.list_object_versions(Bucket=BUCKET)
    for version in listed.get("Versions", []) + listed.get("DeleteMarkers", []):
        s3.delete_object(Bucket=BUCKET, Key=version["Key"], VersionId=version["VersionId"])
    tags = [{"Key": "vault-cluster", "Value": "prod"}]
    secrets = account.client("secretsmanager")
    copies = [{"Region": "eu-west-1"}]
    made = secrets.create_secret(Name=SECRET, SecretString="recovery keys", Tags=tags, AddReplicaRegions=copies)
    before = account.made()
    run = account.run("decommission", *NAMED)
    assert run.code != 0
    command = (
        f"aws secretsmanager remove-regions-from-replication --region {REGION} --secret-id {made['ARN']} "
        "--remove-replica-regions eu-west-1"
    )
    assert command in run.said and "Nothing was removed" in run.said
    assert account.made() == before and "DeleteBucket" not in run.calls
    assert deletion_days(account) is None
    secrets.remove_regions_from_replication(SecretId=SECRET, RemoveReplicaRegions=["eu-west-1"])


def test_without_snapshots_the_key_is_scheduled_and_no_more(account):
    secrets = account.client("secretsmanager")
    run = account.run("decommission", *NAMED)
    assert run.code == 0, run.output
    assert deletion_days(account) == 30
    assert secrets.describe_secret(SecretId=SECRET)["DeletedDate"]
    left = {kind: number for kind, number in count(account.made()).items() if number}
    assert left == {"key": 1, "alias": 1}

    again = account.run("decommission", *NAMED)
    assert (again.code, again.changed) == (0, 0), again.output
