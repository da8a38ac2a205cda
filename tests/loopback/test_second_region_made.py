"""provision.yml and decommission.yml of a cluster with a second region: what is made there, once, and what must be gone before
anything is removed.
"""

from __future__ import annotations

import json
import typing as t

import boto3
import pytest
from kit import aws_calls, iam, moto_replication
from kit.account import ACCOUNT, NOTHING_ALLOWED, SNAPSHOTS, Account, Run
from labkit.settings import REGION

SECOND = "eu-west-1"
THERE = f"{SNAPSHOTS}-{SECOND}"
BOUNDARY, PATH = "arn:aws:iam::aws:policy/PowerUserAccess", "/company/"
FILES, FILES_THERE = "example-files", f"example-files-{SECOND}"
VARIABLES = {
    "vault_kms_replica_region": SECOND,
    "vault_snapshot_days": 14,
    "vault_iam_path": PATH,
    "vault_iam_permissions_boundary": BOUNDARY,
    "vault_aws_tags": {"CostCenter": "4711"},
    "vault_ssm": True,
    "vault_ssm_bucket": FILES,
}
ROLE = "vault-prod-replication"
ALIAS, CA_ALIAS = "alias/vault-unseal", "alias/vault-test-ca"
PARAMETER = "/vaultops/test/ca"


@pytest.fixture(scope="module")
def account(stand_in: str, tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Account]:
    with moto_replication.whole():
        yield Account(stand_in, tmp_path_factory.mktemp("account"))


def there(account: Account, service: str) -> t.Any:
    secret = {"aws_access_key_id": "unit", "aws_secret_access_key": "unit"}
    return boto3.client(service, region_name=SECOND, endpoint_url=account.url, **secret)


def run(account: Account, playbook: str, *arguments: str, **how: t.Any) -> Run:
    made = account.run(playbook, *arguments, variables={**VARIABLES, **how.pop("variables", {})}, **how)
    assert made.code == how.get("code", 0), made.output
    return made


def buckets(account: Account) -> set[str]:
    return {bucket["Name"] for bucket in account.client("s3").list_buckets()["Buckets"]}


def roles(account: Account) -> set[str]:
    return {role["RoleName"] for role in account.client("iam").list_roles()["Roles"]}


@pytest.fixture(scope="module")
def looked(account: Account) -> Run:
    return run(account, "provision", "--check", "--diff")


@pytest.fixture(scope="module")
def provisioned(account: Account, looked: Run) -> Run:
    return run(account, "provision")


@pytest.fixture(scope="module")
def again(account: Account, provisioned: Run) -> Run:
    return run(account, "provision")


def test_the_plan_names_what_will_be_there_and_makes_nothing(account, looked):
    for words in (
        f"The role {ROLE}: created.",
        f"{THERE} would be created in {SECOND}",
        f"{SNAPSHOTS} to {THERE}: created.",
    ):
        assert words in looked.output, looked.output
    assert not {THERE, SNAPSHOTS} & buckets(account) and ROLE not in roles(account)


def test_the_bucket_there_is_as_the_one_here(account, provisioned):
    s3, kms = there(account, "s3"), there(account, "kms")
    assert s3.get_bucket_location(Bucket=THERE)["LocationConstraint"] == SECOND
    assert s3.get_bucket_versioning(Bucket=THERE)["Status"] == "Enabled"
    (rule,) = s3.get_bucket_encryption(Bucket=THERE)["ServerSideEncryptionConfiguration"]["Rules"]
    replica = kms.describe_key(KeyId=ALIAS)["KeyMetadata"]["Arn"]
    assert rule["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": replica}
    tags = {tag["Key"]: tag["Value"] for tag in s3.get_bucket_tagging(Bucket=THERE)["TagSet"]}
    assert (tags["vault-cluster"], tags["vault-cluster-region"]) == ("prod", REGION)
    assert tags["CostCenter"] == "4711"
    policy = json.loads(s3.get_bucket_policy(Bucket=THERE)["Policy"])
    here = json.loads(account.client("s3").get_bucket_policy(Bucket=SNAPSHOTS)["Policy"])
    assert json.dumps(policy).replace(THERE, SNAPSHOTS) == json.dumps(here)
    days = [one["Expiration"].get("Days") for one in s3.get_bucket_lifecycle_configuration(Bucket=THERE)["Rules"]]
    assert 14 in days
    blocked = s3.get_public_access_block(Bucket=THERE)["PublicAccessBlockConfiguration"]
    assert all(blocked.values())


def test_s3_replicates_to_it_with_a_role_that_the_keys_know(account, provisioned):
    found = account.client("s3").get_bucket_replication(Bucket=SNAPSHOTS)["ReplicationConfiguration"]
    arn = f"arn:aws:iam::{ACCOUNT}:role{PATH}{ROLE}"
    assert found["Role"] == arn
    assert {rule["Destination"]["Bucket"] for rule in found["Rules"]} == {f"arn:aws:s3:::{THERE}"}
    for kms in (account.client("kms"), there(account, "kms")):
        key = kms.describe_key(KeyId=ALIAS)["KeyMetadata"]["KeyId"]
        policy = json.loads(kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"])
        by_sid = {each["Sid"]: each for each in policy["Statement"]}
        assert by_sid["ReplicationReads"]["Principal"] == by_sid["ReplicationWrites"]["Principal"] == {"AWS": [arn]}
        assert "kms:UpdatePrimaryRegion" in by_sid["Administrators"]["Action"]
    role = account.client("iam").get_role(RoleName=ROLE)["Role"]
    tags = {tag["Key"]: tag["Value"] for tag in role["Tags"]}
    assert (role["Arn"], role["PermissionsBoundary"]["PermissionsBoundaryArn"]) == (arn, BOUNDARY)
    assert (tags["CostCenter"], tags["vault-cluster"], tags["vault-cluster-region"]) == ("4711", "prod", REGION)
    allowed = account.client("iam").get_role_policy(RoleName=ROLE, PolicyName="replication")["PolicyDocument"]
    assert f"arn:aws:s3:::{THERE}/" in json.dumps(allowed)


def test_a_second_run_changes_nothing(again):
    assert again.changed == 0, again.output
    assert "Nothing to do" in again.output, again.output


def test_what_somebody_has_changed_is_put_right(account, again):
    s3 = account.client("s3")
    before = s3.get_bucket_replication(Bucket=SNAPSHOTS)["ReplicationConfiguration"]
    changed = json.loads(json.dumps(before))
    changed["Rules"][0]["Status"] = "Disabled"
    changed["Rules"][1]["Filter"] = {"Prefix": "init/"}
    s3.put_bucket_replication(Bucket=SNAPSHOTS, ReplicationConfiguration=changed)
    policy = json.loads(there(account, "s3").get_bucket_policy(Bucket=THERE)["Policy"])
    theirs = {**NOTHING_ALLOWED["Statement"][0], "Sid": "Theirs", "Principal": "*", "Resource": f"arn:aws:s3:::{THERE}"}
    mixed = {**policy, "Statement": [theirs, *policy["Statement"][1:]]}
    there(account, "s3").put_bucket_policy(Bucket=THERE, Policy=json.dumps(mixed))
    would = run(account, "provision", "--check", "--diff")
    assert f"The replication of {SNAPSHOTS} to {THERE}: brought in line." in would.output, would.output
    run(account, "provision")
    assert s3.get_bucket_replication(Bucket=SNAPSHOTS)["ReplicationConfiguration"] == before
    # What others have written beside it stays.
    after = json.loads(there(account, "s3").get_bucket_policy(Bucket=THERE)["Policy"])
    assert after == {**policy, "Statement": [theirs, *policy["Statement"]]}
    there(account, "s3").put_bucket_policy(Bucket=THERE, Policy=json.dumps(policy))


def test_the_policies_allow_all_that_is_asked_for(account, provisioned, again):
    cluster = aws_calls.Cluster(ACCOUNT, "prod", ALIAS, CA_ALIAS, REGION, BOUNDARY, PATH)
    requests = [*provisioned.requests, *again.requests]
    assert refused(account, requests, cluster, "provision", "provision-machines") == set()
    asked = {each.action for one in requests for each in aws_calls.asked(one, cluster)}
    assert {"s3:PutReplicationConfiguration", "s3:GetReplicationConfiguration", "kms:ReplicateKey"} <= asked


def refused(
    account: Account, requests: t.Sequence[t.Any], cluster: aws_calls.Cluster, *names: str, **variables: t.Any
) -> set[tuple[str, str]]:
    """What the policies of these names, as the inventory's own run writes them, do not allow."""
    folder = account.folder / f"output-{cluster.region}"
    run(account, "iam_policies", variables={**variables, "vault_output_dir": str(folder)})
    written = [json.loads((folder / f"policies/prod-{name}.json").read_text()) for name in names]
    found = {(each.action, each.resource) for each in iam.refused(written, requests, cluster)}
    # Asked for, and not needed.
    return {(action, resource) for action, resource in found if action != "iam:ListAccountAliases"}


# --- the inventory of the second region


@pytest.fixture(scope="module")
def elsewhere(account: Account, again: Run) -> dict[str, t.Any]:
    """Its variables."""
    ec2 = there(account, "ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.2.0/24", AvailabilityZone=f"{SECOND}a")["Subnet"]["SubnetId"]
    return {
        "vault_aws_region": SECOND,
        "vault_home_region": REGION,
        "vault_kms_replica_region": "",
        "vault_snapshot_bucket": THERE,
        "vault_ssm_bucket": FILES_THERE,
        "vault_alarms": True,
        "lab_subnet": subnet,
    }


def shared(account: Account) -> dict[str, t.Any]:
    """What both regions use, to be compared with itself."""
    iam_, s3, kms = account.client("iam"), there(account, "s3"), there(account, "kms")
    key = kms.describe_key(KeyId=ALIAS)["KeyMetadata"]
    return {
        "tags": {role: iam_.list_role_tags(RoleName=role)["Tags"] for role in ("vault-node", ROLE)},
        "policy": iam_.get_role_policy(RoleName="vault-node", PolicyName="vault")["PolicyDocument"],
        "bucket": [s3.get_bucket_policy(Bucket=THERE)["Policy"], s3.get_bucket_tagging(Bucket=THERE)["TagSet"]],
        "key": [key["KeyState"], kms.get_key_policy(KeyId=key["KeyId"], PolicyName="default")["Policy"]],
    }


def machines(account: Account) -> int:
    running = [
        {"Name": "tag:vault-cluster", "Values": ["prod"]},
        {"Name": "instance-state-name", "Values": ["running"]},
    ]
    found = there(account, "ec2").describe_instances(Filters=running)["Reservations"]
    return sum(len(one["Instances"]) for one in found)


def test_the_second_region_gets_what_is_of_one_region_and_nothing_else_changes(account, elsewhere):
    before = shared(account)
    would = run(account, "provision", "--check", "--diff", variables=elsewhere)
    for words in (f"The private CA of {SECOND}: made", f"{FILES_THERE} would be created in {SECOND}"):
        assert words in would.output, would.output
    assert machines(account) == 0 and FILES_THERE not in buckets(account)
    made = run(account, "provision", variables=elsewhere)
    assert machines(account) == 3
    tags = {tag["Key"]: tag["Value"] for tag in there(account, "s3").get_bucket_tagging(Bucket=FILES_THERE)["TagSet"]}
    assert tags["vault-cluster-region"] == SECOND
    alarms = there(account, "cloudwatch").describe_alarms(AlarmNamePrefix="vault-prod-alarm-")["MetricAlarms"]
    assert len(alarms) > 0
    assert (
        there(account, "ssm").get_parameter(Name=PARAMETER)["Parameter"]["Value"].startswith("-----BEGIN CERTIFICATE")
    )
    assert run(account, "provision", variables=elsewhere).changed == 0
    assert shared(account) == before
    cluster = aws_calls.Cluster(ACCOUNT, "prod", ALIAS, CA_ALIAS, SECOND, BOUNDARY, PATH)
    # The CA is made by who may make it at home: site.yml.
    names = ("provision", "provision-machines", "site")
    assert refused(account, made.requests, cluster, *names, **elsewhere) == set()


def test_what_the_home_has_not_made_is_named(account, elsewhere):
    stopped = account.run("provision", variables={**VARIABLES, **elsewhere, "vault_node_role": "other"})
    assert stopped.code != 0
    words = "the role other and the instance profile other are not there, and vault_home_region is eu-central-1"
    assert words in " ".join(stopped.output.split()), stopped.output


def test_the_bucket_at_home_is_none_for_the_second_region(account, elsewhere):
    before = shared(account)
    stopped = account.run("provision", variables={**VARIABLES, **elsewhere, "vault_snapshot_bucket": SNAPSHOTS})
    assert stopped.code != 0
    said = " ".join(stopped.output.split())
    assert f"vault_snapshot_bucket is {SNAPSHOTS}, which is in {REGION}, and this inventory is for {SECOND}." in said, (
        said
    )
    assert "Name the bucket that the inventory of eu-central-1 has as vault_snapshot_replica_bucket" in said
    assert shared(account) == before


def test_its_removal_leaves_what_is_the_home_s(account, elsewhere):
    before = shared(account)
    run(account, "decommission", "-e", "vault_decommission=prod", variables=elsewhere)
    assert machines(account) == 0 and FILES_THERE not in buckets(account) and FILES in buckets(account)
    assert shared(account) == before


def test_nodes_in_the_second_region_keep_the_role_and_the_key_that_they_live_by(account, again):
    ec2 = there(account, "ec2")
    tags = [{"ResourceType": "instance", "Tags": [{"Key": "vault-cluster", "Value": "prod"}]}]
    made = ec2.run_instances(ImageId="ami-12c6146b", MinCount=1, MaxCount=1, TagSpecifications=tags)["Instances"]
    before = account.made()
    stopped = account.run("decommission", "-e", "vault_decommission=prod", variables=VARIABLES)
    assert stopped.code != 0
    assert f"{made[0]['InstanceId']} in {SECOND} is a node of prod" in " ".join(stopped.output.split()), stopped.output
    assert account.made() == before
    ec2.terminate_instances(InstanceIds=[made[0]["InstanceId"]])


def test_while_a_snapshot_is_there_nothing_is_removed(account, again):
    # moto takes a bucket's policy for everybody's, and there is no TLS here.
    there(account, "s3").delete_bucket_policy(Bucket=THERE)
    there(account, "s3").put_object(Bucket=THERE, Key="snapshots/prod_1", Body=b"x")
    stopped = account.run("decommission", "-e", "vault_decommission=prod", variables=VARIABLES)
    assert stopped.code != 0
    assert f"{THERE} holds snapshots, and {ALIAS} is the only key that opens them." in " ".join(stopped.output.split())
    assert {THERE, SNAPSHOTS} <= buckets(account) and ROLE in roles(account)
    client = there(account, "s3")
    for version in client.list_object_versions(Bucket=THERE)["Versions"]:
        client.delete_object(Bucket=THERE, Key=version["Key"], VersionId=version["VersionId"])


def test_then_all_of_it_goes(account, again):
    gone = run(account, "decommission", "-e", "vault_decommission=prod")
    assert f"The bucket {THERE}, which is empty, old versions included: removed." in gone.output
    assert not {THERE, SNAPSHOTS, FILES} & buckets(account)
    assert not {ROLE, "vault-node"} & roles(account)


def test_a_bucket_of_that_name_that_is_somebody_s_stops_the_run(stand_in, tmp_path_factory):
    account = Account(stand_in, tmp_path_factory.mktemp("other"))
    client = there(account, "s3")
    client.create_bucket(Bucket=THERE, CreateBucketConfiguration={"LocationConstraint": SECOND})
    client.put_bucket_tagging(Bucket=THERE, Tagging={"TagSet": [{"Key": "vault-cluster", "Value": "staging"}]})
    stopped = account.run("provision", variables=VARIABLES)
    assert stopped.code != 0
    assert f"The bucket {THERE} exists, and is not this cluster's: it has vault-cluster=staging." in " ".join(
        stopped.output.split()
    ), stopped.output
    assert not {"vault-node", ROLE} & roles(account)
