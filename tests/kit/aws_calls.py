"""What a request to AWS asks for, in the words of IAM: actions, resources, and what conditions look at.

The request says it, not the account: of a key, an instance or a group it is taken that the thing is the cluster's own.
"""

from __future__ import annotations

import dataclasses
import json
import re
import typing as t
from pathlib import Path

from labkit.aws_requests import Request

# In its name a network load balancer is one of another kind, at the stand-in.
_NO_NETWORK = ("/app/", "/net/")


@dataclasses.dataclass(frozen=True)
class Asked:
    """What IAM decides about: one action on one resource, and what conditions look at."""

    action: str
    resource: str
    context: t.Mapping[str, t.Any] = dataclasses.field(default_factory=dict, hash=False)


@dataclasses.dataclass(frozen=True)
class Cluster:
    """Whose things are asked for."""

    account: str
    name: str
    alias: str
    ca_alias: str
    region: str
    # That the cluster's role has, and where it is in IAM.
    boundary: str = ""
    iam_path: str = "/"
    # Value of the tag of its instances: those that are launched for a drill have another one.
    machine: str = ""

    def own(self) -> dict[str, t.Any]:
        tag = {f"{service}:{kind}/vault-cluster": self.name for service, kind in _TAGS}
        return {**tag, "kms:ResourceAliases": [self.alias, self.ca_alias, f"{self.ca_alias}-next"]}


_TAGS = (("aws", "ResourceTag"), ("ssm", "resourceTag"))


def written(path: Path, key: str, until: float) -> list[Request]:
    """What the lab's stand-in was asked, by who has this access key, up to then."""
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return [
        Request(**{name: value for name, value in line.items() if name != "time"})
        for line in lines
        if line["key"] == key and line["time"] < until
    ]


def by_lease(requests: t.Iterable[Request]) -> tuple[list[Request], list[Request]]:
    """Those of whoever has the lease in AWS, and all others. What is about the lease itself is left out."""
    with_it, without = [], []
    holds = False
    for one in requests:
        about = [one.fields.get("Name"), one.fields.get("Path"), *one.fields.get("Names", [])]
        if one.service == "ssm" and any("/lease" in str(name) for name in about):
            # It is taken by a parameter, and given back by the next one.
            holds ^= one.operation == "PutParameter"
        else:
            (with_it if holds else without).append(one)
    return with_it, without


def asked(one: Request, cluster: Cluster) -> list[Asked]:
    """Everything that AWS wants allowed before it does what is requested."""
    if one.service == "sts":
        # GetCallerIdentity is allowed to everybody.
        return []
    if one.service == "s3":
        return _s3(one, cluster)
    made = {
        "iam": _iam,
        "ec2": _ec2,
        "elasticloadbalancing": _elb,
        "kms": _kms,
        "ssm": _ssm,
        "secretsmanager": _secrets,
        "sns": _sns,
        "events": _events,
        "monitoring": _cloudwatch,
        "route53": _route53,
    }[one.service](one, cluster)
    here = {} if one.service in ("iam", "route53") else {"aws:RequestedRegion": one.region}
    return [dataclasses.replace(each, context={**here, **each.context}) for each in made]


def without(one: Asked, key: str) -> Asked:
    """The same, where nothing is said of this."""
    return dataclasses.replace(one, context={name: value for name, value in one.context.items() if name != key})


# --- S3. Actions on a bucket and on an object, by method and by what is asked of either.
_S3 = {
    "GET": ("s3:ListBucket", "s3:GetObject"),
    "HEAD": ("s3:ListBucket", "s3:GetObject"),
    "PUT": ("s3:CreateBucket", "s3:PutObject"),
    "POST": ("", "s3:PutObject"),
    "DELETE": ("s3:DeleteBucket", "s3:DeleteObject"),
    "GET?versions": ("s3:ListBucketVersions", ""),
    "GET?uploads": ("s3:ListBucketMultipartUploads", ""),
    "GET?tagging": ("s3:GetBucketTagging", "s3:GetObjectTagging"),
    "PUT?tagging": ("s3:PutBucketTagging", "s3:PutObjectTagging"),
    "DELETE?tagging": ("s3:PutBucketTagging", "s3:DeleteObjectTagging"),
    "POST?uploads": ("", "s3:PutObject"),
    # What boto calls GetBucketEncryption and GetBucketLifecycleConfiguration.
    "GET?encryption": ("s3:GetEncryptionConfiguration", ""),
    "PUT?encryption": ("s3:PutEncryptionConfiguration", ""),
    "GET?lifecycle": ("s3:GetLifecycleConfiguration", ""),
    "PUT?lifecycle": ("s3:PutLifecycleConfiguration", ""),
    "GET?replication": ("s3:GetReplicationConfiguration", ""),
    "PUT?replication": ("s3:PutReplicationConfiguration", ""),
    "GET?accelerate": ("s3:GetAccelerateConfiguration", ""),
    "GET?inventory": ("s3:GetInventoryConfiguration", ""),
    "GET?object-lock": ("s3:GetBucketObjectLockConfiguration", ""),
    "PUT?object-lock": ("s3:PutBucketObjectLockConfiguration", ""),
    "GET?acl": ("s3:GetBucketAcl", ""),
    "GET?requestPayment": ("s3:GetBucketRequestPayment", ""),
}
for _name in ("Policy", "Versioning", "PublicAccessBlock", "OwnershipControls"):
    for _method in ("GET", "PUT"):
        _S3[f"{_method}?{_name[0].lower()}{_name[1:]}"] = (f"s3:{_method.capitalize()}Bucket{_name}", "")


def _s3(one: Request, cluster: Cluster) -> list[Asked]:
    method, _, rest = one.operation.partition(" ")
    path, _, sub = rest.partition("?")
    bucket, _, key = path.strip("/").partition("/")
    if not bucket:
        return [Asked("s3:ListAllMyBuckets", "*")]
    if (method, sub) == ("POST", "delete"):
        # Which ones stands in the body, which is not kept.
        return [Asked("s3:DeleteObject", f"arn:aws:s3:::{bucket}/any")]
    action = _S3[method + (f"?{sub}" if sub else "")][1 if key else 0]
    context = {f"s3:{name}": one.fields[name] for name in ("prefix", "if-none-match") if name in one.fields}
    if action == "s3:PutObject":
        # An upload in parts makes its object at the end.
        ends = "partNumber" not in one.fields and sub != "uploads"
        context["s3:ObjectCreationOperation"] = str(ends).lower()
    found = [Asked(action, f"arn:aws:s3:::{bucket}" + (f"/{key}" if key else ""), context)]
    if action == "s3:PutReplicationConfiguration":
        # Which role it is stands in the body, which is not kept.
        role = f"arn:aws:iam::{cluster.account}:role{cluster.iam_path}vault-{cluster.name}-replication"
        found.append(_pass_role(role, "s3.amazonaws.com"))
    return found


# --- the others


def _action(one: Request) -> str:
    return f"{one.service}:{one.operation}"


def _tags(fields: t.Mapping[str, t.Any], start: str = "Tag") -> dict[str, t.Any]:
    """Tags that are asked for, as conditions name them."""
    if isinstance(fields.get("Tags"), list):
        pairs = [(tag.get("Key", tag.get("TagKey")), tag.get("Value", tag.get("TagValue"))) for tag in fields["Tags"]]
    else:
        stems = [name[:-4] for name in fields if name.startswith(start) and name.endswith(".Key")]
        pairs = [(fields[f"{stem}.Key"], fields.get(f"{stem}.Value")) for stem in stems]
    return {f"aws:RequestTag/{key}": value for key, value in pairs}


def _iam(one: Request, cluster: Cluster) -> list[Asked]:
    fields, account = one.fields, f"arn:aws:iam::{cluster.account}"
    if one.operation in ("ListPolicies", "ListAccountAliases"):
        return [Asked(_action(one), "*")]
    # Only what makes a thing says its path; the cluster's own have one.
    path = fields.get("Path", cluster.iam_path)
    policy = fields.get("PolicyArn", f"{account}:policy{path}{fields.get('PolicyName', '')}")
    context = {"iam:PolicyARN": policy} if "PolicyArn" in fields else {}
    if "InstanceProfileName" in fields:
        resource = f"{account}:instance-profile{path}{fields['InstanceProfileName']}"
    elif "RoleName" in fields:
        resource = f"{account}:role{path}{fields['RoleName']}"
        bounded = fields.get("PermissionsBoundary", "" if one.operation == "CreateRole" else cluster.boundary)
        context |= {"iam:PermissionsBoundary": bounded} if bounded else {}
    else:
        resource = policy
    found = [Asked(_action(one), resource, context)]
    if one.operation == "AddRoleToInstanceProfile":
        found.append(_pass_role(f"{account}:role{path}{fields['RoleName']}"))
    tags = {"CreateRole": "TagRole", "CreatePolicy": "TagPolicy", "CreateInstanceProfile": "TagInstanceProfile"}
    if one.operation in tags and _tags(fields, "Tags"):
        found.append(Asked(f"iam:{tags[one.operation]}", resource, _tags(fields, "Tags")))
    return found


def _pass_role(role: str, service: str = "ec2.amazonaws.com") -> Asked:
    return Asked("iam:PassRole", role, {"iam:PassedToService": service})


_EC2_KINDS = {"i-": "instance", "sg-": "security-group", "vol-": "volume"}


def _ec2(one: Request, cluster: Cluster) -> list[Asked]:
    fields, action, own = one.fields, _action(one), cluster.own()
    place = f"arn:aws:ec2:{one.region}:{cluster.account}"
    if one.operation.startswith(("Describe", "Get")) and one.operation != "DescribeInstanceAttribute":
        return [Asked(action, "*")]
    tags = _tags(fields, "TagSpecification")
    if one.operation == "CreateSecurityGroup":
        group = f"{place}:security-group/new"
        found = [Asked(action, f"{place}:vpc/{fields['VpcId']}"), Asked(action, group, tags)]
        return [*found, Asked("ec2:CreateTags", group, {**tags, "ec2:CreateAction": one.operation})] if tags else found
    if one.operation == "RunInstances":
        found = [
            Asked(action, f"arn:aws:ec2:{one.region}::image/{fields['ImageId']}"),
            Asked(action, f"{place}:network-interface/new"),
            *[Asked(action, f"{place}:subnet/{fields[name]}") for name in fields if name.endswith(".SubnetId")],
            *[Asked(action, f"{place}:security-group/{fields[name]}", own) for name in fields if "GroupId" in name],
        ]
        if "KeyName" in fields:
            found.append(Asked(action, f"{place}:key-pair/{fields['KeyName']}"))
        asked_for = {
            fields[name]: _tags(fields, f"{name.removesuffix('.ResourceType')}.")
            for name in fields
            if name.endswith(".ResourceType")
        }
        for kind in ("instance", "volume"):
            tags = asked_for.get(kind, {})
            found.append(Asked(action, f"{place}:{kind}/new", tags))
            if tags:
                found.append(
                    Asked("ec2:CreateTags", f"{place}:{kind}/new", {**tags, "ec2:CreateAction": "RunInstances"})
                )
        for key in sorted({value for name, value in fields.items() if name.endswith(".KmsKeyId")}):
            found += for_volumes(key, one.region)
        profile = fields.get("IamInstanceProfile.Arn", "")
        # By the name of the profile, which is the role's.
        return [*found, _pass_role(profile.replace(":instance-profile/", ":role/"))] if profile else found
    names = [value for name, value in fields.items() if re.fullmatch(r"(Resource|Instance|Group)Id(\.\d+)?", name)]
    kinds = [next(kind for start, kind in _EC2_KINDS.items() if value.startswith(start)) for value in names]
    of_kind = {"instance": {**own, "aws:ResourceTag/vault-cluster": cluster.machine or cluster.name}}
    return [
        Asked(action, f"{place}:{kind}/{value}", {**of_kind.get(kind, own), **_tags(fields)})
        for kind, value in zip(kinds, names, strict=True)
    ]


def for_volumes(key: str, region: str) -> list[Asked]:
    """What EC2 asks KMS on behalf of who launches, to make volumes with a key and to attach them."""
    by_ec2 = {"kms:ViaService": f"ec2.{region}.amazonaws.com"}
    use = ("Decrypt", "DescribeKey", "GenerateDataKeyWithoutPlaintext", "ReEncryptFrom", "ReEncryptTo")
    return [
        *[Asked(f"kms:{action}", key, by_ec2) for action in use],
        Asked("kms:CreateGrant", key, {**by_ec2, "kms:GrantIsForAWSResource": "true"}),
    ]


def _elb(one: Request, cluster: Cluster) -> list[Asked]:
    fields, action = one.fields, _action(one)
    place = f"arn:aws:elasticloadbalancing:{one.region}:{cluster.account}"
    if one.operation.startswith("Describe"):
        return [Asked(action, "*")]
    kinds = {"CreateLoadBalancer": "loadbalancer/net", "CreateTargetGroup": "targetgroup"}
    if one.operation in kinds:
        resource = f"{place}:{kinds[one.operation]}/{fields['Name']}/new"
        tags = _tags(fields, "Tags")
        return [
            Asked(action, resource, tags),
            *([Asked("elasticloadbalancing:AddTags", resource, tags)] if tags else []),
        ]
    # A listener names the target group that it forwards to, too: that is no more than a value.
    named = [value for name, value in fields.items() if re.fullmatch(r"\w+Arn|ResourceArns\.member\.\d+", name)]
    return [Asked(action, value.replace(*_NO_NETWORK), _tags(fields, "Tags")) for value in named]


def _kms(one: Request, cluster: Cluster) -> list[Asked]:
    fields, action = one.fields, _action(one)
    context = {f"kms:EncryptionContext:{key}": value for key, value in fields.get("EncryptionContext", {}).items()}
    tags = _tags(fields)
    if one.operation in ("ListKeys", "ListAliases"):
        return [Asked(action, "*")]
    key = f"arn:aws:kms:{one.region}:{cluster.account}:key/new"
    if one.operation == "CreateKey":
        return [Asked(action, "*", tags), Asked("kms:TagResource", key, tags)]
    key = key.replace("new", "own")
    found = [Asked(action, key, {**cluster.own(), **tags, **context})]
    if "AliasName" in fields:
        found.append(Asked(action, f"arn:aws:kms:{one.region}:{cluster.account}:{fields['AliasName']}"))
    return found


def _ssm(one: Request, cluster: Cluster) -> list[Asked]:
    fields = one.fields
    names = fields.get("Names") or [fields.get("Name") or fields.get("Path")]
    place = f"arn:aws:ssm:{one.region}:{cluster.account}:parameter"
    # What AWS publishes is in no account.
    public = place.replace(cluster.account, "")
    found = [Asked(_action(one), (public if name.startswith("/aws/") else place) + name) for name in names]
    if one.operation == "PutParameter" and _tags(fields):
        found.append(Asked("ssm:AddTagsToResource", place + fields["Name"], _tags(fields)))
    return found


def _secrets(one: Request, cluster: Cluster) -> list[Asked]:
    fields, action = one.fields, _action(one)
    name = fields.get("SecretId") or fields["Name"]
    resource = f"arn:aws:secretsmanager:{one.region}:{cluster.account}:secret:{name}"
    resource = name if name.startswith("arn:") else resource
    found = [Asked(action, resource, _tags(fields))]
    if one.operation == "CreateSecret" and _tags(fields):
        found.append(Asked("secretsmanager:TagResource", resource, _tags(fields)))
    return found


def _sns(one: Request, cluster: Cluster) -> list[Asked]:
    fields = one.fields
    topic = f"arn:aws:sns:{one.region}:{cluster.account}:{fields.get('Name', '')}"
    return [Asked(_action(one), fields.get("TopicArn") or fields.get("ResourceArn") or topic, _tags(fields, "Tags"))]


def _events(one: Request, cluster: Cluster) -> list[Asked]:
    fields = one.fields
    rule = f"arn:aws:events:{one.region}:{cluster.account}:rule/{fields.get('Name') or fields.get('Rule')}"
    return [Asked(_action(one), fields.get("ResourceARN") or rule, _tags(fields))]


def _cloudwatch(one: Request, cluster: Cluster) -> list[Asked]:
    fields, action = one.fields, f"cloudwatch:{one.operation}"
    if one.operation == "DescribeAlarms":
        return [Asked(action, "*")]
    place = f"arn:aws:cloudwatch:{one.region}:{cluster.account}:alarm:"
    names = fields.get("AlarmNames") or [fields.get("AlarmName", "")]
    return [
        Asked(action, arn, _tags(fields))
        for arn in ([fields["ResourceARN"]] if "ResourceARN" in fields else [place + name for name in names])
    ]


def _route53(one: Request, cluster: Cluster) -> list[Asked]:
    method, _, path = one.operation.partition(" ")
    zone = f"arn:aws:route53:::hostedzone/{path.split('/')[3]}"
    if method == "GET":
        return [Asked("route53:ListResourceRecordSets", zone)]
    # Which record it is stands in the body, which is not kept.
    this = {"NormalizedRecordNames": [f"vault.{cluster.name}.internal"], "RecordTypes": ["A"]}
    return [
        Asked(
            "route53:ChangeResourceRecordSets",
            zone,
            {f"route53:ChangeResourceRecordSets{name}": value for name, value in this.items()},
        )
    ]
