"""What the backup tool on a node asks of AWS, beside the policies of the nodes' role, the key and the bucket."""

from __future__ import annotations

from ansible_collections.vaultops.cluster.plugins.module_utils._aws import policies
from kit import aws_calls, simulator
from kit.account import ACCOUNT, Watching
from kit.backup_stage import BUCKET, REGION, STATE, archive, snapshot, whole
from kit.runners import EVERYTHING

KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/own"
INPUTS: policies.PolicyInputs = {
    **EVERYTHING,
    "account": ACCOUNT,
    "bucket": BUCKET,
    "prefix": "snapshots",
    "key_arns": [KEY],
    "snapshot_key": "",
}
NODE = policies.role_arn(INPUTS, "vault-prod-node")
CLUSTER = aws_calls.Cluster(ACCOUNT, "prod", "alias/vault-unseal", "alias/vault-prod-ca", REGION)


def test_a_node_is_allowed_all_that_a_backup_asks_for(stage):
    with Watching(("127.0.0.1", 0), stage.aws) as proxy:
        stage.config["kms"]["endpoint_url"] = stage.config["s3"]["endpoint_url"] = proxy.url
        stage.vault.body = snapshot(7)
        stage.succeed()
        # In two parts, and the first one is superseded.
        stage.vault.body = whole(archive(STATE))
        stage.succeed()
    # S3 says the checksum when it completes an upload. The stand-in does not, and is asked for the object's head.
    requests = [one for one in proxy.requests if not one.operation.startswith("HEAD ")]
    asked = {each for request in requests for each in aws_calls.asked(request, CLUSTER)}
    actions = {one.action for one in asked}
    assert {"kms:GenerateDataKey", "s3:PutObject", "s3:PutObjectTagging", "s3:ListBucket"} <= actions
    key, bucket = policies.key_policy(INPUTS, [f"{NODE}-admin"], "vault-prod-node"), policies.bucket_policy(INPUTS)
    cases = [
        simulator.Case(NODE, [policies.node_policy(INPUTS)], one, key if one.resource == KEY else bucket)
        for one in asked
    ]
    assert simulator.refused(cases) == []
    # By the bucket's policy: what would put another thing in a snapshot's place.
    uploads = [case for case in cases if case.asked.context.get("s3:ObjectCreationOperation") == "true"]
    blind = [
        simulator.Case(case.who, case.policies, aws_calls.without(case.asked, "s3:if-none-match"), bucket)
        for case in uploads
    ]
    assert uploads and set(simulator.decide(blind)) == {"ExplicitlyDenied"}
