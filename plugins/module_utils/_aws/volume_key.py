# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The key that volumes of instances are encrypted with: one's own, or the account's default key. Pure.

EC2 uses the key on behalf of who launches, minutes after the launch was accepted. Where that identity or the key does not allow
it, the instance dies without a word about keys. So the key is asked before.
"""

from __future__ import annotations

import re
import typing as t

from .endpoints import partition_of

# Of AWS's own key, which every identity of the account may use through EC2.
OWN_ALIAS = "alias/aws/ebs"
_ARN = re.compile(r"arn:(?P<partition>[\w-]+):kms:(?P<region>[\w-]+):\d{12}:(?P<what>key|alias)/[\w/-]+")
_INPUT = "vault_ec2_ebs_key_arn"


class Key(t.TypedDict):
    arn: str  # of the key; of the account's default as AWS names it
    state: str
    usage: str
    spec: str


class Seen(t.TypedDict):
    """What aws_volume_key_info returns."""

    key: Key | None  # the one that was asked for; None: there is none, or it was not asked
    default: str | None  # the account's default, where no key was asked for; None: this identity may not see it
    default_is_own: bool | None  # whether that is AWS's own key; None: this identity may not see it
    volumes: (
        dict[str, list[str]] | None
    )  # by instance, ARNs of the keys of its volumes; None: this identity may not see it


def arn_problems(arn: str, region: str) -> list[str]:
    """Why this can't be the input. An alias is refused: policies name keys by their ARN, and what an alias leads to changes."""
    if not arn:
        return []
    said = f"{_INPUT} is {arn}"
    found = _ARN.fullmatch(arn)
    if not found or found["what"] == "alias":
        return [
            f"{said}, and it has to be the ARN of a key, arn:{partition_of(region)}:kms:{region}:ACCOUNT:key/ID. Policies "
            "can't allow an alias, and what an alias leads to may change."
        ]
    if (found["partition"], found["region"]) != (partition_of(region), region):
        return [f"{said}, a key in {found['region']}, and the volumes are in {region}. Name a key of that region."]
    return []


def problems(seen: Seen, arn: str) -> list[str]:
    """Why EC2 could not encrypt volumes with the key."""
    if not arn:
        return []
    key = seen["key"]
    if key is None:
        return [f"{_INPUT} is {arn}, and there is no such key. Check the ARN, and its account."]
    if (key["usage"], key["spec"]) != ("ENCRYPT_DECRYPT", "SYMMETRIC_DEFAULT"):
        return [
            f"{_INPUT} is {arn}, a key for {key['usage']} ({key['spec']}), and EBS takes symmetric keys alone. Name a key for "
            "ENCRYPT_DECRYPT (SYMMETRIC_DEFAULT)."
        ]
    if key["state"] != "Enabled":
        return [f"{_INPUT} is {arn}, and the key's state is {key['state']}. Enable the key, or name another one."]
    return []


def words(seen: Seen, arn: str) -> list[str]:
    """What is to be known before instances are launched, though nothing may be wrong with it."""
    if arn or seen["default"] is None or seen["default_is_own"]:
        return []
    said = f"The account's default key for volumes is {seen['default']}, and "
    whose = (
        "not AWS's own"
        if seen["default_is_own"] is False
        else "whether it is AWS's own this identity may not see (kms:ListAliases)"
    )
    return [
        f"{said}{whose}. The policies of iam_policies.yml allow a key that the inventory names, and no other: an instance dies "
        f"on its launch where nothing else allows the default key. Set {_INPUT} to the key's ARN, write the policies anew, and "
        "let the key's own policy allow its use."
    ]


def others(instances: t.Sequence[t.Mapping[str, t.Any]], seen: Seen, arn: str) -> list[str]:
    """Of instances that are there: whose volumes have another key, and what to do about it."""
    if not arn or not instances:
        return []
    if seen["volumes"] is None:
        return [
            "With which keys the volumes of instances that are there are encrypted, this identity may not see "
            "(ec2:DescribeVolumes)."
        ]
    found: dict[str, list[str]] = {}
    for instance in instances:
        keys = sorted({*seen["volumes"].get(instance["instance_id"], [])} - {arn})
        if keys:
            name = (instance.get("tags") or {}).get("Name", instance["instance_id"])
            found.setdefault(", ".join(keys), []).append(name)
    return [
        f"{', '.join(sorted(names))}: volumes are encrypted with {keys}, and {_INPUT} is {arn}. A volume keeps its key, and no "
        "instance that is there is replaced. playbooks/replace_node.yml puts new instances in their place: docs/nodes.md."
        for keys, names in found.items()
    ]
