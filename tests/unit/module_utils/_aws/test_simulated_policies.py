"""Identity, key and bucket policies together, as AWS decides by all of them: what the cluster's identities need, and what nobody
gets, not even who may do everything by IAM."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._aws import policies, runner_policies
from kit import simulator
from kit.aws_calls import Asked, for_volumes
from kit.runners import ACCOUNT
from kit.runners import EVERYTHING as SWITCHED_ON

ROLE = f"arn:aws:iam::{ACCOUNT}:role/"
ADMIN, OPERATOR, RESTORER = (ROLE + name for name in ("admin", "operator", "restore"))
NODE, OTHER_NODE = (
    f"{ROLE}{SWITCHED_ON['iam_path'].strip('/')}/{name}" for name in ("vault-prod-node", "vault-staging-node")
)
KEY = f"arn:aws:kms:eu-central-1:{ACCOUNT}:key/1"
BUCKET = "arn:aws:s3:::example-snapshots"
INPUTS: runner_policies.RunnerInputs = {
    **SWITCHED_ON,
    "key_arns": [KEY],
    "snapshot_key": "",
    "archive": True,
    "restorers": [RESTORER],
    "custody_key": KEY,
    "file_sink": True,
    "secret": "",
}
KEY_POLICY = policies.key_policy(INPUTS, [ADMIN], "vault-prod-node", custody_in_file=True)
BUCKET_POLICY = policies.bucket_policy(INPUTS)
# Whatever somebody attaches to a role some day.
ALL = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
HERE = {"aws:RequestedRegion": "eu-central-1"}
OF_THE_KEY = {**HERE, "aws:ResourceTag/vault-cluster": "prod", "kms:ResourceAliases": ["alias/vault-unseal"]}
SNAPSHOT = {"kms:EncryptionContext:vaultops:cluster-name": "prod"}
RECOVERY_KEYS = {"kms:EncryptionContext:vaultops:cluster": "prod"}
THROUGH_BUCKET = {
    "kms:ViaService": "s3.eu-central-1.amazonaws.com",
    "kms:EncryptionContext:aws:s3:arn": f"{BUCKET}/vault/prod/prod_1",
}
NEW = {"s3:if-none-match": "*", "s3:ObjectCreationOperation": "true"}
PART = {"s3:ObjectCreationOperation": "false"}
OVER_ANOTHER = {"s3:ObjectCreationOperation": "true"}


def kms(*actions: str, **context: str) -> list[Asked]:
    return [Asked(f"kms:{action}", KEY, {**OF_THE_KEY, **context}) for action in actions]


def s3(action: str, below: str = "", **context: str) -> Asked:
    return Asked(f"s3:{action}", BUCKET + (f"/{below}" if below else ""), context)


# The key of volumes is somebody else's to keep: its policy leaves it to IAM here, as AWS's default policy does.
VOLUMES = str(SWITCHED_ON["ebs_key"])
DELEGATES = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
            "Action": "kms:*",
            "Resource": "*",
        }
    ],
}


def cases(who: str, documents: t.Sequence[policies.Document], asked: t.Iterable[Asked]) -> list[simulator.Case]:
    of = {"kms": KEY_POLICY, "s3": BUCKET_POLICY}
    return [
        simulator.Case(
            who,
            documents,
            one,
            DELEGATES if one.resource == VOLUMES else of.get(one.action.partition(":")[0]),
        )
        for one in asked
    ]


BACKUP = [
    *kms("GenerateDataKey", **SNAPSHOT),
    *kms("GenerateDataKey", "Decrypt", **THROUGH_BUCKET),
    s3("PutObject", "vault/prod/prod_1", **NEW),
    s3("PutObject", "vault/prod/prod_1", **PART),
    s3("AbortMultipartUpload", "vault/prod/prod_1"),
    s3("GetObjectTagging", "vault/prod/prod_1"),
    s3("PutObjectTagging", "vault/prod/prod_1"),
    s3("ListBucket", **{"s3:prefix": "vault/prod/prod_"}),
    s3("ListBucketMultipartUploads"),
    s3("PutObject", "audit/prod/vault-1/audit.log.gz", **NEW),
]
NODES = [
    *kms("Encrypt", "Decrypt", "DescribeKey"),
    *BACKUP,
    Asked("ec2:DescribeInstances", "*", HERE),
    *[Asked(action, "*", HERE) for action in policies.SESSIONS],
]
RESTORES = [
    *kms("DescribeKey"),
    *kms("Decrypt", **SNAPSHOT),
    *kms("Decrypt", **THROUGH_BUCKET),
    s3("ListBucket", **{"s3:prefix": "vault/prod/"}),
    s3("GetObject", "vault/prod/prod_1"),
]
ADMINISTERS = kms("DescribeKey", "GetKeyPolicy", "GetKeyRotationStatus", "ListResourceTags")
MAY = {
    "nodes": cases(NODE, [policies.node_policy(INPUTS)], NODES),
    "who restores": cases(RESTORER, [runner_policies.restore_policy(INPUTS)], RESTORES),
    "who runs site.yml": cases(
        ADMIN, [runner_policies.site_policy(INPUTS)], [*ADMINISTERS, *kms("Encrypt", "Decrypt", **RECOVERY_KEYS)]
    ),
    "who changes the key": cases(
        ADMIN, [runner_policies.provision_policy(INPUTS)], [*ADMINISTERS, *kms("PutKeyPolicy")]
    ),
}
MAY |= {
    f"who launches, by {name}": cases(
        OPERATOR, [made(INPUTS)], [*for_volumes(VOLUMES, "eu-central-1"), Asked("kms:DescribeKey", VOLUMES, HERE)]
    )
    for name, made in (
        ("provision-volumes", runner_policies.volumes_policy),
        ("drill", runner_policies.drill_machine_policy),
    )
}
# By itself, or for somebody who is no service of AWS.
NOT_BY_EC2 = [
    *[Asked(f"kms:{one}", VOLUMES, HERE) for one in ("Decrypt", "GenerateDataKeyWithoutPlaintext", "CreateGrant")],
    Asked(
        "kms:CreateGrant",
        VOLUMES,
        {**HERE, "kms:ViaService": "ec2.eu-central-1.amazonaws.com", "kms:GrantIsForAWSResource": "false"},
    ),
    Asked(
        "kms:CreateGrant",
        KEY,
        {**OF_THE_KEY, "kms:ViaService": "ec2.eu-central-1.amazonaws.com", "kms:GrantIsForAWSResource": "true"},
    ),
]
# What keeps a snapshot, and what opens it.
NO_NODE = [
    *kms("Encrypt", "Decrypt", **RECOVERY_KEYS),
    *kms("ScheduleKeyDeletion", "DisableKey", "PutKeyPolicy", "CreateGrant", "ReEncryptFrom"),
    *[
        Asked(one, f"{BUCKET}/vault/prod/prod_1")
        for one in policies.TAKE_AWAY
        if "Object" in one and "Bucket" not in one
    ],
    s3("GetObject", "audit/prod/vault-1/audit.log.gz"),
    s3("DeleteBucket"),
    s3("PutBucketPolicy"),
    s3("PutLifecycleConfiguration"),
    s3("PutBucketVersioning"),
    s3("PutObject", "vault/prod/prod_1", **OVER_ANOTHER),
    s3("PutObject", "init/prod.journal", **NEW),
    s3("PutObject", "records/prod/canary.json", **NEW),
]
NOBODY = [
    *kms("Encrypt", "Decrypt", "GenerateDataKey", "CreateGrant"),
    *kms("Decrypt", **{**SNAPSHOT, **RECOVERY_KEYS}),
]
OTHER_CLUSTER = kms("Decrypt", **{"kms:EncryptionContext:vaultops:cluster-name": "staging"})
NO_TLS = [s3("GetObject", "vault/prod/prod_1", **{"aws:SecureTransport": "false"})]
MAY_NOT = {
    "nodes": cases(NODE, [policies.node_policy(INPUTS)], NO_NODE),
    "nodes that IAM allows everything": cases(NODE, [policies.node_policy(INPUTS), ALL], NO_NODE),
    "nodes of another cluster": cases(OTHER_NODE, [ALL], NODES[:3]),
    "administrators": cases(ADMIN, [runner_policies.site_policy(INPUTS), ALL], NOBODY[:4]),
    "who may do everything, and stands in no list": cases(OPERATOR, [ALL], [*NOBODY, *RESTORES[:3], *ADMINISTERS]),
    "who restores, whatever IAM allows": cases(RESTORER, [ALL], [*NOBODY[:4], *OTHER_CLUSTER, *kms("PutKeyPolicy")]),
    "who launches, but by EC2": [
        *cases(OPERATOR, [runner_policies.volumes_policy(INPUTS)], NOT_BY_EC2),
        *cases(OPERATOR, [runner_policies.drill_machine_policy(INPUTS)], NOT_BY_EC2),
    ],
    "anybody without TLS": cases(ADMIN, [ALL], NO_TLS),
}


@pytest.fixture(scope="module")
def decided() -> dict[int, str]:
    """All of them at once: to start what decides takes longer than to decide."""
    every = [case for table in (MAY, MAY_NOT) for listed in table.values() for case in listed]
    return dict(zip(map(id, every), simulator.decide(every), strict=True))


@pytest.mark.parametrize("who", MAY)
def test_each_is_allowed_what_it_needs(decided, who):
    assert {(case.asked, decided[id(case)]) for case in MAY[who] if decided[id(case)] != "Allowed"} == set()


@pytest.mark.parametrize("who", MAY_NOT)
def test_nobody_gets_what_is_not_meant_for_them(decided, who):
    assert {
        (case.asked, decided[id(case)]) for case in MAY_NOT[who] if not decided[id(case)].endswith("Denied")
    } == set()
