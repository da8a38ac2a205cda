# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What whoever runs the playbooks may do in AWS: one IAM policy a task, from what is switched on. Pure.

Things are named where AWS takes names, else known by the cluster's tag. What takes neither is narrowed to the region. A key's own
policy is the other half: where it names neither the identity nor the account, nothing here opens the key.
"""

from __future__ import annotations

import json
import typing as t

from .._snapshot.listing import start_of_keys
from .administrators import role_name
from .drill_machine import tag as drill_tag
from .endpoints import dns_suffix, service_principal
from .policies import (
    Document,
    PolicyInputs,
    all_regions,
    allow,
    arn,
    bucket_arn,
    bucket_seen,
    ca_statements,
    custody_read,
    document,
    init_policy,
    known_as,
    one_or_several,
    replication_role,
    role_arn,
    secret_arns,
    snapshot_context,
    through_bucket,
)

# Of a managed policy, without white space.
MOST_CHARACTERS = 6144
KEY_READS = ["kms:DescribeKey", "kms:GetKeyPolicy", "kms:GetKeyRotationStatus", "kms:ListResourceTags"]
KEY_CHANGES = ["kms:EnableKeyRotation", "kms:TagResource", "kms:UpdateKeyDescription"]
CA_KEY = ["kms:DescribeKey", "kms:GetPublicKey", "kms:ListResourceTags", "kms:Sign", "kms:TagResource"]
LEASE = ["ssm:AddTagsToResource", "ssm:DeleteParameters", "ssm:GetParametersByPath", "ssm:PutParameter"]
# What AWS makes in an account for itself, and which input makes it do so.
SERVICE_ROLES = {"elasticloadbalancing.amazonaws.com": "balancer", "mrk.kms.amazonaws.com": "replica_region"}


def _of(service: str, *actions: str) -> list[str]:
    return [f"{service}:{action}" for action in actions]


# What decides what a role may do. With a boundary, only of a role that has it, or gets it in this call.
ROLE_RIGHTS = _of("iam", "CreateRole", "PutRolePolicy")
BOUNDARY = _of("iam", "PutRolePermissionsBoundary")
ROLE = _of(
    "iam",
    "GetRole",
    "GetRolePolicy",
    "ListAttachedRolePolicies",
    "ListRolePolicies",
    "TagRole",
    "UpdateAssumeRolePolicy",
    "UpdateRole",
)
ROLE_GOES = _of(
    "iam",
    "DeleteRole",
    "DeleteRolePolicy",
    "DetachRolePolicy",
    "GetRole",
    "ListAttachedRolePolicies",
    "ListInstanceProfilesForRole",
    "ListRolePolicies",
)
PROFILE = _of(
    "iam",
    "AddRoleToInstanceProfile",
    "CreateInstanceProfile",
    "GetInstanceProfile",
    "TagInstanceProfile",
)
PROFILE_GOES = _of("iam", "DeleteInstanceProfile", "GetInstanceProfile", "RemoveRoleFromInstanceProfile")
INIT_POLICY = _of(
    "iam",
    "CreatePolicy",
    "CreatePolicyVersion",
    "DeletePolicyVersion",
    "GetPolicy",
    "GetPolicyVersion",
    "ListPolicyVersions",
    "SetDefaultPolicyVersion",
    "TagPolicy",
)
INIT_POLICY_GOES = _of(
    "iam", "DeletePolicy", "DeletePolicyVersion", "GetPolicy", "ListEntitiesForPolicy", "ListPolicyVersions"
)
DETACH = _of("iam", "DetachGroupPolicy", "DetachRolePolicy", "DetachUserPolicy")
BUCKET_READS = _of(
    "s3",
    "GetAccelerateConfiguration",
    "GetBucketAcl",
    "GetBucketObjectLockConfiguration",
    "GetBucketOwnershipControls",
    "GetBucketPolicy",
    "GetBucketPublicAccessBlock",
    "GetBucketRequestPayment",
    "GetBucketTagging",
    "GetBucketVersioning",
    "GetEncryptionConfiguration",
    "GetInventoryConfiguration",
    "GetLifecycleConfiguration",
    "ListBucket",
    "ListBucketVersions",
)
BUCKET_WRITES = _of(
    "s3",
    "CreateBucket",
    "PutBucketOwnershipControls",
    "PutBucketPolicy",
    "PutBucketPublicAccessBlock",
    "PutBucketTagging",
    "PutEncryptionConfiguration",
    "PutLifecycleConfiguration",
)
REPLICATION = _of("s3", "GetReplicationConfiguration", "PutReplicationConfiguration")
BUCKET_GOES = _of("s3", "DeleteBucket", "GetBucketPolicy", "ListBucket", "ListBucketVersions")
EC2_READS_ALWAYS = _of("ec2", "DescribeInstances", "DescribeSecurityGroups")
EC2_READS = EC2_READS_ALWAYS + _of(
    "ec2",
    "DescribeImages",
    "DescribeInstanceStatus",
    "DescribeInstanceTypeOfferings",
    "DescribeInstanceTypes",
    "DescribeSubnets",
    "DescribeTags",
)
MACHINES = _of(
    "ec2",
    "AuthorizeSecurityGroupIngress",
    "CreateTags",
    "DescribeInstanceAttribute",
    "ModifyInstanceAttribute",
    "RevokeSecurityGroupIngress",
    "UpdateSecurityGroupRuleDescriptionsIngress",
)
EGRESS = _of(
    "ec2", "AuthorizeSecurityGroupEgress", "RevokeSecurityGroupEgress", "UpdateSecurityGroupRuleDescriptionsEgress"
)
MACHINES_GO = _of(
    "ec2", "DeleteSecurityGroup", "DescribeInstanceAttribute", "ModifyInstanceAttribute", "TerminateInstances"
)
# Of a machine for a drill: what amazon.aws looks at when it has launched one, and its end.
DRILL_READS = EC2_READS_ALWAYS + _of(
    "ec2",
    "DescribeImages",
    "DescribeInstanceStatus",
    "DescribeInstanceTypeOfferings",
    "DescribeInstanceTypes",
    "DescribeSubnets",
)
DRILL_MACHINE = _of("ec2", "DescribeInstanceAttribute", "ModifyInstanceAttribute", "TerminateInstances")
VOLUME_KEY = "ec2:GetEbsDefaultKmsKeyId"
VOLUME_KEY_USE = _of("kms", "Decrypt", "GenerateDataKeyWithoutPlaintext", "ReEncryptFrom", "ReEncryptTo")
MACHINES_RETIRE = _of("ec2", "StopInstances", "TerminateInstances")
BALANCER_READS_ALWAYS = _of(
    "elasticloadbalancing",
    "DescribeListeners",
    "DescribeLoadBalancerAttributes",
    "DescribeLoadBalancers",
    "DescribeTags",
    "DescribeTargetGroups",
    "DescribeTargetHealth",
)
BALANCER_READS = BALANCER_READS_ALWAYS + _of("elasticloadbalancing", "DescribeTargetGroupAttributes")
BALANCER_WRITES = _of(
    "elasticloadbalancing",
    "AddTags",
    "CreateListener",
    "CreateLoadBalancer",
    "CreateTargetGroup",
    "DeregisterTargets",
    "ModifyListener",
    "ModifyLoadBalancerAttributes",
    "ModifyTargetGroup",
    "ModifyTargetGroupAttributes",
    "RegisterTargets",
    "SetSubnets",
)
TARGET_READS = _of("elasticloadbalancing", "DescribeTags", "DescribeTargetGroups", "DescribeTargetHealth")
TARGET_WRITES = _of("elasticloadbalancing", "DeregisterTargets", "RegisterTargets")
BALANCER_GOES = _of("elasticloadbalancing", "DeleteLoadBalancer", "DeleteTargetGroup", "ModifyLoadBalancerAttributes")
TOPIC_READS = _of("sns", "GetTopicAttributes", "ListSubscriptionsByTopic", "ListTagsForResource")
TOPIC = TOPIC_READS + _of("sns", "CreateTopic", "SetTopicAttributes", "Subscribe", "TagResource")
TOPIC_GOES = TOPIC_READS + _of("sns", "DeleteTopic")
RULE_READS = _of("events", "DescribeRule", "ListTagsForResource", "ListTargetsByRule")
RULE = RULE_READS + _of("events", "PutRule", "PutTargets", "TagResource")
RULE_GOES = RULE_READS + _of("events", "DeleteRule", "RemoveTargets")
ALARMS_GO = _of("cloudwatch", "DeleteAlarms", "ListTagsForResource")
ALARMS = ALARMS_GO + _of("cloudwatch", "PutMetricAlarm", "TagResource")


class RunnerInputs(PolicyInputs):
    tag: dict[str, str]  # key and value, that all of the cluster carries
    alias: str  # of the unseal key
    manages_key: bool  # whether the unseal key is the cluster's own
    balancer: bool
    balancer_zone: str  # hosted zone in which the load balancer has its name; empty: none
    balancer_name: str
    egress: bool  # whether rules say what may go out of the nodes
    security_groups: list[str]  # ids of those that instances get besides the cluster's own
    subnets: list[str]  # ids of those that instances are launched in; empty: any
    ebs_key: str  # ARN of the key for their volumes; empty: the account's default one
    drill_subnet: str  # id of that in which machines for restore drills are launched; empty: any
    image_parameter: str  # of Systems Manager, with the id of the image; empty: the id comes from elsewhere
    key_pair: str  # that instances are launched with; empty: none
    principals: list[str]  # ARNs that the unseal key's policy names, beside the nodes' role
    alarms: bool
    alarms_topic: str  # ARN of a topic of one's own that gets the alarms; empty: one is made
    boundary: str  # ARN of the policy that bounds the nodes' role; empty: none
    managed_policies: list[str]  # ARNs of those that the nodes' role gets besides its own
    lock: bool  # whether the bucket has an object lock
    certificates: bool  # whether the controller logs in to Vault with certificates of the private CA
    restore_keys: list[str]  # ARNs of further keys that snapshots may be encrypted with
    lease: str  # path of the lease's parameters
    records: str  # what names of records in the bucket begin with
    transfer_bucket: str  # that Ansible sends files through; empty: nodes are reached another way
    own_transfer_bucket: str  # one that provision.yml makes; empty: none
    transfer_key: str  # ARN of the key that encrypts it; empty: AWS's own


def runner_policies(inputs: RunnerInputs) -> dict[str, Document]:
    """By task. What AWS would not take as one policy is several: who provisions needs both of the first two, with a key of one's
    own for volumes 'provision-volumes', and with machines for drills 'provision-drill'; who removes a cluster needs both of the
    last two."""
    drill = {"provision-drill": drill_role_policy(inputs), "drill": drill_machine_policy(inputs)}
    return {
        "provision": provision_policy(inputs),
        "provision-machines": machines_policy(inputs),
        **({"provision-volumes": volumes_policy(inputs)} if inputs["ebs_key"] else {}),
        "site": site_policy(inputs),
        "status": status_policy(inputs),
        "backup": backup_policy(inputs),
        "custody": custody_policy(inputs),
        "restore": restore_policy(inputs),
        **(drill if inputs["drill_role"] else {}),
        "move_seal_key": move_seal_key_policy(inputs),
        "renew": renew_policy(inputs),
        "decommission": decommission_policy(inputs),
        "decommission-drill": drill_role_goes_policy(inputs),
    }


def too_long(policies: t.Mapping[str, Document]) -> list[str]:
    """Which of them AWS would not take, in words."""
    sizes = {name: len(json.dumps(made, separators=(",", ":"))) for name, made in policies.items()}
    return [
        f"The policy {name} has {size} characters, and AWS takes {MOST_CHARACTERS}. Split its statements over two policies, or "
        "take shorter names."
        for name, size in sizes.items()
        if size > MOST_CHARACTERS
    ]


def provision_policy(inputs: RunnerInputs) -> Document:
    """Role, profile, key, bucket and the policy for init; and the lease in AWS."""
    role, profile = _node_identity(inputs)
    to_machines = {"StringEquals": {"iam:PassedToService": service_principal("ec2", inputs["partition"])}}
    replicates = [replication_role(inputs)] if inputs["replica_bucket"] else []
    roles = role + replicates
    keeps = inputs["secret"] or inputs["bucket"]
    # Neither knows resources.
    buckets = _own_buckets(inputs)
    names = [*(["iam:ListPolicies"] if keeps else []), *(["s3:ListAllMyBuckets"] if buckets else [])]
    statements = [
        _lease(inputs),
        *([allow("VaultNames", names, ["*"])] if names else []),
        # Each action knows one kind of the two.
        allow("VaultRole", [*ROLE, *PROFILE], roles + profile),
        allow("VaultRoleRights", ROLE_RIGHTS + (BOUNDARY if inputs["boundary"] else []), roles, _bounded(inputs)),
        allow("VaultRoleForMachines", ["iam:PassRole"], role, to_machines),
    ]
    # Whatever path they have, which nobody but IAM knows of a role that was assumed.
    known = sorted({name for one in inputs["principals"] if (name := role_name(one, inputs["account"]))})
    if known:
        roles = [_iam(inputs, f"role/*{name}") for name in known]
        statements.append(allow("VaultPrincipals", ["iam:GetRole"], roles))
    if inputs["managed_policies"]:
        bounded = (_bounded(inputs) or {"ArnEquals": {}})["ArnEquals"]
        those = {"ArnEquals": {"iam:PolicyARN": inputs["managed_policies"], **bounded}}
        statements.append(allow("VaultRoleGets", ["iam:AttachRolePolicy"], role, those))
    if keeps:
        statements.append(allow("VaultInitPolicy", INIT_POLICY, [_init_policy_arn(inputs)]))
    statements += [
        _key_names(inputs, inputs["manages_key"] or inputs["alarms"]),
        *_unseal_key(inputs, ["kms:PutKeyPolicy"], _alarms_alias(inputs)),
        *(_alarms_keys(inputs) if inputs["alarms"] else []),
    ]
    if buckets:
        lock = ["s3:PutBucketObjectLockConfiguration"] if inputs["lock"] else []
        versions = ["s3:PutBucketVersioning"] if inputs["bucket"] else []
        statements.append(allow("VaultBucket", [*BUCKET_READS, *BUCKET_WRITES, *versions, *lock], buckets))
    if replicates:
        to_s3 = {"StringEquals": {"iam:PassedToService": service_principal("s3", inputs["partition"])}}
        statements += [
            allow("VaultReplication", REPLICATION, [bucket_arn(inputs)]),
            allow("VaultReplicationRole", ["iam:PassRole"], replicates, to_s3),
        ]
    services = [name for name, on in SERVICE_ROLES.items() if inputs[on]]  # type: ignore[literal-required]
    if services:
        # AWS makes them once an account, with the first balancer and the first multi-region key. The path says whose they are.
        made = [_iam(inputs, f"role/aws-service-role/{name}/*") for name in services]
        statements.append(allow("VaultServiceRoles", ["iam:CreateServiceLinkedRole"], made))
    return document(statements)


def machines_policy(inputs: RunnerInputs) -> Document:
    """Security group, instances and load balancer. The instances' role is passed to them by 'provision'."""
    group, instances = _ec2(inputs, "security-group/*"), _ec2(inputs, "instance/*")
    volumes = _ec2(inputs, "volume/*")
    statements = [
        _look(inputs, [*EC2_READS, *([] if inputs["ebs_key"] else [VOLUME_KEY])]),
        allow("VaultGroupIn", ["ec2:CreateSecurityGroup"], [_ec2(inputs, "vpc/*")]),
        allow("VaultGroupMade", ["ec2:CreateSecurityGroup"], [group], _asks_for_tag(inputs)),
        *_launch_with(inputs, inputs["subnets"] or ["*"]),
        allow("VaultLaunchIn", ["ec2:RunInstances"], [group], _has_tag(inputs)),
        allow("VaultLaunch", ["ec2:RunInstances"], [instances, volumes], _asks_for_tag(inputs)),
        allow(
            "VaultTagNew",
            ["ec2:CreateTags"],
            [group, instances, volumes],
            {"StringEquals": {"ec2:CreateAction": ["CreateSecurityGroup", "RunInstances"]}},
        ),
        allow(
            "VaultMachines",
            [*MACHINES, *(EGRESS if inputs["egress"] or inputs["drill_role"] else [])],
            [group, instances],
            _has_tag(inputs),
        ),
    ]
    if inputs["security_groups"]:
        others = [_ec2(inputs, f"security-group/{group}") for group in inputs["security_groups"]]
        statements.append(allow("VaultLaunchInOthers", ["ec2:RunInstances"], others))
    if inputs["image_parameter"]:
        statements.append(allow("VaultImage", ["ssm:GetParameters"], [_image_parameter(inputs)]))
    if inputs["balancer"]:
        balancer, targets, listener = _balancer(inputs)
        statements += [
            _look(inputs, BALANCER_READS, "VaultBalancerLook"),
            allow("VaultBalancer", BALANCER_WRITES, [balancer, listener, targets]),
        ]
    statements += _balancer_name(inputs)
    if inputs["alarms"]:
        statements += _alarms(inputs, [] if inputs["alarms_topic"] else TOPIC, RULE, ALARMS)
    return document(statements)


def volumes_policy(inputs: RunnerInputs) -> Document:
    """Launch instances whose volumes have a key of one's own, beside 'provision-machines', and see which key others have."""
    return document([_look(inputs, ["ec2:DescribeVolumes"]), *_volume_key(inputs)])


def site_policy(inputs: RunnerInputs) -> Document:
    """site.yml, rolling_upgrade.yml, rolling_restart.yml, rotate_certificates.yml, replace_node.yml, regain_admin.yml and
    rekey.yml."""
    makes = inputs["manages_key"] or bool(inputs["ca_alias"])
    statements = [*_nodes(inputs), *init_policy(inputs)["Statement"]]
    statements += [_key_names(inputs, makes), *_unseal_key(inputs)]
    if inputs["balancer"]:
        _balancer_arn, targets, _listener = _balancer(inputs)
        statements += [
            _look(inputs, TARGET_READS, "VaultTargetsLook"),
            allow("VaultTargets", TARGET_WRITES, [targets]),
        ]
    if inputs["ca_alias"]:
        aliases = [inputs["ca_alias"], f"{inputs['ca_alias']}-next"]
        named = [arn(inputs, "kms", alias) for alias in aliases]
        changes = ["kms:CreateAlias", "kms:DeleteAlias", "kms:UpdateAlias"]
        keys = [arn(inputs, "kms", "key/*")]
        statements += [
            allow("VaultCAAlias", changes, named),
            # An alias may take minutes until it counts for what is allowed. The tag is there from the beginning.
            allow("VaultCAKey", [*CA_KEY, *changes], keys, _has_tag(inputs)),
        ]
        if not inputs["manages_key"]:
            statements += _new_key(inputs)
    return document(statements)


def status_policy(inputs: RunnerInputs) -> Document:
    """status.yml: it only reads."""
    keys = [arn(inputs, "kms", "key/*")]
    statements = [
        _inventory(inputs),
        *_known_ca(inputs),
        _look(inputs, ["kms:ListAliases"], "VaultKeyNames"),
        allow("VaultKey", KEY_READS, keys, known_as([inputs["alias"]])),
    ]
    if inputs["bucket"]:
        statements += [*_read_snapshots(inputs), _records(inputs, ["s3:GetObject"])]
    return document(statements)


def backup_policy(inputs: RunnerInputs) -> Document:
    """backup.yml: a node takes the snapshot, the controller writes a canary down. failover_check.yml: it writes a report."""
    statements = [*_nodes(inputs), *_known_ca(inputs)]
    if inputs["bucket"]:
        statements += [bucket_seen(inputs), _records(inputs, ["s3:GetObject", "s3:PutObject"])]
    return document(statements)


def custody_policy(inputs: RunnerInputs) -> Document:
    """custody_check.yml: it reads the recovery keys. Whoever has this policy has the keys."""
    return document([_inventory(inputs), *_known_ca(inputs), *custody_read(inputs)])


def restore_policy(inputs: RunnerInputs) -> Document:
    """restore.yml and restore_drill.yml: read and decrypt snapshots of this cluster, and sign certificates of the CA."""
    keys = [arn(inputs, "kms", "key/*")]
    statements = [
        *_nodes(inputs),
        *(ca_statements(inputs) if inputs["ca_alias"] else []),
        allow("VaultKey", ["kms:DescribeKey"], keys, known_as([inputs["alias"]])),
        allow("VaultDecrypt", ["kms:Decrypt"], keys, {**snapshot_context(inputs), **known_as([inputs["alias"]])}),
    ]
    others = [key for key in (inputs["snapshot_key"], *inputs["restore_keys"]) if key]
    if others:
        statements.append(allow("VaultDecryptOthers", ["kms:Decrypt"], others, snapshot_context(inputs)))
    if inputs["bucket"]:
        statements += [*_read_snapshots(inputs), _records(inputs, ["s3:GetObject", "s3:PutObject"])]
    return document(statements)


def drill_role_policy(inputs: RunnerInputs) -> Document:
    """What provision.yml makes for the machines of drills, beside 'provision', and 'provision-machines' with their group."""
    role, profile = role_arn(inputs, inputs["drill_role"]), _profile(inputs, inputs["drill_role"])
    rights = ROLE_RIGHTS + (BOUNDARY if inputs["boundary"] else [])
    return document(
        [
            allow("VaultDrillRole", [*ROLE, *PROFILE], [role, profile]),
            allow("VaultDrillRoleRights", rights, [role], _bounded(inputs)),
            _to_machines(inputs),
        ]
    )


def drill_machine_policy(inputs: RunnerInputs) -> Document:
    """What restore_drill.yml does with a machine of its own, beside 'restore': launch one with the role for drills, and terminate
    what carries the tag of such a machine. The security group is the cluster's."""
    instances, volumes = _ec2(inputs, "instance/*"), _ec2(inputs, "volume/*")
    tag = drill_tag(inputs["tag"])
    asks, has = ({"StringEquals": {f"aws:{kind}Tag/{tag['key']}": tag["value"]}} for kind in ("Request", "Resource"))
    statements = [
        _lease(inputs),
        _look(inputs, [*DRILL_READS, *([] if inputs["ebs_key"] else [VOLUME_KEY, "kms:ListAliases"])]),
        *_launch_with(inputs, [inputs["drill_subnet"] or "*"]),
        *_volume_key(inputs),
        allow(
            "VaultLaunchIn",
            ["ec2:ModifyInstanceAttribute", "ec2:RunInstances"],
            [_ec2(inputs, "security-group/*")],
            _has_tag(inputs),
        ),
        allow("VaultLaunch", ["ec2:RunInstances"], [instances, volumes], asks),
        allow(
            "VaultTagNew",
            ["ec2:CreateTags"],
            [instances, volumes],
            {"StringEquals": {"ec2:CreateAction": "RunInstances"}},
        ),
        allow("VaultDrillMachine", DRILL_MACHINE, [instances], has),
        allow("VaultDrillProfile", ["iam:GetInstanceProfile"], [_profile(inputs, inputs["drill_role"])]),
        _to_machines(inputs),
    ]
    if inputs["image_parameter"]:
        statements.append(allow("VaultImage", ["ssm:GetParameters"], [_image_parameter(inputs)]))
    if inputs["transfer_bucket"] or inputs["sessions"]:
        reached = {"StringEquals": {f"ssm:resourceTag/{tag['key']}": tag["value"]}}
        statements.append(allow("VaultDrillSessions", ["ssm:StartSession"], [instances], reached))
    return document(statements)


def move_seal_key_policy(inputs: RunnerInputs) -> Document:
    """move_seal_key.yml, beside 'site' and 'backup': look at the new key, and have the alias lead to it."""
    keys = [arn(inputs, "kms", "key/*")]
    moves = ["kms:CreateAlias", "kms:UpdateAlias"]
    statements = [
        _look(inputs, ["kms:ListAliases"], "VaultKeyNames"),
        # By the tag, which the new key has from the beginning; KMS asks for the alias itself, and for the keys on both ends.
        allow("VaultKeys", sorted([*KEY_READS, *moves]), keys, _has_tag(inputs)),
        allow("VaultKeyAlias", moves, [arn(inputs, "kms", inputs["alias"])]),
    ]
    if inputs["bucket"]:
        statements += _read_snapshots(inputs)
    return document(statements)


def renew_policy(inputs: RunnerInputs) -> Document:
    """What renew_nodes.yml does with instances that were replaced, beside provision.yml and replace_node.yml."""
    return document([allow("VaultMachinesRetire", MACHINES_RETIRE, [_ec2(inputs, "instance/*")], _has_tag(inputs))])


def decommission_policy(inputs: RunnerInputs) -> Document:
    """Remove what carries the cluster's tag."""
    role, profile = _node_identity(inputs)
    # Machines that drills have left go, too.
    tags = [inputs["tag"]["value"], drill_tag(inputs["tag"])["value"]]
    machine = {"StringEquals": {f"aws:ResourceTag/{inputs['tag']['key']}": tags}}
    balancer, targets, listener = _balancer(inputs)
    machines = [_ec2(inputs, "security-group/*"), _ec2(inputs, "instance/*")]
    statements = [
        _lease(inputs),
        # A load balancer leaves its group some time after it was deleted.
        _look(
            inputs,
            [*EC2_READS_ALWAYS, "ec2:DescribeNetworkInterfaces", *BALANCER_READS_ALWAYS],
            # Whether nodes in the second one live by what would be removed.
            regions=all_regions(inputs),
        ),
        allow("VaultNames", ["iam:ListPolicies", "s3:ListAllMyBuckets"], ["*"]),
        # Of every bucket, since snapshots may lie in one that the inventory does not name.
        allow("VaultBuckets", ["s3:GetBucketTagging"], [f"arn:{inputs['partition']}:s3:::*"]),
        allow("VaultMachines", MACHINES_GO, machines, machine),
        # These are found by their tag, and always looked for.
        allow("VaultBalancer", BALANCER_GOES, [balancer, listener, targets]),
        allow("VaultRole", [*ROLE_GOES, *PROFILE_GOES], [*role, replication_role(inputs), *profile]),
        allow("VaultInitPolicy", INIT_POLICY_GOES, [_init_policy_arn(inputs)]),
        # From whomever it was attached to, and no other policy from anybody.
        allow(
            "VaultInitPolicyDetach",
            DETACH,
            [_iam(inputs, f"{kind}/*") for kind in ("group", "role", "user")],
            {"ArnEquals": {"iam:PolicyARN": _init_policy_arn(inputs)}},
        ),
    ]
    buckets = _own_buckets(inputs)
    if buckets:
        statements.append(allow("VaultBucket", BUCKET_GOES, buckets))
    if inputs["own_transfer_bucket"]:
        files = f"arn:{inputs['partition']}:s3:::{inputs['own_transfer_bucket']}/*"
        statements.append(allow("VaultTransferFiles", ["s3:DeleteObject"], [files]))
    if inputs["secret"]:
        goes = ["secretsmanager:DeleteSecret", "secretsmanager:DescribeSecret"]
        statements.append(allow("VaultRecoveryKeys", goes, secret_arns(inputs)))
    statements += _balancer_name(inputs)
    # Whatever is switched on by now.
    statements += _alarms(inputs, TOPIC_GOES, RULE_GOES, ALARMS_GO)
    if inputs["manages_key"] or inputs["ca_alias"] or inputs["alarms"]:
        keys = [arn(inputs, "kms", "key/*", region) for region in all_regions(inputs)]
        statements += [
            _key_names(inputs),
            allow("VaultKeys", [*KEY_READS, "kms:ScheduleKeyDeletion"], keys, _has_tag(inputs)),
        ]
    if inputs["ca_alias"]:
        parameter = [arn(inputs, "ssm", f"parameter/{inputs['ca_parameter'].strip('/')}")]
        statements.append(allow("VaultCACertificate", ["ssm:DeleteParameter", "ssm:GetParameter"], parameter))
    return document(statements)


def drill_role_goes_policy(inputs: RunnerInputs) -> Document:
    """What decommission.yml looks for and removes of the machines of drills, whether these are switched on by now or not."""
    name = f"vault-{inputs['cluster']}-drill"
    return document(
        [allow("VaultDrillRole", [*ROLE_GOES, *PROFILE_GOES], [role_arn(inputs, name), _profile(inputs, name)])]
    )


# --- parts of several


def _node_identity(inputs: RunnerInputs) -> tuple[list[str], list[str]]:
    """ARNs of the nodes' role and of its instance profile, which have one name."""
    name = inputs["node_role"]
    return [role_arn(inputs, name)], [_profile(inputs, name)]


def _lease(inputs: RunnerInputs) -> Document:
    path = arn(inputs, "ssm", f"parameter/{inputs['lease'].strip('/')}")
    return allow("VaultLease", LEASE, [path, f"{path}/*"])


def _inventory(inputs: RunnerInputs) -> Document:
    return _look(inputs, ["ec2:DescribeInstances"], "VaultInventory")


def _nodes(inputs: RunnerInputs) -> list[Document]:
    """Find the nodes and, through Systems Manager, reach them: with a bucket by Ansible's own connection, else by SSH."""
    if not (inputs["transfer_bucket"] or inputs["sessions"]):
        return [_inventory(inputs)]
    tag = {"StringEquals": {f"ssm:resourceTag/{inputs['tag']['key']}": inputs["tag"]["value"]}}
    own = [arn(inputs, "ssm", f"session/${{aws:{name}}}-*") for name in ("userid", "username")]
    shell = arn(inputs, "ssm", "document/SSM-SessionManagerRunShell")
    # A document of AWS's own is in no account.
    ssh = f"arn:{inputs['partition']}:ssm:{inputs['region']}::document/AWS-StartSSHSession"
    return [
        # Also whether an agent is online.
        _look(inputs, ["ec2:DescribeInstances", "ssm:DescribeInstanceInformation"], "VaultInventory"),
        allow("VaultSessions", ["ssm:StartSession"], [_ec2(inputs, "instance/*")], tag),
        allow("VaultSessionDocument", ["ssm:StartSession"], [shell if inputs["transfer_bucket"] else ssh]),
        allow("VaultOwnSessions", ["ssm:ResumeSession", "ssm:TerminateSession"], own),
        *(_transfer(inputs) if inputs["transfer_bucket"] else []),
    ]


def _transfer(inputs: RunnerInputs) -> list[Document]:
    """Send files through the bucket, and sign the links that nodes fetch them by."""
    bucket = f"arn:{inputs['partition']}:s3:::{inputs['transfer_bucket']}"
    statements = [
        allow("VaultTransferBucket", ["s3:GetBucketVersioning", "s3:ListBucket"], [bucket]),
        allow("VaultTransfer", ["s3:DeleteObject", "s3:GetObject", "s3:PutObject"], [f"{bucket}/*"]),
    ]
    if inputs["transfer_key"]:
        # For the links too: who follows one acts as who has signed it.
        service = {"StringEquals": {"kms:ViaService": f"s3.{inputs['region']}.{dns_suffix(inputs['partition'])}"}}
        use = ["kms:Decrypt", "kms:GenerateDataKey"]
        statements.append(allow("VaultTransferKey", use, [inputs["transfer_key"]], service))
    return statements


def _to_machines(inputs: RunnerInputs) -> Document:
    """Launch machines for drills with their role, and nothing else."""
    machines = {"StringEquals": {"iam:PassedToService": service_principal("ec2", inputs["partition"])}}
    return allow("VaultDrillRoleForMachines", ["iam:PassRole"], [role_arn(inputs, inputs["drill_role"])], machines)


def _launch_with(inputs: RunnerInputs, subnets: list[str]) -> list[Document]:
    """Images are somebody else's, and network interfaces have no tag."""
    image = f"arn:{inputs['partition']}:ec2:{inputs['region']}::image/*"
    pair = [_ec2(inputs, f"key-pair/{inputs['key_pair']}")] if inputs["key_pair"] else []
    where = [_ec2(inputs, f"subnet/{subnet}") for subnet in subnets]
    things = [image, *where, _ec2(inputs, "network-interface/*"), *pair]
    return [allow("VaultLaunchWith", ["ec2:RunInstances"], things)]


def _volume_key(inputs: RunnerInputs) -> list[Document]:
    """Have EC2 use the key of new volumes. It asks KMS as whoever launches, and has a grant for as long as a volume is attached.
    AWS's own key lets everybody in the account do so."""
    if not inputs["ebs_key"]:
        return []
    key = [inputs["ebs_key"]]
    by_ec2 = {"StringEquals": {"kms:ViaService": f"ec2.{inputs['region']}.{dns_suffix(inputs['partition'])}"}}
    for_aws = {"Bool": {"kms:GrantIsForAWSResource": "true"}}
    return [
        allow("VaultVolumeKeyLook", ["kms:DescribeKey"], key),
        allow("VaultVolumeKey", VOLUME_KEY_USE, key, by_ec2),
        allow("VaultVolumeKeyGrant", ["kms:CreateGrant"], key, {**by_ec2, **for_aws}),
    ]


def _profile(inputs: RunnerInputs, name: str) -> str:
    return _iam(inputs, f"instance-profile{inputs['iam_path']}{name}")


def _own_buckets(inputs: RunnerInputs) -> list[str]:
    names = [name for name in (inputs["bucket"], inputs["replica_bucket"], inputs["own_transfer_bucket"]) if name]
    return [f"arn:{inputs['partition']}:s3:::{name}" for name in names]


def _known_ca(inputs: RunnerInputs) -> list[Document]:
    # Who logs in by certificate has one signed for each run.
    return ca_statements(inputs, signs=inputs["certificates"], publishes=False) if inputs["ca_alias"] else []


def _key_names(inputs: RunnerInputs, makes: bool = False) -> Document:
    """*makes*: who may make a key looks for one that a killed run has left."""
    actions = ["kms:ListAliases", *(["kms:ListKeys"] if makes else [])]
    return allow("VaultKeyNames", actions, ["*"], {"StringEquals": {"aws:RequestedRegion": all_regions(inputs)}})


def _unseal_key(inputs: RunnerInputs, more: t.Sequence[str] = (), others: t.Sequence[str] = ()) -> list[Document]:
    """Look at the unseal key, and where it is the cluster's own, make it and keep it in line. *others*: ARNs of further aliases
    that may be made."""
    regions = all_regions(inputs)
    keys = [arn(inputs, "kms", "key/*", region) for region in regions]
    look = allow("VaultKey", KEY_READS, keys, known_as([inputs["alias"]]))
    if not inputs["manages_key"]:
        return [look, *([allow("VaultKeyAlias", ["kms:CreateAlias"], [*others])] if others else [])]
    aliases = [arn(inputs, "kms", inputs["alias"], region) for region in regions]
    own = ["kms:CreateAlias", *KEY_CHANGES, *more, *(["kms:ReplicateKey"] if inputs["replica_region"] else [])]
    return [
        *_new_key(inputs),
        # Before it has its alias, too: a run that was killed left it without.
        allow("VaultKey", sorted({*KEY_READS, *own}), keys, _has_tag(inputs)),
        allow("VaultKeyAlias", ["kms:CreateAlias"], [*aliases, *others]),
    ]


def _new_key(inputs: RunnerInputs) -> list[Document]:
    """Make a key with the cluster's tag."""
    tagged = _asks_for_tag(inputs)["StringEquals"]
    replicates = inputs["manages_key"] and inputs["replica_region"]
    # A replica is made by KMS itself, and nobody says whether it then shows the tags that were asked for.
    new_key = (
        {"aws:RequestedRegion": all_regions(inputs)}
        if replicates
        else {"aws:RequestedRegion": inputs["region"], **tagged}
    )
    # A key that somebody has given an alias is not new, and to tag it would be to take it.
    new = {"Null": {"kms:ResourceAliases": "true"}}
    statements = [
        allow("VaultNewKey", ["kms:CreateKey"], ["*"], {"StringEquals": new_key}),
        allow("VaultNewKeyTag", ["kms:TagResource"], [arn(inputs, "kms", "key/*")], {"StringEquals": tagged, **new}),
    ]
    if replicates:
        there = arn(inputs, "kms", "key/*", inputs["replica_region"])
        statements.append(allow("VaultReplicaTag", ["kms:TagResource"], [there], new))
    return statements


def _alarms(inputs: RunnerInputs, topic: list[str], rule: list[str], alarms: list[str]) -> list[Document]:
    start = f"vault-{inputs['cluster']}"
    return [
        _look(inputs, ["cloudwatch:DescribeAlarms"], "VaultAlarmsLook"),
        allow("VaultAlarms", alarms, [arn(inputs, "cloudwatch", f"alarm:{start}-alarm-*")]),
        allow("VaultKeyRule", rule, [arn(inputs, "events", f"rule/{start}-keys")]),
        *([allow("VaultTopic", topic, [arn(inputs, "sns", f"{start}-alarms")])] if topic else []),
    ]


def _alarms_alias(inputs: RunnerInputs) -> list[str]:
    """Of the topic's key."""
    makes = inputs["alarms"] and not inputs["alarms_topic"]
    return [arn(inputs, "kms", f"alias/vault-{inputs['cluster']}-alarms")] if makes else []


def _alarms_keys(inputs: RunnerInputs) -> list[Document]:
    """The keys that are watched, and the topic's. What 'provision' allows on keys with the cluster's tag counts, too."""
    keys, found = [arn(inputs, "kms", "key/*")], []
    if inputs["ca_alias"]:
        found.append(allow("VaultCASeen", ["kms:DescribeKey"], keys, known_as([inputs["ca_alias"]])))
    if inputs["alarms_topic"]:
        return found
    if not inputs["manages_key"]:
        own = sorted([*KEY_READS, *KEY_CHANGES, "kms:CreateAlias", "kms:PutKeyPolicy"])
        found += [*_new_key(inputs), allow("VaultAlarmsKey", own, keys, _has_tag(inputs))]
    return found


def _read_snapshots(inputs: RunnerInputs) -> list[Document]:
    """Of this cluster, and their manifests; what the bucket is encrypted with, through S3 alone."""
    snapshots = [f"{bucket_arn(inputs)}/{start_of_keys(inputs['prefix'], inputs['cluster'])}*"]
    opened = {**through_bucket(inputs), **known_as([inputs["alias"]])}
    return [
        bucket_seen(inputs),
        allow("VaultSnapshots", ["s3:GetObject"], snapshots),
        allow("VaultBucketKey", ["kms:Decrypt"], [arn(inputs, "kms", "key/*")], opened),
    ]


def _records(inputs: RunnerInputs, actions: list[str]) -> Document:
    return allow("VaultRecords", actions, [f"{bucket_arn(inputs)}/{inputs['records'].strip('/')}/*"])


def _look(
    inputs: RunnerInputs, actions: list[str], sid: str = "VaultLook", regions: list[str] | None = None
) -> Document:
    """What knows no resources."""
    return allow(
        sid, actions, ["*"], {"StringEquals": {"aws:RequestedRegion": one_or_several(regions or [inputs["region"]])}}
    )


def _has_tag(inputs: RunnerInputs) -> Document:
    return {"StringEquals": {f"aws:ResourceTag/{inputs['tag']['key']}": inputs["tag"]["value"]}}


def _asks_for_tag(inputs: RunnerInputs) -> Document:
    return {"StringEquals": {f"aws:RequestTag/{inputs['tag']['key']}": inputs["tag"]["value"]}}


def _bounded(inputs: RunnerInputs) -> Document | None:
    return {"ArnEquals": {"iam:PermissionsBoundary": inputs["boundary"]}} if inputs["boundary"] else None


def _balancer(inputs: RunnerInputs) -> tuple[str, str, str]:
    name = f"vault-{inputs['cluster']}"
    kinds = ("loadbalancer/net", "targetgroup", "listener/net")
    balancer, targets, listener = (arn(inputs, "elasticloadbalancing", f"{kind}/{name}/*") for kind in kinds)
    return balancer, targets, listener


def _balancer_name(inputs: RunnerInputs) -> list[Document]:
    """Look at the zone's records, which AWS allows for all of a zone or not at all, and change this one: a look names none, and
    ForAllValues lets through what is not there."""
    if not inputs["balancer_zone"]:
        return []
    zone = [f"arn:{inputs['partition']}:route53:::hostedzone/{inputs['balancer_zone']}"]
    only = {"NormalizedRecordNames": [inputs["balancer_name"].lower()], "RecordTypes": ["A"]}
    this = {
        "ForAllValues:StringEquals": {f"route53:ChangeResourceRecordSets{name}": value for name, value in only.items()}
    }
    return [allow("VaultName", _of("route53", "ChangeResourceRecordSets", "ListResourceRecordSets"), zone, this)]


def _ec2(inputs: RunnerInputs, name: str) -> str:
    return arn(inputs, "ec2", name)


def _image_parameter(inputs: RunnerInputs) -> str:
    """Without the version or the label. Those that AWS publishes are in no account."""
    name = inputs["image_parameter"].partition(":")[0]
    named = {**inputs, "account": "*"} if name.startswith("/aws/") else inputs
    return arn(t.cast("RunnerInputs", named), "ssm", f"parameter/{name.strip('/')}")


def _iam(inputs: RunnerInputs, name: str) -> str:
    return f"arn:{inputs['partition']}:iam::{inputs['account']}:{name}"


def _init_policy_arn(inputs: RunnerInputs) -> str:
    return _iam(inputs, f"policy{inputs['iam_path']}vault-{inputs['cluster']}-init")
