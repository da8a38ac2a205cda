# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which instances to make, and why not. Pure."""

from __future__ import annotations

import collections
import typing as t

# Set on the nodes' security group when every instance was there once. From then on a missing instance is a node that
# was lost, with its Raft data and its node id, and not one that a cut-short run still owes.
COMPLETE_TAG = "vault-cluster-complete"


class Wanted(t.TypedDict, total=False):
    name: str
    subnet_id: str
    private_ip: str


def plan(
    wanted: list[Wanted],
    found: list[dict[str, t.Any]],
    subnets: list[dict[str, t.Any]],
    region: str,
    was_complete: bool = False,
    confirmed: t.Sequence[str] = (),
    may_hold_majority: bool = False,
) -> dict[str, list[str]]:
    """Names of the instances to create, and problems in words: with any, nothing may be created.

    *found* are the cluster's instances that are not terminated, *subnets* those of *wanted* that exist, both as
    amazon.aws' info modules return them. *confirmed* names instances that may be created in place of lost ones.
    """
    there = {_name(instance): instance for instance in found}
    missing = [entry["name"] for entry in wanted if entry["name"] not in there]
    problems = _list_problems(wanted)
    if not problems:
        problems += _subnet_problems(wanted, missing, {subnet["subnet_id"]: subnet for subnet in subnets}, region)
        problems += _zone_problems(wanted, subnets, may_hold_majority)
    problems += _found_problems(wanted, found)
    lost = sorted(set(missing) - set(confirmed)) if was_complete else []
    if lost:
        names = ",".join(lost)
        problems.append(
            f"{names} existed and {'is' if len(lost) == 1 else 'are'} gone, data and all. An instance is not recreated "
            "by the way: give the new one a new name, and take the old peer out of the cluster. To create it under the "
            f"same name all the same: -e vault_ec2_confirm_create={names}."
        )
    return {"create": [] if problems else missing, "problems": problems}


def _name(instance: dict[str, t.Any]) -> str:
    return instance.get("tags", {}).get("Name", instance["instance_id"])


def _list_problems(wanted: list[Wanted]) -> list[str]:
    names = [entry.get("name", "") for entry in wanted]
    twice = sorted(name for name, count in collections.Counter(names).items() if count > 1)
    found = []
    if len(names) < 3 or len(names) % 2 == 0:
        found.append(
            f"vault_ec2_instances lists {len(names)} instances. Raft wants an odd number of voters, three or more: with "
            "an even number, one more can fail, and no more can be lost."
        )
    if twice:
        found.append(f"vault_ec2_instances lists {', '.join(twice)} twice. Names become node ids: give each its own.")
    bare = [entry.get("name", "?") for entry in wanted if not entry.get("name") or not entry.get("subnet_id")]
    if bare:
        found.append(f"vault_ec2_instances: {', '.join(bare)} lacks a name or a subnet_id.")
    return found


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
    strangers = sorted(set(by_name) - set(asked))
    if strangers:
        problems.append(
            f"{', '.join(strangers)} belongs to this cluster by its tags, and vault_ec2_instances does not list it. Add "
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
