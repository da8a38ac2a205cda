"""What is read of a node's volumes, on a machine that has none. tests/scenarios/test_volumes.py formats and mounts real ones."""

from __future__ import annotations

import os
import struct

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._node import volumes
from ansible_collections.vaultops.cluster.plugins.modules import vault_node_info, vault_volumes

ABSENT = {"purpose": "data", "id": "vol-0123456789abcdef0", "path": "/opt/vaultops-no-such-place"}


@pytest.mark.parametrize("check", [False, True])
def test_a_disk_that_is_not_there_is_named_and_nothing_is_made(run_module, check):
    said = run_module(vault_volumes, check, volumes=[ABSENT])
    assert said["failed"]
    assert "The volume for data, vol-0123456789abcdef0: no disk of this machine has its id" in said["msg"]
    assert not os.path.exists(ABSENT["path"])


def test_all_that_is_wrong_is_said_at_once(run_module):
    second = {**ABSENT, "purpose": "audit", "id": "vol-0123456789abcdef1", "path": "/opt/vaultops-neither"}
    said = run_module(vault_volumes, volumes=[ABSENT, second])["msg"]
    assert ABSENT["id"] in said and second["id"] in said


def test_a_look_fails_for_nobody(run_module, node_with):
    node_with(systemctl="echo LoadState=not-found")
    found = run_module(vault_node_info, volumes=[ABSENT])["volumes"]
    assert found["todo"] == []
    assert "no disk of this machine has its id" in found["problems"][0]
    detached = run_module(vault_node_info, volumes=[{**ABSENT, "id": ""}])["volumes"]
    assert "no volume is attached as its device any more" in detached["problems"][0]


def test_mount_points_are_read_as_the_kernel_writes_them(tmp_path):
    (tmp_path / "self").mkdir()
    (tmp_path / "self" / "mountinfo").write_text(
        "36 35 98:0 /mnt1 /opt/a\\040b rw,noatime master:1 - ext3 /dev/root rw,errors=continue\n"
        "37 35 259:1 / /opt/vault/data rw shared:7 - ext4 /dev/nvme1n1 rw\n"
        "38 37 259:2 / /opt/vault/data rw - ext4 /dev/nvme2n1 rw\n"
    )
    found = volumes._mounts(str(tmp_path))
    assert found["/opt/a b"] == ("98:0", "/dev/root")
    # What is on top.
    assert found["/opt/vault/data"].source == "/dev/nvme2n1"


def superblock(label=b"vault-data", mounted=0, magic=0xEF53):
    block = bytearray(1024)
    struct.pack_into("<I", block, 0x2C, mounted)
    struct.pack_into("<H", block, 0x38, magic)
    block[0x78 : 0x78 + len(label)] = label
    return bytes(block)


@pytest.mark.parametrize(
    ("block", "found"),
    [
        (superblock(), ("vault-data", False)),
        (superblock(mounted=1795735801), ("vault-data", True)),
        (superblock(b"sixteen-letters-", mounted=1), ("sixteen-letters-", True)),
        (superblock(magic=0), ("", False)),
        (b"", ("", False)),
    ],
)
def test_an_ext4_says_its_label_and_whether_it_was_ever_mounted(block, found):
    assert volumes._ext4(block) == found
