"""Policies: a golden file for each combination, and nothing wider than AWS makes it."""

from __future__ import annotations

import inspect
import json

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._aws import policies
from ansible_collections.vaultops.cluster.plugins.module_utils._snapshot import manifest
from kit.paths import GOLDEN

POLICIES = GOLDEN / "policies"
KEY = "arn:aws:kms:eu-central-1:111122223333:key/mrk-1"
REPLICA = "arn:aws:kms:eu-west-1:111122223333:key/mrk-1"
ADMIN = "arn:aws:iam::111122223333:role/admin"
NODES = "arn:aws:iam::111122223333:role/vault-prod-node"
OPERATOR = "arn:aws:iam::111122223333:role/operator"
SNAPSHOT_KEY = "arn:aws:kms:eu-central-1:444455556666:key/snapshots"
PLAIN: policies.PolicyInputs = {
    "partition": "aws",
    "account": "111122223333",
    "region": "eu-central-1",
    "cluster": "prod",
    "key_arns": [KEY],
    "auto_join": False,
    "snapshots": False,
    "snapshot_key": "",
    "bucket": "",
    "prefix": "vault/prod",
    "archive": False,
    "replica_region": "",
    "replica_bucket": "",
    "restorers": [OPERATOR],
    "secret": "vault/prod/recovery",
    "node_role": "vault-prod-node",
    "iam_path": "/",
    "sessions": False,
    "ca_alias": "alias/vault-prod-ca",
    "ca_parameter": "/vaultops/prod/ca",
    "custody_key": "",
    "file_sink": False,
}
AUTO_JOIN: policies.PolicyInputs = {**PLAIN, "auto_join": True}
SNAPSHOTS: policies.PolicyInputs = {**PLAIN, "snapshots": True, "bucket": "example-snapshots"}
EVERYTHING: policies.PolicyInputs = {
    **SNAPSHOTS,
    "auto_join": True,
    "key_arns": [KEY, REPLICA],
    "snapshot_key": SNAPSHOT_KEY,
    "archive": True,
    "sessions": True,
    "replica_region": "eu-west-1",
    "replica_bucket": "example-snapshots-eu-west-1",
}
COMBINATIONS = {
    "node_static": policies.node_policy(PLAIN),
    "node_auto_join": policies.node_policy(AUTO_JOIN),
    "node_snapshots": policies.node_policy(SNAPSHOTS),
    "node_everything": policies.node_policy(EVERYTHING),
    "init": policies.init_policy(PLAIN),
    "init_bucket": policies.init_policy(SNAPSHOTS),
    "bucket": policies.bucket_policy(SNAPSHOTS),
    "key_plain": policies.key_policy(PLAIN, [ADMIN], "vault-prod-node"),
    "replication": policies.replication_policy(EVERYTHING),
    "key_everything": policies.key_policy(
        EVERYTHING, [ADMIN], "vault-prod-node", custody_in_file=True, break_glass=True
    ),
}


def snapshot_context(cluster):
    """What a snapshot of that cluster is encrypted with, whatever else is in it."""
    wanted = inspect.signature(manifest.encryption_context).parameters
    return manifest.encryption_context(**{name: cluster if name == "cluster_name" else "x" for name in wanted})


# What AWS itself gives no resources to: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html
WITHOUT_RESOURCES = {"ec2:DescribeInstances", *policies.SESSIONS}


@pytest.mark.parametrize("name", COMBINATIONS)
def test_policy_is_the_golden_one(name):
    assert COMBINATIONS[name] == json.loads((POLICIES / f"{name}.json").read_text())


def test_who_runs_init_with_a_file_as_the_sink_keeps_only_the_journal():
    with_bucket = policies.init_policy({**SNAPSHOTS, "secret": ""})["Statement"]
    assert [one["Sid"] for one in with_bucket] == [
        "VaultInitJournal",
        "VaultBucketSeen",
        "VaultCA",
        "VaultCACertificate",
    ]
    assert not any("secretsmanager" in action for one in with_bucket for action in one["Action"])


@pytest.mark.parametrize(
    ("changes", "actions", "resource", "conditions"),
    [
        (
            {"custody_key": "1234"},
            "GenerateDataKey",
            "arn:aws:kms:eu-central-1:111122223333:key/1234",
            {"StringEquals"},
        ),
        ({"custody_key": SNAPSHOT_KEY}, "GenerateDataKey", SNAPSHOT_KEY, {"StringEquals"}),
        (
            {"custody_key": "alias/keys", "file_sink": True, "secret": ""},
            "Encrypt",
            "arn:aws:kms:eu-central-1:111122223333:key/*",
            {"StringEquals", "ForAnyValue:StringEquals"},
        ),
    ],
)
def test_who_runs_init_uses_the_key_of_the_recovery_keys_and_for_these_alone(changes, actions, resource, conditions):
    (granted,) = (
        one for one in policies.init_policy({**PLAIN, **changes})["Statement"] if one["Sid"] == "VaultCustodyKey"
    )
    assert granted["Action"] == ["kms:Decrypt", f"kms:{actions}"]
    assert granted["Resource"] == [resource]
    assert set(granted["Condition"]) == conditions
    (bound,) = granted["Condition"]["StringEquals"]
    assert bound == ("kms:EncryptionContext:vaultops:cluster" if changes.get("file_sink") else "kms:ViaService")


def test_no_node_reads_or_writes_what_controllers_keep_even_without_a_prefix():
    denied = policies.bucket_policy({**SNAPSHOTS, "prefix": ""})["Statement"][-1]
    assert (denied["Effect"], denied["Principal"], denied["Action"]) == ("Deny", {"AWS": [NODES]}, ["s3:*"])
    assert denied["Resource"] == [f"arn:aws:s3:::example-snapshots/{name}/*" for name in ("init", "records")]


def test_every_golden_file_is_compared():
    assert {path.stem for path in POLICIES.glob("*.json")} == set(COMBINATIONS)


@pytest.mark.parametrize("name", COMBINATIONS)
def test_nothing_is_wider_than_aws_makes_it(name):
    for statement in COMBINATIONS[name]["Statement"]:
        if statement["Effect"] == "Deny":
            continue
        assert not [action for action in statement["Action"] if "*" in action], statement
        # In a key's policy "*" is the key.
        if "*" in statement["Resource"] and not name.startswith("key_"):
            assert set(statement["Action"]) <= WITHOUT_RESOURCES, statement
            assert statement["Condition"]
        assert statement.get("Principal") != "*"


def test_administrators_can_not_read_what_the_key_encrypted():
    use = {"kms:Encrypt", "kms:Decrypt", "kms:ReEncryptFrom", "kms:GenerateDataKey", "kms:CreateGrant"}
    assert not use & set(policies.ADMINISTER_KEY)


def decrypting(document):
    """Principal and condition of every statement by which somebody decrypts."""
    return [
        (statement["Principal"]["AWS"], statement.get("Condition"))
        for statement in document["Statement"]
        if "kms:Decrypt" in statement["Action"]
    ]


def test_who_restores_decrypts_snapshots_of_this_cluster_and_nothing_else():
    nodes, *others = decrypting(policies.key_policy(SNAPSHOTS, [ADMIN], "vault-prod-node"))
    assert nodes == ([NODES], {"Null": {"kms:EncryptionContext:vaultops:cluster": "true"}})
    assert [who for who, _condition in others] == [[OPERATOR], [OPERATOR]]
    context = snapshot_context(SNAPSHOTS["cluster"])
    asked = [condition["StringEquals"] for _who, condition in others]
    (name,) = asked[0]
    assert asked[0][name] == context[name.removeprefix("kms:EncryptionContext:")]
    assert asked[1] == {"kms:ViaService": "s3.eu-central-1.amazonaws.com"}


def allowed(statement, context):
    """Whether the Null conditions of a statement hold for a call with this encryption context."""
    given = {f"kms:EncryptionContext:{name}" for name in context}
    asked = statement.get("Condition", {}).get("Null", {})
    return all((name not in given) == (absent == "true") for name, absent in asked.items())


@pytest.mark.parametrize(
    ("context", "nodes_may"),
    [
        ({}, True),  # Vault's own seal
        (snapshot_context("prod"), True),
        ({"aws:s3:arn": "arn:aws:s3:::example-snapshots"}, True),
        # The custody sink kms_file, of this cluster and of another.
        ({"vaultops:cluster": "prod"}, False),
        ({"vaultops:cluster": "staging"}, False),
    ],
)
def test_nodes_do_not_open_the_file_with_the_recovery_keys(context, nodes_may):
    document = policies.key_policy(SNAPSHOTS, [ADMIN], "vault-prod-node", custody_in_file=True)
    in_key = [each for each in document["Statement"] if each["Principal"]["AWS"] == [NODES]]
    in_role = [each for each in policies.node_policy(SNAPSHOTS)["Statement"] if "kms:Decrypt" in each["Action"]]
    assert len(in_key) == len(in_role) == 1
    assert [allowed(each, context) for each in in_key + in_role] == [nodes_may, nodes_may]


def test_nodes_do_not_read_snapshots_and_the_bucket_keeps_them_from_more_than_adding():
    objects = [each for each in policies.node_policy(EVERYTHING)["Statement"] if each["Sid"] == "VaultSnapshots"]
    assert not {"s3:GetObject", "s3:DeleteObject"} & set(objects[0]["Action"])
    denied = {
        action: each
        for each in policies.bucket_policy(EVERYTHING)["Statement"]
        if each["Effect"] == "Deny" and each["Principal"] == {"AWS": [NODES]}
        for action in each["Action"]
    }
    never = {"s3:DeleteObject", "s3:DeleteObjectVersion", "s3:PutLifecycleConfiguration", "s3:PutBucketVersioning"}
    for action in never | {"s3:PutBucketPolicy", "s3:GetObject"}:
        assert "Condition" not in denied[action]
    # An allow of the role's own that a deny without a condition takes back would stop the snapshots.
    unconditional = {action for action, each in denied.items() if "Condition" not in each}
    assert not unconditional & set(objects[0]["Action"])
    assert denied["s3:PutObject"]["Condition"]["Null"] == {"s3:if-none-match": "true"}


def test_who_archives_audit_files_adds_them_and_does_nothing_else_with_them():
    found = {each["Sid"]: each for each in policies.node_policy(EVERYTHING)["Statement"]}["VaultAuditArchive"]
    assert found["Action"] == ["s3:PutObject"]
    places = ("example-snapshots", "example-snapshots-eu-west-1")
    assert found["Resource"] == [f"arn:aws:s3:::{place}/audit/prod/*" for place in places]
    for changes in ({"archive": False}, {"bucket": ""}):
        assert "audit" not in json.dumps(policies.node_policy({**EVERYTHING, **changes}))


@pytest.mark.parametrize(
    ("transfer", "snapshots", "refused"),
    [("files", "snapshots", False), ("", "", False), ("snapshots", "snapshots", True), ("", "snapshots", False)],
)
def test_files_do_not_travel_through_the_bucket_of_snapshots(transfer, snapshots, refused):
    found = policies.transfer_bucket_problems(transfer, snapshots)
    assert bool(found) is refused
    assert all("ansible_aws_ssm_bucket_name" in problem for problem in found)


@pytest.mark.parametrize(
    ("principal", "patterns"),
    [
        ("arn:aws:iam::111122223333:role/x/platform", ["role/x/platform"]),
        # It may have a path that the inventory does not name: AWS's SSO roles have one.
        (
            "arn:aws:iam::111122223333:role/AWSReservedSSO_Admin",
            ["role/*/AWSReservedSSO_Admin", "role/AWSReservedSSO_Admin"],
        ),
        ("arn:aws:iam::111122223333:user/ada", ["user/ada"]),
        # A session's ARN does not hold the path of its role.
        ("arn:aws:sts::111122223333:assumed-role/platform/ada", ["role/*/platform", "role/platform"]),
        ("arn:aws:iam::111122223333:root", ["*"]),
        ("111122223333", ["*"]),
    ],
)
def test_files_are_for_those_alone_who_run_playbooks(principal, patterns):
    tls, alone = policies.transfer_bucket_policy(SNAPSHOTS, "files", [principal])["Statement"]
    assert (tls["Sid"], tls["Resource"]) == ("TLSOnly", ["arn:aws:s3:::files", "arn:aws:s3:::files/*"])
    assert alone["Effect"] == "Deny" and alone["Principal"] == "*"
    allowed = [f"arn:aws:iam::111122223333:{pattern}" for pattern in patterns]
    assert alone["Condition"] == {"ArnNotLike": {"aws:PrincipalArn": allowed}}
    # Who removes the cluster empties it, and who provisions looks after it.
    assert alone["Action"] == ["s3:GetObject*", "s3:PutObject*"] and alone["Resource"] == ["arn:aws:s3:::files/*"]


@pytest.mark.parametrize(
    ("bucket", "sessions", "snapshots", "principals", "says"),
    [
        ("files", True, "snapshots", [ADMIN], []),
        ("", False, "snapshots", [], []),
        ("same", True, "same", [ADMIN], ["vault_ssm_bucket and vault_snapshot_bucket are both same"]),
        ("files", False, "", [ADMIN], ["vault_ssm is false"]),
        ("files", True, "", [], ["vault_ssm_principals is empty"]),
    ],
)
def test_which_bucket_is_made_for_files(bucket, sessions, snapshots, principals, says):
    found = policies.own_transfer_bucket_problems(bucket, sessions, snapshots, principals)
    assert len(found) == len(says) and all(part in one for part, one in zip(says, found, strict=True))


def test_s3_replicates_and_takes_nothing_away():
    """It adds to the bucket there, and reads here; each by the key of that region, and by S3 alone."""
    document = policies.replication_policy(EVERYTHING)
    found = {each["Sid"]: each for each in document["Statement"]}
    changes = {action for each in found.values() for action in each["Action"] if "Delete" in action or ":Put" in action}
    assert changes == set()
    assert all("-eu-west-1/" in name for name in found["VaultReplicas"]["Resource"])
    # The tag of what was superseded has to arrive, or nothing there would ever expire.
    assert "s3:ReplicateTags" in found["VaultReplicas"]["Action"]
    keys = {sid: each["Resource"] for sid, each in found.items() if each["Action"][0].startswith("kms:")}
    assert keys == {"VaultReplicationReads": [KEY], "VaultReplicationWrites": [REPLICA]}
    in_key = policies.key_policy(EVERYTHING, [ADMIN], "vault-prod-node")["Statement"]
    role = "arn:aws:iam::111122223333:role/vault-prod-replication"
    by_key = {
        action: each["Condition"] for each in in_key if each["Principal"]["AWS"] == [role] for action in each["Action"]
    }
    by_role = {action: found[sid]["Condition"] for sid in keys for action in found[sid]["Action"]}
    assert by_key == by_role
    assert "kms:ViaService" in json.dumps(by_key["kms:Encrypt"])


def test_init_s_journal_stays_in_its_region():
    for prefix in ("", "snapshots"):
        starts = policies.replicated({**EVERYTHING, "prefix": prefix}).values()
        assert not any("init/prod.journal".startswith(start) for start in starts)


def test_without_a_second_region_nobody_is_told_of_one():
    inputs: policies.PolicyInputs = {**EVERYTHING, "replica_region": "", "replica_bucket": "", "key_arns": [KEY]}
    documents = [
        policies.node_policy(inputs),
        policies.key_policy(inputs, [ADMIN], "n"),
        policies.bucket_policy(inputs),
    ]
    assert "eu-west-1" not in json.dumps(documents) and "replication" not in json.dumps(documents)


@pytest.mark.parametrize(
    ("changes", "manages", "says"),
    [
        ({}, True, []),
        ({"replica_bucket": "", "replica_region": ""}, False, []),
        ({"bucket": ""}, True, ["vault_snapshot_bucket, which would be replicated, is empty"]),
        ({"replica_region": ""}, True, ["vault_kms_replica_region, where the bucket would be, is empty"]),
        ({}, False, ["vault_kms_manage is false"]),
        ({"replica_bucket": "example-snapshots"}, True, ["so is vault_snapshot_bucket"]),
        ({"replica_bucket": "b" * 64}, True, ["takes 63 characters, where it has 64"]),
    ],
)
def test_a_bucket_that_can_not_be_in_the_second_region_is_refused(changes, manages, says):
    found = policies.replica_bucket_problems({**EVERYTHING, **changes}, manages)
    assert len(found) == len(says)
    assert all(words in problem for words, problem in zip(says, found, strict=True))


@pytest.mark.parametrize("changes", [{"bucket": "", "snapshots": False}, {"restorers": []}])
def test_where_nobody_restores_the_nodes_alone_decrypt(changes):
    assert len(decrypting(policies.key_policy({**SNAPSHOTS, **changes}, [ADMIN], "vault-prod-node"))) == 1


def test_snapshots_that_stay_on_the_nodes_need_a_key_and_no_bucket():
    inputs: policies.PolicyInputs = {**SNAPSHOTS, "bucket": "", "snapshot_key": SNAPSHOT_KEY}
    granted = {statement["Sid"]: statement for statement in policies.node_policy(inputs)["Statement"]}
    assert granted["VaultSnapshotKey"]["Resource"] == [KEY, SNAPSHOT_KEY]
    assert "s3" not in json.dumps(granted)
    document = policies.key_policy(inputs, [ADMIN], "vault-prod-node")
    assert "kms:GenerateDataKey" in document["Statement"][1]["Action"]
    assert "s3" not in json.dumps(document)


@pytest.mark.parametrize(
    ("prefix", "objects", "listed"),
    [
        ("snapshots", "arn:aws:s3:::example-snapshots/snapshots/*", "snapshots/*"),
        ("/vault/prod/", "arn:aws:s3:::example-snapshots/vault/prod/*", "vault/prod/*"),
        ("", "arn:aws:s3:::example-snapshots/*", None),
        ("/", "arn:aws:s3:::example-snapshots/*", None),
    ],
)
def test_slashes_around_the_prefix_make_no_difference(prefix, objects, listed):
    granted = {
        statement["Sid"]: statement for statement in policies.node_policy({**SNAPSHOTS, "prefix": prefix})["Statement"]
    }
    assert granted["VaultSnapshots"]["Resource"] == [objects]
    condition = {"StringLike": {"s3:prefix": listed}} if listed else None
    assert granted["VaultSnapshotList"].get("Condition") == condition


def test_other_partitions_have_other_arns():
    inputs: policies.PolicyInputs = {
        **EVERYTHING,
        "partition": "aws-cn",
        "key_arns": [],
        "snapshot_key": "",
        "restorers": ["me"],
    }
    assert "arn:aws:" not in json.dumps(policies.replication_policy(inputs))
    for document in (policies.node_policy(inputs), policies.key_policy(inputs, ["me"], "vault")):
        assert "arn:aws:" not in json.dumps(document)
    alone: policies.PolicyInputs = {**inputs, "replica_bucket": ""}
    (_decrypt, read) = policies.key_policy(alone, ["me"], "vault")["Statement"][-2:]
    assert read["Condition"]["StringEquals"] == {"kms:ViaService": "s3.eu-central-1.amazonaws.com.cn"}


def test_root_alone_breaks_the_glass_and_uses_nothing():
    document = policies.key_policy(PLAIN, [ADMIN], "vault-prod-node", break_glass=True)
    (found,) = (one for one in document["Statement"] if one["Sid"] == "BreakGlass")
    assert found["Principal"] == {"AWS": ["arn:aws:iam::111122223333:root"]}
    # Otherwise this ARN stands for every identity that an IAM policy allows the same.
    assert found["Condition"] == {"StringEquals": {"aws:PrincipalType": "Account"}}
    assert set(found["Action"]) < set(policies.ADMINISTER_KEY)
    assert "kms:PutKeyPolicy" in found["Action"]
    assert not set(found["Action"]) & {"kms:Encrypt", "kms:Decrypt", "kms:GenerateDataKey", "kms:ScheduleKeyDeletion"}


@pytest.mark.parametrize("root", ["arn:aws:iam::111122223333:root", "111122223333"])
def test_a_root_that_administers_needs_no_glass(root):
    document = policies.key_policy(PLAIN, [ADMIN, root], "vault-prod-node", break_glass=True)
    assert [one["Sid"] for one in document["Statement"]] == ["Administrators", "VaultNodes"]
