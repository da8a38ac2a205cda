# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What image instances are launched from, and why image and type don't fit. Pure."""

from __future__ import annotations

import re
import typing as t
from datetime import datetime

from .._common.errors import Problem
from .volumes import DEVICES, FOR, Volumes

# As RunInstances writes it, and CloudFormation: a parameter's name, with a version or a label behind it.
PARAMETER = "resolve:ssm:"
NEWEST = "newest:"
_ID = re.compile(r"ami-[0-9a-z]+")
_NEWEST = re.compile(r"newest:(?P<owner>[\w-]+):(?P<name>.+)")
# Which types show a volume's id on the node: docs/aws.md.
_WITHOUT_SERIAL = "xen"


class Reference(t.TypedDict):
    """One of the three: the *id* itself, the *parameter* that holds it, or whose (*owner*) newest image of this *name*."""

    id: str
    parameter: str
    owner: str
    name: str


class Image(t.TypedDict):
    id: str
    name: str
    state: str
    available: bool  # a word of a secret may be masked in the state
    architecture: str
    root_type: str  # ebs, instance-store
    root_device: str
    root_gib: int
    devices: list[str]  # that the image brings besides the root volume
    deprecated: str  # since when; empty: it is not


class Type(t.TypedDict):
    name: str
    zones: list[str]  # that offer it
    architectures: list[str]
    hypervisor: str


def reference(text: str) -> Reference:
    """What *text* says."""
    found: Reference = {"id": "", "parameter": "", "owner": "", "name": ""}
    newest = _NEWEST.fullmatch(text)
    if _ID.fullmatch(text):
        return {**found, "id": text}
    if newest:
        return {**found, "owner": newest["owner"], "name": newest["name"]}
    if text.startswith(PARAMETER) and text != PARAMETER:
        return {**found, "parameter": text.removeprefix(PARAMETER)}
    raise Problem(
        f"vault_ec2_image_id is '{text}', which names no image",
        f"Give an id such as ami-0abc, {PARAMETER}NAME for the parameter that holds one, or {NEWEST}OWNER:NAME for an owner's "
        "newest image of a name, in which * stands for anything.",
    )


def resolved(value: str, parameter: str) -> str:
    """The id that a parameter holds."""
    if not _ID.fullmatch(value):
        raise Problem(
            f"the parameter {parameter} of vault_ec2_image_id holds no id of an image, but '{value[:60]}'",
            "Name the parameter that holds the id alone.",
        )
    return value


def newest(described: t.Sequence[t.Mapping[str, t.Any]]) -> t.Mapping[str, t.Any] | None:
    """Of images as EC2 describes them, the one that was made last."""
    return max(described, key=lambda one: (one.get("CreationDate", ""), one["ImageId"]), default=None)


def seen(described: t.Mapping[str, t.Any], now: datetime) -> Image:
    """An image as EC2 describes it."""
    root = described.get("RootDeviceName", "")
    sizes = {each["DeviceName"]: each.get("Ebs", {}).get("VolumeSize", 0) for each in _mappings(described)}
    ends = described.get("DeprecationTime", "")
    return {
        "id": described["ImageId"],
        "name": described.get("Name", ""),
        "state": described.get("State", ""),
        "available": described.get("State") == "available",
        "architecture": described.get("Architecture", ""),
        "root_type": described.get("RootDeviceType", ""),
        "root_device": root,
        "root_gib": sizes.get(root, 0),
        "devices": sorted(set(sizes) - {root}),
        "deprecated": ends if ends and datetime.fromisoformat(ends.replace("Z", "+00:00")) <= now else "",
    }


def problems(image: Image, kind: Type, zones: t.Sequence[str], root_gib: int, volumes: Volumes) -> list[str]:
    """Why no instance of this type can be launched from the image in *zones*, with volumes of these sizes."""
    return (
        _image_problems(image, root_gib)
        + _device_problems(image, volumes)
        + _type_problems(image, kind, zones, volumes)
    )


def _image_problems(image: Image, root_gib: int) -> list[str]:
    what, found = f"The image {image['id']} ({image['name']})", []
    if not image["available"]:
        found.append(f"{what} is {image['state']}. Name one that is available in vault_ec2_image_id.")
    if image["deprecated"]:
        found.append(
            f"{what} is deprecated since {image['deprecated']}, so its owner mends it no more. Name a newer one in "
            "vault_ec2_image_id. Instances that are there stay as they are."
        )
    if image["root_type"] != "ebs":
        found.append(
            f"{what} has a root volume of type {image['root_type']}, which is lost when the instance stops. Name an image with "
            "ebs in vault_ec2_image_id."
        )
    elif root_gib < image["root_gib"]:
        found.append(
            f"vault_ec2_volume_gib is {root_gib}, and the root volume of the image {image['id']} ({image['name']}) has "
            f"{image['root_gib']} GiB. Set {image['root_gib']} or more."
        )
    return found


def _device_problems(image: Image, volumes: Volumes) -> list[str]:
    own = {DEVICES[name]: name for name, one in volumes.items() if int(one["gib"]) > 0}
    # EC2 takes sdf, xvdf and /dev/xvdf for one device.
    theirs = {"/dev/sd" + device[-1] for device in image["devices"]}
    return [
        f"The image {image['id']} ({image['name']}) brings a disk on {device}, where the volume for {FOR[name]} goes, and a "
        f"disk that holds something is never formatted. Name another image, or do without the volume (vault_ec2_{name}_gib: 0)."
        for device, name in own.items()
        if device in theirs
    ]


def _type_problems(image: Image, kind: Type, zones: t.Sequence[str], volumes: Volumes) -> list[str]:
    if not kind["zones"]:
        return [f"vault_ec2_instance_type is {kind['name']}, which AWS offers in no zone here. Name another type."]
    found = []
    missing = sorted({*zones} - {*kind["zones"]})
    if missing:
        found.append(
            f"AWS offers {kind['name']} in {', '.join(sorted(kind['zones']))}, and not in {', '.join(missing)}. Set another "
            "vault_ec2_instance_type, or name subnets in these zones in vault_ec2_instances."
        )
    if image["architecture"] not in kind["architectures"]:
        found.append(
            f"The image {image['id']} ({image['name']}) is for {image['architecture']}, and {kind['name']} for "
            f"{', '.join(kind['architectures'])}. Set vault_ec2_image_id or vault_ec2_instance_type so that both fit."
        )
    if kind["hypervisor"] == _WITHOUT_SERIAL and any(int(one["gib"]) > 0 for one in volumes.values()):
        found.append(
            f"{kind['name']} is no Nitro type, so that a node can't tell which disk is which volume. Set another "
            "vault_ec2_instance_type, or do without the volumes: vault_ec2_data_gib, vault_ec2_audit_gib and "
            "vault_ec2_journal_gib are 0 then."
        )
    return found


def _mappings(described: t.Mapping[str, t.Any]) -> list[t.Mapping[str, t.Any]]:
    # Without a disk where an instance's own is named, or a device is left out.
    return [each for each in described.get("BlockDeviceMappings", []) if "Ebs" in each]
