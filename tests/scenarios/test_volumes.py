"""Nodes with volumes of their own: real disks, file systems and mounts. What holds anything is never formatted.

Loop devices under the name that udev gives an EBS volume stand in for the hardware: see tests/lab/labkit/disks.py.
"""

from __future__ import annotations

import json
import subprocess
import typing as t
from dataclasses import dataclass

import pytest
from kit.bench import Bench
from kit.changes import inside
from kit.login import as_operator
from labkit import disks, nodes

PURPOSES = ("data", "audit", "journal")
PLACES = {"data": "/opt/vault/data", "audit": "/var/log/vault", "journal": "/var/log/journal"}
REPLACE = "playbooks/replace_node.yml"
DISK = "$(readlink -f /dev/disk/by-id/nvme-*{})"


def volume(number: int, purpose: str) -> str:
    return f"vol-0000000000000{number:02d}{PURPOSES.index(purpose):02d}"


def disk(number: int, purpose: str) -> str:
    """The disk, in a shell on its node."""
    return DISK.format(volume(number, purpose).replace("-", ""))


def attach(bench: Bench, number: int, purposes: t.Sequence[str] = PURPOSES) -> None:
    for purpose in purposes:
        disks.attach(bench.lab, f"vault-{number}", volume(number, purpose))


def detach(bench: Bench, number: int, purposes: t.Sequence[str] = PURPOSES) -> None:
    for purpose in purposes:
        disks.detach(bench.lab, f"vault-{number}", volume(number, purpose))


def on(bench: Bench, number: int, script: str) -> str:
    return inside(bench.lab.nodes[number - 1].container, script)


def inventory(bench: Bench, *numbers: int):
    every = bench.hosts()
    return bench.inventory(
        {
            f"vault-{number}": {
                **every[f"vault-{number}"],
                "vault_volumes": {purpose: volume(number, purpose) for purpose in PURPOSES},
            }
            for number in numbers
        }
    )


def site(bench: Bench, *arguments: str) -> tuple[int, str]:
    code, output = bench.play(*arguments, inventory=inventory(bench, 1, 2, 3))
    return code, " ".join(output.split())


def mounted(bench: Bench, number: int) -> dict[str, str]:
    """The volume on each place, by what the kernel says is mounted there."""
    found = {}
    for purpose, place in PLACES.items():
        source = on(bench, number, f"findmnt --noheadings --output SOURCE --mountpoint {place} || true").strip()
        links = on(
            bench, number, "for link in /dev/disk/by-id/*; do echo $link $(readlink -f $link); done"
        ).splitlines()
        by_device = {device: link.rpartition("_")[2] for link, device in (line.split() for line in links)}
        found[purpose] = by_device.get(source, source)
    return found


def own(number: int) -> dict[str, str]:
    return {purpose: volume(number, purpose).replace("-", "") for purpose in PURPOSES}


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    """Four machines, each with three new disks, and nothing on them."""
    made = Bench(tmp_path_factory.mktemp("volumes"), 4)
    made.lab_command("down")
    made.lab_command("up")
    for number in (1, 2, 3, 4):
        attach(made, number)
    yield made
    made.lab_command("down")


@dataclass(frozen=True)
class Refusal:
    """What is done to a node's disk for data, or to its place; {disk}, {other} and {place} are in a shell."""

    setting: str
    says: str
    undo: str = ""


# One partition, by hand: the tools are not on every node.
PARTITIONS = (
    "import sys; entry = bytes([0, 0, 0, 0, 0x83, 0, 0, 0, 0, 8, 0, 0, 0, 8, 0, 0]); "
    'open(sys.argv[1], "r+b").write(bytes(446) + entry + bytes(48) + bytes([0x55, 0xaa]))'
)
CLEAN = "wipefs --quiet --all {disk}; dd if=/dev/zero of={disk} bs=1M count=16 conv=fsync status=none"
REFUSALS = {
    "no disk": Refusal(
        "mv /dev/disk/by-id /dev/disk/by-other",
        "no disk of this machine has its id",
        "mv /dev/disk/by-other /dev/disk/by-id",
    ),
    "somebody's file system": Refusal(
        "mkfs.ext4 -q -L payroll {disk}", "holds ext4 (payroll). It is not formatted", CLEAN
    ),
    "something without a signature": Refusal(
        "head -c 65536 /dev/urandom | dd of={disk} bs=4096 seek=64 conv=fsync status=none",
        "holds something, and no signature tells what",
        CLEAN,
    ),
    "a table of partitions": Refusal(f"python3 -c '{PARTITIONS}' {{disk}}", "holds dos. It is not formatted", CLEAN),
    "swapped disks": Refusal(
        "mkfs.ext4 -q -L vault-journal {disk}", "holds ext4 (vault-journal). It is not formatted", CLEAN
    ),
    "mounted elsewhere": Refusal(
        "mkfs.ext4 -q -L vault-data {disk}; mkdir -p /mnt/other; mount {disk} /mnt/other",
        "is mounted on /mnt/other, and not on /opt/vault/data",
        "umount /mnt/other; " + CLEAN,
    ),
    "another disk in its place": Refusal(
        "mkfs.ext4 -q {other}; mkdir -p {place}; mount {other} {place}",
        "which is the volume, is mounted on /opt/vault/data (as /dev/loop",
        "umount {place}; rm -r /opt/vault; " + CLEAN.replace("{disk}", "{other}"),
    ),
    "in use once, and not mounted": Refusal(
        "mkfs.ext4 -q -L vault-data {disk}; mkdir -p /mnt/other; mount {disk} /mnt/other; umount /mnt/other",
        "was in use, and opt-vault-data.mount is not of this volume",
        CLEAN,
    ),
    "data in the directory": Refusal(
        "mkdir -p {place}/raft; echo data >{place}/raft/note",
        "/opt/vault/data holds data on the root volume already (raft)",
        "rm -r /opt/vault",
    ),
    "a file in the place of the directory": Refusal(
        "mkdir -p /opt/vault; touch {place}", "/opt/vault/data is not a directory", "rm -r /opt/vault"
    ),
}


def words(number: int, text: str) -> str:
    places = {"{disk}": disk(number, "data"), "{other}": disk(number, "audit"), "{place}": PLACES["data"]}
    for name, value in places.items():
        text = text.replace(name, value)
    return text


def test_what_holds_anything_stops_the_run_before_a_node_is_changed(bench):
    """Of three nodes at once: each is named with its own cause."""
    cases = list(REFUSALS.values())
    for first in range(0, len(cases), 3):
        dealt = list(enumerate(cases[first : first + 3], start=1))
        for number, case in dealt:
            on(bench, number, words(number, case.setting))
        before = bench.fingerprint()
        code, said = site(bench)
        assert code != 0, said
        after = bench.fingerprint()
        for number, case in dealt:
            on(bench, number, words(number, case.undo))
        assert after == before
        for number, case in dealt:
            assert f"vault-{number}: The volume for data, {volume(number, 'data')}: " in said, said
            assert case.says in said, said


def test_the_plan_says_what_would_be_formatted_and_formats_nothing(bench):
    code, said = site(bench, "--check", "--diff")
    assert code == 0, said
    for number in (1, 2, 3):
        assert f"{volume(number, 'data')} (0.25 GiB) is formatted (ext4) and mounted on /opt/vault/data" in said, said
        for purpose in PURPOSES:
            assert on(bench, number, f"wipefs --no-act {disk(number, purpose)}").strip() == ""
    assert "+What=/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_" in said, said


def test_volumes_are_formatted_once_and_hold_what_they_are_for(bench):
    # The journal of the first is on its disk, and that of the others in memory.
    keep = "mkdir -p /var/log/journal; systemd-tmpfiles --create --prefix=/var/log/journal; journalctl --flush"
    on(bench, 1, keep)
    for number in (1, 3):
        on(bench, number, "logger said-before")
    # A run that was killed between formatting and mounting goes on from there.
    on(bench, 2, "useradd --system --home-dir /opt/vault --no-create-home --shell /usr/sbin/nologin vault")
    owner = "root_owner=$(id -u vault):$(id -g vault)"
    on(bench, 2, f"mkfs.ext4 -q -m 0 -L vault-data -E {owner} {disk(2, 'data')}")
    code, said = site(bench)
    assert code == 0, said
    numbers = {number: mounted(bench, number) for number in (1, 2, 3)}
    assert numbers == {number: own(number) for number in (1, 2, 3)}
    assert on(bench, 1, "stat -c '%U:%G %a' /opt/vault/data /var/log/vault").split() == ["vault:vault", "700"] * 2
    assert "vault.db" in on(bench, 1, "ls /opt/vault/data") and "audit.log" in on(bench, 1, "ls /var/log/vault")
    for number in (1, 3):
        on(bench, number, "logger said-after; journalctl --sync")
        written = on(bench, number, "journalctl --directory=/var/log/journal")
        assert "said-before" in written and "said-after" in written
    assert on(bench, 1, "grep -h SystemMaxUse= /etc/systemd/journald.conf.d/*").strip() == "SystemMaxUse=179M"

    code, said = site(bench)
    assert code == 0 and said.count("changed=0") == 4, said


def test_vault_does_not_start_where_its_data_is_not_mounted(bench):
    on(bench, 3, "systemctl stop vault; umount /opt/vault/data")
    detach(bench, 3, ["data"])
    on(bench, 3, "systemctl reset-failed; ! systemctl start vault")
    assert on(bench, 3, "ls -A /opt/vault/data") == ""
    code, said = site(bench)
    assert code != 0
    assert f"vault-3: The volume for data, {volume(3, 'data')}: no disk of this machine has its id" in said, said
    attach(bench, 3, ["data"])
    # It is there again, was in use, and nobody has mounted it: not an empty node.
    code, said = site(bench)
    assert code != 0
    assert "was in use, and is not mounted on /opt/vault/data" in said, said
    # Without its unit, too: by the unit of Vault alone.
    on(bench, 3, "mv /etc/systemd/system/opt-vault-data.mount /root; systemctl daemon-reload; ! systemctl start vault")
    on(bench, 3, "mv /root/opt-vault-data.mount /etc/systemd/system; systemctl daemon-reload; systemctl start vault")
    assert mounted(bench, 3) == own(3)
    as_operator(bench, bench.lab.nodes[:3]).active()
    code, said = site(bench)
    assert code == 0 and said.count("changed=0") == 4, said


def test_a_machine_that_boots_with_its_disks_in_another_order_mounts_them_right(bench):
    container = bench.lab.nodes[1].container
    before = on(bench, 2, "readlink /dev/disk/by-id/*").split()
    detach_all = [volume(2, purpose) for purpose in PURPOSES]
    subprocess.run(["docker", "stop", "-t", "20", container], check=True, capture_output=True)
    for image in sorted((bench.lab.state / "disks").glob("vault-2.*")):
        for device in disks._devices(image):
            subprocess.run(["losetup", "--detach", device], check=True)
    subprocess.run(["docker", "start", container], check=True, capture_output=True)
    nodes._wait_for_boot(bench.lab.nodes[1])
    assert on(bench, 2, "systemctl is-active vault || true").strip() != "active"
    for name in reversed(detach_all):
        disks.attach(bench.lab, "vault-2", name)
    assert on(bench, 2, "readlink /dev/disk/by-id/*").split() != before
    on(bench, 2, "systemctl reset-failed; systemctl start var-log-journal.mount vault")
    assert mounted(bench, 2) == own(2)
    code, said = site(bench)
    assert code == 0 and said.count("changed=0") == 4, said


def test_a_node_that_serves_is_not_restarted_where_its_new_unit_would_want_another_volume(bench):
    # The device that there is stays: another one's file has another directory, which the volume is not mounted on.
    kinds = {"second": "/srv/audit/audit.log", "journal": "stdout"}
    moved = {name: {"type": "file", "options": {"file_path": path}} for name, path in kinds.items()}
    before = bench.fingerprint()
    code, said = site(bench, "-e", json.dumps({"vault_audit_devices": moved}))
    assert code != 0
    assert "is mounted on /var/log/vault, and not on /srv/audit" in said, said
    assert "its new unit would require the volume, so Vault would not start again. Nothing was changed." in said, said
    assert bench.fingerprint() == before
    as_operator(bench, bench.lab.nodes[:3]).active()


def test_a_new_machine_brings_its_volumes_and_the_old_ones_keep_what_they_hold(bench):
    every = inventory(bench, 1, 2, 4)
    arguments = ("-e", json.dumps({"vault_leaving": "vault-3"}))
    kept = on(bench, 3, "find /opt/vault/data -type f | wc -l")
    code, output = bench.play(*arguments, "--check", inventory=every, playbook=REPLACE)
    said = " ".join(output.split())
    assert code == 0, output
    # vault-3 is not in the inventory any more, and lives.
    assert f"The volume {volume(4, 'data')} (0.25 GiB) is formatted (ext4) and mounted on /opt/vault/data." in said, (
        said
    )
    code, output = bench.play(*arguments, inventory=every, playbook=REPLACE)
    assert code == 0, output
    assert mounted(bench, 4) == own(4)
    assert on(bench, 3, "find /opt/vault/data -type f | wc -l") == kept
    assert mounted(bench, 3) == own(3)
    code, output = bench.play(inventory=every)
    assert code == 0 and output.count("changed=0") == 4, output


def test_a_restore_on_new_machines_brings_their_volumes(bench):
    """All three are lost with their disks, and new ones have come in their place."""
    numbers = (1, 2, 4)
    bucket = ("-e", f"vault_snapshot_bucket={bench.lab.name}-snapshots")
    for playbook in ("site.yml", "playbooks/backup.yml"):
        code, output = bench.play(*bucket, inventory=inventory(bench, *numbers), playbook=playbook)
        assert code == 0, output
    hosts = bench.hosts()
    new = {}
    for number in numbers:
        # The journal is nobody's data, and stays where it is.
        on(
            bench,
            number,
            "systemctl disable --now vault; systemctl stop opt-vault-data.mount var-log-vault.mount; "
            "rm -rf /etc/vault.d /opt/vault /usr/local/bin/vault; cd /etc/systemd/system; "
            "rm -f vault.service *-vault*.mount */*-vault*.mount; systemctl daemon-reload",
        )
        detach(bench, number, ["data", "audit"])
        ids = {purpose: volume(number + 10, purpose) for purpose in ("data", "audit")}
        for one in ids.values():
            disks.attach(bench.lab, f"vault-{number}", one)
        new[f"vault-{number}"] = {
            **hosts[f"vault-{number}"],
            "vault_volumes": {**ids, "journal": volume(number, "journal")},
        }
    afresh = bench.inventory(new)
    for check in ("--check",), ():
        code, output = bench.play(*bucket, *check, inventory=afresh, playbook="playbooks/restore.yml")
        said = " ".join(output.split())
        assert code == 0, output
        assert f"The volume {volume(14, 'data')} (0.25 GiB) is formatted (ext4) and mounted on /opt/vault/data." in said
    for number in numbers:
        expected = {**own(number + 10), "journal": own(number)["journal"]}
        assert mounted(bench, number) == expected
    code, output = bench.play(*bucket, inventory=afresh)
    assert code == 0, output
    code, output = bench.play(*bucket, inventory=afresh)
    assert code == 0 and output.count("changed=0") == 4, output
