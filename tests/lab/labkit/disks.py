"""Disks of a node's own: loop devices on files of the lab's state, under the name that udev gives an EBS volume on an instance.

The disk is real, and so is whatever is done to it. Only what tells which disk it is stands in for the hardware.
"""

import contextlib
import os
import pathlib
import subprocess

from .docker import docker
from .say import LabError
from .settings import Lab

_BY_ID = "/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_"


def attach(lab: Lab, node: str, volume: str, mib: int = 256) -> str:
    """Give the node a disk with this volume's id, the same as before where there was one; the device is returned."""
    image = _folder(lab) / f"{node}.{volume}"
    image.parent.mkdir(parents=True, exist_ok=True)
    if not image.exists():
        with image.open("wb") as stream:
            stream.truncate(mib << 20)
    device = next(iter(_devices(image)), "") or _losetup("--find", "--show", str(image)).strip()
    number = device.removeprefix("/dev/loop")
    link = _link(volume)
    script = f"mkdir -p {_BY_ID.rpartition('/')[0]}; rm -f {device}; mknod -m 0660 {device} b 7 {number}; ln -sfn {device} {link}"
    docker("exec", _container(lab, node), "sh", "-ec", script)
    return device


def attach_launched(lab: Lab, volumes: dict[str, list[str]]) -> list[str]:
    """By node, volumes that the stand-in's EC2 has launched its instance with; those that were attached just now."""
    made = []
    for node, names in volumes.items():
        for name in names:
            if not os.path.exists(_folder(lab) / f"{node}.{name}"):
                attach(lab, node, name)
                made.append(name)
    return made


def detach(lab: Lab, node: str, volume: str) -> None:
    """Take the disk away, as if it was never attached; what is on it stays."""
    link = _link(volume)
    docker("exec", _container(lab, node), "sh", "-ec", f'rm -f "$(readlink {link})" {link}')
    for device in _devices(_folder(lab) / f"{node}.{volume}"):
        _losetup("--detach", device)


def remove(lab: Lab) -> None:
    """Of a lab whose containers are gone: no disk is in use any more."""
    for image in sorted(_folder(lab).glob("*")):
        for device in _devices(image):
            with contextlib.suppress(LabError):
                _losetup("--detach", device)
        image.unlink()


def _link(volume: str) -> str:
    return _BY_ID + volume.replace("-", "")


def _container(lab: Lab, node: str) -> str:
    return next(one.container for one in lab.nodes if one.hostname == node)


def _folder(lab: Lab) -> pathlib.Path:
    return lab.state / "disks"


def _devices(image: pathlib.Path) -> list[str]:
    return _losetup("--noheadings", "--output", "NAME", "--associated", str(image)).split()


def _losetup(*arguments: str) -> str:
    done = subprocess.run(["losetup", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise LabError(
            "the lab can't make a disk",
            f"`losetup {' '.join(arguments)}`: {done.stderr.strip()}",
            "run as root, on a kernel with loop devices (`modprobe loop`)",
        )
    return done.stdout
