# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which instances to make and why not, whether they came up, and whether an inventory lists these and no others. Pure."""

from __future__ import annotations

import collections
import datetime
import typing as t

from . import renewal
from . import volumes as volumes_of
from .balancers import name_problems

# Set on the nodes' security group when every instance was there once, with their names as its value. From then on a missing one
# of these is a node that was lost, with its Raft data and its node id, and not one that a cut-short run still owes.
COMPLETE_TAG = "vault-cluster-complete"
# Why an instance dies on its launch, by how EC2's code begins.
_KEY = (
    "Set vault_ec2_ebs_key_arn to the key's ARN, give this identity the policies that iam_policies.yml then writes, and let the "
    "key's own policy allow its use: docs/aws.md."
)
ENDED = {
    "Client.InternalError": "EC2 says so where whoever launches may not use the key of the volumes, which is the account's "
    f"default key for EBS unless vault_ec2_ebs_key_arn names one; or the key of the image. {_KEY}",
    "Client.InvalidKMSKey": "The key of the volumes, or of the image, is not there, is disabled, or waits for its deletion. "
    "Enable the key, or name another one in vault_ec2_ebs_key_arn.",
    "Client.VolumeLimitExceeded": "The account has as many or as large volumes as its quota allows. Ask AWS for a higher quota, "
    "or remove what is not used.",
    "Client.InvalidSnapshot": "The image lacks its snapshot. Name another image in vault_ec2_image_id.",
}
ANY_END = (
    "The usual causes are a key for volumes that this identity may not use, a quota for volumes, or a damaged image. "
    f"If it is the key: {_KEY}"
)
# Instead of names, where these are too long for a tag: whichever instance is missing was there.
EVERY_NAME = "true"
TAG_CHARACTERS = 256


class Wanted(t.TypedDict, total=False):
    name: str
    subnet_id: str
    private_ip: str
    replaces: str


def plan(
    wanted: list[Wanted],
    found: list[dict[str, t.Any]],
    subnets: list[dict[str, t.Any]],
    region: str,
    were_there: str = "",
    confirmed: t.Sequence[str] = (),
    may_hold_majority: bool = False,
    volumes: volumes_of.Volumes | None = None,
) -> dict[str, list[str]]:
    """Names of the instances to create, and problems in words: with any, nothing may be created.

    *found* are the cluster's instances that are not terminated, *subnets* those of *wanted* that exist, both as
    amazon.aws' info modules return them. *were_there* is the value of the tag. *confirmed* names instances that may be
    created in place of lost ones. *volumes* are what each is launched with.
    """
    there = {_name(instance): instance for instance in found}
    missing = [entry["name"] for entry in wanted if entry["name"] not in there]
    problems = _list_problems(wanted)
    if missing:
        problems += volumes_of.problems(volumes or {})
    if not problems:
        problems += _subnet_problems(wanted, missing, {subnet["subnet_id"]: subnet for subnet in subnets}, region)
        problems += _zone_problems(wanted, subnets, may_hold_majority)
    problems += _found_problems(wanted, found)
    known = missing if were_there == EVERY_NAME else were_there.split()
    lost = sorted({*missing} & {*known} - {*confirmed})
    if lost:
        names = ",".join(lost)
        problems.append(
            f"{names} {'was' if len(lost) == 1 else 'were'} terminated, and the data with {'it' if len(lost) == 1 else 'them'}. "
            "Instances are recreated only on request: give the new instance a new name, and remove the old peer from the "
            f"cluster. To create an instance under the same name: -e vault_ec2_confirm_create={names}."
        )
    return {"create": [] if problems else missing, "problems": problems}


def remembered(wanted: list[Wanted], were_there: str) -> str:
    """The tag's next value, once every instance is there. Names stay after their nodes have left, while there is room."""
    now = [entry["name"] for entry in wanted]
    before = [] if were_there == EVERY_NAME else were_there.split()
    for names in (sorted({*now, *before}), sorted(now)):
        if len(" ".join(names)) <= TAG_CHARACTERS:
            return " ".join(names)
    return EVERY_NAME


def settled(wanted: list[Wanted], launched: list[str], shown: list[dict[str, t.Any]]) -> dict[str, t.Any]:
    """Whether waiting for the wanted instances is over, and problems in words: one that dies on launch will not come up.

    *launched* are the ids of those that this run has launched, *shown* the cluster's instances in every state: AWS shows
    a terminated one for an hour, and a new one not always at once.
    """
    running = {_name(instance) for instance in shown if instance["state"]["name"] == "running"}
    # What another one has replaced may be stopped.
    shown = [instance for instance in shown if _name(instance) not in renewal.replaced(wanted)]
    problems = []
    for instance in shown:
        state = instance["state"]["name"]
        ended = state in ("shutting-down", "terminated") and instance["instance_id"] in launched
        if (ended or state in ("stopping", "stopped")) and _name(instance) not in running:
            problems.append(_ended(instance, state))
    return {"over": bool(problems) or running >= {entry["name"] for entry in wanted}, "problems": problems}


def _ended(instance: dict[str, t.Any], state: str) -> str:
    name, identifier = _name(instance), instance["instance_id"]
    if state in ("stopping", "stopped"):
        return f"{name} ({identifier}) is {state}. Start it, or find out why it was stopped."
    given = instance.get("state_reason") or {}
    reason = given.get("message") or instance.get("state_transition_reason")
    return (
        f"{name} ({identifier}) was launched and is {state} already: {(reason or 'AWS gives no reason').rstrip('.')}. "
        f"{_why(given.get('code') or '')} No data was on it, and the next run launches it anew."
    )


def _why(code: str) -> str:
    """Why an instance died on its launch, and what to do about it, by EC2's code."""
    found = [words for start, words in ENDED.items() if code.lower().startswith(start.lower())]
    return (found or [ANY_END])[0]


def inventory_problems(
    hosts: list[t.Mapping[str, t.Any]],
    wanted: list[Wanted],
    profile: str,
    all_of_them: bool = True,
    leaving: t.Sequence[str] = (),
) -> list[str]:
    """Why the hosts that the EC2 inventory found are not the instances that are wanted.

    A tag decides who is in the inventory, and an identity that may tag instances could add one of its own, to be given a
    certificate of the cluster. *hosts* are the hosts' variables. Without *all_of_them*, an instance may be missing, and one that
    another one replaces may be there: as one of *leaving*, by name, or while the other one is not there.
    """
    if not any("aws_instance_id" in host for host in hosts):
        return []  # another inventory, whose hosts somebody listed by hand
    asked = {entry["name"]: entry for entry in wanted}
    successor_of = renewal.replaced(wanted)
    names = {host["inventory_hostname"] for host in hosts}
    found = []
    for host in hosts:
        name = host["inventory_hostname"]
        identifiers = sorted(group for group in host["group_names"] if group.startswith("instance_"))
        if "aws_instance_id" not in host:
            found.append(f"{name} is no instance that the EC2 inventory found. Take it out of the group vault.")
        elif len(identifiers) > 1:
            found.append(
                f"{len(identifiers)} running instances carry the cluster's tag and the name {name} "
                f"({', '.join(identifiers)}). Find out which one is the node, and take the tags from the other."
            )
        elif name in successor_of and name not in asked:
            successor = successor_of[name]
            if all_of_them or (name not in leaving and successor in names):
                found.append(f"{name} is replaced by {successor}. Run playbooks/renew_nodes.yml, which has it leave.")
            found += _profile_problems(name, host, profile)
        elif name not in asked:
            found.append(
                f"{name} ({host['aws_instance_id']}) carries the cluster's tag, and vault_ec2_instances does not list it. "
                "List it if it is a node; if not, find out who launched it, and take the tag from it."
            )
        else:
            found += _host_problems(name, host, asked[name], profile)
    missing = sorted(set(asked) - names)
    if missing and all_of_them:
        found.append(
            f"{', '.join(missing)} of vault_ec2_instances is not among the running instances. Start it, or take the node "
            "out of the cluster and then out of the list."
        )
    return found


def just_launched(hosts: list[t.Mapping[str, t.Any]], now: datetime.datetime, minutes: int = 15) -> list[str]:
    """Names of the hosts whose instances may still be on their first boot, by what the EC2 inventory says of them."""
    earliest = now.replace(tzinfo=datetime.timezone.utc) - datetime.timedelta(minutes=minutes)
    return [
        host["inventory_hostname"]
        for host in hosts
        if "aws_launch_time" in host and datetime.datetime.fromisoformat(str(host["aws_launch_time"])) > earliest
    ]


def group_problems(groups: list[dict[str, t.Any]], wanted: list[str], vpc_id: str) -> list[str]:
    """Why new instances can't be given these security groups besides the cluster's own. *groups* are those that exist."""
    there = {group["group_id"]: group.get("vpc_id") for group in groups}
    missing = sorted({*wanted} - {*there})
    elsewhere = sorted(name for name, vpc in there.items() if vpc != vpc_id)
    found = []
    if missing:
        found.append(
            f"vault_ec2_security_groups names {', '.join(missing)}, which does not exist here. Check "
            "the ids, the region, the account."
        )
    if elsewhere:
        found.append(
            f"vault_ec2_security_groups names {', '.join(elsewhere)}, which is not in the VPC of the subnets "
            f"({vpc_id}). Name groups of that VPC."
        )
    return found


def without_groups(instances: list[dict[str, t.Any]], wanted: list[str]) -> list[str]:
    """Of instances that are there: which lack one of these security groups, and what to do about it."""
    found = []
    for instance in instances:
        has = [group["group_id"] for group in instance.get("security_groups", [])]
        lacks = [group for group in wanted if group not in has]
        if lacks:
            found.append(
                f"{_name(instance)}: launched without {', '.join(lacks)} of vault_ec2_security_groups, and no instance "
                "that is there is changed. To give it the group: aws ec2 modify-instance-attribute --instance-id "
                f"{instance['instance_id']} --groups {' '.join([*has, *lacks])}"
            )
    return found


def load_balancer_problems(load_balancer: bool, tls_min_version: str, name: str = "vault") -> list[str]:
    """Why a load balancer before a listener with this lowest version of TLS would find no healthy target, or is not to be had."""
    found = name_problems(load_balancer, name)
    if not load_balancer or tls_min_version != "tls13":
        return found
    return [
        *found,
        "vault_load_balancer is true and vault_tls_min_version is tls13. The health checks of a network load balancer "
        "speak TLS 1.2 at most, so that it would find no healthy node, and send requests to dead and sealed ones too. Set "
        "vault_tls_min_version: tls12, or do without the load balancer.",
    ]


def _host_problems(name: str, host: t.Mapping[str, t.Any], entry: Wanted, profile: str) -> list[str]:
    address = host.get("aws_private_ip_address")
    return [
        *_profile_problems(name, host, profile),
        *_other_problems(name, host, "subnet", host.get("aws_subnet_id"), entry["subnet_id"]),
        *_other_problems(name, host, "address", address, entry.get("private_ip", address)),
    ]


def _profile_problems(name: str, host: t.Mapping[str, t.Any], profile: str) -> list[str]:
    arn = (host.get("aws_iam_instance_profile") or {}).get("arn", "")
    return _other_problems(name, host, "instance profile", arn.rpartition("/")[2] or "none", profile)


def _other_problems(name: str, host: t.Mapping[str, t.Any], what: str, has: t.Any, wanted: t.Any) -> list[str]:
    if has == wanted:
        return []
    return [
        f"{name} ({host['aws_instance_id']}) has the {what} {has}, and the cluster's node has {wanted}. Find out what "
        "this instance is; no certificate is made for it."
    ]


def _name(instance: dict[str, t.Any]) -> str:
    return instance.get("tags", {}).get("Name", instance["instance_id"])


def _list_problems(wanted: list[Wanted]) -> list[str]:
    names = [entry.get("name", "") for entry in wanted]
    twice = sorted(name for name, count in collections.Counter(names).items() if count > 1)
    found = []
    if len(names) < 3 or len(names) % 2 == 0:
        found.append(
            f"vault_ec2_instances lists {len(names)} instances. Raft wants an odd number of voters, three or more: an even "
            "number of voters tolerates no more failures than one voter less."
        )
    if twice:
        found.append(f"vault_ec2_instances lists {', '.join(twice)} twice. Names become node ids: give each its own.")
    bare = [entry.get("name", "?") for entry in wanted if not entry.get("name") or not entry.get("subnet_id")]
    if bare:
        found.append(f"vault_ec2_instances: {', '.join(bare)} lacks a name or a subnet_id.")
    return found + renewal.problems(wanted)


def _subnet_problems(
    wanted: list[Wanted], missing: list[str], subnets: dict[str, dict[str, t.Any]], region: str
) -> list[str]:
    unknown = sorted({entry["subnet_id"] for entry in wanted} - set(subnets))
    if unknown:
        return [f"{', '.join(unknown)} does not exist in {region}. Check vault_ec2_instances, the region, the account."]
    found = []
    vpcs = sorted({subnet["vpc_id"] for subnet in subnets.values()})
    if len(vpcs) > 1:
        found.append(f"The subnets are in several VPCs ({', '.join(vpcs)}). Name subnets of one.")
    launched_in = {entry["subnet_id"] for entry in wanted if entry["name"] in missing}
    public = sorted(name for name in launched_in if subnets[name].get("map_public_ip_on_launch"))
    if public:
        found.append(
            f"{', '.join(public)} gives each new instance a public address, and Vault's nodes have none. Name private "
            "subnets, or switch off MapPublicIpOnLaunch there."
        )
    needed = collections.Counter(entry["subnet_id"] for entry in wanted if entry["name"] in missing)
    for subnet_id, count in needed.items():
        free = subnets[subnet_id]["available_ip_address_count"]
        if free < count:
            names = [entry["name"] for entry in wanted if entry["name"] in missing and entry["subnet_id"] == subnet_id]
            found.append(
                f"{subnet_id} has {free} free addresses, and {', '.join(names)} would need {count}. Name another "
                "subnet, or release addresses in it."
            )
    return found


def _zone_problems(wanted: list[Wanted], subnets: list[dict[str, t.Any]], may_hold_majority: bool) -> list[str]:
    zone_of = {subnet["subnet_id"]: subnet["availability_zone"] for subnet in subnets}
    zones = collections.Counter(zone_of[entry["subnet_id"]] for entry in wanted if entry["subnet_id"] in zone_of)
    if may_hold_majority:
        return []
    return [
        f"{count} of {len(wanted)} instances would be in {zone}: when that zone fails, so does the cluster. Spread them, "
        "or set vault_ec2_one_zone_may_hold_majority to true in a region with two zones."
        for zone, count in zones.items()
        if count > len(wanted) // 2
    ]


def _found_problems(wanted: list[Wanted], found: list[dict[str, t.Any]]) -> list[str]:
    by_name = collections.Counter(_name(instance) for instance in found)
    asked = {entry.get("name", ""): entry for entry in wanted}
    problems = [
        f"{count} instances of this cluster are named {name}. Find out which one is the node, and take the tags from "
        "the other."
        for name, count in by_name.items()
        if count > 1
    ]
    unlisted = sorted(set(by_name) - set(asked) - set(renewal.replaced(wanted)))
    if unlisted:
        problems.append(
            f"{', '.join(unlisted)} belongs to this cluster by its tags, and vault_ec2_instances does not list it. Add "
            "it, or remove the node from the cluster first and then its tags."
        )
    for instance in found:
        entry = asked.get(_name(instance), {})
        for key, has in (("subnet_id", instance.get("subnet_id")), ("private_ip", instance.get("private_ip_address"))):
            if entry.get(key, has) != has:
                problems.append(
                    f"{_name(instance)} ({instance['instance_id']}) has {key} {has}, and vault_ec2_instances wants "
                    f"{entry[key]}. An instance can't be moved, and is never recreated here: put back {has}."  # type: ignore[literal-required]
                )
    return problems
