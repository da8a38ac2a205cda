# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What of an account has a cluster's names or its tag: one reader for each kind of thing."""

from __future__ import annotations

import typing as t

from ansible_collections.amazon.aws.plugins.module_utils.botocore import is_boto3_error_code
from ansible_collections.amazon.aws.plugins.module_utils.retries import AWSRetry
from ansible_collections.amazon.aws.plugins.module_utils.tagging import boto3_tag_list_to_ansible_dict

from .ownership import TRANSFER, USE_TAG, Thing

RETRY = AWSRetry.jittered_backoff(retries=6, delay=1, max_delay=10, catch_extra_error_codes=["SlowDown"])
_DENIED = ["AccessDenied", "AccessDeniedException"]
# So many ARNs one call of elasticloadbalancing:DescribeTags takes.
_AT_ONCE = 20
Tag = t.Mapping[str, str]
Answer = dict[str, t.Any]


def role(client: t.Any, name: str) -> list[Thing]:
    try:
        found = client.get_role(RoleName=name, aws_retry=True)["Role"]
    except is_boto3_error_code("NoSuchEntity"):
        return []
    return [_thing("role", name, found["Arn"], found.get("Tags"))]


def instance_profile(client: t.Any, name: str) -> list[Thing]:
    try:
        found = client.get_instance_profile(InstanceProfileName=name, aws_retry=True)["InstanceProfile"]
    except is_boto3_error_code("NoSuchEntity"):
        return []
    return [_thing("instance_profile", name, found["Arn"], found.get("Tags"))]


def managed_policy(client: t.Any, arn: str) -> list[Thing]:
    """By its name, which one policy of an account has, whatever its path: amazon.aws finds a policy by the name as well."""
    try:
        return [_managed_policy(client, arn)]
    except is_boto3_error_code("NoSuchEntity"):
        name = arn.rpartition("/")[2]
    # IAM tells no two names apart by their case.
    others = [
        each for each in _all(client, "list_policies", Scope="Local") if each["PolicyName"].lower() == name.lower()
    ]
    things = []
    for each in others:
        try:
            things.append(_managed_policy(client, each["Arn"]))
        except is_boto3_error_code(_DENIED):
            things.append({**_thing("managed_policy", each["PolicyName"], each["Arn"], []), "tags": None})
    return things


def _managed_policy(client: t.Any, arn: str) -> Thing:
    found = client.get_policy(PolicyArn=arn, aws_retry=True)["Policy"]
    return _thing("managed_policy", found["PolicyName"], found["Arn"], found.get("Tags"))


def secret(client: t.Any, name: str) -> list[Thing]:
    """Nothing for one whose deletion is scheduled: there is no more to remove."""
    try:
        found = client.describe_secret(SecretId=name, aws_retry=True)
    except is_boto3_error_code("ResourceNotFoundException"):
        return []
    except is_boto3_error_code(_DENIED):
        return [{**_thing("secret", name, name, []), "tags": None}]
    if found.get("DeletedDate"):
        return []
    thing = _thing("secret", found["Name"], found["ARN"], found.get("Tags"))
    # A secret that was never copied has none of these, and a copy tells of the one that it is a copy of.
    copies = sorted(copy["Region"] for copy in found.get("ReplicationStatus", []))
    primary = found.get("PrimaryRegion", "")
    is_copy = primary not in ("", found["ARN"].split(":")[3])
    return [{**thing, "replicas": [] if is_copy else copies, "primary": primary if is_copy else ""}]


def security_groups(client: t.Any, name: str, tag: Tag) -> list[Thing]:
    """By name in every VPC, and by tag."""
    wanted = [{"Name": f"tag:{tag['key']}", "Values": [tag["value"]]}]
    found = {group["GroupId"]: group for group in _all(client, "describe_security_groups", Filters=wanted)}
    if name:
        by_name = [{"Name": "group-name", "Values": [name]}]
        found.update({group["GroupId"]: group for group in _all(client, "describe_security_groups", Filters=by_name)})
    return [
        {
            **_thing("security_group", group["GroupName"], group["GroupId"], group.get("Tags")),
            "named": group["GroupName"] == name,
            "vpc_id": group.get("VpcId", ""),
            "egress": sorted(_lets_out_to(group)),
        }
        for group in found.values()
    ]


def _lets_out_to(group: Answer) -> set[str]:
    """Networks, prefix lists and groups."""
    lists = (
        ("IpRanges", "CidrIp"),
        ("Ipv6Ranges", "CidrIpv6"),
        ("PrefixListIds", "PrefixListId"),
        ("UserIdGroupPairs", "GroupId"),
    )
    rules = group.get("IpPermissionsEgress", [])
    return {target[key] for rule in rules for name, key in lists for target in rule.get(name, [])}


def load_balancers(client: t.Any, name: str, tag: Tag, everything: bool) -> list[Thing]:
    asked = {} if everything else {"Names": [name]}
    try:
        found = _all(client, "describe_load_balancers", **asked)
    except is_boto3_error_code("LoadBalancerNotFound"):
        return []
    things = [
        {
            **_thing("load_balancer", each["LoadBalancerName"], each["LoadBalancerArn"], []),
            "type": each["Type"],
            "groups": each.get("SecurityGroups") or [],
            "zones": {zone["ZoneName"]: zone["SubnetId"] for zone in each.get("AvailabilityZones", [])},
        }
        for each in found
    ]
    return _tagged(client, things, name, tag)  # type: ignore[arg-type]


def target_groups(client: t.Any, name: str, tag: Tag, everything: bool) -> list[Thing]:
    asked = {} if everything else {"Names": [name]}
    try:
        found = _all(client, "describe_target_groups", **asked)
    except is_boto3_error_code("TargetGroupNotFound"):
        return []
    things = [_thing("target_group", each["TargetGroupName"], each["TargetGroupArn"], []) for each in found]
    kept = _tagged(client, things, name, tag)
    in_use = {each["TargetGroupArn"] for each in found if each.get("LoadBalancerArns")}
    for thing in kept:
        targets = client.describe_target_health(TargetGroupArn=thing["id"], aws_retry=True)["TargetHealthDescriptions"]
        thing["targets"] = [target["Target"]["Id"] for target in targets]
        thing["empty"] = not targets
        # It can't be created and tagged in one call.
        thing["bare"] = not targets and thing["id"] not in in_use
    return kept


def buckets(client: t.Any, name: str, tag: Tag, everything: bool, transfer: str = "") -> list[Thing]:
    """The named ones, *name* for snapshots and *transfer* for files on their way; with *everything* also those that carry the
    tag, and those whose tags can't be read."""
    wanted = {each: kind for each, kind in ((transfer, "transfer_bucket"), (name, "bucket")) if each}
    names = [bucket["Name"] for bucket in client.list_buckets(aws_retry=True)["Buckets"]]
    things = [_bucket(client, each, wanted.get(each, ""), tag) for each in names if everything or each in wanted]
    kept = [thing for thing in things if thing["named"] or thing["tags"] is None or _is(thing, tag)]
    elsewhere = [_elsewhere(client, each, kind) for each, kind in wanted.items() if each not in names]
    return [*kept, *(thing for things in elsewhere for thing in things)]


def _bucket(client: t.Any, name: str, kind: str, tag: Tag) -> Thing:
    """*kind*: what it is wanted as; empty, it has no name that is wanted, and its tags say what it is for."""
    thing: Thing = {**_thing(kind or "bucket", name, name, []), "named": bool(kind)}
    try:
        found = client.get_bucket_tagging(Bucket=name, aws_retry=True)["TagSet"]
    except is_boto3_error_code("NoSuchTagSet"):
        found = []
    except is_boto3_error_code(_DENIED):
        thing["tags"] = None
        return thing
    tags = thing["tags"] = boto3_tag_list_to_ansible_dict(found)
    if not kind and tags.get(USE_TAG) == TRANSFER:
        thing["kind"] = "transfer_bucket"
    if kind or _is(thing, tag):
        versions = client.list_object_versions(Bucket=name, MaxKeys=1, aws_retry=True)
        thing["empty"] = not versions.get("Versions") and not versions.get("DeleteMarkers")
        thing["bare"] = thing["empty"] and not _has_policy(client, name)
    return thing


def _has_policy(client: t.Any, name: str) -> bool:
    try:
        client.get_bucket_policy(Bucket=name, aws_retry=True)
    except is_boto3_error_code("NoSuchBucketPolicy"):
        return False
    return True


def _elsewhere(client: t.Any, name: str, kind: str) -> list[Thing]:
    """A bucket that this account does not list: names are shared by all of AWS."""
    try:
        client.head_bucket(Bucket=name, aws_retry=True)
    except is_boto3_error_code(["404", "NoSuchBucket"]):
        return []
    except is_boto3_error_code(["403", *_DENIED]):
        pass
    return [{**_thing(kind, name, "", []), "tags": None}]


def _tagged(client: t.Any, things: list[Thing], name: str, tag: Tag) -> list[Thing]:
    """Of these, what has the name or the tag, with its tags."""
    for start in range(0, len(things), _AT_ONCE):
        some = things[start : start + _AT_ONCE]
        answer = client.describe_tags(ResourceArns=[thing["id"] for thing in some], aws_retry=True)
        of = {each["ResourceArn"]: each["Tags"] for each in answer["TagDescriptions"]}
        for thing in some:
            thing["tags"] = boto3_tag_list_to_ansible_dict(of.get(thing["id"], []))
            thing["named"] = thing["name"] == name
    return [thing for thing in things if thing["named"] or _is(thing, tag)]


def _thing(kind: str, name: str, identifier: str, tags: list[dict[str, str]] | None) -> Thing:
    return {
        "kind": kind,
        "name": name,
        "id": identifier,
        "tags": boto3_tag_list_to_ansible_dict(tags or []),
        "named": True,
        "empty": False,
        "bare": False,
        "type": "",
        "vpc_id": "",
        "egress": [],
        "groups": [],
        "zones": {},
        "targets": [],
        "replicas": [],
        "primary": "",
    }


def _is(thing: Thing, tag: Tag) -> bool:
    return (thing["tags"] or {}).get(tag["key"]) == tag["value"]


@RETRY
def _all(client: t.Any, operation: str, **arguments: t.Any) -> list[Answer]:
    pages = client.get_paginator(operation).paginate(**arguments).build_full_result()
    (items,) = (value for key, value in pages.items() if isinstance(value, list))
    return items
