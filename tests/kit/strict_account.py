"""An account in which somebody is held to policies: MiniStack with AUTH=true verifies signatures, and has the policies of the
identity, of the key and of the bucket decide. What is wrong or missing in how it does so is listed here, and made up for.
"""

from __future__ import annotations

import contextlib
import json
import os
import typing as t
from pathlib import Path
from unittest import mock

import boto3
from kit.account import ACCOUNT, ANYWHERE, Account, Run, Things, Watching
from kit.fault_proxy import FaultProxy
from kit.iam import Document
from kit.regions import ROOT_KEY
from labkit import aws_requests

RUNNER = f"arn:aws:iam::{ACCOUNT}:role/runner"
ROOT = f"arn:aws:iam::{ACCOUNT}:root"
ANYBODY = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}],
}
# MiniStack decides each request once, about one action and one resource. So nobody needs iam:PassRole, or the right to tag what
# is made with tags, or a right to any but one of the things that RunInstances names. It knows no kms:ResourceAliases,
# iam:PolicyARN, iam:PermissionsBoundary, iam:PassedToService and ec2:CreateAction: what is allowed on such a condition alone is
# not allowed, and with Null always. Of kms:ListAliases about one key it asks the key's policy, too: nobody is told these.
# Of these actions it takes the resource to be another than AWS does, or knows no tags of it: which resource, and why.
_NONE = "finds no resource in the request"
_TAGS = "knows no tags of EC2"
MISREAD: dict[str, tuple[str, str]] = {
    "ec2:AuthorizeSecurityGroupIngress": ("arn:aws:ec2:*:*:security-group/*", _TAGS),
    "ec2:CreateTags": ("*", _NONE),
    "ec2:DeleteSecurityGroup": ("arn:aws:ec2:*:*:security-group/*", _TAGS),
    "ec2:DescribeInstanceAttribute": ("arn:aws:ec2:*:*:instance/*", _TAGS),
    "ec2:RunInstances": ("arn:aws:ec2:*:*:image/*", "puts the image into the caller's account"),
    "ec2:TerminateInstances": ("arn:aws:ec2:*:*:instance/*", _TAGS),
    "events:DescribeRule": ("*", _NONE),
    "iam:CreateInstanceProfile": ("*", _NONE),
    "iam:CreatePolicy": ("*", _NONE),
    "iam:DeleteInstanceProfile": ("*", _NONE),
    "iam:GetInstanceProfile": ("*", _NONE),
    "kms:CreateAlias": ("*", _NONE),
    "kms:DescribeKey": ("arn:aws:kms:*:*:alias/*", "asks for the alias instead of its key"),
    "ssm:DeleteParameters": ("*", _NONE),
    "ssm:GetParametersByPath": ("*", _NONE),
}
# It does not know these calls at all, so nobody is refused them.
_EC2 = '<{0}Response xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>none</requestId>{1}</{0}Response>'
_OFFERED = "<item><instanceType>m7i.large</instanceType><location>eu-central-1a</location></item>"
UNKNOWN = {
    "DescribeInstanceTypeOfferings": f"<instanceTypeOfferingSet>{_OFFERED}</instanceTypeOfferingSet>",
    "GetEbsDefaultKmsKeyId": "<kmsKeyId>alias/aws/ebs</kmsKeyId>",
    "ModifyInstanceAttribute": "<return>true</return>",
}
# Its instances have no network interface. All its types have another hypervisor than Nitro, so that nodes get no volumes of their
# own. It launches all instances in one subnet, which gives out public addresses, at an address of its choice. Its target groups
# can't be read back. To the filter of a lifecycle's rule it adds a size that nobody has asked for.
_SIZE = b"<ObjectSizeGreaterThan>0</ObjectSizeGreaterThan>"
_INTERFACE = b"<networkInterfaceSet><item><networkInterfaceId>eni-1</networkInterfaceId></item></networkInterfaceSet>"
SUBNET = "subnet-00000001"
LESS = {
    "vault_ec2_data_gib": 0,
    "vault_ec2_audit_gib": 0,
    "vault_ec2_journal_gib": 0,
    "vault_ec2_instances": [{"name": f"vault-{number}", "subnet_id": SUBNET} for number in (1, 2, 3)],
    "vault_load_balancer": False,
    "vault_ec2_image_id": "ami-0c2023a1b2c3d4e5f",
}


class Between(Watching):
    """What makes up for what is missing, between a run and the stand-in."""

    kept_back = FaultProxy.kept_back - {"host", "date"}

    def forward(
        self, method: str, path: str, headers: t.Mapping[str, str], body: bytes
    ) -> tuple[int, list[tuple[str, str]], bytes]:
        operation = aws_requests.request(method, path, headers, body).operation
        if operation in UNKNOWN:
            return 200, [("Content-Type", "text/xml")], _EC2.format(operation, UNKNOWN[operation]).encode()
        # As AWS is asked: the bucket's policy refuses what comes without TLS.
        status, kept, answer = super().forward(method, path, {**headers, "X-Forwarded-Proto": "https"}, body)
        if operation in ("DescribeInstances", "RunInstances"):
            answer = answer.replace(b"<hypervisor>", _INTERFACE + b"<hypervisor>")
        return status, kept, answer.replace(_SIZE, b"")


class Strict(Account):
    """Its runs are the role's, which may do what the policies of iam_policies.yml allow, and nothing else."""

    key, reset, proxy = ROOT_KEY, "/_ministack/reset", Between
    variables: t.ClassVar[dict[str, t.Any]] = {**LESS, "vault_kms_administrators": [ROOT, RUNNER]}

    def __init__(self, url: str, folder: Path) -> None:
        super().__init__(url, folder)
        self.client("ec2").modify_subnet_attribute(SubnetId=SUBNET, MapPublicIpOnLaunch={"Value": False})
        self.client("iam").create_role(RoleName="runner", AssumeRolePolicyDocument=json.dumps(ANYBODY))
        # The role is there before the first run.
        self.before = self.everything()
        written = self.run("iam_policies", variables={**self.variables, "vault_output_dir": str(folder / "output")})
        assert written.code == 0, written.output

    def _fill(self, subnet: str) -> str:
        return subnet

    def everything(self) -> Things:
        """Without what the role is given for a run."""
        found = super().everything()
        found["policy on the role"] = {name for name in found["policy on the role"] if not name.startswith("runner ")}
        return found

    def as_runner(self, *policies: str, without: str = "") -> dict[str, str | None]:
        """Credentials of a session of the role with these policies alone. *without*: an action that is taken out of them."""
        iam = self.client("iam")
        for name in iam.list_role_policies(RoleName="runner")["PolicyNames"]:
            iam.delete_role_policy(RoleName="runner", PolicyName=name)
        for name in policies:
            text = (self.folder / "output" / "policies" / f"prod-{name}.json").read_text()
            policy = as_it_reads(json.loads(text), without)
            iam.put_role_policy(RoleName="runner", PolicyName=name, PolicyDocument=json.dumps(policy))
        made = self.client("sts").assume_role(RoleArn=RUNNER, RoleSessionName="somebody")["Credentials"]
        return {
            "AWS_ACCESS_KEY_ID": made["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": made["SecretAccessKey"],
            "AWS_SESSION_TOKEN": made["SessionToken"],
        }

    def restricted(self, playbook: str, *arguments: str, policies: t.Sequence[str], without: str = "") -> Run:
        credentials = self.as_runner(*policies, without=without)
        return self.run(playbook, *arguments, variables=self.variables, environment=credentials)

    @contextlib.contextmanager
    def session(self, *policies: str, without: str = "") -> t.Iterator[str]:
        """What modules in this process find to be who they are, and the URL that they ask."""
        credentials = t.cast("dict[str, str]", self.as_runner(*policies, without=without))
        with mock.patch.dict(os.environ, credentials), self.proxy(ANYWHERE, self.url) as proxy:
            boto3.setup_default_session()
            yield proxy.url
        boto3.setup_default_session()


def as_it_reads(policy: Document, without: str) -> Document:
    """The policy, and once more what it allows of MISREAD, about what the stand-in takes the action to be about."""
    kept = [{**one, "Action": [name for name in one["Action"] if name != without]} for one in policy["Statement"]]
    kept = [one for one in kept if one["Action"]]
    allowed = {name for one in kept for name in one["Action"]}
    more = [
        {"Effect": "Allow", "Action": [name], "Resource": [MISREAD[name][0]]} for name in sorted(allowed & set(MISREAD))
    ]
    return {**policy, "Statement": [*kept, *more]}
