"""What the stand-in must hold before a node boots: the role, its instance profile, one instance per node, and a bucket."""

import json
import os
import typing as t
from pathlib import Path

from .say import LabError, say
from .settings import ACCOUNT, REGION, ROLE, Lab

# A request that leaves for the real AWS would carry these: worthless there by design. They are not the controller's, so that
# what the playbooks ask for can be told from what the lab does.
_CREDENTIALS = {"aws_access_key_id": "labkit", "aws_secret_access_key": "labkit"}
_IMAGE = "ami-12c6146b"  # one that the stand-in knows from the start
_POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Sid": "VaultKMSUnseal",
            "Effect": "Allow",
            "Action": ["kms:Encrypt", "kms:Decrypt", "kms:DescribeKey"],
            "Resource": "*",
        },
        {"Sid": "VaultAutoJoin", "Effect": "Allow", "Action": ["ec2:DescribeInstances"], "Resource": "*"},
        {
            "Sid": "VaultSnapshots",
            "Effect": "Allow",
            "Action": [
                "kms:GenerateDataKey",
                "s3:PutObject",
                "s3:GetObject",
                "s3:AbortMultipartUpload",
                "s3:ListBucketMultipartUploads",
            ],
            "Resource": "*",
        },
    ],
}
# Roles that people have, to log in to Vault as: the lab's own credentials are another principal, arn:aws:iam::...:user/moto.
PEOPLE = ("vault-admin", "vault-operator", "vault-viewer")
_ANYBODY = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}],
}
_TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"},
    ],
}


def ensure(lab: Lab) -> dict[str, str]:
    """Make what is missing; the id of every node's instance, by host name."""
    ec2 = client(lab, "ec2")
    found = _instances(lab, ec2)
    missing = [node for node in lab.nodes if node.hostname not in found]
    if missing:
        say(f"making instances in the AWS stand-in: {', '.join(node.hostname for node in missing)}")
        _ensure_role(client(lab, "iam"))
        _ensure_people(client(lab, "iam"))
        _ensure_bucket(lab, client(lab, "s3"))
        subnet = _ensure_subnet(lab, ec2)
        for node in missing:
            found[node.hostname] = _run(lab, ec2, subnet, node.hostname, node.address)
    return found


def person(role: str) -> str:
    """The ARN of one of PEOPLE."""
    return f"arn:aws:iam::{ACCOUNT}:role/{role}"


def assume(lab: Lab, role: str) -> dict[str, str]:
    """Credentials of one of PEOPLE, as the environment has them."""
    made = client(lab, "sts").assume_role(RoleArn=person(role), RoleSessionName="somebody")["Credentials"]
    names = {
        "AWS_ACCESS_KEY_ID": "AccessKeyId",
        "AWS_SECRET_ACCESS_KEY": "SecretAccessKey",
        "AWS_SESSION_TOKEN": "SessionToken",
    }
    return {name: made[key] for name, key in names.items()}


def ca_file(lab: Lab) -> Path:
    """The CA certificates of the lab's cluster, as they are published."""
    path = lab.state / "ca.crt"
    text = client(lab, "ssm").get_parameter(Name=f"/vaultops/{lab.name}/ca")["Parameter"]["Value"]
    # Others may be reading it.
    if not path.exists() or path.read_text() != text:
        path.write_text(text)
    return path


def client(lab: Lab, service: str) -> t.Any:
    # Read when botocore is imported: it must never ask the host's own metadata address for anything.
    os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
    try:
        import boto3
        import botocore.config
    except ImportError as missing:
        raise LabError(
            "the lab's Python lacks a library", str(missing), "run `make setup`, then use .venv/bin/python"
        ) from missing
    config = botocore.config.Config(proxies={}, retries={"total_max_attempts": 2}, connect_timeout=5, read_timeout=20)
    return boto3.session.Session(**_CREDENTIALS, region_name=REGION).client(
        service, endpoint_url=lab.aws_url, config=config
    )


def _instances(lab: Lab, ec2: t.Any) -> dict[str, str]:
    wanted = [
        {"Name": "tag:vault-cluster", "Values": [lab.name]},
        {"Name": "instance-state-name", "Values": ["pending", "running"]},
    ]
    reservations = ec2.describe_instances(Filters=wanted)["Reservations"]
    instances = [instance for reservation in reservations for instance in reservation["Instances"]]
    return {tag["Value"]: item["InstanceId"] for item in instances for tag in item["Tags"] if tag["Key"] == "Name"}


def _ensure_bucket(lab: Lab, s3: t.Any) -> None:
    if lab.bucket not in [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]:
        s3.create_bucket(Bucket=lab.bucket, CreateBucketConfiguration={"LocationConstraint": REGION})


def _ensure_role(iam: t.Any) -> None:
    if ROLE not in [role["RoleName"] for role in iam.list_roles()["Roles"]]:
        iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=json.dumps(_TRUST))
    iam.put_role_policy(RoleName=ROLE, PolicyName="vault-unseal", PolicyDocument=json.dumps(_POLICY))
    if ROLE not in [profile["InstanceProfileName"] for profile in iam.list_instance_profiles()["InstanceProfiles"]]:
        iam.create_instance_profile(InstanceProfileName=ROLE)
    profile = iam.get_instance_profile(InstanceProfileName=ROLE)["InstanceProfile"]
    if not profile["Roles"]:
        iam.add_role_to_instance_profile(InstanceProfileName=ROLE, RoleName=ROLE)


def _ensure_people(iam: t.Any) -> None:
    there = [role["RoleName"] for role in iam.list_roles()["Roles"]]
    for name in PEOPLE:
        if name not in there:
            iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(_ANYBODY))


def _ensure_subnet(lab: Lab, ec2: t.Any) -> str:
    named = [{"Name": "tag:Name", "Values": [lab.network]}]
    vpcs = ec2.describe_vpcs(Filters=named)["Vpcs"]
    vpc = (
        vpcs[0]
        if vpcs
        else ec2.create_vpc(CidrBlock="10.0.0.0/16", TagSpecifications=_tags("vpc", Name=lab.network))["Vpc"]
    )
    subnets = ec2.describe_subnets(Filters=named)["Subnets"]
    if not subnets:
        tags = _tags("subnet", Name=lab.network)
        subnets = [ec2.create_subnet(VpcId=vpc["VpcId"], CidrBlock=lab.subnet, TagSpecifications=tags)["Subnet"]]
    return subnets[0]["SubnetId"]


def _run(lab: Lab, ec2: t.Any, subnet: str, hostname: str, address: str) -> str:
    made = ec2.run_instances(
        ImageId=_IMAGE,
        InstanceType="t3.small",
        MinCount=1,
        MaxCount=1,
        SubnetId=subnet,
        PrivateIpAddress=address,
        IamInstanceProfile={"Name": ROLE},
        MetadataOptions={"HttpTokens": "required", "HttpEndpoint": "enabled"},
        TagSpecifications=_tags("instance", Name=hostname, **{"vault-cluster": lab.name}),
    )
    return made["Instances"][0]["InstanceId"]


def _tags(kind: str, **tags: str) -> list[dict[str, t.Any]]:
    return [{"ResourceType": kind, "Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}]
