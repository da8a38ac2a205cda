"""With which volumes an instance is launched, and which of those that it has they are."""

from __future__ import annotations

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._aws import volumes

ALL = {"data": {"gib": 50, "iops": 4000, "throughput": 250}, "audit": {"gib": "30"}, "journal": {"gib": 10}}
TAG = {"vault-volumes": "data=/dev/sdf audit=/dev/sdg journal=/dev/sdh"}


def mapping(device, identifier):
    return {"device_name": device, "ebs": {"volume_id": identifier, "delete_on_termination": True}}


def test_every_volume_is_encrypted_and_goes_with_its_instance():
    made = volumes.launch(ALL, "/dev/xvda", 20)
    by_device = {one["device_name"]: one["ebs"] for one in made["volumes"]}
    assert {device: ebs["volume_size"] for device, ebs in by_device.items()} == {
        "/dev/xvda": 20,
        "/dev/sdf": 50,
        "/dev/sdg": 30,
        "/dev/sdh": 10,
    }
    for ebs in by_device.values():
        assert (ebs["volume_type"], ebs["encrypted"], ebs["delete_on_termination"]) == ("gp3", True, True)
    assert (by_device["/dev/sdf"]["iops"], by_device["/dev/sdf"]["throughput"]) == (4000, 250)
    assert "iops" not in by_device["/dev/sdg"]
    assert made["tags"] == TAG
    assert (
        made["words"]
        == ", with a volume each for Raft's data (50 GiB), the audit log (30 GiB) and the journal (10 GiB)"
    )


def test_a_key_of_ones_own_encrypts_every_volume_also_the_root():
    made = volumes.launch(ALL, "/dev/xvda", 20, "arn:aws:kms:eu-central-1:111122223333:key/1")["volumes"]
    assert {one["ebs"]["kms_key_id"] for one in made} == {"arn:aws:kms:eu-central-1:111122223333:key/1"}
    assert len(made) == 4 and all(one["ebs"]["encrypted"] for one in made)
    # Without one, EC2 takes the account's default.
    assert not any("kms_key_id" in one["ebs"] for one in volumes.launch(ALL, "/dev/xvda", 20)["volumes"])


def test_a_size_of_none_leaves_all_on_the_root_volume():
    made = volumes.launch({name: {"gib": 0} for name in ALL}, "/dev/sda1", 50)
    assert [one["device_name"] for one in made["volumes"]] == ["/dev/sda1"]
    assert (made["tags"], made["words"]) == ({}, "")
    some = volumes.launch({**ALL, "audit": {"gib": 0}}, "/dev/sda1", 50)
    assert some["tags"] == {"vault-volumes": "data=/dev/sdf journal=/dev/sdh"}


def test_what_the_tag_names_is_known_by_its_device_and_nothing_else_is():
    attached = [
        mapping("/dev/sdg", "vol-2"),
        mapping("/dev/xvda", "vol-0"),
        mapping("/dev/sdf", "vol-1"),
        mapping("/dev/sdk", "vol-9"),
    ]
    assert volumes.launched(TAG, [*attached, mapping("/dev/sdh", "vol-3")]) == {
        "data": "vol-1",
        "audit": "vol-2",
        "journal": "vol-3",
    }
    # Detached: it is named still, so that nobody takes the root volume for its place.
    assert volumes.launched(TAG, attached)["journal"] == ""
    # Somebody's own disks, at the very devices.
    assert volumes.launched({"Name": "vault-1"}, attached) == {}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"audit": {"gib": -1}}, "vault_ec2_audit_gib is -1"),
        ({"data": {"gib": 4, "iops": 3001}}, "vault_ec2_data_iops is 3001, and a volume of 4 GiB may have 3000"),
        ({"data": {"gib": 50, "iops": 3000, "throughput": 751}}, "vault_ec2_data_throughput is 751 MiB/s"),
    ],
)
def test_what_ec2_would_not_make(change, says):
    assert volumes.problems(ALL) == []
    assert volumes.problems({"data": {"gib": 50, "iops": 25000, "throughput": 6250}}) == []
    (problem,) = volumes.problems({**ALL, **change})
    assert says in problem


def test_nothing_limits_a_volume_that_is_not_wanted():
    assert volumes.problems({"data": {"gib": 0, "iops": 99999, "throughput": 99999}}) == []


def test_instances_that_were_launched_without_are_named_with_the_way_out():
    there = [
        {"instance_id": "i-1", "tags": {"Name": "vault-1"}},
        {"instance_id": "i-2", "tags": {"Name": "vault-2", "vault-volumes": "data=/dev/sdf audit=/dev/sdg"}},
        {"instance_id": "i-3", "tags": {"Name": "vault-3", **TAG}},
        {"instance_id": "i-4", "tags": None},
    ]
    first, second = volumes.without(there, ALL)
    assert first.startswith("i-4, vault-1: launched without a volume for Raft's data, the audit log or the journal;")
    assert second.startswith("vault-2: launched without a volume for the journal;")
    assert all(
        "No volume is added to an instance that is there. playbooks/replace_node.yml" in one for one in (first, second)
    )
    assert volumes.without(there, {name: {"gib": 0} for name in ALL}) == []
