# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whose a thing is, by its tag: names alone collide between clusters, and with what people made. Pure."""

from __future__ import annotations

import typing as t

from .._common.aws import REGION_TAG

# What a removal may empty says so by this tag: files on their way to nodes are in it, and nothing that lasts.
USE_TAG, TRANSFER = "vault-cluster-use", "transfer"

LABELS = {
    "role": "The role",
    "instance_profile": "The instance profile",
    "managed_policy": "The managed policy",
    "bucket": "The bucket",
    "transfer_bucket": "The bucket",
    "secret": "The secret",
    "security_group": "The security group",
    "load_balancer": "The load balancer",
    "target_group": "The target group",
}

_USES = {
    "bucket": f"is for files on their way to the nodes (by its tag {USE_TAG}), which expire after a day.",
    "transfer_bucket": f"is this cluster's for something else: it has no tag {USE_TAG}={TRANSFER}.",
}


class Thing(t.TypedDict):
    kind: str  # a key of LABELS
    name: str
    id: str  # its ARN, or a security group's id; empty: it is in another account
    tags: dict[str, str] | None  # None: this identity may not read them
    named: bool  # whether it has a name that this cluster wants; otherwise it was found by its tag
    empty: bool  # nothing is in it: no version of an object in a bucket, no target in a target group
    bare: bool  # empty, and nothing was set up: what a run that was cut short between creation and tag leaves
    type: str  # of a load balancer: network, application
    vpc_id: str  # of a security group
    egress: list[str]  # networks that a security group lets out to
    groups: list[str]  # ids of a load balancer's security groups
    zones: dict[str, str]  # where a load balancer is: the id of its subnet by the zone
    targets: list[str]  # ids of what a target group has
    replicas: list[str]  # regions in which AWS keeps copies of a secret
    primary: str  # region of the secret that this one is a copy of; empty: it is no copy


def problems(things: list[Thing], tag: t.Mapping[str, str], vpc_id: str = "") -> list[str]:
    """Why things that have the cluster's names must be left alone, one sentence each.

    *tag*: key and value of the cluster's, and, where names are taken in all regions, the cluster's region. The name of a
    security group is taken in one VPC only.
    """
    found = [
        _problem(thing, tag)
        for thing in things
        if thing["named"] and not (thing["kind"] == "security_group" and vpc_id and thing["vpc_id"] != vpc_id)
    ]
    return [problem for problem in found if problem]


def owned(things: list[Thing], tag: t.Mapping[str, str], kind: str) -> list[Thing]:
    """What a removal may remove: it carries the tag, and is of a type that is made here."""
    return [
        thing
        for thing in things
        if thing["kind"] == kind and _has(thing, tag) and not _other_type(thing) and not _other_use(thing)
    ]


def bucket_problems(
    things: list[Thing], tag: t.Mapping[str, str], key: str, confirmed: t.Sequence[str] = ()
) -> list[str]:
    """Why the unseal key must stay for a bucket's sake. *confirmed* names buckets that were looked at by other means."""
    buckets = [thing for thing in things if thing["kind"] == "bucket"]
    # Snapshots may be in one that the inventory names for files by mistake.
    for_files = [thing for thing in things if thing["kind"] == "transfer_bucket"]
    found = problems([*buckets, *(thing for thing in for_files if _has(thing, tag) and _other_use(thing))], tag)
    full = sorted(bucket["name"] for bucket in owned(buckets, tag, "bucket") if not bucket["empty"])
    if full:
        names = ", ".join(full)
        found.append(
            f"{names} {'holds' if len(full) == 1 else 'hold'} snapshots, and {key} is the only key that opens them. Nothing "
            "was removed. Delete all their versions, or keep them with bucket, key, recovery keys and private CA while the rest "
            "is removed: -e vault_decommission_keep_snapshots=true."
        )
    unread = sorted(b["name"] for b in buckets if b["tags"] is None and not b["named"] and b["name"] not in confirmed)
    if unread:
        names = ",".join(unread)
        found.append(
            f"This identity may not read the tags of {names}, so one of them may be this cluster's and hold snapshots, and "
            f"{key} is the only key that opens them. Nothing was removed. Allow s3:GetBucketTagging, or, if none of them "
            f"is this cluster's: -e vault_decommission_other_buckets={names}."
        )
    return found


def secret_problems(things: list[Thing], tag: t.Mapping[str, str], region: str) -> list[str]:
    """Why the deletion of the recovery keys can't be scheduled: AWS deletes no secret that has copies, and no copy. A copy that
    was made a secret of its own is neither, and nobody's business."""
    return [words for secret in owned(things, tag, "secret") if (words := _copies(secret, region))]


def _copies(secret: Thing, region: str) -> str | None:
    name, primary, regions = secret["name"], secret["primary"], secret["replicas"]
    if primary:
        there = secret["id"].replace(f":{region}:", f":{primary}:")
        return (
            f"The secret {name} in {region} is a copy of the one in {primary}, and AWS deletes a copy from there alone. Nothing "
            f"was removed. {_uncopied(there, primary, [region])} deletes the copy at once. Where the copy has to outlast that "
            f"secret, make it a secret of its own, of which the deletion can be scheduled: {_promoted(secret['id'], region)}"
        )
    if regions:
        return (
            f"AWS keeps copies of the secret {name} in {', '.join(regions)}, and deletes no secret that has copies. Nothing was "
            f"removed. {_uncopied(secret['id'], region, regions)} deletes the copies at once. Where a copy has to stay, make it "
            f"a secret of its own before: {' or '.join(_promoted(name, each) for each in regions)}"
        )
    return None


def _uncopied(secret: str, region: str, regions: t.Sequence[str]) -> str:
    return (
        f"aws secretsmanager remove-regions-from-replication --region {region} --secret-id {secret} "
        f"--remove-replica-regions {' '.join(regions)}"
    )


def _promoted(secret: str, region: str) -> str:
    return f"aws secretsmanager stop-replication-to-replica --region {region} --secret-id {secret}"


def _problem(thing: Thing, tag: t.Mapping[str, str]) -> str | None:
    what, tags = f"{LABELS[thing['kind']]} {thing['name']}", thing["tags"]
    wanted = f"{tag['key']}={tag['value']}"
    if not thing["id"]:
        return (
            f"{what} exists, and is somebody else's, or a policy keeps this identity out of it. Choose another name, or "
            "ask its owner."
        )
    if tags is None:
        return (
            f"{what} exists, and this identity may not read its tags, so it may be somebody else's. Nothing of it is "
            "changed. Choose another name, or allow this identity to read them."
        )
    if _other_type(thing):
        return f"{what} exists, and is of type {thing['type']}, where a network one is wanted. Choose another name."
    if _has(thing, tag) and _other_use(thing):
        return f"{what} exists, and {_USES[thing['kind']]} Nothing of it is changed. Choose another name."
    if _has(thing, tag) or (thing["bare"] and tag["key"] not in tags):
        return None
    if tags.get(tag["key"]) == tag["value"]:
        return (
            f"{what} exists, and is the cluster {tag['value']}'s in {tags[REGION_TAG]} (by its tag {REGION_TAG}), where this "
            f"run is about {tag['region']}. Nothing of it is changed. Correct vault_aws_region, or give one of two clusters "
            "another vault_cluster_name."
        )
    has = f"{tag['key']}={tags[tag['key']]}" if tag["key"] in tags else f"no tag {tag['key']}"
    return (
        f"{what} exists, and is not this cluster's: it has {has}. Nothing of it is changed. Choose another name, or, if "
        f"it is meant, tag it with {wanted} first."
    )


def _has(thing: Thing, tag: t.Mapping[str, str]) -> bool:
    tags = thing["tags"] or {}
    elsewhere = "region" in tag and tags.get(REGION_TAG, tag["region"]) != tag["region"]
    return tags.get(tag["key"]) == tag["value"] and not elsewhere


def _other_type(thing: Thing) -> bool:
    return thing["kind"] == "load_balancer" and thing["type"] != "network"


def _other_use(thing: Thing) -> bool:
    """One for snapshots is never emptied, and one for files on their way keeps nothing."""
    is_for_files = (thing["tags"] or {}).get(USE_TAG) == TRANSFER
    return thing["kind"] in _USES and is_for_files is not (thing["kind"] == "transfer_bucket")
