"""What provision.yml made in the account, and what the EC2 inventory makes of it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time

import boto3
import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._aws.runner_policies import RunnerInputs, runner_policies
from kit import aws_calls, iam, simulated
from kit.runners import PLAIN
from labkit.servers import requests_file
from labkit.settings import ACCOUNT, REGION

# Whatever these tests themselves ask of AWS comes later.
BEGAN = time.time()
CLUSTER = "prod"
INPUTS: RunnerInputs = {
    **PLAIN,
    "account": ACCOUNT,
    "snapshots": True,
    "bucket": "example-vault-snapshots",
    "secret": "vault/test/recovery",
    "node_role": "vault-node",
    "drill_role": "",
    "iam_path": "/",
    "ca_alias": "alias/vault-test-ca",
    "ca_parameter": "/vaultops/test/ca",
    "balancer": True,
    "subnets": [],
}
ADDRESSES = {"vault-1": "10.0.2.10", "vault-2": "10.0.2.11", "vault-3": "10.0.2.12"}


@pytest.fixture(scope="module")
def aws(lab):
    return lambda service: boto3.client(service, region_name="eu-central-1", endpoint_url=lab.aws_url)


@pytest.fixture(scope="module")
def instances(aws):
    reservations = aws("ec2").describe_instances(Filters=[{"Name": "tag:vault-cluster", "Values": [CLUSTER]}])
    found = [instance for reservation in reservations["Reservations"] for instance in reservation["Instances"]]
    return {name_of(instance): instance for instance in found}


def name_of(instance) -> str:
    return next(tag["Value"] for tag in instance["Tags"] if tag["Key"] == "Name")


def inventory(lab, *arguments) -> str:
    """What ansible-inventory says of the plug-in's inventory."""
    root = os.environ["MOLECULE_PROJECT_DIRECTORY"]
    command = ["ansible-inventory", "-i", f"{root}/inventories/ec2/vault.aws_ec2.yml", *arguments]
    environment = {**os.environ, "AWS_ENDPOINT_URL": lab.aws_url}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout


def test_graph_has_the_nodes_by_name_in_their_groups(lab):
    lines = [line.strip(" |-") for line in inventory(lab, "--graph").splitlines()]
    for group in ("@vault:", f"@cluster_{CLUSTER}:"):
        start = lines.index(group) + 1
        assert sorted(lines[start : start + 3]) == sorted(ADDRESSES), lines


def test_nodes_are_known_by_their_private_addresses(lab):
    hosts = json.loads(inventory(lab, "--list"))["_meta"]["hostvars"]
    for name, address in ADDRESSES.items():
        # ansible-inventory marks what comes from outside as not to be templated.
        assert hosts[name]["vault_address"] == {"__ansible_unsafe": address}
        assert hosts[name]["ansible_host"] == {"__ansible_unsafe": address}
    assert set(hosts) == set(ADDRESSES)


@pytest.mark.parametrize("name", ADDRESSES)
def test_the_playbooks_logged_in_as_an_ordinary_user_and_left_no_file_of_theirs(lab, name):
    node = next(node for node in lab.nodes if node.hostname == name)
    command = ["docker", "exec", node.container, "journalctl", "--no-pager", "--boot", "_COMM=sshd", "+", "_COMM=sudo"]
    journal = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert re.search(r"sshd\[\d+\]: Accepted publickey for admin from ", journal), journal
    assert "Accepted publickey for root" not in journal
    # Pipelining: a module goes into Python's standard input, and nothing that another user could change lies on the disk.
    assert re.search(
        r"sudo\[\d+\]: +admin : .* COMMAND=/bin/sh -c 'echo BECOME-SUCCESS-\w+ ; /usr/bin/python3(\.\d+)?'", journal
    )
    assert "AnsiballZ_" not in journal


@pytest.mark.parametrize("name", ADDRESSES)
def test_data_audit_log_and_journal_are_on_the_volumes_that_the_instance_was_launched_with(lab, instances, name):
    node = next(node for node in lab.nodes if node.hostname == name)
    attached = {one["DeviceName"]: one["Ebs"]["VolumeId"] for one in instances[name]["BlockDeviceMappings"]}
    places = {"/dev/sdf": "/opt/vault/data", "/dev/sdg": "/var/log/vault", "/dev/sdh": "/var/log/journal"}
    for device, place in places.items():
        link = f"/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_{attached[device].replace('-', '')}"
        script = f"findmnt -no SOURCE --mountpoint {place}; readlink -f {link}"
        command = ["docker", "exec", node.container, "sh", "-c", script]
        there, disk = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
        assert there == disk


def test_instances_are_three_and_fenced_in(aws, instances):
    ec2 = aws("ec2")
    assert {name: instance["PrivateIpAddress"] for name, instance in instances.items()} == ADDRESSES
    for instance in instances.values():
        assert instance["MetadataOptions"]["HttpTokens"] == "required"
        assert instance["MetadataOptions"]["HttpPutResponseHopLimit"] == 1
        assert instance["IamInstanceProfile"]["Arn"].endswith("/vault-node")
        assert not instance.get("PublicIpAddress")
        protected = ec2.describe_instance_attribute(
            InstanceId=instance["InstanceId"], Attribute="disableApiTermination"
        )
        assert protected["DisableApiTermination"]["Value"] is True
        volumes = ec2.describe_volumes(
            Filters=[{"Name": "attachment.instance-id", "Values": [instance["InstanceId"]]}]
        )["Volumes"]
        # The root volume, and those of data, audit log and journal.
        assert [(one["Encrypted"], one["VolumeType"]) for one in volumes] == [(True, "gp3")] * 4


def test_only_vaults_ports_are_open(aws):
    groups = aws("ec2").describe_security_groups(Filters=[{"Name": "tag:vault-cluster", "Values": [CLUSTER]}])
    (group,) = groups["SecurityGroups"]
    networks = {}
    for rule in group["IpPermissions"]:
        for port in range(rule["FromPort"], rule["ToPort"] + 1):
            sources = [source["CidrIp"] for source in rule["IpRanges"]]
            sources += ["nodes" for pair in rule["UserIdGroupPairs"] if pair["GroupId"] == group["GroupId"]]
            networks.setdefault(port, set()).update(sources)
    # The load balancer is in the nodes' group.
    assert networks == {8200: {"10.0.0.0/16", "nodes"}, 8201: {"nodes"}}
    (balancer,) = aws("elbv2").describe_load_balancers(Names=[f"vault-{CLUSTER}"])["LoadBalancers"]
    assert balancer["SecurityGroups"] == [group["GroupId"]]


def test_role_may_unseal_with_this_key_and_no_other(aws):
    policy = aws("iam").get_role_policy(RoleName="vault-node", PolicyName="vault")["PolicyDocument"]
    key = aws("kms").describe_key(KeyId="alias/vault-unseal")["KeyMetadata"]["Arn"]
    unseal = next(statement for statement in policy["Statement"] if statement["Sid"] == "VaultKMSUnseal")
    assert unseal["Resource"] == [key]
    assert not [statement for statement in policy["Statement"] if "secretsmanager" in json.dumps(statement)]
    assert aws("iam").list_attached_role_policies(RoleName="vault-node")["AttachedPolicies"] == []


def test_key_rotates_and_its_policy_names_administrators_and_nodes_only(aws):
    kms = aws("kms")
    key = kms.describe_key(KeyId="alias/vault-unseal")["KeyMetadata"]["Arn"]
    assert kms.get_key_rotation_status(KeyId=key)["KeyRotationEnabled"]
    policy = json.loads(kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"])
    principals = {principal for statement in policy["Statement"] for principal in statement["Principal"]["AWS"]}
    assert principals == {"arn:aws:iam::123456789012:root", "arn:aws:iam::123456789012:role/vault-node"}


def test_bucket_is_private_versioned_and_encrypted_with_the_key(aws):
    s3, bucket = aws("s3"), "example-vault-snapshots"
    key = aws("kms").describe_key(KeyId="alias/vault-unseal")["KeyMetadata"]["Arn"]
    (rule,) = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    assert all(s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"].values())
    rules = s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    (expiry,) = (rule for rule in rules if "Days" in rule["Expiration"])
    assert expiry["Expiration"]["Days"] == 30
    assert expiry["Filter"]["And"]["Tags"] == [{"Key": "vaultops-superseded", "Value": "true"}]
    # The stand-in keeps a policy, and holds nobody to it.
    statements = {one["Sid"]: one for one in json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"])["Statement"]}
    without_tls = statements["TLSOnly"]
    assert (without_tls["Effect"], without_tls["Principal"]) == ("Deny", "*")
    assert without_tls["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_load_balancer_checks_vaults_health_on_every_node(aws, instances):
    elb = aws("elbv2")
    (group,) = elb.describe_target_groups(Names=[f"vault-{CLUSTER}"])["TargetGroups"]
    assert (group["Protocol"], group["Port"]) == ("TCP", 8200)
    assert (group["HealthCheckProtocol"], group["HealthCheckPath"]) == ("HTTPS", "/v1/sys/health?standbyok=true")
    assert (group["HealthCheckIntervalSeconds"], group["UnhealthyThresholdCount"]) == (5, 2)
    targets = elb.describe_target_health(TargetGroupArn=group["TargetGroupArn"])["TargetHealthDescriptions"]
    assert {target["Target"]["Id"] for target in targets} == {instance["InstanceId"] for instance in instances.values()}
    (balancer,) = elb.describe_load_balancers(Names=[f"vault-{CLUSTER}"])["LoadBalancers"]
    assert (balancer["Type"], balancer["Scheme"]) == ("network", "internal")
    for arn in (group["TargetGroupArn"], balancer["LoadBalancerArn"]):
        (described,) = elb.describe_tags(ResourceArns=[arn])["TagDescriptions"]
        assert {"Key": "vault-cluster", "Value": CLUSTER} in described["Tags"]


def test_whoever_ran_the_playbooks_asked_for_nothing_that_their_policies_do_not_allow(lab, aws):
    """provision.yml has the lease in AWS, and site.yml takes none there."""
    requests = aws_calls.written(requests_file(lab), os.environ["AWS_ACCESS_KEY_ID"], BEGAN)
    provision, site = aws_calls.by_lease(requests)
    assert {"RunInstances", "CreateLoadBalancer"} <= {one.operation for one in provision}
    assert {"CreateSecret", "Sign", "GetPublicKey"} <= {one.operation for one in site}
    policies = runner_policies(INPUTS)
    cluster = aws_calls.Cluster(ACCOUNT, CLUSTER, INPUTS["alias"], INPUTS["ca_alias"], REGION)
    assert iam.refused([policies["provision"], policies["provision-machines"]], provision, cluster) == []
    # It is asked before the lease is, and goes on without an answer.
    before = [one for one in site if one.operation != "ListAccountAliases"]
    assert iam.refused([policies["site"]], before, cluster) == []
    made = [policies["provision"], policies["provision-machines"]]
    for allowed, requests_made in ((made, provision), ([policies["site"]], before)):
        asked = {each for one in requests_made for each in aws_calls.asked(one, cluster)}
        assert simulated.refused(aws, cluster, INPUTS["bucket"], allowed, asked) == []
