"""Which image is meant, and what keeps instances from being launched from it."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._aws import image
from ansible_collections.vaultops.cluster.plugins.module_utils._common.errors import Problem

NOW = datetime(2026, 6, 1, tzinfo=timezone.utc)
DESCRIBED = {
    "ImageId": "ami-1",
    "Name": "debian",
    "State": "available",
    "Architecture": "x86_64",
    "RootDeviceType": "ebs",
    "RootDeviceName": "/dev/sda1",
    "BlockDeviceMappings": [
        {"DeviceName": "/dev/sda1", "Ebs": {"VolumeSize": 8}},
        {"DeviceName": "/dev/sdb", "VirtualName": "ephemeral0"},
    ],
}
KIND: image.Type = {"name": "m7i.large", "zones": ["a", "b", "c"], "architectures": ["x86_64"], "hypervisor": "nitro"}
VOLUMES = {"data": {"gib": 50}, "audit": {"gib": 20}, "journal": {"gib": 0}}


def problems(kind=None, zones=("a", "b"), root_gib=20, volumes=None, **differs):
    return image.problems(image.seen({**DESCRIBED, **differs}, NOW), kind or KIND, zones, root_gib, volumes or VOLUMES)


@pytest.mark.parametrize(
    ("text", "means"),
    [
        ("ami-0abc", {"id": "ami-0abc"}),
        (
            "resolve:ssm:/aws/service/debian/release/12/latest/amd64",
            {"parameter": "/aws/service/debian/release/12/latest/amd64"},
        ),
        ("resolve:ssm:/golden/vault:3", {"parameter": "/golden/vault:3"}),
        ("newest:136693071363:debian-12-amd64-*", {"owner": "136693071363", "name": "debian-12-amd64-*"}),
        ("newest:amazon:al2023-ami-2*:x", {"owner": "amazon", "name": "al2023-ami-2*:x"}),
    ],
)
def test_what_is_meant(text, means):
    assert {name: value for name, value in image.reference(text).items() if value} == means


@pytest.mark.parametrize("text", ["", "debian-12", "ami-", "resolve:ssm:", "newest:debian-12-*", "newest::x", "i-1"])
def test_what_names_no_image_is_refused(text):
    with pytest.raises(Problem, match=r"names no image\. Give an id such as ami-0abc, resolve:ssm:NAME"):
        image.reference(text)


def test_a_parameter_that_holds_something_else_is_refused():
    assert image.resolved("ami-1", "/p") == "ami-1"
    with pytest.raises(Problem, match="/p of vault_ec2_image_id holds no id"):
        image.resolved('{"image_id": "ami-1"}', "/p")


def test_the_newest_is_the_one_made_last():
    made = [{"ImageId": f"ami-{day}", "CreationDate": f"2026-01-{day}T00:00:00.000Z"} for day in ("09", "11", "10")]
    assert image.newest(made)["ImageId"] == "ami-11"
    assert image.newest([]) is None


def test_what_is_looked_at():
    assert image.seen(DESCRIBED, NOW) == {
        "id": "ami-1",
        "name": "debian",
        "state": "available",
        "available": True,
        "architecture": "x86_64",
        "root_type": "ebs",
        "root_device": "/dev/sda1",
        "root_gib": 8,
        "devices": [],
        "deprecated": "",
    }


def test_an_image_that_fits():
    assert problems() == []
    assert problems(DeprecationTime="2026-06-01T00:00:01.000Z") == []
    assert problems(root_gib=8) == []


def bringing(*devices):
    return {"BlockDeviceMappings": [{"DeviceName": name, "Ebs": {"VolumeSize": 8}} for name in ("/dev/sda1", *devices)]}


@pytest.mark.parametrize(
    ("differs", "says"),
    [
        ({"State": "disabled"}, "ami-1 (debian) is disabled"),
        ({"DeprecationTime": "2026-06-01T00:00:00.000Z"}, "is deprecated since 2026-06-01T00:00:00.000Z"),
        ({"RootDeviceType": "instance-store"}, "a root volume of type instance-store"),
        (
            {"root_gib": 7},
            "vault_ec2_volume_gib is 7, and the root volume of the image ami-1 (debian) has 8 GiB. Set 8 or more",
        ),
        (bringing("/dev/sdf"), "brings a disk on /dev/sdf, where the volume for Raft's data goes"),
        (bringing("xvdg"), "brings a disk on /dev/sdg, where the volume for the audit log goes"),
        ({"zones": ["a", "d"]}, "AWS offers m7i.large in a, b, c, and not in d"),
        ({"kind": {**KIND, "zones": []}}, "vault_ec2_instance_type is m7i.large, which AWS offers in no zone here"),
        ({"Architecture": "arm64"}, "ami-1 (debian) is for arm64, and m7i.large for x86_64"),
        ({"kind": {**KIND, "hypervisor": "xen"}}, "m7i.large is no Nitro type"),
    ],
)
def test_what_stops_the_launch(differs, says):
    (said,) = problems(**differs)
    assert says in said


def test_what_nobody_uses_stops_nothing():
    assert problems(**bringing("/dev/sdh", "/dev/sdb")) == []
    assert problems(kind={**KIND, "hypervisor": "xen"}, volumes={"data": {"gib": 0}}) == []
