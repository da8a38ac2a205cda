"""provision.yml on loopback: what it makes of an empty account, of bad inputs, and of an AWS that refuses or goes away."""

from __future__ import annotations

import base64
import json
import re
import typing as t
from dataclasses import dataclass, field

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._aws import runner_policies
from kit import aws_calls, iam
from kit.account import ACCOUNT, EVERYTHING, NOTHING_ALLOWED, Account, KillAt, Run, Things, count
from kit.fault_proxy import Answer, Drop, Rule
from kit.runners import PLAIN
from labkit.settings import REGION

BUCKET = "example-vault-snapshots"
ALLOW = "Allow it in the policy of the identity that runs this"
LOG_IN = "Log in to AWS again"
READS = ("Describe", "Get", "List", "HEAD ", "GET ")


def denied(action: str, resource: str, code: str = "AccessDenied") -> Answer:
    """As AWS puts it, which names the resource."""
    who = "User: arn:aws:iam::123456789012:user/lab is not authorized"
    return Answer(code, f"{who} to perform: {action} on resource: {resource}", 403)


def superseded(start: str) -> dict[str, t.Any]:
    """S3's filter for what a newer snapshot has superseded. Without the tag, the last good one would go too."""
    return {"And": {"Prefix": start, "Tags": [{"Key": "vaultops-superseded", "Value": "true"}]}}


@dataclass(frozen=True)
class Case:
    """What differs from a good run, and what the playbook must say then; {subnet} and its like are the account's."""

    says: tuple[str, ...] = ()
    rules: tuple[Rule, ...] = ()
    variables: dict[str, t.Any] = field(default_factory=dict)
    environment: dict[str, str | None] = field(default_factory=dict)
    offline: bool = False
    kill: KillAt | None = None


AT_ONCE = {
    "region that does not exist": Case(
        ("See who runs this", "AWS can't be reached in eu-nowhere-1", "Check the region's name"),
        variables={"vault_aws_region": "eu-nowhere-1", "vault_aws_endpoint_url": ""},
        offline=True,
    ),
    "region that is no name": Case(
        ("'eu central 1' is not a region's name", "Set vault_aws_region"),
        variables={"vault_aws_region": "eu central 1", "vault_aws_endpoint_url": ""},
        offline=True,
    ),
    "another region": Case(
        ("{subnet} does not exist in eu-west-1", "Check vault_ec2_instances, the region"),
        variables={"vault_aws_region": "eu-west-1"},
    ),
    "endpoint that does not answer": Case(
        ("AWS can't be reached in eu-central-1", "the endpoint and the way out"),
        variables={"vault_aws_endpoint_url": "http://127.0.0.1:9"},
    ),
    "no credentials": Case(
        ("no AWS credentials were found", LOG_IN),
        environment={"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None},
    ),
    "credentials that have expired": Case(
        ("GetCallerIdentity was refused: ExpiredToken", "have expired. Log in to AWS again"),
        (
            Rule(
                "GetCallerIdentity",
                Answer("ExpiredToken", "The security token included in the request is expired", 403),
            ),
        ),
    ),
    "no administrators": Case(
        ("vault_kms_administrators is empty", "Name who looks after the key, such as arn:aws:"),
        variables={"vault_kms_administrators": []},
    ),
    "administrators without the caller": Case(
        ("does not name arn:aws:", "it would lock itself out of the key. Add it, or run as one"),
        variables={"vault_kms_administrators": ["arn:aws:iam::123456789012:role/platform"]},
    ),
    "load balancer before a listener with TLS 1.3 alone": Case(
        ("vault_load_balancer is true and vault_tls_min_version is tls13", "Set vault_tls_min_version: tls12"),
        variables={"vault_tls_min_version": "tls13"},
    ),
    "name that no load balancer may have": Case(
        ("would be called vault-the-cluster-of-the-whole-company", "AWS takes 32", "Take a vault_cluster_name of 26"),
        variables={"vault_cluster_name": "the-cluster-of-the-whole-company"},
    ),
    "subnet that gives out public addresses": Case(
        ("{public_subnet} gives each new instance a public address", "Name private subnets"),
        variables={"lab_subnet": "{{ public_subnet }}"},
    ),
    "image that is gone": Case(
        ("the image ami-0123 does not exist in eu-central-1", "Images belong to one region"),
        variables={"vault_ec2_image_id": "ami-0123"},
    ),
    "image that does not fit": Case(
        (
            "is for arm64, and m7i.large for x86_64",
            "Set vault_ec2_image_id or vault_ec2_instance_type so that both fit",
            "vault_ec2_volume_gib is 8, and the root volume of the image",
            "Set 15 or more",
        ),
        variables={"vault_ec2_image_id": "newest:137112412989:al2023-ami-2023*-arm64", "vault_ec2_volume_gib": 8},
    ),
    "type that the zone has not": Case(
        ("m99i.large, which AWS offers in no zone here", "Name another type"),
        variables={"vault_ec2_instance_type": "m99i.large"},
    ),
    "no right to look at images": Case(
        ("ec2:DescribeImages was refused in eu-central-1: UnauthorizedOperation", ALLOW),
        (Rule("DescribeImages", denied("ec2:DescribeImages", "*", "UnauthorizedOperation")),),
    ),
    "security group that is not there": Case(
        ("vault_ec2_security_groups names sg-0123, which does not exist here", "Check the ids"),
        variables={"vault_ec2_security_groups": ["sg-0123"]},
    ),
    "bucket of somebody else": Case(
        ("The bucket taken exists, and is somebody else's", "Choose another name"),
        (Rule("HEAD /taken", Answer("AccessDenied", status=403)),),
        variables={"vault_snapshot_bucket": "taken"},
    ),
    "subnet without free addresses": Case(
        ("{full_subnet} has 0 free addresses, and vault-1, vault-2, vault-3 would need 3", "Name another subnet"),
        variables={"lab_subnet": "{{ full_subnet }}"},
    ),
}

# In the order of the play: each run gets past the point where the one before it was stopped.
ON_THE_WAY = {
    "no right to make the role": Case(
        ("The nodes' role (eu-central-1): CreateRole was refused: AccessDenied", "role/vault-node", ALLOW),
        (Rule("CreateRole", denied("iam:CreateRole", "arn:aws:iam::123456789012:role/vault-node")),),
    ),
    "killed when the role is made": Case(kill=KillAt("CreateRole")),
    "alias of another's key": Case(
        ("alias/payroll", "does not carry the tag vault-cluster=prod", "Name another alias"),
        variables={"vault_kms_key_alias": "alias/payroll"},
    ),
    "KMS throttles for good": Case(
        ("The unseal key", "kms:CreateKey was refused in eu-central-1: ThrottlingException", "Run again in a minute"),
        (Rule("CreateKey", Answer("ThrottlingException", "Rate exceeded"), every=True),),
    ),
    "no right to make the key": Case(
        ("The unseal key", "kms:CreateKey was refused in eu-central-1: AccessDeniedException", ALLOW),
        (Rule("CreateKey", denied("kms:CreateKey", "*", "AccessDeniedException")),),
    ),
    "killed between key and alias": Case(kill=KillAt("CreateKey")),
    "no right to say what the role may do": Case(
        ("What the nodes may do (eu-central-1): PutRolePolicy was refused: AccessDenied", "role/vault-node", ALLOW),
        (Rule("PutRolePolicy", denied("iam:PutRolePolicy", "role/vault-node")),),
    ),
    "bucket's name taken meanwhile": Case(
        (
            "The bucket, with the cluster's tag: taken (eu-central-1): CreateBucket was refused: BucketAlreadyExists",
            "Choose another",
        ),
        (Rule("PUT /taken", Answer("BucketAlreadyExists", "The requested bucket name is not available.", 409)),),
        variables={"vault_snapshot_bucket": "taken"},
    ),
    "killed when the bucket is made": Case(kill=KillAt(f"PUT /{BUCKET}")),
    "S3 throttles for good": Case(
        (
            f"The policy of the bucket of snapshots: {BUCKET} (eu-central-1): s3:PutBucketPolicy was refused",
            "SlowDown",
            "Run again",
        ),
        (Rule(f"PUT /{BUCKET}?policy", Answer("SlowDown", "Please reduce your request rate.", 503), every=True),),
    ),
    # This module drops what AWS said, and the playbook says how to get at it.
    "session that ends midway": Case(
        ("Who may reach the nodes: vault-prod", "CreateSecurityGroup was refused: RequestExpired", LOG_IN),
        (Rule("CreateSecurityGroup", Answer("RequestExpired", "Request has expired.")),),
        environment={"ANSIBLE_DISPLAY_TRACEBACK": "error"},
    ),
    "killed between two machines": Case(kill=KillAt("RunInstances", 2)),
    "no right to make machines": Case(
        ("Launch instances: vault-3 (eu-central-1): RunInstances was refused: UnauthorizedOperation", ALLOW),
        (Rule("RunInstances", denied("ec2:RunInstances", "instance/*", "UnauthorizedOperation")),),
    ),
    "no right to make the load balancer": Case(
        ("The network load balancer", "elbv2:CreateLoadBalancer was refused in eu-central-1: AccessDenied", ALLOW),
        (
            Rule(
                "CreateLoadBalancer", denied("elasticloadbalancing:CreateLoadBalancer", "loadbalancer/net/vault-prod/*")
            ),
        ),
    ),
}

# What AWS does now and then, and what must not stop a run.
PASSING = (
    Rule("CreateRole", Answer("Throttling", "Rate exceeded")),
    Rule("CreateKey", Answer("ThrottlingException", "Rate exceeded")),
    # The role that the policy names is not known to KMS yet.
    Rule("CreateKey", Answer("MalformedPolicyDocumentException", "Policy contains invalid principals"), nth=2),
    Rule(f"PUT /{BUCKET}?versioning", Answer("SlowDown", "Please reduce your request rate.", 503)),
    # Nor to S3.
    Rule(f"PUT /{BUCKET}?policy", Answer("MalformedPolicy", "Invalid principal in policy", 400)),
    Rule("RunInstances", Answer("RequestLimitExceeded", "Request limit exceeded.", 503)),
    # Nor the profile to EC2. Where an ARN is refused the module itself tries once more, which would hide the role's part.
    Rule("RunInstances", Answer("InvalidParameterValue", "Invalid IAM Instance Profile name"), nth=2),
    Rule("CreateTargetGroup", Answer("Throttling", "Rate exceeded")),
)


@pytest.fixture
def fresh_account(stand_in: str, tmp_path_factory: pytest.TempPathFactory) -> Account:
    return Account(stand_in, tmp_path_factory.mktemp("account"))


@pytest.fixture(scope="class")
def account(stand_in: str, tmp_path_factory: pytest.TempPathFactory) -> Account:
    return Account(stand_in, tmp_path_factory.mktemp("account"))


def plan(run: Run) -> str:
    """What the playbook said that it would do."""
    said = run.output.partition("TASK [The plan]")[2].partition("TASK [")[0]
    return said.partition('"msg": ')[2]


def test_from_nothing_to_everything_and_then_nothing_more(fresh_account):
    would = fresh_account.provision("--check", "--diff")
    assert would.code == 0, would.output
    assert would.changed > 0, would.output
    assert not [call for call in would.calls if not call.startswith(READS)], "check mode asked for a change"
    assert not any(count(fresh_account.made()).values())

    first = fresh_account.provision()
    assert first.code == 0, first.output
    planned = plan(would)
    wanted = ["role", "instance profile", "unseal key", "What the role", "bucket", "security group", "instance vault-1"]
    wanted += ["target group", "internal network load balancer"]
    places = [planned.find(f'"The {one}' if one[0].islower() else f'"{one}') for one in wanted]
    assert -1 not in places and places == sorted(places), planned
    # What a real run begins with is what the look said.
    assert plan(first) == planned
    made = fresh_account.made()
    assert count(made) == EVERYTHING
    (group,) = made["security group"]
    assert balanced(fresh_account) == (["vault-prod"], [group], "false")
    assert sources(fresh_account, group) == {"10.0.0.0/16", group}
    s3 = fresh_account.client("s3")
    ours = s3.get_bucket_lifecycle_configuration(Bucket=BUCKET)["Rules"]
    assert [rule["Filter"] for rule in ours if "Days" in rule["Expiration"]] == [superseded("snapshots/")]

    # Somebody else's rule in the same bucket stays, and is no difference.
    theirs = {"ID": "logs", "Status": "Enabled", "Filter": {"Prefix": "logs/"}, "Expiration": {"Days": 7}}
    s3.put_bucket_lifecycle_configuration(Bucket=BUCKET, LifecycleConfiguration={"Rules": [theirs, *ours]})
    # So do a statement of theirs in its policy, and a policy that they attach to the role, which the plan names.
    policy = json.loads(s3.get_bucket_policy(Bucket=BUCKET)["Policy"])
    policy["Statement"].insert(
        0, {**NOTHING_ALLOWED["Statement"][0], "Sid": "Theirs", "Principal": "*", "Resource": f"arn:aws:s3:::{BUCKET}"}
    )
    s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(policy))
    attached = {"RoleName": "vault-node", "PolicyArn": "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"}
    fresh_account.client("iam").attach_role_policy(**attached)
    made = fresh_account.made()
    for arguments in ([], ["--check", "--diff"]):
        again = fresh_account.provision(*arguments)
        assert (again.code, again.changed) == (0, 0), again.output
        assert '"Nothing to do: ' in plan(again)
        assert f"The role vault-node has {attached['PolicyArn']}, which vault_aws_node_managed" in again.output
    assert fresh_account.made() == made
    assert json.loads(s3.get_bucket_policy(Bucket=BUCKET)["Policy"]) == policy
    assert s3.get_bucket_lifecycle_configuration(Bucket=BUCKET)["Rules"] == [theirs, *ours]


def balanced(account: Account) -> tuple[list[str], list[str], str | None]:
    """Names of the load balancers, security groups of the one, and whether its targets see the clients' own addresses."""
    elb = account.client("elbv2")
    (balancer,) = found = elb.describe_load_balancers()["LoadBalancers"]
    (group,) = elb.describe_target_groups()["TargetGroups"]
    attributes = elb.describe_target_group_attributes(TargetGroupArn=group["TargetGroupArn"])["Attributes"]
    kept = {one["Key"]: one["Value"] for one in attributes}.get("preserve_client_ip.enabled")
    return [one["LoadBalancerName"] for one in found], balancer.get("SecurityGroups", []), kept


def sources(account: Account, group: str) -> set[str]:
    """Who may reach the nodes' API."""
    (found,) = account.client("ec2").describe_security_groups(GroupIds=[group])["SecurityGroups"]
    rules = [rule for rule in found["IpPermissions"] if rule["FromPort"] == 8200]
    networks = {one["CidrIp"] for rule in rules for one in rule["IpRanges"]}
    return networks | {one["GroupId"] for rule in rules for one in rule["UserIdGroupPairs"]}


def test_a_load_balancer_without_a_group_stays_as_it_is_and_the_plan_says_so(fresh_account):
    """AWS gives a group at the creation alone. Without it, whoever reaches the load balancer would reach the nodes through it."""
    tags = [{"Key": "vault-cluster", "Value": "prod"}]
    made = fresh_account.client("elbv2").create_load_balancer(
        Name="vault-prod", Subnets=[fresh_account.subnet], Scheme="internal", Type="network", Tags=tags
    )
    (there,) = made["LoadBalancers"]
    run = fresh_account.provision()
    assert run.code == 0, run.output
    assert "CreateLoadBalancer" not in run.calls
    assert "vault-prod: this load balancer was made without a security group" in run.output
    names, groups, kept = balanced(fresh_account)
    assert (names, groups) == (["vault-prod"], there.get("SecurityGroups", []))
    assert kept != "false"
    # Its health checks come from its subnet.
    (group,) = fresh_account.made()["security group"]
    assert sources(fresh_account, group) == {"10.0.0.0/16", "10.0.2.0/24", group}


def test_the_load_balancer_has_the_name_that_the_certificates_hold(fresh_account):
    zones = fresh_account.client("route53")
    zone = zones.create_hosted_zone(Name="prod.internal", CallerReference="x")["HostedZone"]["Id"].rpartition("/")[2]

    def records() -> list[dict[str, t.Any]]:
        listed = zones.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
        return [one for one in listed if one["Type"] not in ("NS", "SOA")]

    theirs = {
        "Name": "vault.prod.internal",
        "Type": "CNAME",
        "TTL": 60,
        "ResourceRecords": [{"Value": "old.example.com"}],
    }
    for action in ("CREATE", "DELETE"):
        batch = {"Changes": [{"Action": action, "ResourceRecordSet": theirs}]}
        zones.change_resource_record_sets(HostedZoneId=zone, ChangeBatch=batch)
        if action == "CREATE":
            refused = fresh_account.provision(variables={"vault_load_balancer_zone_id": zone})
            assert refused.code != 0
            assert "The CNAME record vault.prod.internal leads elsewhere" in refused.output
            assert (len(records()), fresh_account.made()["instance"]) == (1, set())

    variables = {"vault_load_balancer_zone_id": zone}
    run = fresh_account.provision(variables=variables)
    assert run.code == 0, run.output
    assert f"The record vault.prod.internal of the load balancer, in the zone {zone}" in plan(run)
    (balancer,) = fresh_account.client("elbv2").describe_load_balancers()["LoadBalancers"]
    (made,) = records()
    assert made["AliasTarget"]["DNSName"].rstrip(".") == balancer["DNSName"]
    again = fresh_account.provision(variables=variables)
    assert (again.code, again.changed) == (0, 0), again.output

    named = ("-e", "vault_decommission=prod vault_decommission_keep_snapshots=true")
    gone = fresh_account.run("decommission", *named, variables=variables)
    assert gone.code == 0, gone.output
    assert "The record vault.prod.internal of the load balancer." in gone.output
    assert records() == []


def volumes_of(account: Account) -> list[dict[str, tuple[int, bool, bool]]]:
    """Of each instance of the cluster by device: size, whether it is encrypted, whether it goes with the instance."""
    ec2 = account.client("ec2")
    found = []
    for reservation in ec2.describe_instances(InstanceIds=list(account.made()["instance"]))["Reservations"]:
        for instance in reservation["Instances"]:
            attached = {one["DeviceName"]: one["Ebs"] for one in instance["BlockDeviceMappings"]}
            ids = [one["VolumeId"] for one in attached.values()]
            volumes = {one["VolumeId"]: one for one in ec2.describe_volumes(VolumeIds=ids)["Volumes"]}
            found.append(
                {
                    device: (
                        volumes[ebs["VolumeId"]]["Size"],
                        volumes[ebs["VolumeId"]]["Encrypted"],
                        ebs["DeleteOnTermination"],
                    )
                    for device, ebs in attached.items()
                }
            )
    return found


def test_instances_have_volumes_of_their_own_from_their_launch_and_never_later(fresh_account):
    bare = {f"vault_ec2_{purpose}_gib": 0 for purpose in ("data", "audit", "journal")}
    refused = fresh_account.provision(variables={"vault_ec2_data_gib": 4, "vault_ec2_data_iops": 5000})
    assert refused.code > 0
    assert "vault_ec2_data_iops is 5000, and a volume of 4 GiB may have 3000" in refused.said
    assert not any(count(fresh_account.made()).values())

    run = fresh_account.provision(variables=bare)
    assert run.code == 0, run.output
    assert volumes_of(fresh_account) == [{"/dev/sda1": (20, True, True)}] * 3
    made = fresh_account.made()

    # What the defaults would give to new instances changes nothing of these, and the plan says so.
    for arguments in (["--check", "--diff"], []):
        run = fresh_account.provision(*arguments)
        assert (run.code, run.changed) == (0, 0), run.output
        assert (
            "vault-1, vault-2, vault-3: launched without a volume for Raft's data, the audit log or the journal"
            in run.output
        )
        assert "playbooks/replace_node.yml puts new instances in their place" in run.output
    assert volumes_of(fresh_account) == [{"/dev/sda1": (20, True, True)}] * 3
    assert fresh_account.made() == made

    five = [{"name": f"vault-{number}", "subnet_id": fresh_account.subnet} for number in range(1, 6)]
    run = fresh_account.provision(variables={"vault_ec2_instances": five})
    assert run.code == 0, run.output
    assert "with a volume each for Raft's data (50 GiB), the audit log (20 GiB) and the journal (10 GiB)" in plan(run)
    own = {"/dev/sda1": (20, True, True), "/dev/sdf": (50, True, True), "/dev/sdg": (20, True, True)}
    assert sorted(map(len, volumes_of(fresh_account))) == [1, 1, 1, 4, 4]
    assert {**own, "/dev/sdh": (10, True, True)} in volumes_of(fresh_account)


def keys_of(account: Account) -> set[str]:
    """Of the volumes of the cluster's instances."""
    filters = [{"Name": "attachment.instance-id", "Values": list(account.made()["instance"])}]
    return {one["KmsKeyId"] for one in account.client("ec2").describe_volumes(Filters=filters)["Volumes"]}


def test_volumes_have_the_key_that_is_named_and_those_that_are_there_keep_theirs(fresh_account):
    kms, ec2 = fresh_account.client("kms"), fresh_account.client("ec2")
    kind = {"KeyUsage": "ENCRYPT_DECRYPT", "KeySpec": "SYMMETRIC_DEFAULT"}
    own, other = (kms.create_key(**kind)["KeyMetadata"]["Arn"] for _time in range(2))
    kms.disable_key(KeyId=other.rpartition("/")[2])
    there = fresh_account.everything()
    for arn, says in (
        (other, "the key's state is Disabled. Enable the key"),
        (other.replace("key/", "key/0"), "there is no such key"),
        (other.replace(REGION, "us-east-1"), "a key in us-east-1, and the volumes are in"),
        ("alias/volumes", "has to be the ARN of a key"),
    ):
        refused = fresh_account.provision(variables={"vault_ec2_ebs_key_arn": arn})
        assert refused.code > 0 and says in refused.said, refused.output
        assert fresh_account.everything() == there

    run = fresh_account.provision(variables={"vault_ec2_ebs_key_arn": own})
    assert run.code == 0, run.output
    assert keys_of(fresh_account) == {own}
    assert "GetEbsDefaultKmsKeyId" not in run.calls
    # With the policies that follow from this input, and no others.
    mine = {**PLAIN, "account": ACCOUNT, "ebs_key": own}
    cluster = aws_calls.Cluster(ACCOUNT, "prod", "alias/vault-unseal", "alias/vault-test-ca", REGION)
    (launch, *_others) = (one for one in run.requests if one.operation == "RunInstances")
    by_key = [one for one in aws_calls.asked(launch, cluster) if one.resource == own]
    assert "kms:CreateGrant" in {one.action for one in by_key}
    allowed = runner_policies.runner_policies(mine)
    assert [one for one in by_key if not iam.allows([allowed["provision-volumes"]], one)] == []

    # Another key, disabled or not, is nothing to volumes that are there.
    run = fresh_account.provision(variables={"vault_ec2_ebs_key_arn": other})
    assert (run.code, run.changed) == (0, 0), run.output
    assert (
        f"vault-1, vault-2, vault-3: volumes are encrypted with {own}, and vault_ec2_ebs_key_arn is {other}."
        in plan(run)
    )
    assert keys_of(fresh_account) == {own}

    # Without the input it is the account's default, which nobody's policies name if it is not AWS's own.
    ec2.modify_ebs_default_kms_key_id(KmsKeyId=own)
    five = [{"name": f"vault-{number}", "subnet_id": fresh_account.subnet} for number in range(1, 6)]
    run = fresh_account.provision("--check", variables={"vault_ec2_instances": five})
    assert run.code == 0, run.output
    assert f"The account's default key for volumes is {own}, and not AWS's own." in plan(run)
    unseen = Rule(
        "GetEbsDefaultKmsKeyId", denied("ec2:GetEbsDefaultKmsKeyId", "*", "UnauthorizedOperation"), every=True
    )
    run = fresh_account.provision("--check", rules=[unseen], variables={"vault_ec2_instances": five})
    assert run.code == 0 and "default key for volumes" not in run.output, run.output


def test_instances_are_launched_from_what_a_parameter_names_then_and_are_not_changed_by_what_it_names_later(
    fresh_account,
):
    ssm, ec2 = fresh_account.client("ssm"), fresh_account.client("ec2")
    golden = {"vault_ec2_image_id": "resolve:ssm:/golden"}
    ssm.put_parameter(Name="/golden", Value="ami-760aaa0f", Type="String")
    run = fresh_account.provision(variables=golden)
    assert run.code == 0, run.output
    assert "from ami-760aaa0f, amzn-ami-hvm-2017.09.1.20171103-x86_64-gp2" in plan(run)
    made = fresh_account.made()
    # The root volume is where this image has it.
    assert [sorted(one)[-1] for one in volumes_of(fresh_account)] == ["/dev/xvda"] * 3

    ssm.put_parameter(Name="/golden", Value="ami-0123", Type="String", Overwrite=True)
    again = fresh_account.provision(variables=golden)
    assert (again.code, again.changed) == (0, 0), again.output
    assert not {"GetParameters", "DescribeImages"} & set(again.calls)
    assert fresh_account.made() == made
    images = {
        instance["ImageId"]
        for each in ec2.describe_instances(InstanceIds=list(made["instance"]))["Reservations"]
        for instance in each["Instances"]
    }
    assert images == {"ami-760aaa0f"}


def tags_of(account: Account, instances: list[dict[str, t.Any]]) -> dict[str, dict[str, str]]:
    """Of everything that carries tags, by what it is."""
    iam, kms, s3, elb, ec2 = (account.client(service) for service in ("iam", "kms", "s3", "elbv2", "ec2"))
    (init,) = iam.list_policies(Scope="Local")["Policies"]
    volumes = [each["Ebs"]["VolumeId"] for each in instances[0]["BlockDeviceMappings"]]
    arns = {kind: next(iter(account.made()[kind])) for kind in ("load balancer", "target group")}
    key = kms.describe_key(KeyId="alias/vault-unseal")["KeyMetadata"]["KeyId"]
    found = {
        "role": iam.list_role_tags(RoleName="vault-node")["Tags"],
        "profile": iam.get_instance_profile(InstanceProfileName="vault-node")["InstanceProfile"]["Tags"],
        "policy": iam.list_policy_tags(PolicyArn=init["Arn"])["Tags"],
        "bucket": s3.get_bucket_tagging(Bucket=BUCKET)["TagSet"],
        "key": [
            {"Key": each["TagKey"], "Value": each["TagValue"]} for each in kms.list_resource_tags(KeyId=key)["Tags"]
        ],
        "group": ec2.describe_security_groups(Filters=[{"Name": "group-name", "Values": ["vault-prod"]}])[
            "SecurityGroups"
        ][0]["Tags"],
        "instance": instances[0]["Tags"],
        **{each["VolumeId"]: each["Tags"] for each in ec2.describe_volumes(VolumeIds=volumes)["Volumes"]},
        **{kind: elb.describe_tags(ResourceArns=[arn])["TagDescriptions"][0]["Tags"] for kind, arn in arns.items()},
    }
    return {what: {each["Key"]: each["Value"] for each in tags} for what, tags in found.items()}


def test_who_reaches_the_nodes_what_goes_out_and_the_first_boot_follow_the_inputs(fresh_account):
    ec2 = fresh_account.client("ec2")
    other = ec2.create_security_group(GroupName="company", Description="theirs", VpcId=fresh_account.vpc)["GroupId"]
    https = {"proto": "tcp", "ports": [443], "cidr_ip": "10.0.0.0/16", "rule_desc": "endpoints"}
    company = {
        "vault_iam_path": "/company/",
        "vault_iam_permissions_boundary": "arn:aws:iam::aws:policy/PowerUserAccess",
        "vault_aws_tags": {"CostCenter": "4711"},
    }
    # One of them as text, which is what -e NAME=VALUE gives.
    company |= {"vault_api_port": "9200", "vault_cluster_port": 9201}
    chosen = {**company, "vault_ssh_cidrs": ["10.9.0.0/16"], "vault_ec2_egress": [https], "vault_ssm": True}
    run = fresh_account.provision(variables={**chosen, "vault_ec2_security_groups": [other]})
    assert run.code == 0, run.output
    (group,) = fresh_account.made()["security group"] - {other}
    (described,) = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"]

    def ports(rules):
        return sorted((rule.get("FromPort"), [each["CidrIp"] for each in rule["IpRanges"]]) for rule in rules)

    assert (22, ["10.9.0.0/16"]) in ports(described["IpPermissions"])
    assert {port for port, _networks in ports(described["IpPermissions"])} == {22, 9200, 9201}
    assert ports(described["IpPermissionsEgress"]) == [(443, ["10.0.0.0/16"]), (9200, []), (9201, [])]
    elb = fresh_account.client("elbv2")
    (targets,) = elb.describe_target_groups()["TargetGroups"]
    (listener,) = elb.describe_listeners(LoadBalancerArn=targets["LoadBalancerArns"][0])["Listeners"]
    assert (listener["Port"], targets["Port"], targets["HealthCheckPort"]) == (9200, 9200, "9200")
    health = elb.describe_target_health(TargetGroupArn=targets["TargetGroupArn"])["TargetHealthDescriptions"]
    assert [one["Target"]["Port"] for one in health] == [9200] * 3
    instances = [
        instance
        for each in ec2.describe_instances(InstanceIds=list(fresh_account.made()["instance"]))["Reservations"]
        for instance in each["Instances"]
    ]
    assert [{each["GroupId"] for each in one["SecurityGroups"]} for one in instances] == [{group, other}] * 3
    told = ec2.describe_instance_attribute(InstanceId=instances[0]["InstanceId"], Attribute="userData")["UserData"]
    script = base64.b64decode(told["Value"]).decode()
    # The run asks through a proxy of its own.
    asked = r"agent=yes\nregion=eu-central-1\ns3=http://127\.0\.0\.1:\d+\n"
    assert re.match(rf"#!/bin/sh\n{asked}#!/bin/sh\n# Installs what a node needs", script)

    iam, kms = fresh_account.client("iam"), fresh_account.client("kms")
    role = iam.get_role(RoleName="vault-node")["Role"]
    assert role["Arn"].endswith(":role/company/vault-node")
    assert role["PermissionsBoundary"]["PermissionsBoundaryArn"] == company["vault_iam_permissions_boundary"]
    profile = iam.get_instance_profile(InstanceProfileName="vault-node")["InstanceProfile"]
    (init,) = iam.list_policies(Scope="Local")["Policies"]
    assert (profile["Path"], init["Path"]) == ("/company/", "/company/")
    assert instances[0]["IamInstanceProfile"]["Arn"] == profile["Arn"]
    key = kms.describe_key(KeyId="alias/vault-unseal")["KeyMetadata"]["KeyId"]
    assert role["Arn"] in kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"]
    assert role["Arn"] in fresh_account.client("s3").get_bucket_policy(Bucket=BUCKET)["Policy"]
    for what, tags in tags_of(fresh_account, instances).items():
        assert (what, tags.get("CostCenter"), tags.get("vault-cluster")) == (what, "4711", "prod")

    moved = fresh_account.provision(variables={**chosen, "vault_iam_path": "/"})
    assert moved.code > 0
    assert "role/company/vault-node, and vault_iam_path is /. IAM can't move it: put back /company/" in moved.said

    # Another group is for new instances. Of those that are there it is only said.
    made = fresh_account.made()
    third = ec2.create_security_group(GroupName="third", Description="theirs", VpcId=fresh_account.vpc)["GroupId"]
    again = fresh_account.provision(variables={**chosen, "vault_ec2_security_groups": [other, third]})
    assert (again.code, again.changed) == (0, 0), again.output
    assert f"vault-1: launched without {third} of vault_ec2_security_groups" in again.output
    assert fresh_account.made()["instance"] == made["instance"]


def test_what_passes_does_not_stop_a_run(fresh_account):
    run = fresh_account.provision(rules=PASSING)
    assert run.code == 0, run.output
    assert count(fresh_account.made()) == EVERYTHING
    not_repeated = [rule for rule in PASSING if run.calls.count(rule.operation) <= rule.nth]
    assert not not_repeated, run.calls


def test_everything_follows_the_inputs_about_snapshots(fresh_account):
    key = "arn:aws:kms:eu-central-1:444455556666:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    who = "arn:aws:iam::123456789012:role/restore"
    chosen = {"vault_snapshot_prefix": "/vault/prod/", "vault_snapshot_key_arn": key, "vault_restore_principals": [who]}
    fresh_account.client("iam").create_role(RoleName="restore", AssumeRolePolicyDocument="{}")
    # From where the bucket and the policies are made; machines don't depend on them.
    run = fresh_account.provision(rules=[Rule("RunInstances", denied("ec2:RunInstances", "*"))], variables=chosen)
    assert "RunInstances was refused" in run.said

    found = fresh_account.client("s3").get_bucket_lifecycle_configuration(Bucket=BUCKET)["Rules"]
    assert [rule["Filter"] for rule in found if "Days" in rule["Expiration"]] == [superseded("vault/prod/")]
    nodes = fresh_account.client("iam").get_role_policy(RoleName="vault-node", PolicyName="vault")["PolicyDocument"]
    granted = {statement["Sid"]: statement for statement in nodes["Statement"]}
    assert granted["VaultSnapshots"]["Resource"] == [f"arn:aws:s3:::{BUCKET}/vault/prod/*"]
    assert key in granted["VaultSnapshotKey"]["Resource"]
    kms = fresh_account.client("kms")
    key_id = kms.describe_key(KeyId="alias/vault-unseal")["KeyMetadata"]["KeyId"]
    policy = json.loads(kms.get_key_policy(KeyId=key_id, PolicyName="default")["Policy"])
    readers = [each["Sid"] for each in policy["Statement"] if each["Principal"]["AWS"] == [who]]
    assert {"DecryptSnapshots", "ReadSnapshotBucket"} <= set(readers)


# What has a name that is taken in every region.
IN_EVERY_REGION = (
    "role vault-node",
    "instance profile vault-node",
    "managed policy vault-prod-init",
    f"bucket {BUCKET}",
)
WHOSE = {
    "another cluster's": ({"vault-cluster": "staging", "Owner": "ada"}, "it has vault-cluster=staging"),
    "nobody says": ({"Owner": "ada"}, "it has no tag vault-cluster"),
}


@pytest.mark.parametrize("whose", WHOSE)
def test_what_others_have_under_the_clusters_names_stays_as_it_is(fresh_account, whose):
    tags, says = WHOSE[whose]
    fresh_account.take_the_names(tags)
    seen, there = fresh_account.under_the_names(), fresh_account.everything()
    run = fresh_account.provision()
    assert run.code > 0
    for what in IN_EVERY_REGION:
        assert f"The {what} exists, and is not this cluster's: {says}" in run.said

    # With other names for these, the machines' turn comes.
    others = {"vault_node_role": "vault-other", "vault_snapshot_bucket": "", "vault_custody_sink": "kms_file"}
    run = fresh_account.provision(variables=others)
    assert run.code > 0
    for what in ("security group", "load balancer", "target group"):
        assert f"The {what} vault-prod exists, and is not this cluster's: {says}" in run.said
    assert fresh_account.under_the_names() == seen
    assert fresh_account.everything() == there


def test_a_cluster_of_this_name_in_another_region_keeps_what_it_has(fresh_account):
    """IAM's names are taken in all regions: a region that was mistyped must not take the role from nodes that serve."""
    fresh_account.take_the_names({"vault-cluster": "prod", "vault-cluster-region": "us-east-1"})
    seen, there = fresh_account.under_the_names(), fresh_account.everything()
    run = fresh_account.provision()
    assert run.code > 0
    for what in IN_EVERY_REGION:
        assert f"The {what} exists, and is the cluster prod's in us-east-1" in run.said
    assert (fresh_account.under_the_names(), fresh_account.everything()) == (seen, there)

    arguments = ("-e", "vault_decommission=prod")
    run = fresh_account.run("decommission", *arguments, variables={"vault_snapshot_bucket": ""})
    assert run.code == 0, run.output
    now = fresh_account.under_the_names()
    names = ("role", "rights", "profile", "policy", "tags of the bucket", "versions")
    assert {name: now[name] for name in names} == {name: seen[name] for name in names}


def test_an_application_load_balancer_of_that_name_stays_as_it_is(fresh_account):
    # Even with the cluster's tag.
    fresh_account.take_the_names({"vault-cluster": "prod"}, balancer="application")
    seen, there = fresh_account.under_the_names(), fresh_account.everything()
    run = fresh_account.provision()
    assert run.code > 0
    assert "The load balancer vault-prod exists, and is of type application" in run.said
    assert (fresh_account.under_the_names(), fresh_account.everything()) == (seen, there)


def test_an_instance_that_dies_on_launch_is_said_and_launched_again_and_one_that_was_lost_is_not(fresh_account):
    launched = []

    def end_the_third(request: str, answer: str) -> None:
        if "Action=RunInstances" in request:
            launched.append(re.findall(r"<instanceId>(i-\w+)<", answer)[0])
            if len(launched) == 3:
                fresh_account.client("ec2").terminate_instances(InstanceIds=[launched[2]])

    run = fresh_account.provision(told=end_the_third)
    assert run.code > 0, run.output
    assert f"vault-3 ({launched[2]}) was launched and is terminated already" in run.said
    assert "User initiated" in run.said
    made = fresh_account.made()
    assert len(made["instance"]) == 2
    assert not made["target"]
    (group,) = fresh_account.client("ec2").describe_security_groups(GroupIds=list(made["security group"]))[
        "SecurityGroups"
    ]
    assert "vault-cluster-complete" not in {tag["Key"] for tag in group["Tags"]}

    run = fresh_account.provision()
    assert run.code == 0, run.output
    assert count(fresh_account.made()) == EVERYTHING
    assert made["instance"] < fresh_account.made()["instance"]

    # More nodes need no word. One that was there and is gone does.
    five = [{"name": f"vault-{number}", "subnet_id": fresh_account.subnet} for number in range(1, 6)]
    run = fresh_account.provision(variables={"vault_ec2_instances": five})
    assert run.code == 0, run.output
    grown = fresh_account.made()["instance"]
    assert len(grown) == 5
    fresh_account.client("ec2").modify_instance_attribute(
        InstanceId=launched[0], DisableApiTermination={"Value": False}
    )
    fresh_account.client("ec2").terminate_instances(InstanceIds=[launched[0]])
    run = fresh_account.provision(variables={"vault_ec2_instances": five})
    assert run.code > 0, run.output
    assert "vault-1 was terminated, and the data with it" in run.said
    assert fresh_account.made()["instance"] == grown - {launched[0]}


def test_a_key_is_made_for_a_cluster_that_is_new_and_for_no_other(fresh_account):
    stop = Rule("RunInstances", denied("ec2:RunInstances", "instance/*", "UnauthorizedOperation"), nth=2)
    fresh_account.provision(rules=[stop])
    made = fresh_account.made()
    assert (len(made["key"]), len(made["instance"])) == (1, 2)

    run = fresh_account.provision(variables={"vault_kms_key_alias": "alias/vault-unsael"})
    assert run.code > 0
    for words in ("alias/vault-unsael does not exist in eu-central-1", "no key is made", "Name the right alias"):
        assert words in run.said
    # Nor is another key taken for the one that the nodes are sealed with.
    in_use = {"vault_kms_seal_in_use": {"key_id": "alias/payroll", "region": "eu-central-1"}}
    run = fresh_account.provision(variables=in_use)
    assert run.code > 0
    assert "The running nodes are sealed with alias/payroll in eu-central-1" in run.said
    assert "-e vault_kms_change=alias/vault-unseal" in run.said
    assert fresh_account.made() == made


def test_a_lost_answer_makes_no_second_key(fresh_account):
    """The call took effect, and the caller can't know: only the run's own tag on the key tells."""
    stop = Rule("PutRolePolicy", denied("iam:PutRolePolicy", "role/vault-node"))
    fresh_account.provision(rules=[Rule("CreateKey", Drop(forward=True)), stop])
    assert len(fresh_account.made()["key"]) == 1
    run = fresh_account.provision(rules=[stop])
    assert "PutRolePolicy was refused" in run.said
    made = count(fresh_account.made())
    assert (made["key"], made["alias"]) == (1, 1)


class TestOneFaultAfterAnother:
    """All in one account: every run must go on from what the runs before it, each stopped somewhere else, have left.

    A case can be run alone as well: it then gets to its point from an empty account.
    """

    @pytest.mark.parametrize("name", AT_ONCE)
    def test_refused_before_anything_is_made(self, account, name):
        before = account.made()
        assert_stopped(account, AT_ONCE[name])
        assert account.made() == before

    @pytest.mark.parametrize("name", ON_THE_WAY)
    def test_stopped_on_the_way(self, account, name):
        before = account.made()
        assert_stopped(account, ON_THE_WAY[name])
        assert not lost(before, account.made())

    def test_the_next_run_finishes(self, account):
        before = account.made()
        run = account.provision()
        assert run.code == 0, run.output
        made = account.made()
        assert not lost(before, made)
        assert count(made) == EVERYTHING

        again = account.provision()
        assert (again.code, again.changed) == (0, 0), again.output
        assert '"Nothing to do: ' in plan(again)
        assert account.made() == made


def assert_stopped(account: Account, case: Case) -> None:
    run = account.provision(
        rules=case.rules,
        kill=case.kill,
        variables=case.variables,
        environment=case.environment,
        offline=case.offline,
    )
    meant = [rule.operation for rule in case.rules] + ([case.kill.operation] if case.kill else [])
    assert set(meant) <= set(run.calls), f"the run never asked for {meant}:\n{run.output}"
    if case.kill:
        assert run.was_killed, run.output
        if not account.taking_over:
            # Once is enough: what was killed gives no lease back.
            refused = account.provision()
            assert refused.code > 0, refused.output
            assert f"-e vault_lease_take_over={account.who}" in refused.said, refused.output
            account.taking_over = ["-e", f"vault_lease_take_over={account.who}"]
        return
    assert run.code > 0, run.output
    subnets = {"subnet": account.subnet, "full_subnet": account.full_subnet, "public_subnet": account.public_subnet}
    expected = [words.format(**subnets) for words in case.says]
    missing = [words for words in expected if words not in run.said]
    assert not missing, f"the playbook's last word does not say {missing}:\n{run.said}"


def lost(before: Things, after: Things) -> Things:
    return {kind: things - after[kind] for kind, things in before.items() if things - after[kind]}
