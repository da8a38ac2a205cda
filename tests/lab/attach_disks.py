#!/usr/bin/env python3
"""Attach to the lab's nodes the volumes that the stand-in's EC2 says that their instances were launched with."""

from labkit import aws, disks
from labkit.settings import from_environment


def main() -> None:
    lab = from_environment()
    found = aws.client(lab, "ec2").describe_instances(Filters=[{"Name": "tag-key", "Values": ["vault-volumes"]}])
    by_node = {}
    for instance in (one for reservation in found["Reservations"] for one in reservation["Instances"]):
        tags = {tag["Key"]: tag["Value"] for tag in instance["Tags"]}
        devices = [entry.partition("=")[2] for entry in tags["vault-volumes"].split()]
        attached = {one["DeviceName"]: one["Ebs"]["VolumeId"] for one in instance["BlockDeviceMappings"]}
        by_node[tags["Name"]] = [attached[device] for device in devices]
    for volume in disks.attach_launched(lab, by_node):
        print(f"attached {volume}")


if __name__ == "__main__":
    main()
