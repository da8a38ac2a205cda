#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Make an internal network load balancer, with what AWS gives it at its creation alone."""

from __future__ import annotations

DOCUMENTATION = r"""
module: aws_load_balancer
short_description: Make an internal network load balancer with a security group
version_added: 1.0.0
description:
  - Makes the load balancer where there is none of this name. A security group can only be given to it then, and
    M(community.aws.elb_network_lb) has no option for one. Listeners and attributes are that module's.
  - A load balancer that is there gets the subnets that it lacks, and stays as it is but for that.
    M(community.aws.elb_network_lb) can't add any.
author: vaultops maintainers (@vaultops)
options:
  name:
    description: Its name, of 32 characters at most.
    type: str
    required: true
  security_groups:
    description: Ids of its security groups.
    type: list
    elements: str
    required: true
  subnets:
    description: Ids of its subnets, one in each availability zone. Those that it has besides stay.
    type: list
    elements: str
    required: true
  tags:
    description: Its tags.
    type: dict
    required: true
attributes:
  diff_mode:
    support: none
extends_documentation_fragment:
  - vaultops.cluster.aws
  - vaultops.cluster.attributes
  - vaultops.cluster.attributes.change
"""

EXAMPLES = r"""
- name: The load balancer of a cluster
  vaultops.cluster.aws_load_balancer:
    name: vault-prod
    security_groups: [sg-00000000000000001]
    subnets: [subnet-00000000000000001, subnet-00000000000000002, subnet-00000000000000003]
    tags: {vault-cluster: prod}
    region: eu-central-1
"""

RETURN = r"""
arn:
  description: Its ARN; empty where it is not there, as in check mode.
  returned: success
  type: str
security_groups:
  description: Ids of the security groups that it has, or would get.
  returned: success
  type: list
  elements: str
"""

import typing as t

from ansible_collections.amazon.aws.plugins.module_utils.botocore import is_boto3_error_code
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.amazon.aws.plugins.module_utils.tagging import ansible_dict_to_boto3_tag_list

from ..module_utils._aws.module import run_aws_module
from ..module_utils._aws.ownership_api import RETRY


def run(module: AnsibleAWSModule) -> dict[str, t.Any]:
    params = module.params
    client = module.client("elbv2", retry_decorator=RETRY)
    try:
        (there,) = client.describe_load_balancers(Names=[params["name"]], aws_retry=True)["LoadBalancers"]
    except is_boto3_error_code("LoadBalancerNotFound"):
        there = None
    if there:
        has = [zone["SubnetId"] for zone in there["AvailabilityZones"]]
        lacking = [subnet for subnet in params["subnets"] if subnet not in has]
        if lacking and not module.check_mode:
            # All of them: AWS takes away what is not named.
            client.set_subnets(LoadBalancerArn=there["LoadBalancerArn"], Subnets=has + lacking, aws_retry=True)
        return _told(bool(lacking), there)
    if module.check_mode:
        return {"changed": True, "arn": "", "security_groups": params["security_groups"]}
    (made,) = client.create_load_balancer(
        Name=params["name"],
        Type="network",
        Scheme="internal",
        SecurityGroups=params["security_groups"],
        Subnets=params["subnets"],
        Tags=ansible_dict_to_boto3_tag_list(params["tags"]),
        aws_retry=True,
    )["LoadBalancers"]
    return _told(True, made)


def _told(changed: bool, balancer: dict[str, t.Any]) -> dict[str, t.Any]:
    groups = balancer.get("SecurityGroups") or []
    return {"changed": changed, "arn": balancer["LoadBalancerArn"], "security_groups": groups}


OPTIONS: dict[str, t.Any] = {
    "name": {"type": "str", "required": True},
    "security_groups": {"type": "list", "elements": "str", "required": True},
    "subnets": {"type": "list", "elements": "str", "required": True},
    "tags": {"type": "dict", "required": True},
}


def main() -> None:
    run_aws_module(run, OPTIONS, "elbv2")


if __name__ == "__main__":
    main()
