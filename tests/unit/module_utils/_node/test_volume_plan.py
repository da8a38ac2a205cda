"""What is done about a node's volume, and what stops it."""

from __future__ import annotations

import itertools

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._node import volume_plan
from hypothesis import given
from hypothesis import strategies as st

ID = "vol-0123456789abcdef0"
DISK = "/dev/nvme1n1"
WANTED = {"purpose": "data", "id": ID, "path": "/opt/vault/data"}
# A new volume, and a machine that has nothing yet.
NEW = {
    "device": DISK,
    "size": 50 << 30,
    "busy": False,
    "signatures": [],
    "blank": True,
    "label": "",
    "used": False,
    "places": [],
    "in_place": False,
    "over": "",
    "kind": "absent",
    "inside": [],
    "differs": True,
    "enabled": False,
    "can_format": True,
}
MADE = {"signatures": ["ext4"], "blank": False, "label": "vault-data"}
IN_PLACE = {
    "in_place": True,
    "over": DISK,
    "places": ["/opt/vault/data"],
    "differs": False,
    "enabled": True,
    "kind": "directory",
}


def decide(wanted=None, **seen):
    return volume_plan.decide(wanted or WANTED, {**NEW, **seen})


@pytest.mark.parametrize(
    ("seen", "steps"),
    [
        ({}, ["unit", "format", "mount"]),
        ({"kind": "directory"}, ["unit", "format", "mount"]),
        # A run was cut short: before the file system, and after it.
        ({"differs": False, "enabled": True}, ["unit", "format", "mount"]),
        ({**MADE, "differs": False, "enabled": True}, ["unit", "mount"]),
        # Nothing is to be formatted.
        ({**MADE, "can_format": False}, ["unit", "mount"]),
        ({**IN_PLACE, "can_format": False}, []),
        (IN_PLACE, []),
        ({**IN_PLACE, "inside": ["raft", "vault.db"]}, []),
        ({**IN_PLACE, "places": ["/mnt", "/opt/vault/data"]}, []),
        ({**IN_PLACE, "differs": True}, ["unit"]),
        ({**IN_PLACE, "enabled": False}, ["unit"]),
    ],
)
def test_what_is_done(seen, steps):
    assert decide(**seen) == (steps, "")


@pytest.mark.parametrize(
    ("seen", "says"),
    [
        (
            {"device": None},
            "no disk of this machine has its id: /dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_vol0123456789abcdef0",
        ),
        ({"signatures": ["xfs"], "blank": False}, f"{DISK} holds xfs. It is not formatted"),
        ({"signatures": ["xfs"]}, f"{DISK} holds xfs"),
        ({"signatures": ["gpt", "PMBR"], "blank": False}, "holds gpt, PMBR"),
        ({"blank": False}, "holds something, and no signature tells what"),
        ({**MADE, "label": "vault-journal"}, "holds ext4 (vault-journal)"),
        ({**MADE, "label": ""}, "holds ext4. "),
        ({**MADE, "signatures": ["ext4", "dos"]}, "holds ext4, dos (vault-data)"),
        ({**MADE, "used": True, "differs": False}, "was in use, and is not mounted on /opt/vault/data"),
        ({**MADE, "used": True}, "was in use, and opt-vault-data.mount is not of this volume"),
        ({"busy": True}, f"{DISK} is in use, and is not mounted"),
        ({**MADE, "places": ["/mnt/x"], "busy": True}, f"{DISK} is mounted on /mnt/x, and not on /opt/vault/data"),
        (
            {"over": "/dev/nvme2n1", "kind": "directory"},
            f"another disk than {DISK}, which is the volume, is mounted on /opt/vault/data (as /dev/nvme2n1)",
        ),
        # A disk that is gone, and whose name came again.
        ({**IN_PLACE, "in_place": False}, f"another disk than {DISK}"),
        ({"can_format": False}, "mkfs.ext4 is not installed. Install e2fsprogs"),
        ({"size": 0}, "has no size"),
        ({"kind": "other"}, "/opt/vault/data is not a directory"),
        ({"kind": "directory", "inside": ["raft"]}, "/opt/vault/data holds data on the root volume already (raft)"),
    ],
)
def test_what_stops_it(seen, says):
    steps, problem = decide(**seen)
    assert steps == []
    assert problem.startswith(f"The volume for data, {ID}: ")
    assert says in problem


@given(
    st.fixed_dictionaries(
        {
            "device": st.sampled_from([None, DISK]),
            "size": st.sampled_from([0, 1 << 30]),
            "busy": st.booleans(),
            "signatures": st.lists(st.sampled_from(["ext4", "xfs", "gpt"]), max_size=2),
            "blank": st.booleans(),
            "label": st.sampled_from(["", "vault-data", "vault-audit"]),
            "used": st.booleans(),
            "places": st.lists(st.sampled_from(["/mnt"]), max_size=1),
            "in_place": st.just(False),
            "over": st.sampled_from(["", DISK, "/dev/nvme2n1"]),
            "kind": st.sampled_from(["absent", "directory", "other"]),
            "inside": st.lists(st.sampled_from(["raft"]), max_size=1),
            "differs": st.booleans(),
            "enabled": st.booleans(),
            "can_format": st.booleans(),
        }
    )
)
def test_only_what_shows_to_hold_nothing_is_formatted(seen):
    steps, problem = volume_plan.decide(WANTED, seen)
    empty = seen["blank"] and not seen["signatures"] and not seen["inside"] and seen["kind"] != "other"
    unused = not seen["busy"] and not seen["places"] and not seen["over"]
    assert ("format" in steps) == bool(seen["device"] and seen["size"] and empty and unused and seen["can_format"])
    assert not (steps and problem)
    # Nothing is mounted over what holds data or is mounted, nor what was in use before.
    assert "mount" not in steps or not (seen["inside"] or seen["over"] or (seen["used"] and seen["signatures"]))


@pytest.mark.parametrize(
    ("path", "unit"),
    [
        ("/opt/vault/data", "opt-vault-data.mount"),
        ("/srv/a-b/@x+y", "srv-a\\x2db-\\x40x\\x2by.mount"),
        ("/.hid/x", "\\x2ehid-x.mount"),
    ],
)
def test_units_have_the_names_that_systemd_gives_them(path, unit):
    assert volume_plan.unit_of(path) == unit


def test_the_mount_names_the_volume_and_not_a_place_of_its_own():
    (entry,) = volume_plan.entries(WANTED, 0)
    assert entry.path == "/etc/systemd/system/opt-vault-data.mount"
    lines = entry.content.splitlines()
    assert "What=/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_vol0123456789abcdef0" in lines
    assert "Where=/opt/vault/data" in lines and "Options=nodev,nosuid,noexec" in lines
    # Required, a volume that fails would keep the machine from booting.
    assert "WantedBy=local-fs.target" in lines and not [line for line in lines if line.startswith("RequiredBy")]


def test_journald_may_use_its_volume_up_to_where_an_alert_begins():
    *_unit, entry = volume_plan.entries({"purpose": "journal", "id": ID, "path": "/var/log/journal"}, 10 << 30)
    assert "SystemMaxUse=7168M" in entry.content


WHOLE = [
    {"purpose": purpose, "id": f"vol-0123456{number}", "path": path}
    for number, (purpose, path) in enumerate(
        [("data", "/opt/vault/data"), ("audit", "/var/log/vault"), ("journal", "/var/log/journal")]
    )
]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"id": ""}, "The volume for audit was launched with this instance, and no volume is attached"),
        ({"id": "../sda"}, "is '../sda', which is no id of a volume"),
        ({"id": "vol-0123456789ABCDEF0"}, "which is no id"),
        ({"path": ""}, "has no single directory"),
        ({"id": "vol-01234560"}, "vol-01234560 is the id of two volumes"),
        ({"path": "/opt/vault/data"}, "/opt/vault/data is the path of two volumes"),
    ],
)
def test_what_is_wrong_with_volumes_by_themselves(change, says):
    assert volume_plan.malformed(WHOLE) == []
    (problem,) = volume_plan.malformed([WHOLE[0], {**WHOLE[1], **change}, WHOLE[2]])
    assert says in problem


def test_each_volume_has_its_place_and_a_node_without_has_none():
    volumes = {one["purpose"]: one["id"] for one in WHOLE}
    assert volume_plan.wanted(volumes, "/opt/vault/data", ["/var/log/vault"]) == WHOLE
    assert volume_plan.wanted({}, "/opt/vault/data", ["/var/log/vault"]) == []
    for log_dirs in ([], ["/var/log/a", "/var/log/b"]):
        assert volume_plan.wanted(volumes, "/opt/vault/data", log_dirs)[1]["path"] == ""


def test_the_plan_says_what_becomes_of_the_volume():
    said = [
        volume_plan.words(WANTED, NEW, steps)
        for steps in (["unit", "format", "mount"], ["unit", "mount"], ["unit"], [])
    ]
    assert [len(each) for each in said] == [1, 1, 1, 0]
    assert len({line for each in said for line in each}) == 3
    assert said[0] == [f"the volume {ID} (50 GiB) is formatted (ext4) and mounted on /opt/vault/data"]
    assert not any("formatted (ext4)" in line for line in itertools.chain(*said[1:]))
