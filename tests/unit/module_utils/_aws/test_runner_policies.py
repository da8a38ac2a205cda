"""The policies of whoever runs the playbooks: a golden file for each, what they must not allow, and no action for nothing."""

from __future__ import annotations

import itertools
import json
import re
import typing as t
import warnings

import boto3
import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._aws import policies, runner_policies
from ansible_collections.vaultops.cluster.plugins.module_utils._lease import aws_state
from botocore import xform_name
from kit import iam, simulator
from kit.aws_calls import Asked, for_volumes
from kit.paths import GOLDEN, ROOT
from kit.runners import ACCOUNT, EVERYTHING, PLAIN

with warnings.catch_warnings():
    # It asks setuptools for its files.
    warnings.simplefilter("ignore")
    import parliament

POLICIES = GOLDEN / "policies"
# AWS's default quota.
MANAGED_POLICIES_OF_A_ROLE = 10
INPUTS = {"plain": PLAIN, "everything": EVERYTHING}
NAMES = list(runner_policies.runner_policies(EVERYTHING))
CASES = [(kind, name) for kind, inputs in INPUTS.items() for name in runner_policies.runner_policies(inputs)]
# AWS gives these no resources, and no region.
WORLDWIDE = {"iam:ListPolicies", "s3:ListAllMyBuckets"}


def made(kind: str, name: str) -> policies.Document:
    return runner_policies.runner_policies(INPUTS[kind])[name]


def actions(document: policies.Document) -> set[str]:
    return {action for statement in document["Statement"] for action in statement["Action"]}


@pytest.mark.parametrize(("kind", "name"), CASES)
def test_a_policy_is_the_golden_one(kind, name):
    assert made(kind, name) == json.loads((POLICIES / kind / f"{name}.json").read_text())


def test_every_golden_file_is_compared():
    assert {(path.parent.name, path.stem) for path in POLICIES.glob("*/*.json")} == set(CASES)


@pytest.mark.parametrize(("kind", "name"), CASES)
def test_nothing_is_wider_than_aws_makes_it(kind, name):
    for statement in made(kind, name)["Statement"]:
        assert statement["Effect"] == "Allow"
        assert not [action for action in statement["Action"] if "*" in action], statement
        if "*" in statement["Resource"]:
            assert set(statement["Action"]) <= WORLDWIDE or "aws:RequestedRegion" in json.dumps(statement), statement


SWITCHES: dict[str, tuple[t.Any, ...]] = {
    "bucket": ("", "example-snapshots"),
    "secret": ("", "vault/prod/recovery"),
    "ca_alias": ("", "alias/vault-prod-ca"),
    "manages_key": (False, True),
    "balancer": (False, True),
    "replica_region": ("", "eu-west-1"),
    "replica_bucket": ("", "example-snapshots-eu-west-1"),
    "drill_role": ("", "vault-prod-drill"),
    "transfer_bucket": ("", "example-transfer"),
    "own_transfer_bucket": ("", "example-transfer"),
    "custody_key": ("", "alias/custody", "1234", "arn:aws:kms:eu-central-1:444455556666:key/custody"),
    "file_sink": (False, True),
    "alarms": (False, True),
    "alarms_topic": ("", "arn:aws:sns:eu-central-1:111122223333:pagers"),
}


def combinations() -> t.Iterator[runner_policies.RunnerInputs]:
    for values in itertools.product(*SWITCHES.values()):
        chosen = dict(zip(SWITCHES, values, strict=True))
        # A bucket is replicated where there is one, to the region of the replica of the key, and nowhere else.
        if not chosen["replica_bucket"] or (chosen["bucket"] and chosen["replica_region"] and chosen["manages_key"]):
            yield {**EVERYTHING, **chosen}  # type: ignore[typeddict-item]


def test_whatever_is_switched_on_aws_takes_the_policies():
    for inputs in combinations():
        for name, document in runner_policies.runner_policies(inputs).items():
            sids = [statement["Sid"] for statement in document["Statement"]]
            assert len(sids) == len(set(sids)), (name, sids)
            assert all(re.fullmatch(r"\w+", sid) for sid in sids)
            assert all(statement["Action"] and statement["Resource"] for statement in document["Statement"])
        assert runner_policies.too_long(runner_policies.runner_policies(inputs)) == []


def long_names(number: int) -> runner_policies.RunnerInputs:
    """Everything, with names as long as AWS takes them."""
    name = "n" * number
    return {
        **EVERYTHING,
        "cluster": name,
        "bucket": "b" * 63,
        "transfer_bucket": "t" * 63,
        "own_transfer_bucket": "t" * 63,
        "prefix": f"snapshots/{name}",
        "secret": f"vault/{name}/recovery",
        "node_role": f"vault-{name}-node",
        "drill_role": f"vault-{name}-drill",
        "ca_alias": f"alias/vault-{name}-ca",
        "ca_parameter": f"/vaultops/{name}/ca",
        "lease": f"/vaultops/{name}/lease",
        "records": f"records/{name}",
        "region": "ap-southeast-1",
        "replica_region": "ap-northeast-1",
        "replica_bucket": "r" * 63,
        "tag": {"key": "vault-cluster", "value": name},
        "subnets": [f"subnet-{one:017d}" for one in range(7)],
    }


def test_the_longest_names_fit_and_what_does_not_is_said():
    # A load balancer's name has 32 characters, 'vault-' among them.
    for key in ("", str(EVERYTHING["ebs_key"]).replace("volumes", "1234abcd-12ab-34cd-56ef-1234567890ab")):
        made = runner_policies.runner_policies({**long_names(26), "ebs_key": key})
        assert ("provision-volumes" in made) == bool(key)
        assert runner_policies.too_long(made) == []
    (said, *_others) = runner_policies.too_long(runner_policies.runner_policies(long_names(250)))
    assert re.match(r"The policy [\w-]+ has \d+ characters, and AWS takes 6144\. Split ", said)


@pytest.mark.parametrize(
    ("switched_off", "gone"),
    [
        (
            {"bucket": "", "replica_bucket": "", "transfer_bucket": "", "own_transfer_bucket": ""},
            {name: "s3:" for name in NAMES if name != "decommission"},
        ),
        ({"secret": ""}, dict.fromkeys(NAMES, "secretsmanager:")),
        ({"ca_alias": ""}, dict.fromkeys(NAMES, "kms:Sign")),
        ({"ca_alias": ""}, dict.fromkeys(NAMES, "ssm:GetParameter ")),
        ({"ca_alias": "", "manages_key": False, "alarms": False}, dict.fromkeys(NAMES, "kms:CreateKey")),
        ({"ca_alias": "", "manages_key": False, "alarms": False}, dict.fromkeys(NAMES, "kms:ScheduleKeyDeletion")),
        ({"ca_alias": "", "manages_key": False, "alarms": False}, dict.fromkeys(NAMES, "kms:TagResource")),
        ({"balancer": False}, {name: "elasticloadbalancing:" for name in NAMES if name != "decommission"}),
        ({"balancer_zone": ""}, dict.fromkeys(("provision-machines", "decommission"), "route53:")),
        ({"balancer": False, "replica_region": ""}, dict.fromkeys(NAMES, "iam:CreateServiceLinkedRole")),
        ({"replica_region": ""}, dict.fromkeys(NAMES, "kms:ReplicateKey")),
        ({"transfer_bucket": "", "sessions": False}, dict.fromkeys(NAMES, "ssm:StartSession")),
        ({"managed_policies": []}, dict.fromkeys(NAMES, "iam:AttachRolePolicy")),
        ({"alarms": False}, {"provision-machines": "cloudwatch:"}),
        ({"alarms": False}, {"provision-machines": "sns:"}),
        ({"alarms_topic": "arn:aws:sns:eu-central-1:111122223333:pagers"}, {"provision-machines": "sns:"}),
        ({"lock": False}, dict.fromkeys(NAMES, "s3:PutBucketObjectLockConfiguration")),
        ({"certificates": False}, {"status": "kms:Sign", "backup": "kms:Sign"}),
        ({"drill_role": "", "egress": False}, dict.fromkeys(("provision-machines",), "ec2:RevokeSecurityGroupEgress")),
        ({"custody_key": "", "transfer_key": ""}, {"site": "kms:GenerateDataKey"}),
        ({"ebs_key": ""}, {"drill": "kms:CreateGrant"}),
        ({"ebs_key": ""}, {"drill": "kms:GenerateDataKeyWithoutPlaintext"}),
    ],
)
def test_what_is_switched_off_is_allowed_to_nobody(switched_off, gone):
    before = runner_policies.runner_policies(EVERYTHING)
    after = runner_policies.runner_policies({**EVERYTHING, **switched_off})
    found = {
        name: [action for action in actions(after[name]) if f"{action} ".startswith(start)]
        for name, start in gone.items()
    }
    assert not any(found.values()), found
    assert any(f"{action} ".startswith(start) for name, start in gone.items() for action in actions(before[name]))


def test_who_runs_site_may_do_what_the_policy_for_init_says():
    for inputs in combinations():
        site = runner_policies.site_policy(inputs)["Statement"]
        assert all(statement in site for statement in policies.init_policy(inputs)["Statement"])


def test_the_roles_that_the_documentation_proposes_fit_the_quota_and_have_every_policy():
    text = (ROOT / "docs/aws.md").read_text().partition("| role for | policies | number |")[2].partition("\n\n")[0]
    rows = [row.split("|") for row in text.splitlines() if "`" in row]
    roles = [(re.findall(r"`([\w-]+)`", policies_), int(number)) for _start, _who, policies_, number, _end in rows]
    assert roles and all(len(names) == number <= MANAGED_POLICIES_OF_A_ROLE for names, number in roles)
    assert {name for names, _number in roles for name in names} == set(NAMES)
    assert len(NAMES) > MANAGED_POLICIES_OF_A_ROLE


def test_the_lease_is_where_it_is_kept():
    (lease,) = (one for one in made("plain", "provision")["Statement"] if one["Sid"] == "VaultLease")
    kept = f"arn:aws:ssm:eu-central-1:{ACCOUNT}:parameter{aws_state.name('prod', 1)}"
    assert iam.allows([{"Statement": [lease]}], Asked("ssm:PutParameter", kept))
    assert not iam.allows([{"Statement": [lease]}], Asked("ssm:PutParameter", kept.replace("/prod/", "/prod2/")))


def test_other_partitions_have_other_names():
    inputs: runner_policies.RunnerInputs = {
        **EVERYTHING,
        "partition": "aws-cn",
        "snapshot_key": "",
        "transfer_key": "",
        "ebs_key": str(EVERYTHING["ebs_key"]).replace("arn:aws:", "arn:aws-cn:"),
        "restore_keys": [],
        "managed_policies": [],
        "boundary": "",
    }
    text = json.dumps(runner_policies.runner_policies(inputs))
    assert "arn:aws:" not in text
    assert '"iam:PassedToService": "ec2.amazonaws.com.cn"' in text
    assert f'"kms:ViaService": "ec2.{inputs["region"]}.amazonaws.com.cn"' in text


@pytest.mark.parametrize(
    ("region", "partition"),
    [
        ("eu-central-1", "aws"),
        ("cn-north-1", "aws-cn"),
        ("us-gov-west-1", "aws-us-gov"),
        ("eusc-de-east-1", "aws-eusc"),
    ],
)
def test_an_account_that_is_not_asked_is_of_its_regions_partition(region, partition):
    root = policies.root_of_account(ACCOUNT, region)
    assert root == {"account": ACCOUNT, "arn": f"arn:{partition}:iam::{ACCOUNT}:root"}
    assert boto3.session.Session().get_partition_for_region(region) == partition


# --- what must not be allowed

KMS = f"arn:aws:kms:eu-central-1:{ACCOUNT}"
S3 = "arn:aws:s3:::example-snapshots"
HERE = {"aws:RequestedRegion": "eu-central-1"}
OWN_KEY = {**HERE, "aws:ResourceTag/vault-cluster": "prod", "kms:ResourceAliases": ["alias/vault-unseal"]}
THEIRS = {**HERE, "aws:ResourceTag/vault-cluster": "staging", "kms:ResourceAliases": ["alias/payroll"]}
SEALED = {"kms:EncryptionContext:aws:s3:arn": f"{S3}/vault/prod/prod_1"}


VOLUME_KEY, BY_EC2 = str(EVERYTHING["ebs_key"]), {"kms:ViaService": "ec2.eu-central-1.amazonaws.com"}


def of(service: str, name: str) -> str:
    return f"arn:aws:{service}:eu-central-1:{ACCOUNT}:{name}"


EVERYBODY = [
    # What Vault itself has sealed has no context, and nobody but the nodes opens it.
    Asked("kms:Decrypt", f"{KMS}:key/1", OWN_KEY),
    Asked("kms:Decrypt", f"{KMS}:key/1", {**THEIRS, **SEALED, "kms:ViaService": "s3.eu-central-1.amazonaws.com"}),
    Asked("kms:CreateGrant", f"{KMS}:key/1", OWN_KEY),
    Asked("kms:DisableKey", f"{KMS}:key/1", OWN_KEY),
    Asked("s3:DeleteObject", f"{S3}/vault/prod/prod_1"),
    Asked("s3:DeleteObjectVersion", f"{S3}/vault/prod/prod_1"),
    Asked("s3:PutObject", f"{S3}/vault/prod/prod_1"),
    Asked("s3:BypassGovernanceRetention", f"{S3}/vault/prod/prod_1"),
    Asked("s3:GetObject", "arn:aws:s3:::other/vault/prod/prod_1"),
    Asked("s3:PutBucketPolicy", "arn:aws:s3:::other"),
    Asked("iam:PutRolePolicy", f"arn:aws:iam::{ACCOUNT}:role/platform"),
    # Without the boundary, with another one, or out of it again.
    Asked("iam:PutRolePolicy", f"arn:aws:iam::{ACCOUNT}:role/company/vault-prod-node"),
    Asked(
        "iam:CreateRole",
        f"arn:aws:iam::{ACCOUNT}:role/company/vault-prod-node",
        {"iam:PermissionsBoundary": "arn:aws:iam::aws:policy/AdministratorAccess"},
    ),
    Asked("iam:DeleteRolePermissionsBoundary", f"arn:aws:iam::{ACCOUNT}:role/company/vault-prod-node"),
    Asked(
        "iam:AttachRolePolicy",
        f"arn:aws:iam::{ACCOUNT}:role/company/vault-prod-node",
        {"iam:PolicyARN": "arn:aws:iam::aws:policy/X"},
    ),
    Asked("iam:CreateUser", f"arn:aws:iam::{ACCOUNT}:user/x"),
    Asked(
        "iam:PassRole",
        f"arn:aws:iam::{ACCOUNT}:role/company/vault-prod-node",
        {"iam:PassedToService": "lambda.amazonaws.com"},
    ),
    Asked("sts:AssumeRole", f"arn:aws:iam::{ACCOUNT}:role/company/vault-prod-node"),
    # The key of volumes: by itself, through another service, in another region, for somebody else than AWS; and another key.
    *[Asked(one, VOLUME_KEY) for one in ("kms:Decrypt", "kms:GenerateDataKeyWithoutPlaintext", "kms:CreateGrant")],
    Asked("kms:Decrypt", VOLUME_KEY, {"kms:ViaService": "s3.eu-central-1.amazonaws.com"}),
    Asked("kms:Decrypt", VOLUME_KEY, {"kms:ViaService": "ec2.eu-west-1.amazonaws.com"}),
    Asked("kms:CreateGrant", VOLUME_KEY, BY_EC2),
    Asked("kms:CreateGrant", VOLUME_KEY, {**BY_EC2, "kms:GrantIsForAWSResource": "false"}),
    Asked("kms:CreateGrant", VOLUME_KEY, {"kms:GrantIsForAWSResource": "true"}),
    Asked("kms:GenerateDataKey", VOLUME_KEY, BY_EC2),
    Asked("kms:CreateGrant", f"{KMS}:key/1", {**OWN_KEY, **BY_EC2, "kms:GrantIsForAWSResource": "true"}),
    # What S3 replicates with: without the boundary, outside of its path, or passed to a machine.
    Asked("iam:PutRolePolicy", f"arn:aws:iam::{ACCOUNT}:role/company/vault-prod-replication"),
    Asked(
        "iam:CreateRole",
        f"arn:aws:iam::{ACCOUNT}:role/vault-prod-replication",
        {"iam:PermissionsBoundary": EVERYTHING["boundary"]},
    ),
    Asked(
        "iam:PassRole",
        f"arn:aws:iam::{ACCOUNT}:role/company/vault-prod-replication",
        {"iam:PassedToService": "ec2.amazonaws.com"},
    ),
    Asked("s3:PutReplicationConfiguration", "arn:aws:s3:::other"),
    Asked("iam:CreateServiceLinkedRole", f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/ec2.amazonaws.com/x"),
    Asked("ec2:TerminateInstances", of("ec2", "instance/i-1"), THEIRS),
    Asked("ec2:ModifyInstanceAttribute", of("ec2", "instance/i-1"), THEIRS),
    # Of drills: the machine of another cluster, a tag that makes a machine one of them, and their role elsewhere.
    Asked("ec2:RunInstances", of("ec2", "security-group/sg-2"), {"aws:ResourceTag/vault-cluster": "staging"}),
    Asked("ec2:CreateTags", of("ec2", "instance/i-1"), {"aws:RequestTag/vault-cluster": "prod/drill"}),
    Asked("ec2:TerminateInstances", of("ec2", "instance/i-1"), {"aws:ResourceTag/vault-cluster": "staging/drill"}),
    Asked(
        "iam:PassRole",
        f"arn:aws:iam::{ACCOUNT}:role/company/vault-prod-drill",
        {"iam:PassedToService": "lambda.amazonaws.com"},
    ),
    Asked("ec2:DescribeInstances", "*", {"aws:RequestedRegion": "us-east-1"}),
    Asked("ssm:StartSession", of("ec2", "instance/i-1"), {"ssm:resourceTag/vault-cluster": "staging"}),
    Asked("ssm:SendCommand", of("ec2", "instance/i-1"), {"ssm:resourceTag/vault-cluster": "prod"}),
    Asked("ssm:GetParameter", of("ssm", "parameter/vaultops/staging/ca")),
    Asked("secretsmanager:GetSecretValue", of("secretsmanager", "secret:vault/staging/recovery-abcdef")),
    Asked("secretsmanager:PutResourcePolicy", of("secretsmanager", "secret:vault/prod/recovery-abcdef")),
]
NOT_OWN_DATA = [
    Asked("secretsmanager:GetSecretValue", of("secretsmanager", "secret:vault/prod/recovery-abcdef")),
    Asked("s3:GetObject", f"{S3}/init/prod.journal"),
]
NO_KEYS = [
    Asked("kms:ScheduleKeyDeletion", f"{KMS}:key/1", OWN_KEY),
    Asked("kms:PutKeyPolicy", f"{KMS}:key/1", OWN_KEY),
]
NO_MACHINES = [
    Asked("ec2:RunInstances", of("ec2", "instance/new"), {"aws:RequestTag/vault-cluster": "prod"}),
    Asked("ec2:TerminateInstances", of("ec2", "instance/i-1"), OWN_KEY),
    Asked("ec2:AuthorizeSecurityGroupIngress", of("ec2", "security-group/sg-1"), OWN_KEY),
    Asked(
        "iam:PassRole",
        f"arn:aws:iam::{ACCOUNT}:role/company/vault-prod-node",
        {"iam:PassedToService": "ec2.amazonaws.com"},
    ),
]
READS_ALONE = [
    Asked("s3:PutObject", f"{S3}/records/prod/canary.json"),
    Asked("ssm:PutParameter", of("ssm", "parameter/vaultops/prod/ca")),
    Asked("ssm:StartSession", of("ec2", "instance/i-1"), {"ssm:resourceTag/vault-cluster": "prod"}),
]
NO_BUCKET = [Asked("s3:DeleteBucket", S3), Asked("s3:PutBucketPolicy", S3), Asked("s3:PutLifecycleConfiguration", S3)]
# The drill's machine is launched with its own role and its own tag, and nothing else is terminated.
DRILL_ALONE = [
    Asked("ec2:RunInstances", of("ec2", "instance/new"), {"aws:RequestTag/vault-cluster": "prod"}),
    Asked("ec2:RunInstances", of("ec2", "subnet/subnet-2")),
    Asked("ec2:TerminateInstances", of("ec2", "instance/i-1"), OWN_KEY),
    Asked("ec2:AuthorizeSecurityGroupIngress", of("ec2", "security-group/sg-1"), OWN_KEY),
    Asked(
        "iam:PutRolePolicy",
        f"arn:aws:iam::{ACCOUNT}:role/company/vault-prod-drill",
        {"iam:PermissionsBoundary": EVERYTHING["boundary"]},
    ),
    NO_MACHINES[3],
    Asked("ssm:StartSession", of("ec2", "instance/i-1"), {"ssm:resourceTag/vault-cluster": "prod"}),
]
# What EC2 asks for on behalf of who launches.
FOR_VOLUMES = for_volumes(VOLUME_KEY, "eu-central-1")
NO_DRILL = [
    Asked("ec2:RunInstances", of("ec2", "instance/new"), {"aws:RequestTag/vault-cluster": "prod/drill"}),
    Asked("ec2:TerminateInstances", of("ec2", "instance/i-1"), {"aws:ResourceTag/vault-cluster": "prod/drill"}),
]
SNAPSHOT = [Asked("s3:GetObject", f"{S3}/vault/prod/prod_1")]
SIGN = [Asked("kms:Sign", f"{KMS}:key/1", {**HERE, "kms:ResourceAliases": ["alias/vault-prod-ca"]})]
NO_NEW_RECOVERY_KEYS = [
    Asked("secretsmanager:PutSecretValue", of("secretsmanager", "secret:vault/prod/recovery-AbCdEf")),
    Asked("secretsmanager:DeleteSecret", of("secretsmanager", "secret:vault/prod/recovery-AbCdEf")),
]
DENIED = {
    "provision": [*NOT_OWN_DATA, *SNAPSHOT, *SIGN, NO_KEYS[0], *NO_MACHINES[:3], NO_BUCKET[0]],
    "provision-drill": [
        *FOR_VOLUMES,
        *NOT_OWN_DATA,
        *SNAPSHOT,
        *SIGN,
        *NO_KEYS,
        *NO_BUCKET,
        *NO_MACHINES,
        *NO_DRILL,
        *READS_ALONE,
    ],
    "provision-machines": [
        *FOR_VOLUMES,
        *NOT_OWN_DATA,
        *SNAPSHOT,
        *SIGN,
        *NO_KEYS,
        *NO_BUCKET,
        NO_MACHINES[1],
        NO_MACHINES[3],
    ],
    "provision-volumes": [
        *NOT_OWN_DATA,
        *SNAPSHOT,
        *SIGN,
        *NO_KEYS,
        *NO_BUCKET,
        *NO_MACHINES,
        *NO_DRILL,
        *READS_ALONE,
    ],
    "site": [*FOR_VOLUMES, *SNAPSHOT, *NO_KEYS, *NO_MACHINES, *NO_BUCKET],
    "status": [*NOT_OWN_DATA, *NO_KEYS, *NO_MACHINES, *NO_BUCKET, *READS_ALONE],
    "backup": [*NOT_OWN_DATA, *SNAPSHOT, *NO_KEYS, *NO_MACHINES, *NO_BUCKET],
    "custody": [*SNAPSHOT, *NO_KEYS, *NO_MACHINES, *NO_BUCKET, *READS_ALONE, *NO_NEW_RECOVERY_KEYS],
    "restore": [*FOR_VOLUMES, *NOT_OWN_DATA, *NO_KEYS, *NO_MACHINES, *NO_BUCKET, *NO_DRILL],
    "drill": [*NOT_OWN_DATA, *SNAPSHOT, *SIGN, *NO_KEYS, *NO_BUCKET, *READS_ALONE, *DRILL_ALONE],
    "move_seal_key": [*NOT_OWN_DATA, *SIGN, *NO_KEYS, *NO_MACHINES, *NO_BUCKET, *READS_ALONE],
    "renew": [
        *FOR_VOLUMES,
        *NOT_OWN_DATA,
        *SNAPSHOT,
        *SIGN,
        *NO_KEYS,
        NO_MACHINES[0],
        *NO_MACHINES[2:],
        *NO_BUCKET,
        *READS_ALONE,
    ],
    "decommission": [
        *FOR_VOLUMES,
        *NOT_OWN_DATA,
        *SNAPSHOT,
        *SIGN,
        NO_KEYS[1],
        NO_MACHINES[0],
        NO_MACHINES[3],
        NO_BUCKET[1],
    ],
    "decommission-drill": [
        *NOT_OWN_DATA,
        *SNAPSHOT,
        *SIGN,
        *NO_KEYS,
        *NO_BUCKET,
        *NO_MACHINES,
        *NO_DRILL,
        *READS_ALONE,
    ],
}


@pytest.mark.parametrize("name", NAMES)
def test_what_a_policy_must_not_allow(name):
    document = made("everything", name)
    assert [each for each in (*EVERYBODY, *DENIED[name]) if iam.allows([document], each)] == []


@pytest.fixture(scope="module")
def simulated() -> dict[tuple[str, Asked], str]:
    """The same by the simulator, all at once. A key's policy is the account's here, so that identities' own policies decide."""
    delegates = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
        "Action": "kms:*",
        "Resource": "*",
    }
    key_policy = {"Version": policies.VERSION, "Statement": [delegates]}
    listed = [(name, one) for name in NAMES for one in (*EVERYBODY, *DENIED[name])]
    cases = [
        simulator.Case(
            f"arn:aws:iam::{ACCOUNT}:role/runner",
            [made("everything", name)],
            one,
            key_policy if ":key/" in one.resource else None,
        )
        for name, one in listed
    ]
    return dict(zip(listed, simulator.decide(cases), strict=True))


@pytest.mark.parametrize("name", NAMES)
def test_a_second_opinion_allows_nothing_of_that_either(simulated, name):
    decided = [(one, simulated[name, one]) for one in (*EVERYBODY, *DENIED[name])]
    assert [(one, how) for one, how in decided if not how.endswith("Denied")] == []


def test_what_must_not_be_allowed_is_allowed_to_somebody():
    """Otherwise the list above might have a slip in it."""
    everything = [made("everything", name) for name in NAMES]
    meant = set(itertools.chain(*DENIED.values())) - {NOT_OWN_DATA[1]}
    assert [each for each in meant if not iam.allows(everything, each)] == []
    assert iam.allows(everything, NOT_OWN_DATA[1])


def test_who_restores_decrypts_snapshots_of_this_cluster_alone():
    document = made("everything", "restore")
    own = {"kms:EncryptionContext:vaultops:cluster-name": "prod"}
    assert iam.allows([document], Asked("kms:Decrypt", f"{KMS}:key/1", {**OWN_KEY, **own}))
    assert iam.allows([document], Asked("kms:Decrypt", str(EVERYTHING["snapshot_key"]), {**THEIRS, **own}))
    other = {"kms:EncryptionContext:vaultops:cluster-name": "staging"}
    assert not iam.allows([document], Asked("kms:Decrypt", f"{KMS}:key/1", {**OWN_KEY, **other}))
    keys = {"kms:EncryptionContext:vaultops:cluster": "prod"}
    assert not iam.allows([document], Asked("kms:Decrypt", f"{KMS}:key/1", {**OWN_KEY, **keys}))


@pytest.mark.parametrize("name", ["provision-volumes", "drill"])
def test_who_launches_may_have_ec2_use_the_key_of_volumes(name):
    assert [one for one in FOR_VOLUMES if not iam.allows([made("everything", name)], one)] == []
    assert iam.allows([made("everything", name)], Asked("kms:DescribeKey", VOLUME_KEY))


def test_a_key_that_has_an_alias_is_not_taken_by_a_tag():
    for name in ("provision", "site"):
        asks = {**HERE, "aws:RequestTag/vault-cluster": "prod"}
        new, theirs = ({**asks, "kms:ResourceAliases": aliases} for aliases in (None, ["alias/payroll"]))
        document = made("plain", name)
        assert iam.allows([document], Asked("kms:TagResource", f"{KMS}:key/1", new))
        assert not iam.allows([document], Asked("kms:TagResource", f"{KMS}:key/1", theirs))


def test_ssh_through_sessions_needs_no_bucket_and_no_shell():
    ssh = runner_policies.runner_policies({**EVERYTHING, "transfer_bucket": "", "own_transfer_bucket": ""})
    document = "arn:aws:ssm:eu-central-1::document/AWS-StartSSHSession"
    shell = of("ssm", "document/SSM-SessionManagerRunShell")
    node = Asked("ssm:StartSession", of("ec2", "instance/i-1"), {"ssm:resourceTag/vault-cluster": "prod"})
    for name in ("site", "backup", "restore"):
        assert iam.allows([ssh[name]], Asked("ssm:StartSession", document)) and iam.allows([ssh[name]], node)
        assert not iam.allows([ssh[name]], Asked("ssm:StartSession", shell))
        assert "example-transfer" not in json.dumps(ssh[name])
        assert not iam.allows([made("everything", name)], Asked("ssm:StartSession", document))
        assert iam.allows([made("everything", name)], Asked("ssm:StartSession", shell))


# --- no action for nothing. What is asked of AWS by provision.yml and decommission.yml is seen in tests/loopback; the rest is
# asked by this collection's own code.

BOTO = {
    "s3:ListBucket": "list_objects_v2",
    "s3:GetLifecycleConfiguration": "get_bucket_lifecycle_configuration",
    "s3:ListAllMyBuckets": "list_buckets",
}
SELDOM = {
    "ec2:DescribeInstances": "by the inventory plug-in amazon.aws.aws_ec2",
    "kms:GenerateDataKey": "by Secrets Manager",
    "ssm:AddTagsToResource": "a parameter is made with its tags",
    "ssm:StartSession": "by the connection plug-in amazon.aws.aws_ssm",
    "ssm:ResumeSession": "by the session-manager-plugin",
    "ssm:TerminateSession": "by the connection plug-in amazon.aws.aws_ssm",
}


def operations() -> set[str]:
    """Names of boto's operations that stand in this collection's code, but for what runs on nodes."""
    known = {
        xform_name(name)
        for service in ("elbv2", "kms", "s3", "ssm", "secretsmanager")
        for name in boto3.client(service, region_name="eu-central-1").meta.service_model.operation_names
    }
    files = [path for path in (ROOT / "plugins").rglob("*.py") if not {"_node", "_backup"} & set(path.parts)]
    words = {word for path in files for word in re.findall(r"[\"'.](\w+)[\"'(]", path.read_text())}
    return known & words


@pytest.mark.parametrize("name", ["site", "status", "backup", "custody", "restore", "move_seal_key"])
def test_what_a_policy_allows_stands_in_the_code(name):
    said = operations()
    allowed = actions(made("everything", name)) - set(SELDOM)
    assert {action for action in allowed if BOTO.get(action, xform_name(action.partition(":")[2])) not in said} == set()


# --- parliament

EXPECTED = {
    # By the start of their names, which is asked of all alarms.
    ("RESOURCE_STAR", "cloudwatch:DescribeAlarms"),
    # It does not know this condition of KMS.
    ("UNKNOWN_CONDITION_FOR_ACTION", "kms:ResourceAliases"),
    # A look at a zone's records names none, and ForAllValues lets it through.
    ("UNKNOWN_CONDITION_FOR_ACTION", "route53:ChangeResourceRecordSets"),
    # Statements that are for one of the resources of an action, beside others that are for the rest.
    ("RESOURCE_MISMATCH", "kms:CreateAlias"),
    ("RESOURCE_MISMATCH", "ec2:CreateSecurityGroup"),
    ("RESOURCE_MISMATCH", "ec2:RunInstances"),
    # There is no application load balancer.
    ("RESOURCE_MISMATCH", "elasticloadbalancing:ModifyListener"),
    # Who makes a bucket says what its policy is.
    ("RESOURCE_POLICY_PRIVILEGE_ESCALATION", "example-snapshots"),
    ("RESOURCE_POLICY_PRIVILEGE_ESCALATION", "example-transfer"),
}


@pytest.mark.parametrize(("kind", "name"), CASES)
def test_parliament_finds_nothing_else(kind, name):
    found = parliament.analyze_policy_string(json.dumps(made(kind, name))).findings
    assert [
        one for one in found if not any(one.issue == issue and what in str(one.detail) for issue, what in EXPECTED)
    ] == []
