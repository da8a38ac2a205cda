# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Volumes of an instance's own: with which it is launched, and which of those that it has they are. Pure.

The instance's tag is written in the call that launches it, and says what each device is for. What is attached later has no
place in it, so that nobody takes a disk of somebody else for one of Vault's.
"""

from __future__ import annotations

import typing as t

TAG = "vault-volumes"
DEVICES = {"data": "/dev/sdf", "audit": "/dev/sdg", "journal": "/dev/sdh"}
FOR = {"data": "Raft's data", "audit": "the audit log", "journal": "the journal"}
# Of gp3: what each volume has, and what more of it depends on.
IOPS, IOPS_A_GIB, IOPS_A_MIB = 3000, 500, 4


class Volume(t.TypedDict, total=False):
    gib: int  # 0: none
    iops: int
    throughput: int  # MiB/s


Volumes = t.Mapping[str, Volume]


def launch(volumes: Volumes, root_device: str, root_gib: int, key_arn: str = "") -> dict[str, t.Any]:
    """Disks and tags that an instance is launched with, as amazon.aws.ec2_instance takes them; and in words, to follow its
    name. *key_arn*: of the key that encrypts them all; empty, it is the account's default key."""
    asked = _asked(volumes)
    by_device = {root_device: Volume(gib=root_gib), **{DEVICES[name]: one for name, one in asked.items()}}
    disks = [_disk(device, one, key_arn) for device, one in by_device.items()]
    tags = {TAG: " ".join(f"{name}={DEVICES[name]}" for name in asked)} if asked else {}
    described = _listed([f"{FOR[name]} ({int(one['gib'])} GiB)" for name, one in asked.items()], "and")
    return {"volumes": disks, "tags": tags, "words": f", with a volume each for {described}" if asked else ""}


def launched(tags: t.Mapping[str, str], mappings: t.Sequence[t.Mapping[str, t.Any]]) -> dict[str, str]:
    """By purpose, ids of the volumes that an instance was launched with; empty of one that is not attached any more."""
    attached = {one["device_name"]: (one.get("ebs") or {}).get("volume_id", "") for one in mappings}
    named = (entry.partition("=") for entry in tags.get(TAG, "").split())
    return {purpose: attached.get(device, "") for purpose, _equals, device in named}


def problems(volumes: Volumes) -> list[str]:
    """Why EC2 would not make them."""
    found = []
    for name, one in volumes.items():
        gib, iops, throughput = int(one["gib"]), int(one.get("iops", IOPS)), int(one.get("throughput", 0))
        if gib < 0:
            found.append(f"vault_ec2_{name}_gib is {gib}. Give a size, or 0 for none.")
        elif gib and iops > max(IOPS, gib * IOPS_A_GIB):
            found.append(
                f"vault_ec2_{name}_iops is {iops}, and a volume of {gib} GiB may have {max(IOPS, gib * IOPS_A_GIB)}. Give fewer, "
                f"or more of vault_ec2_{name}_gib."
            )
        elif gib and throughput * IOPS_A_MIB > iops:
            found.append(
                f"vault_ec2_{name}_throughput is {throughput} MiB/s, and a volume with {iops} operations a second may have "
                f"{iops // IOPS_A_MIB}. Give less, or more of vault_ec2_{name}_iops."
            )
    return found


def without(instances: t.Sequence[t.Mapping[str, t.Any]], volumes: Volumes) -> list[str]:
    """Of instances that are there: which lack one that a new instance would have, and what to do about it."""
    found: dict[str, list[str]] = {}
    for instance in instances:
        tags = instance.get("tags") or {}
        has = launched(tags, ())
        lacks = _listed([FOR[name] for name in _asked(volumes) if name not in has], "or")
        if lacks:
            found.setdefault(lacks, []).append(tags.get("Name", instance["instance_id"]))
    return [
        f"{', '.join(sorted(names))}: launched without a volume for {lacks}; the root volume holds it. No volume is added to an "
        "instance that is there. playbooks/replace_node.yml puts new instances in their place: docs/nodes.md."
        for lacks, names in found.items()
    ]


def _asked(volumes: Volumes) -> dict[str, Volume]:
    return {name: volumes[name] for name in DEVICES if name in volumes and int(volumes[name]["gib"]) > 0}


def _disk(device: str, volume: Volume, key_arn: str) -> dict[str, t.Any]:
    ebs: dict[str, t.Any] = {
        "volume_type": "gp3",
        "volume_size": int(volume["gib"]),
        "encrypted": True,
        "delete_on_termination": True,
    }
    for name in ("iops", "throughput"):
        if name in volume:
            ebs[name] = int(volume[name])  # type: ignore[literal-required]
    if key_arn:
        ebs["kms_key_id"] = key_arn
    return {"device_name": device, "ebs": ebs}


def _listed(parts: t.Sequence[str], last: str) -> str:
    return f" {last} ".join(filter(None, [", ".join(parts[:-1]), *parts[-1:]]))
