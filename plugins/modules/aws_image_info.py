#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""See which image instances would be launched from, and where their type is offered."""

from __future__ import annotations

DOCUMENTATION = r"""
module: aws_image_info
short_description: Find the image to launch from, and the zones that offer a type of instance
version_added: 1.0.0
description:
  - Finds an image by its id, by a parameter of Systems Manager that holds the id, or as the newest one of an owner.
  - Reads in which availability zones a type of instance is offered, and which architectures it has.
  - Needs C(ec2:DescribeImages), C(ec2:DescribeInstanceTypeOfferings) and C(ec2:DescribeInstanceTypes), and for a parameter
    C(ssm:GetParameters).
author: vaultops maintainers (@vaultops)
options:
  image:
    description:
      - An id such as V(ami-0abcdef1234567890).
      - V(resolve:ssm:NAME) takes the id from a parameter of Systems Manager. A version or a label may follow, as V(NAME:3).
      - V(newest:OWNER:NAME) takes the newest image of that name, in which C(*) stands for anything, that the account or the alias
        OWNER has made. It leaves out what its owner has deprecated.
    type: str
    required: true
  instance_type:
    description: Type of the instances.
    type: str
    required: true
extends_documentation_fragment:
  - vaultops.cluster.aws
  - vaultops.cluster.attributes
  - vaultops.cluster.attributes.info
"""

EXAMPLES = r"""
- name: Look at the newest image of Debian 12
  vaultops.cluster.aws_image_info:
    image: resolve:ssm:/aws/service/debian/release/12/latest/amd64
    instance_type: m7i.large
    region: eu-central-1
  register: found
"""

RETURN = r"""
image:
  description: The image.
  returned: success
  type: dict
  contains:
    id: {description: Its id., type: str}
    name: {description: Its name., type: str}
    state: {description: Its state., type: str}
    available: {description: Whether an instance can be launched from it., type: bool}
    architecture: {description: Its architecture., type: str}
    root_type: {description: Type of its root volume., type: str}
    root_device: {description: Device name of its root volume., type: str}
    root_gib: {description: Size of its root volume in GiB., type: int}
    devices: {description: Names of the other devices on which it brings a disk., type: list, elements: str}
    deprecated: {description: Since when it is deprecated. Empty where it is not., type: str}
type:
  description: The type of instance.
  returned: success
  type: dict
  contains:
    name: {description: Its name., type: str}
    zones: {description: Availability zones that offer it. None for a name that is no type's., type: list, elements: str}
    architectures: {description: Architectures of the images that it runs., type: list, elements: str}
    hypervisor: {description: What its instances run on., type: str}
"""

import typing as t
from datetime import datetime, timezone

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ..module_utils._aws import image as images
from ..module_utils._aws import image_api as api
from ..module_utils._aws.errors import translate_errors
from ..module_utils._aws.module import run_aws_module
from ..module_utils._common.errors import Problem


def run(module: AnsibleAWSModule) -> dict[str, t.Any]:
    wanted, kind = images.reference(module.params["image"]), module.params["instance_type"]
    ec2 = module.client("ec2", retry_decorator=api.RETRY)
    described = _described(module, ec2, wanted)
    zones = api.zones(ec2, kind)
    about = api.instance_type(ec2, kind) if zones else {}
    return {
        "changed": False,
        "image": images.seen(described, datetime.now(timezone.utc)),
        "type": {
            "name": kind,
            "zones": zones,
            "architectures": about.get("ProcessorInfo", {}).get("SupportedArchitectures", []),
            "hypervisor": about.get("Hypervisor", ""),
        },
    }


def _described(module: AnsibleAWSModule, ec2: t.Any, wanted: images.Reference) -> t.Mapping[str, t.Any]:
    check = "Check vault_ec2_image_id, and that it is meant for this region."
    if wanted["name"]:
        found = images.newest(api.images(ec2, wanted["owner"], wanted["name"]))
        if found is None:
            raise Problem(
                f"{wanted['owner']} has no image named {wanted['name']} in {module.region} for this account", check
            )
        return found
    identifier, said = wanted["id"], ""
    if wanted["parameter"]:
        with translate_errors(module.region, "ssm"):
            ssm = module.client("ssm", retry_decorator=api.RETRY)
            value = api.parameter(ssm, wanted["parameter"])
        if value is None:
            raise Problem(f"the parameter {wanted['parameter']} does not exist in {module.region}", check)
        identifier, said = images.resolved(value, wanted["parameter"]), f", which {wanted['parameter']} names,"
    described = api.image(ec2, identifier)
    if described is None:
        raise Problem(
            f"the image {identifier}{said} does not exist in {module.region}, or this account may not use it",
            "Images belong to one region: check vault_ec2_image_id and the region, and with whom the image is shared.",
        )
    return described


OPTIONS: dict[str, t.Any] = {
    "image": {"type": "str", "required": True},
    "instance_type": {"type": "str", "required": True},
}


def main() -> None:
    run_aws_module(run, OPTIONS, "EC2")


if __name__ == "__main__":
    main()
