# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is to be done about a volume of a node's own, and why it can't be done. Pure.

A disk is formatted only where the machine shows it to be the volume that was launched for this purpose, where the disk itself
says that it holds nothing, and where its mount point holds nothing either. Whatever else is there stays as it is.
"""

from __future__ import annotations

import re
import string
import typing as t

from .files import Entry

KIND = "ext4"
MKFS = f"mkfs.{KIND}"
UNITS = "/etc/systemd/system"
JOURNALD = "/etc/systemd/journald.conf.d/vaultops.conf"
# By itself journald takes a tenth of a file system. This one has nothing else on it, and an alert looks for 80 %.
JOURNAL_PERCENT = 70
# The name that udev gives the disk by what the hardware says: model and serial number, which is the volume's id. It stays with
# the volume, whatever the kernel calls the disk after a boot, and a copy of the file system on another volume has another.
LINK = "/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_"
ID = re.compile(r"vol-[0-9a-f]{8,17}")
# What journald makes: a directory for each machine, and for each namespace.
JOURNAL = re.compile(r"[0-9a-f]{32}(\.[\w.-]+)?")
_UNESCAPED = frozenset(string.ascii_letters + string.digits + ":_.")


class Wanted(t.TypedDict):
    purpose: str  # data, audit, journal
    id: str  # empty where the instance was launched with one, and none is attached
    path: str  # empty where there is no single place for it


# The same, as modules take it.
SPEC: dict[str, t.Any] = {
    "purpose": {"type": "str", "choices": ["data", "audit", "journal"], "required": True},
    "id": {"type": "str", "required": True},
    "path": {"type": "str", "required": True},
}


class Seen(t.TypedDict):
    """What the machine shows of the volume and of its place."""

    device: str | None  # such as /dev/nvme1n1; None: no disk has the volume's id
    size: int
    busy: bool  # whether the kernel has it in use, mounted or in any other way
    signatures: list[str]  # file systems, partition tables, and what else wipefs knows
    blank: bool  # whether its beginning and its end are zeros
    label: str  # of an ext4, else empty
    used: bool  # whether this ext4 was ever mounted
    places: list[str]  # where it is mounted
    in_place: bool  # whether that disk is what is mounted at the path, by its number: a name may come again
    over: str  # what is mounted at the path, by the name it was mounted by; empty: nothing
    kind: str  # what is at the path: absent, directory, other
    inside: list[str]  # names in that directory, without those of journald in its own
    differs: bool  # whether its unit, or what goes with it, is to be written
    enabled: bool
    can_format: bool  # whether the program that makes the file system is installed


class Decision(t.NamedTuple):
    steps: list[str]  # of unit, format, mount
    problem: str


def wanted(volumes: t.Mapping[str, str], data: str, log_dirs: t.Sequence[str]) -> list[Wanted]:
    """*volumes*: ids by purpose; *data*: Raft's directory; *log_dirs*: directories that audit files have for themselves."""
    places = {"data": data, "audit": log_dirs[0] if len(log_dirs) == 1 else "", "journal": "/var/log/journal"}
    return [{"purpose": name, "id": volumes[name], "path": path} for name, path in places.items() if name in volumes]


def link_of(identifier: str) -> str:
    return LINK + identifier.replace("-", "")


def label_of(purpose: str) -> str:
    return f"vault-{purpose}"


def unit_of(path: str) -> str:
    """The name that systemd has for the path's mount, as 'systemd-escape --path' makes it."""
    plain = path.strip("/")
    escaped = "".join(
        "-" if character == "/" else character if character in _UNESCAPED else f"\\x{ord(character):02x}"
        for character in plain
    )
    if escaped.startswith("."):
        escaped = f"\\x2e{escaped[1:]}"
    return f"{escaped}.mount"


def entries(wanted: Wanted, size: int) -> list[Entry]:
    """Files that go with the volume; *size* in bytes."""
    if wanted["purpose"] != "journal":
        return [_unit(wanted)]
    folder = JOURNALD.rpartition("/")[0]
    text = (
        "# Made by vaultops.cluster. Changes made here are overwritten.\n"
        "[Journal]\n"
        f"SystemMaxUse={(size >> 20) * JOURNAL_PERCENT // 100}M\n"
    )
    return [
        _unit(wanted),
        Entry(folder, "root", "root", 0o755),
        Entry(JOURNALD, "root", "root", 0o644, text),
    ]


def _unit(wanted: Wanted) -> Entry:
    """Wanted by local-fs.target and not required: a machine whose volume fails still boots, and can be looked at."""
    text = (
        "# Made by vaultops.cluster. Changes made here are overwritten.\n"
        "[Unit]\n"
        f"Description=Volume of Vault's {wanted['purpose']} ({wanted['id']})\n\n"
        "[Mount]\n"
        f"What={link_of(wanted['id'])}\n"
        f"Where={wanted['path']}\n"
        f"Type={KIND}\n"
        "Options=nodev,nosuid,noexec\n\n"
        "[Install]\n"
        "WantedBy=local-fs.target\n"
    )
    return Entry(f"{UNITS}/{unit_of(wanted['path'])}", "root", "root", 0o644, text)


def malformed(volumes: t.Sequence[Wanted]) -> list[str]:
    """What is wrong with the volumes by themselves, before anybody looks at the disks."""
    found = []
    for one in volumes:
        what = f"The volume for {one['purpose']}"
        if not one["id"]:
            found.append(
                f"{what} was launched with this instance, and no volume is attached as its device any more. Find out who "
                "detached it. Where it is lost, playbooks/replace_node.yml puts a new machine in the place of this one."
            )
        elif not ID.fullmatch(one["id"]):
            found.append(f"{what} is {one['id']!r}, which is no id of a volume, such as vol-0123456789abcdef0.")
        elif not one["path"]:
            found.append(
                f"{what}, {one['id']}, has no single directory: the audit files are to be in one of their own, such as "
                "/var/log/vault. Correct vault_audit_devices, or launch without it (vault_ec2_audit_gib: 0)."
            )
    for name in ("id", "path"):
        values = [one[name] for one in volumes if one[name]]  # type: ignore[literal-required]
        twice = sorted({value for value in values if values.count(value) > 1})
        found += [f"{value} is the {name} of two volumes. Each has its own." for value in twice]
    return found


def decide(wanted: Wanted, seen: Seen) -> Decision:
    steps = ["unit"] if seen["differs"] or not seen["enabled"] else []
    device, path = seen["device"], wanted["path"]
    if device is None:
        return _refused(
            wanted,
            f"no disk of this machine has its id: {link_of(wanted['id'])} is not there",
            "Attach the volume again, or find out whether this machine is the instance that was launched with it. Only "
            "Nitro instances show the ids of their volumes.",
        )
    if seen["in_place"]:
        return Decision(steps, "")
    cause, cure = _taken(wanted, seen, device)
    if cause:
        return _refused(wanted, cause, cure)
    if not seen["signatures"] and seen["blank"]:
        if not seen["can_format"]:
            return _refused(
                wanted, f"{MKFS} is not installed", "Install e2fsprogs on the node, or take an image with it."
            )
        return Decision(["unit", "format", "mount"], "")
    if seen["signatures"] == [KIND] and seen["label"] == label_of(wanted["purpose"]):
        if not seen["used"]:  # a run that was cut short has made it
            return Decision(["unit", "mount"], "")
        if seen["differs"]:
            return _refused(
                wanted,
                f"{device} was in use, and {unit_of(path)} is not of this volume",
                "It may be another machine's, or a copy of older data. Bring the volume that the unit names back, or replace the "
                "machine (playbooks/replace_node.yml).",
            )
        return _refused(
            wanted,
            f"{device} was in use, and is not mounted on {path}",
            f"See why: 'systemctl status {unit_of(path)}'. Where the volume is sound: 'systemctl start {unit_of(path)}'. "
            "Where it is not, replace the machine (playbooks/replace_node.yml).",
        )
    holds = ", ".join(seen["signatures"]) or "something, and no signature tells what"
    named = f" ({seen['label']})" if seen["label"] else ""
    return _refused(
        wanted,
        f"{device} holds {holds}{named}",
        "It is not formatted. Find out whose it is. Where nobody needs it: "
        f"'wipefs --all {link_of(wanted['id'])}' and 'blkdiscard --zeroout {link_of(wanted['id'])}', then run again.",
    )


def words(wanted: Wanted, seen: Seen, steps: t.Sequence[str]) -> list[str]:
    """What a run does about the volume."""
    what, place = f"the volume {wanted['id']} ({seen['size'] / (1 << 30):.4g} GiB)", wanted["path"]
    if "format" in steps:
        return [f"{what} is formatted ({KIND}) and mounted on {place}"]
    if "mount" in steps:
        return [f"{what}, formatted and never used, is mounted on {place}"]
    return [f"the unit {unit_of(place)}, and what goes with it"] if steps else []


def _taken(wanted: Wanted, seen: Seen, device: str) -> tuple[str, str]:
    """Cause and cure, where the disk or its place is somebody else's."""
    path = wanted["path"]
    if seen["over"]:
        return (
            f"another disk than {device}, which is the volume, is mounted on {path} (as {seen['over']})",
            "The disks may have been swapped, or the volume was detached while it was mounted. Find out what is mounted there; "
            "nothing is mounted over it.",
        )
    if seen["places"]:
        return (
            f"{device} is mounted on {', '.join(seen['places'])}, and not on {path}",
            "Find out who uses it there, and unmount it.",
        )
    if seen["size"] == 0:
        return f"{device} has no size", "Find out whether the volume is attached ('lsblk')."
    if seen["busy"]:
        return (
            f"{device} is in use, and is not mounted",
            "Find out by whom ('lsblk'): a volume group, a RAID, another mount.",
        )
    if seen["kind"] == "other":
        return f"{path} is not a directory", "Something else put it there. Move it away, then run again."
    if seen["inside"]:
        some = ", ".join(sorted(seen["inside"])[:3])
        return (
            f"{path} holds data on the root volume already ({some})",
            "The mount would hide it. A machine that has data is not changed: playbooks/replace_node.yml puts a new one in its "
            "place. What is there and not needed, move away yourself.",
        )
    return "", ""


def _refused(wanted: Wanted, cause: str, cure: str) -> Decision:
    return Decision([], f"The volume for {wanted['purpose']}, {wanted['id']}: {cause}. {cure}")
