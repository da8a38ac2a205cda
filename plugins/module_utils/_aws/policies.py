# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who may do what: IAM, key and bucket policies, from what is switched on. Pure."""

from __future__ import annotations

import re
import typing as t

from .._snapshot.listing import start_of_keys
from .administrators import has_root, identity_of
from .endpoints import dns_suffix, partition_of

Document = dict[str, t.Any]
VERSION = "2012-10-17"
USE_KEY = ["kms:Encrypt", "kms:Decrypt", "kms:DescribeKey"]
# Administrators look after the key; none of these encrypts or decrypts.
ADMINISTER_KEY = [
    f"kms:{action}"
    for action in (
        "CancelKeyDeletion",
        "CreateAlias",
        "DeleteAlias",
        "DescribeKey",
        "DisableKey",
        "DisableKeyRotation",
        "EnableKey",
        "EnableKeyRotation",
        "GetKeyPolicy",
        "GetKeyRotationStatus",
        "ListGrants",
        "ListKeyPolicies",
        "ListKeyRotations",
        "ListResourceTags",
        "PutKeyPolicy",
        "ReplicateKey",
        "RevokeGrant",
        "RotateKeyOnDemand",
        "ScheduleKeyDeletion",
        "TagResource",
        "UntagResource",
        "UpdateAlias",
        "UpdateKeyDescription",
        "UpdatePrimaryRegion",
    )
]
# What the account's root gets, whom nobody can delete: to mend the policy, and to keep a key that is about to be deleted.
# It does not use the key.
BREAK_GLASS = ["kms:CancelKeyDeletion", "kms:DescribeKey", "kms:GetKeyPolicy", "kms:PutKeyPolicy"]
# Root alone: without it, an account's ARN stands for every identity that IAM allows the same.
ROOT_ALONE: Document = {"StringEquals": {"aws:PrincipalType": "Account"}}
# Recovery keys in a file are encrypted with this in their context (custody sink kms_file). Vault's own seal sends no context.
NOT_RECOVERY_KEYS: Document = {"Null": {"kms:EncryptionContext:vaultops:cluster": "true"}}
SESSIONS = [
    "ssm:UpdateInstanceInformation",
    "ssmmessages:CreateControlChannel",
    "ssmmessages:CreateDataChannel",
    "ssmmessages:OpenControlChannel",
    "ssmmessages:OpenDataChannel",
]
# Beside the snapshots in their bucket: init's journal, and what is written down about a cluster. No node has to do with it.
CONTROLLERS_ALONE = ("init", "records")
# With a bucket key, S3 asks for a data key; without one, for the encryption of the object's own.
REPLICA_KEY_USE = ["kms:Encrypt", "kms:GenerateDataKey"]
LONGEST_BUCKET = 63
# What a node never does to a bucket of snapshots.
TAKE_AWAY = [
    "s3:BypassGovernanceRetention",
    "s3:DeleteBucket",
    "s3:DeleteBucketPolicy",
    "s3:DeleteObject",
    "s3:DeleteObjectTagging",
    "s3:DeleteObjectVersion",
    "s3:DeleteObjectVersionTagging",
    "s3:GetObject",
    "s3:GetObjectVersion",
    "s3:PutBucketObjectLockConfiguration",
    "s3:PutBucketPolicy",
    "s3:PutBucketVersioning",
    "s3:PutEncryptionConfiguration",
    "s3:PutLifecycleConfiguration",
    "s3:PutObjectRetention",
    "s3:PutObjectVersionTagging",
    "s3:PutReplicationConfiguration",
]


class PolicyInputs(t.TypedDict):
    partition: str  # aws, aws-cn, aws-us-gov
    account: str
    region: str
    cluster: str
    key_arns: list[str]  # the unseal key's, and its replica's
    auto_join: bool
    snapshots: bool  # whether the nodes take any
    snapshot_key: str  # ARN of the key that encrypts them; empty: the unseal key
    bucket: str  # of snapshots; empty: none
    prefix: str  # of the snapshots' names in it; empty: the whole bucket
    archive: bool  # whether the nodes send audit files to the bucket
    replica_region: str  # the second region, which has a replica of the unseal key; empty: none
    replica_bucket: str  # of snapshots, there; empty: none
    restorers: list[str]  # ARNs of those who read and decrypt snapshots, outside the nodes
    secret: str  # name of the secret with the recovery keys; empty: another sink
    custody_key: str  # alias, id or ARN of the key that encrypts the recovery keys; empty: AWS's own, or another sink
    file_sink: bool  # whether the recovery keys are in a file that KMS encrypts
    node_role: str  # name of the nodes' role
    iam_path: str  # of the role, the instance profile and the policies, with a slash at both ends
    sessions: bool  # whether the nodes' SSM agent may hold sessions
    ca_alias: str  # of the private CA's key; empty: certificates are given
    ca_parameter: str  # that publishes the CA's certificate


def node_policy(inputs: PolicyInputs) -> Document:
    """What a node's role may do: unseal, and what of the rest is switched on."""
    statements = [allow("VaultKMSUnseal", USE_KEY, inputs["key_arns"], NOT_RECOVERY_KEYS)]
    if inputs["auto_join"]:
        # DescribeInstances knows no resources; the region is all that narrows it. The same role serves in the second region.
        only_here = {"StringEquals": {"aws:RequestedRegion": one_or_several(all_regions(inputs))}}
        statements.append(allow("VaultAutoJoin", ["ec2:DescribeInstances"], ["*"], only_here))
    if inputs["snapshots"] or inputs["bucket"]:
        # The unseal key also where another one encrypts the snapshots: it is the bucket's.
        keys = inputs["key_arns"] + ([inputs["snapshot_key"]] if inputs["snapshot_key"] else [])
        statements.append(allow("VaultSnapshotKey", ["kms:GenerateDataKey"], keys))
    if inputs["bucket"]:
        buckets = bucket_arns(inputs)
        below = start_of_keys(inputs["prefix"], None)
        # Not GetObject: a node has no use for an old snapshot, and whoever takes the node over would have.
        objects = [
            "s3:AbortMultipartUpload",
            "s3:GetObjectTagging",
            "s3:PutObject",
            "s3:PutObjectTagging",
        ]
        # Where everything is listed, a request need not name a prefix, and a condition on it would refuse that.
        listed = {"StringLike": {"s3:prefix": f"{below}*"}} if below else None
        statements += [
            allow("VaultSnapshots", objects, [f"{bucket}/{below}*" for bucket in buckets]),
            allow("VaultSnapshotList", ["s3:ListBucket"], buckets, listed),
            # To remove what an upload that was killed left. It can't be narrowed to a prefix.
            allow("VaultSnapshotUploads", ["s3:ListBucketMultipartUploads"], buckets),
        ]
    if inputs["bucket"] and inputs["archive"]:
        # Nothing else: what was sent is neither read, listed, tagged nor removed by who sends it.
        archived = [f"{bucket}/audit/{inputs['cluster']}/*" for bucket in bucket_arns(inputs)]
        statements.append(allow("VaultAuditArchive", ["s3:PutObject"], archived))
    if inputs["sessions"]:
        # Instead of AmazonSSMManagedInstanceCore, which reads every parameter of the account. None of these knows resources.
        here = {"StringEquals": {"aws:RequestedRegion": one_or_several(all_regions(inputs))}}
        statements.append(allow("Sessions", SESSIONS, ["*"], here))
    return document(statements)


def init_policy(inputs: PolicyInputs) -> Document:
    """What the identity that runs init may do beyond its own means: keep the recovery keys, and init's answer until they are
    in custody, and have the private CA sign. No node has this."""
    names = ("CreateSecret", "DescribeSecret", "GetSecretValue", "PutSecretValue", "TagResource")
    actions = [f"secretsmanager:{action}" for action in names]
    statements = []
    if inputs["secret"]:
        statements.append(allow("VaultRecoveryKeys", actions, secret_arns(inputs)))
    if inputs["bucket"]:
        bucket = bucket_arn(inputs)
        objects = ["s3:DeleteObject", "s3:GetObject", "s3:PutObject"]
        journal = [f"{bucket}/init/{inputs['cluster']}.journal"]
        statements += [allow("VaultInitJournal", objects, journal), bucket_seen(inputs)]
    elif inputs["secret"]:
        journal = secret_arns(inputs, "-journal")
        statements.append(allow("VaultInitJournal", [*actions, "secretsmanager:DeleteSecret"], journal))
    return document([*statements, *_custody_key(inputs), *(ca_statements(inputs) if inputs["ca_alias"] else [])])


def custody_read(inputs: PolicyInputs) -> list[Document]:
    """Read the recovery keys, and change nothing of them."""
    actions = ["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"]
    secret = [allow("VaultRecoveryKeys", actions, secret_arns(inputs))] if inputs["secret"] else []
    return [*secret, *_custody_key(inputs, writes=False)]


def _custody_key(inputs: PolicyInputs, writes: bool = True) -> list[Document]:
    """The key that recovery keys are encrypted with, where it is not AWS's own."""
    key = inputs["custody_key"]
    if not key:
        return []
    if key.startswith("alias/"):
        keys, named = [arn(inputs, "kms", "key/*")], known_as([key])
    else:
        keys, named = [key if key.startswith("arn:") else arn(inputs, "kms", f"key/{key}")], {}
    if inputs["file_sink"]:
        return [
            allow(
                "VaultCustodyKey",
                ["kms:Decrypt", *(["kms:Encrypt"] if writes else [])],
                keys,
                {**recovery_context(inputs), **named},
            )
        ]
    if not inputs["secret"]:
        return []
    service = {"StringEquals": {"kms:ViaService": f"secretsmanager.{inputs['region']}.{domain(inputs['partition'])}"}}
    return [
        allow(
            "VaultCustodyKey", ["kms:Decrypt", *(["kms:GenerateDataKey"] if writes else [])], keys, {**service, **named}
        )
    ]


def ca_statements(inputs: PolicyInputs, signs: bool = True, publishes: bool = True) -> list[Document]:
    """Use the private CA and publish its certificate, of whichever key its aliases lead to; neither make nor delete a key."""
    actions = ["kms:DescribeKey", "kms:GetPublicKey", "kms:ListResourceTags", *(["kms:Sign"] if signs else [])]
    publish = ["ssm:AddTagsToResource", "ssm:GetParameter", "ssm:PutParameter"] if publishes else ["ssm:GetParameter"]
    parameter = [arn(inputs, "ssm", f"parameter/{inputs['ca_parameter'].strip('/')}")]
    by_name = known_as([inputs["ca_alias"], f"{inputs['ca_alias']}-next"])
    return [
        allow("VaultCA", actions, [arn(inputs, "kms", "key/*")], by_name),
        allow("VaultCACertificate", publish, parameter),
    ]


def known_as(aliases: list[str]) -> Document:
    """Of keys that one of these aliases leads to."""
    return {"ForAnyValue:StringEquals": {"kms:ResourceAliases": aliases}}


def bucket_seen(inputs: PolicyInputs) -> Document:
    # Without ListBucket S3 does not say that an object is not there. The bucket's tag says whose it is.
    return allow("VaultBucketSeen", ["s3:GetBucketTagging", "s3:ListBucket"], [bucket_arn(inputs)])


def secret_arns(inputs: PolicyInputs, suffix: str = "") -> list[str]:
    """AWS adds a hyphen and six characters of its own to the name, but not to that of a secret which is not there yet."""
    name = arn(inputs, "secretsmanager", f"secret:{inputs['secret']}{suffix}")
    return [name, f"{name}-??????"]


def key_policy(
    inputs: PolicyInputs,
    administrators: list[str],
    node_role: str,
    custody_in_file: bool = False,
    break_glass: bool = False,
) -> Document:
    """The key's own policy: administrators, the node role, who restores, nobody else. In it, '*' is this key.

    With *custody_in_file*, administrators also encrypt and decrypt the file with the recovery keys, and nothing else. With
    *break_glass*, the account's root can mend the policy when no administrator is left.
    """
    role = role_arn(inputs, node_role)
    takes_snapshots = inputs["snapshots"] or inputs["bucket"]
    use = [*USE_KEY, "kms:GenerateDataKey"] if takes_snapshots else USE_KEY
    statements = [
        _principal("Administrators", administrators, ADMINISTER_KEY),
        {**_principal("VaultNodes", [role], use), "Condition": NOT_RECOVERY_KEYS},
    ]
    statements += _break_glass(inputs, administrators, break_glass)
    if custody_in_file:
        custody = _principal("RecoveryKeysFile", administrators, ["kms:Encrypt", "kms:Decrypt"])
        statements.append({**custody, "Condition": recovery_context(inputs)})
    if takes_snapshots and inputs["restorers"]:
        statements += _restore(inputs)
    if inputs["replica_bucket"]:
        # One policy for the key and its replica: each of them sees S3 of its own region alone.
        s3 = [replication_role(inputs)]
        reads, writes = _replication_key_use(inputs)
        statements += [
            {**_principal("ReplicationReads", s3, ["kms:Decrypt"]), "Condition": reads},
            {**_principal("ReplicationWrites", s3, REPLICA_KEY_USE), "Condition": writes},
        ]
    return document(statements)


def alarms_key_policy(inputs: PolicyInputs, administrators: list[str], break_glass: bool = False) -> Document:
    """Of the key that encrypts the alarms' topic: who administers, and the two services that publish."""
    use = ["kms:Decrypt", "kms:GenerateDataKey*"]
    own = {"StringEquals": {"aws:SourceAccount": inputs["account"]}}
    return document(
        [
            _principal("Administrators", administrators, ADMINISTER_KEY),
            *_break_glass(inputs, administrators, break_glass),
            # On whose behalf EventBridge asks, it does not tell KMS: a condition would lose every message.
            {**allow("Events", use, ["*"]), "Principal": {"Service": ["events.amazonaws.com"]}},
            {**allow("Alarms", use, ["*"], own), "Principal": {"Service": ["cloudwatch.amazonaws.com"]}},
        ]
    )


def _break_glass(inputs: PolicyInputs, administrators: list[str], wanted: bool) -> list[Document]:
    # As an administrator, root may do that already.
    if not wanted or has_root(administrators, inputs["partition"], inputs["account"]):
        return []
    root = f"arn:{inputs['partition']}:iam::{inputs['account']}:root"
    return [{**_principal("BreakGlass", [root], BREAK_GLASS), "Condition": ROOT_ALONE}]


def _restore(inputs: PolicyInputs) -> list[Document]:
    """Decrypt snapshots of this cluster, and read the bucket that this key encrypts; nothing that Vault has sealed."""
    statements = [
        # The playbooks look at the key that a snapshot was sealed with.
        _principal("SeeKey", inputs["restorers"], ["kms:DescribeKey"]),
        {
            **_principal("DecryptSnapshots", inputs["restorers"], ["kms:Decrypt"]),
            "Condition": snapshot_context(inputs),
        },
    ]
    if inputs["bucket"]:
        read = _principal("ReadSnapshotBucket", inputs["restorers"], ["kms:Decrypt"])
        statements.append({**read, "Condition": through_bucket(inputs)})
    if inputs["replica_bucket"]:
        read = _principal("ReadReplicaBucket", inputs["restorers"], ["kms:Decrypt"])
        statements.append({**read, "Condition": through_bucket(there(inputs))})
    return statements


def snapshot_context(inputs: PolicyInputs) -> Document:
    """What only snapshots of this cluster are encrypted with."""
    return {"StringEquals": {"kms:EncryptionContext:vaultops:cluster-name": inputs["cluster"]}}


def recovery_context(inputs: PolicyInputs) -> Document:
    """What only the file with this cluster's recovery keys is encrypted with."""
    return {"StringEquals": {"kms:EncryptionContext:vaultops:cluster": inputs["cluster"]}}


def through_bucket(inputs: PolicyInputs) -> Document:
    """By S3, for what is in the bucket of snapshots."""
    bucket = bucket_arn(inputs)
    return {
        "StringEquals": {"kms:ViaService": f"s3.{inputs['region']}.{domain(inputs['partition'])}"},
        # The bucket with a bucket key, an object without one.
        "StringLike": {"kms:EncryptionContext:aws:s3:arn": [bucket, f"{bucket}/*"]},
    }


def bucket_policy(inputs: PolicyInputs) -> Document:
    """Deny every request that isn't TLS, and let nodes add snapshots but remove none.

    Whatever another policy allows the nodes' role some day: it can't delete, overwrite or read what is there, nor change
    how long it stays. Who restores, and administrators, are not meant.
    """
    bucket = bucket_arn(inputs)
    role = {"AWS": [role_arn(inputs, inputs["node_role"])]}
    added_only = {
        # Parts of an upload carry no such header; its completion does.
        "Null": {"s3:if-none-match": "true"},
        "Bool": {"s3:ObjectCreationOperation": "true"},
    }
    nodes = [
        {**allow("NodesTakeNothing", TAKE_AWAY, [bucket, f"{bucket}/*"]), "Effect": "Deny", "Principal": role},
        {
            **allow("NodesOverwriteNothing", ["s3:PutObject"], [f"{bucket}/*"], added_only),
            "Effect": "Deny",
            "Principal": role,
        },
        # Also where snapshots have no prefix, so that what may be added is all of the bucket.
        {
            **allow("NodesKeepOff", ["s3:*"], [f"{bucket}/{folder}/*" for folder in CONTROLLERS_ALONE]),
            "Effect": "Deny",
            "Principal": role,
        },
    ]
    return document([_tls_only(bucket), *nodes])


def there(inputs: PolicyInputs) -> PolicyInputs:
    """The same in the second region: its bucket, and its replica of the key."""
    keys = inputs["key_arns"][1:2] or ["(not created yet)"]
    return {**inputs, "region": inputs["replica_region"], "bucket": inputs["replica_bucket"], "key_arns": keys}


def replicated(inputs: PolicyInputs) -> dict[str, str]:
    """What the names of replicated objects begin with, by the id of the rule: this cluster's snapshots, and what is written down
    about it. Init's journal is not, which is of a cluster that serves nobody yet, nor are audit files."""
    return {
        "vault-snapshots": start_of_keys(inputs["prefix"], inputs["cluster"]),
        "vault-records": f"records/{inputs['cluster']}/",
    }


def replication_policy(inputs: PolicyInputs) -> Document:
    """What S3 may do with the role that it takes on to replicate: add to the second bucket, and remove nothing.

    Retention and legal holds are read for a bucket with an object lock, and go along.
    """
    source, target = bucket_arn(inputs), bucket_arn(there(inputs))
    names = replicated(inputs).values()
    reads = [f"s3:GetObject{part}" for part in ("LegalHold", "Retention")]
    reads += [f"s3:GetObjectVersion{part}" for part in ("Acl", "ForReplication", "Tagging")]
    opens, seals = _replication_key_use(inputs)
    return document(
        [
            allow("VaultReplication", ["s3:GetReplicationConfiguration", "s3:ListBucket"], [source]),
            allow("VaultReplicated", reads, [f"{source}/{name}*" for name in names]),
            # The tag of what was superseded goes along, so the lifecycle there removes what the one here does. No deletion does.
            allow("VaultReplicas", ["s3:ReplicateObject", "s3:ReplicateTags"], [f"{target}/{name}*" for name in names]),
            allow("VaultReplicationReads", ["kms:Decrypt"], inputs["key_arns"][:1], opens),
            allow("VaultReplicationWrites", REPLICA_KEY_USE, there(inputs)["key_arns"], seals),
        ]
    )


def _replication_key_use(inputs: PolicyInputs) -> tuple[Document, Document]:
    """When S3 may open with the key, and when seal with its replica."""
    return through_bucket(inputs), through_bucket(there(inputs))


def replica_bucket_problems(inputs: PolicyInputs, manages_key: bool) -> list[str]:
    """Why there can't be this bucket in the second region."""
    name = inputs["replica_bucket"]
    if not name:
        return []
    said = f"vault_snapshot_replica_bucket is {name}, and"
    missing = [
        words
        for words, there_is in (
            ("vault_snapshot_bucket, which would be replicated, is empty", inputs["bucket"]),
            ("vault_kms_replica_region, where the bucket would be, is empty", inputs["replica_region"]),
            ("vault_kms_manage is false, so that nobody makes the replica of the key there", manages_key),
        )
        if not there_is
    ]
    problems = [f"{said} {'; '.join(missing)}. Set what is missing, or leave it empty."] if missing else []
    if name == inputs["bucket"]:
        problems.append(f"{said} so is vault_snapshot_bucket. Name another one.")
    if len(name) > LONGEST_BUCKET:
        problems.append(
            f"{said} S3 takes {LONGEST_BUCKET} characters, where it has {len(name)}. Set it to a shorter name, or give "
            "vault_snapshot_bucket one."
        )
    return problems


def transfer_bucket_policy(inputs: PolicyInputs, bucket: str, principals: t.Sequence[str]) -> Document:
    """Deny every request that isn't TLS, and everybody but *principals* to read or write a file.

    A link that a node fetches a file by counts as a request of who signed it. Nobody is denied to remove files, so that whoever
    removes the cluster can. Patterns, and not principals: a role that is made anew is let in again.
    """
    place = f"arn:{inputs['partition']}:s3:::{bucket}"
    who = sorted({one for principal in principals for one in _patterns(inputs, principal)})
    controllers = {
        **allow("ControllersAlone", ["s3:GetObject*", "s3:PutObject*"], [f"{place}/*"]),
        "Effect": "Deny",
        "Principal": "*",
        "Condition": {"ArnNotLike": {"aws:PrincipalArn": who}},
    }
    return document([_tls_only(place), controllers])


def _patterns(inputs: PolicyInputs, principal: str) -> list[str]:
    """Of the ARNs that AWS sees for a principal: a root stands for everybody in its account. A session names its role without the
    role's path, and so may an inventory."""
    whole = re.fullmatch(r"(?:arn:[\w-]+:iam::)?(\d{12})(?::root)?", principal)
    if whole:
        return [f"arn:{inputs['partition']}:iam::{whole[1]}:*"]
    identity = identity_of(principal)
    return [identity, identity.replace(":role/", ":role/*/")] if re.search(r":role/[^/]+$", identity) else [identity]


def own_transfer_bucket_problems(
    bucket: str, sessions: bool, snapshot_bucket: str, principals: t.Sequence[str]
) -> list[str]:
    """Why *bucket* can't be made for files on their way to the nodes."""
    if not bucket:
        return []
    found = transfer_bucket_problems(bucket, snapshot_bucket, "vault_ssm_bucket")
    if not sessions:
        found.append(
            f"vault_ssm_bucket is {bucket}, and vault_ssm is false, so the nodes' role would allow no session that needs it. Set "
            "vault_ssm: true, or leave vault_ssm_bucket out."
        )
    if not principals:
        found.append(
            f"vault_ssm_principals is empty, so nobody could send a file through {bucket}. Name who runs the playbooks."
        )
    return found


def transfer_bucket_problems(
    transfer_bucket: str, snapshot_bucket: str, name: str = "ansible_aws_ssm_bucket_name"
) -> list[str]:
    """Why files for the nodes can't travel through this bucket, where sessions go through SSM. *name*: of the input."""
    if not transfer_bucket or transfer_bucket != snapshot_bucket:
        return []
    return [
        f"{name} and vault_snapshot_bucket are both {transfer_bucket}. Private keys pass through the "
        "first, and the second keeps every version of every object. Name a bucket of its own, without versioning, for "
        "the files."
    ]


def root_of_account(account: str, region: str) -> dict[str, str]:
    """An account's root as AWS shows a caller, where it is not asked."""
    return {"account": account, "arn": f"arn:{partition_of(region)}:iam::{account}:root"}


def arn(inputs: PolicyInputs, service: str, name: str, region: str = "") -> str:
    return ":".join(("arn", inputs["partition"], service, region or inputs["region"], inputs["account"], name))


def role_arn(inputs: PolicyInputs, role: str) -> str:
    return f"arn:{inputs['partition']}:iam::{inputs['account']}:role{inputs['iam_path']}{role}"


def replication_role(inputs: PolicyInputs) -> str:
    """ARN of the role that S3 takes on to replicate."""
    return role_arn(inputs, f"vault-{inputs['cluster']}-replication")


def all_regions(inputs: PolicyInputs) -> list[str]:
    return [inputs["region"], *([inputs["replica_region"]] if inputs["replica_region"] else [])]


def one_or_several(values: list[str]) -> str | list[str]:
    return values if len(values) > 1 else values[0]


def bucket_arn(inputs: PolicyInputs) -> str:
    return f"arn:{inputs['partition']}:s3:::{inputs['bucket']}"


def bucket_arns(inputs: PolicyInputs) -> list[str]:
    """Also of the one in the second region."""
    return [bucket_arn(inputs), *([bucket_arn(there(inputs))] if inputs["replica_bucket"] else [])]


def domain(partition: str) -> str:
    """What the names of a partition's services end in, such as those of kms:ViaService."""
    return dns_suffix(partition)


def document(statements: list[Document]) -> Document:
    return {"Version": VERSION, "Statement": statements}


def allow(sid: str, actions: list[str], resources: list[str], condition: Document | None = None) -> Document:
    statement = {"Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resources}
    return {**statement, "Condition": condition} if condition else statement


def _principal(sid: str, principals: list[str], actions: list[str]) -> Document:
    return {**allow(sid, actions, ["*"]), "Principal": {"AWS": principals}}


def _tls_only(bucket: str) -> Document:
    return {
        "Sid": "TLSOnly",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [bucket, f"{bucket}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
