"""An AWS account on loopback, the playbook that provisions it, and what it made there."""

from __future__ import annotations

import getpass
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import typing as t
from dataclasses import dataclass
from pathlib import Path

import boto3
import requests
from kit.bench import ROOT, end_family
from kit.fault_proxy import FaultProxy, Kill, Rule
from labkit import aws_requests
from labkit.settings import REGION

ACCOUNT = "123456789012"
SNAPSHOTS = "example-vault-snapshots"
NOTHING_ALLOWED = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Deny", "Action": "s3:ListAllMyBuckets", "Resource": "*"}],
}
ANYWHERE = ("127.0.0.1", 0)
# The end of what hangs; on a machine that runs other tests beside, a run takes minutes.
RUN_SECONDS = 600
# What a finished run has made, and how many of each.
EVERYTHING = {
    "role": 1,
    "policy on the role": 1,
    "instance profile": 1,
    "managed policy": 1,
    "key": 1,
    "alias": 1,
    "bucket": 1,
    "security group": 1,
    "instance": 3,
    "target group": 1,
    "target": 3,
    "load balancer": 1,
    "listener": 1,
}
Things = dict[str, set[str]]


@dataclass
class Run:
    """One run of the playbook: how it ended, what it printed, and what it asked of AWS."""

    code: int
    output: str
    calls: list[str]
    requests: list[aws_requests.Request]

    @property
    def changed(self) -> int:
        return int(re.findall(r"^localhost\s*: .*\bchanged=(\d+)", self.output, re.M)[-1])

    @property
    def was_killed(self) -> bool:
        return self.code == -signal.SIGKILL

    @property
    def said(self) -> str:
        """The playbook's own last word, in one line, and nothing of what a module printed before."""
        _before, found, after = self.output.partition(": Say what went wrong]")
        assert found, f"the playbook said nothing of its own:\n{self.output}"
        return " ".join(after.split())


@dataclass(frozen=True)
class KillAt:
    """The controller dies at the nth call of an operation; with `forward` that call still takes effect."""

    operation: str
    nth: int = 1
    forward: bool = True


class Watching(FaultProxy):
    """A proxy that also tells of each call that took effect, and of AWS's answer, before the caller learns of it."""

    told: t.Callable[[str, str], None] | None = None

    def __init__(self, *arguments: t.Any) -> None:
        super().__init__(*arguments)
        self.requests: list[aws_requests.Request] = []

    def forward(
        self, method: str, path: str, headers: t.Mapping[str, str], body: bytes
    ) -> tuple[int, list[tuple[str, str]], bytes]:
        self.requests.append(aws_requests.request(method, path, headers, body))
        answer = super().forward(method, path, headers, body)
        if self.told:
            self.told(body.decode("utf-8", "replace"), answer[2].decode("utf-8", "replace"))
        return answer


class Account:
    """An account that is not empty, as none is: things of others are in it before the first run."""

    # Of whoever the account is, where it is not said otherwise; and how the stand-in is emptied.
    key, reset = "unit", "/moto-api/reset"
    # What runs of the playbook ask.
    proxy = Watching

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self.folder = folder
        group_vars = folder / "inventory" / "group_vars"
        group_vars.mkdir(parents=True)
        # As in the aws scenario, the inventory has no host but the implicit localhost.
        (folder / "inventory" / "hosts.yml").write_text("all: {}\n")
        shutil.copy(ROOT / "inventories/ec2/group_vars/all.yml", group_vars)
        requests.post(f"{url}{self.reset}", timeout=30).raise_for_status()
        ec2 = self.client("ec2")
        self.vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        # What a run is given after one that was killed, which leaves its lease.
        self.who = f"{getpass.getuser()}@{socket.gethostname()}"
        self.taking_over: list[str] = []
        self.subnet = self.make_subnet("10.0.2.0/24")
        self.full_subnet = self._fill(self.make_subnet("10.0.3.0/28"))
        self.public_subnet = self.make_subnet("10.0.4.0/24")
        ec2.modify_subnet_attribute(SubnetId=self.public_subnet, MapPublicIpOnLaunch={"Value": True})
        self._key_of_others("alias/payroll")
        self.before = self.everything()

    def client(self, service: str) -> t.Any:
        return boto3.client(
            service,
            region_name=REGION,
            endpoint_url=self.url,
            aws_access_key_id=self.key,
            aws_secret_access_key=self.key,
        )

    def make_subnet(self, block: str) -> str:
        subnet = self.client("ec2").create_subnet(VpcId=self.vpc, CidrBlock=block, AvailabilityZone=f"{REGION}a")
        return subnet["Subnet"]["SubnetId"]

    def _fill(self, subnet: str) -> str:
        ec2 = self.client("ec2")
        free = ec2.describe_subnets(SubnetIds=[subnet])["Subnets"][0]["AvailableIpAddressCount"]
        ec2.run_instances(ImageId="ami-12c6146b", SubnetId=subnet, MinCount=free, MaxCount=free)
        return subnet

    def _key_of_others(self, alias: str) -> None:
        kms = self.client("kms")
        key_id = kms.create_key(Tags=[{"TagKey": "Service", "TagValue": "payroll"}])["KeyMetadata"]["KeyId"]
        kms.create_alias(AliasName=alias, TargetKeyId=key_id)

    # --- the playbook

    def environment(self, changes: t.Mapping[str, str | None]) -> dict[str, str]:
        """This process's environment without anything of AWS, and without a home that has credentials."""
        plain = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("AWS_") and not name.lower().endswith("_proxy")
        }
        ours: dict[str, str | None] = {
            "AWS_ACCESS_KEY_ID": self.key,
            "AWS_SECRET_ACCESS_KEY": self.key,
            "AWS_EC2_METADATA_DISABLED": "true",
            "HOME": str(self.folder),
            "ANSIBLE_FORCE_COLOR": "0",
            **changes,
        }
        return {**plain, **{name: value for name, value in ours.items() if value is not None}}

    def provision(self, *arguments: str, **how: t.Any) -> Run:
        return self.run("provision", *arguments, **how)

    def run(
        self,
        playbook: str,
        *arguments: str,
        rules: t.Sequence[Rule] = (),
        kill: KillAt | None = None,
        variables: t.Mapping[str, t.Any] | None = None,
        environment: t.Mapping[str, str | None] | None = None,
        offline: bool = False,
        told: t.Callable[[str, str], None] | None = None,
    ) -> Run:
        """Run a playbook with the variables of the aws scenario; a run that hangs is ended."""
        process: subprocess.Popen[str] | None = None

        def end() -> int:
            assert process
            return end_family(process.pid)

        rules = [*rules, Rule(kill.operation, Kill(end, kill.forward), kill.nth)] if kill else rules
        with self.proxy(ANYWHERE, self.url, rules) as proxy:
            proxy.told = told
            chosen = {
                "lab_subnet": self.subnet,
                "full_subnet": self.full_subnet,
                "public_subnet": self.public_subnet,
                "vault_aws_endpoint_url": proxy.url,
                **(variables or {}),
            }
            command = ["ansible-playbook", "-i", str(self.folder / "inventory/hosts.yml"), f"playbooks/{playbook}.yml"]
            command += [
                "-e",
                f"@{ROOT / 'molecule/aws/lab.yml'}",
                "-e",
                json.dumps(chosen),
                *self.taking_over,
                *arguments,
            ]
            process = subprocess.Popen(
                # In a network namespace of its own nothing gets out, not even to a name server.
                ["unshare", "--net", *command] if offline else command,
                env=self.environment(environment or {}),
                cwd=ROOT,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )
            try:
                output, _ = process.communicate(timeout=RUN_SECONDS)
            except BaseException:
                end_family(process.pid)
                raise
        return Run(process.returncode, output, proxy.calls, proxy.requests)

    # --- what others have under the names that the cluster wants

    def take_the_names(self, tags: t.Mapping[str, str], balancer: str = "network") -> None:
        """Make a thing of somebody else's under each name that provision.yml wants in inventories/ec2 and the aws scenario."""
        listed = [{"Key": key, "Value": value} for key, value in tags.items()]
        iam, ec2, elb, s3 = (self.client(service) for service in ("iam", "ec2", "elbv2", "s3"))
        trust = {"Version": "2012-10-17", "Statement": []}
        iam.create_role(RoleName="vault-node", AssumeRolePolicyDocument=json.dumps(trust), Tags=listed)
        iam.create_instance_profile(InstanceProfileName="vault-node", Tags=listed)
        iam.create_policy(PolicyName="vault-prod-init", PolicyDocument=json.dumps(NOTHING_ALLOWED), Tags=listed)
        s3.create_bucket(Bucket=SNAPSHOTS, CreateBucketConfiguration={"LocationConstraint": REGION})
        s3.put_bucket_tagging(Bucket=SNAPSHOTS, Tagging={"TagSet": listed})
        s3.put_object(Bucket=SNAPSHOTS, Key="theirs", Body=b"x")
        specified = [{"ResourceType": "security-group", "Tags": listed}]
        group = ec2.create_security_group(
            GroupName="vault-prod", Description="theirs", VpcId=self.vpc, TagSpecifications=specified
        )["GroupId"]
        world = [{"CidrIp": "10.9.0.0/16"}]
        rule = {"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, "IpRanges": world}
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule])
        targets = elb.create_target_group(Name="vault-prod", Protocol="TCP", Port=5432, VpcId=self.vpc, Tags=listed)
        target_group = targets["TargetGroups"][0]["TargetGroupArn"]
        made = elb.create_load_balancer(
            Name="vault-prod", Subnets=[self.subnet], Scheme="internal", Type=balancer, Tags=listed
        )["LoadBalancers"][0]["LoadBalancerArn"]
        if balancer == "network":
            forward = [{"Type": "forward", "TargetGroupArn": target_group}]
            elb.create_listener(LoadBalancerArn=made, Protocol="TCP", Port=5432, DefaultActions=forward)
        protected = [{"Key": "deletion_protection.enabled", "Value": "true"}]
        elb.modify_load_balancer_attributes(LoadBalancerArn=made, Attributes=protected)

    def under_the_names(self) -> dict[str, t.Any]:
        """What can be seen of these things, tags and rules included, to be compared with itself."""
        iam, ec2, elb, s3 = (self.client(service) for service in ("iam", "ec2", "elbv2", "s3"))
        policy = f"arn:aws:iam::{ACCOUNT}:policy/vault-prod-init"
        balancers = elb.describe_load_balancers()["LoadBalancers"]
        target_groups = elb.describe_target_groups()["TargetGroups"]
        seen = {
            "role": iam.get_role(RoleName="vault-node")["Role"],
            "rights": iam.list_role_policies(RoleName="vault-node")["PolicyNames"],
            "profile": iam.get_instance_profile(InstanceProfileName="vault-node")["InstanceProfile"],
            "policy": [
                iam.get_policy(PolicyArn=policy)["Policy"],
                iam.list_policy_versions(PolicyArn=policy)["Versions"],
            ],
            "tags of the bucket": s3.get_bucket_tagging(Bucket=SNAPSHOTS)["TagSet"],
            "versions": [each["Key"] for each in s3.list_object_versions(Bucket=SNAPSHOTS)["Versions"]],
            "versioning": s3.get_bucket_versioning(Bucket=SNAPSHOTS).get("Status"),
            "group": ec2.describe_security_groups(Filters=[{"Name": "group-name", "Values": ["vault-prod"]}])[
                "SecurityGroups"
            ],
            "balancers": balancers,
            "target groups": target_groups,
            "of the balancers": [
                [
                    elb.describe_listeners(LoadBalancerArn=each["LoadBalancerArn"])["Listeners"],
                    elb.describe_load_balancer_attributes(LoadBalancerArn=each["LoadBalancerArn"])["Attributes"],
                    elb.describe_tags(ResourceArns=[each["LoadBalancerArn"]])["TagDescriptions"],
                ]
                for each in balancers
            ],
            "tags of the targets": [
                elb.describe_tags(ResourceArns=[each["TargetGroupArn"]])["TagDescriptions"] for each in target_groups
            ],
        }
        return json.loads(json.dumps(seen, default=str))

    # --- what is there

    def made(self) -> Things:
        """What the playbook made, by kind. A thing that was there before and is gone or different is an error."""
        now = self.everything()
        for kind, things in self.before.items():
            assert things <= now[kind], f"{kind} of others is gone: {things - now[kind]}"
        return {kind: things - self.before[kind] for kind, things in now.items()}

    def everything(self) -> Things:
        """All that provision.yml could make, named by what AWS gives out anew for a thing that is made again."""
        return {**self._iam(), **self._kms(), **self._s3(), **self._ec2(), **self._load_balancers()}

    def _iam(self) -> Things:
        iam = self.client("iam")
        roles = {role["RoleName"]: role["RoleId"] for role in iam.list_roles()["Roles"]}
        inline = {f"{role} {name}" for role in roles for name in iam.list_role_policies(RoleName=role)["PolicyNames"]}
        attached = {
            f"{role} {policy['PolicyArn']}"
            for role in roles
            for policy in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]
        }
        return {
            "role": set(roles.values()),
            "policy on the role": inline | attached,
            "instance profile": {
                profile["InstanceProfileId"] for profile in iam.list_instance_profiles()["InstanceProfiles"]
            },
            "managed policy": {policy["PolicyId"] for policy in iam.list_policies(Scope="Local")["Policies"]},
        }

    def _kms(self) -> Things:
        kms = self.client("kms")
        aliases = kms.list_aliases()["Aliases"]
        # The stand-in makes the keys that AWS manages, such as aws/ebs, when they are first used.
        managed = {alias.get("TargetKeyId") for alias in aliases if alias["AliasName"].startswith("alias/aws/")}
        return {
            "key": {key["KeyId"] for key in kms.list_keys()["Keys"]} - managed,
            "alias": {
                f"{alias['AliasName']} {alias['TargetKeyId']}"
                for alias in aliases
                if not alias["AliasName"].startswith("alias/aws/")
            },
        }

    def _s3(self) -> Things:
        buckets = self.client("s3").list_buckets()["Buckets"]
        return {"bucket": {f"{bucket['Name']} {bucket['CreationDate']}" for bucket in buckets}}

    def _ec2(self) -> Things:
        ec2 = self.client("ec2")
        instances = [
            instance
            for page in ec2.get_paginator("describe_instances").paginate()
            for reservation in page["Reservations"]
            for instance in reservation["Instances"]
        ]
        groups = ec2.describe_security_groups()["SecurityGroups"]
        return {
            "security group": {group["GroupId"] for group in groups},
            "instance": {each["InstanceId"] for each in instances if each["State"]["Name"] != "terminated"},
        }

    def _load_balancers(self) -> Things:
        elb = self.client("elbv2")
        groups = {group["TargetGroupArn"] for group in elb.describe_target_groups()["TargetGroups"]}
        balancers = {each["LoadBalancerArn"] for each in elb.describe_load_balancers()["LoadBalancers"]}
        return {
            "target group": groups,
            "target": {
                health["Target"]["Id"]
                for group in groups
                for health in elb.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
            },
            "load balancer": balancers,
            "listener": {
                listener["ListenerArn"]
                for balancer in balancers
                for listener in elb.describe_listeners(LoadBalancerArn=balancer)["Listeners"]
            },
        }


def count(things: Things) -> dict[str, int]:
    return {kind: len(each) for kind, each in things.items()}
