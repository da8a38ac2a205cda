#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Look at what in an AWS account has a cluster's names, or its tag."""

from __future__ import annotations

DOCUMENTATION = r"""
module: aws_cluster_info
short_description: Read which AWS resources have a cluster's names or its tag
version_added: 1.0.0
description:
  - Reads the resources under the names that a cluster needs, with their tags, so that a play can spare resources of other owners.
  - Tags that this identity may not read are V(null), and not an empty dictionary.
  - Does not read instances and KMS keys.
  - Based on the APIs of IAM, EC2, Elastic Load Balancing, S3 and Secrets Manager.
author: vaultops maintainers (@vaultops)
options:
  tag_key:
    description: Key of the tag that names a resource's owner.
    type: str
    required: true
  tag_value:
    description: Value of that tag.
    type: str
    required: true
  role:
    description: Name of an IAM role.
    type: str
  instance_profile:
    description: Name of an instance profile.
    type: str
  managed_policy:
    description: ARN of a managed policy. A policy of the same name under another path is found, too.
    type: str
  bucket:
    description: Name of a bucket.
    type: str
  transfer_bucket:
    description:
      - Name of a bucket for files on their way to the nodes.
      - Of buckets that are found by the tag alone, the tag C(vault-cluster-use=transfer) says that they are of this kind.
    type: str
  secret:
    description: Name of a secret.
    type: str
  security_group:
    description: Name of a security group. It may exist once in every VPC. Groups that carry the tag are looked for as well.
    type: str
  load_balancer:
    description: Name of a load balancer.
    type: str
  target_group:
    description: Name of a target group.
    type: str
  tagged:
    description: Kinds of resources to find by the tag too, whatever their name.
    type: list
    elements: str
    choices: [bucket, load_balancer, target_group]
    default: []
extends_documentation_fragment:
  - vaultops.cluster.aws
  - vaultops.cluster.attributes
  - vaultops.cluster.attributes.info
"""

EXAMPLES = r"""
- name: Look whose role and bucket these are
  vaultops.cluster.aws_cluster_info:
    tag_key: vault-cluster
    tag_value: prod
    role: vault-prod-node
    bucket: example-snapshots
    region: eu-central-1
  register: found
"""

RETURN = r"""
things:
  description: What was found.
  returned: success
  type: list
  elements: dict
  contains:
    kind:
      description: What it is, as the option is called.
      type: str
    name:
      description: Its name.
      type: str
    id:
      description: Its ARN, a bucket's name or a security group's id. Empty for a bucket of another account.
      type: str
    tags:
      description: Its tags; null if they may not be read.
      type: dict
    named:
      description: Whether it has the name that was given. Otherwise it was found by its tag.
      type: bool
    empty:
      description: Whether a bucket has no version of any object, or a target group no target.
      type: bool
    bare:
      description: Whether it is empty and nothing was set up, as after a run that was cut short.
      type: bool
    type:
      description: Type of a load balancer.
      type: str
    vpc_id:
      description: VPC of a security group.
      type: str
    egress:
      description: Networks, prefix lists and groups that a security group lets out to, whatever the protocol and the port.
      type: list
      elements: str
    groups:
      description: Security groups of a load balancer.
      type: list
      elements: str
    zones:
      description: The subnet of a load balancer in each availability zone, by the zone's name.
      type: dict
    targets:
      description: What a target group has for targets, healthy or not.
      type: list
      elements: str
    replicas:
      description: Regions in which AWS keeps copies of a secret.
      type: list
      elements: str
    primary:
      description: The region of the secret that this secret is a copy of. Empty for a secret that is no copy.
      type: str
"""

import typing as t

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ..module_utils._aws import ownership_api as api
from ..module_utils._aws.errors import translate_errors
from ..module_utils._aws.module import run_aws_module, s3_config
from ..module_utils._aws.ownership import Thing


def run(module: AnsibleAWSModule) -> dict[str, t.Any]:
    params, clients = module.params, {}

    def client(service: str) -> t.Any:
        if service not in clients:
            config = s3_config(params["endpoint_url"]) if service == "s3" else {}
            clients[service] = module.client(service, retry_decorator=api.RETRY, config=config)
        return clients[service]

    tag = {"key": params["tag_key"], "value": params["tag_value"]}
    things: list[Thing] = []
    for kind, service, look in (
        ("role", "iam", api.role),
        ("instance_profile", "iam", api.instance_profile),
        ("managed_policy", "iam", api.managed_policy),
        ("secret", "secretsmanager", api.secret),
    ):
        if params[kind]:
            with translate_errors(module.region, service):
                things += look(client(service), params[kind])
    if params["bucket"] or params["transfer_bucket"] or "bucket" in params["tagged"]:
        with translate_errors(module.region, "s3"):
            named, everything = params["bucket"] or "", "bucket" in params["tagged"]
            things += api.buckets(client("s3"), named, tag, everything, params["transfer_bucket"] or "")
    for kind, service, look_around in (
        ("load_balancer", "elbv2", api.load_balancers),
        ("target_group", "elbv2", api.target_groups),
    ):
        if params[kind] or kind in params["tagged"]:
            with translate_errors(module.region, service):
                things += look_around(client(service), params[kind] or "", tag, kind in params["tagged"])
    if params["security_group"]:
        with translate_errors(module.region, "ec2"):
            things += api.security_groups(client("ec2"), params["security_group"], tag)
    return {"changed": False, "things": things}


names = ("role", "instance_profile", "managed_policy", "bucket", "transfer_bucket", "secret", "security_group")
OPTIONS: dict[str, t.Any] = {
    "tag_key": {"type": "str", "required": True, "no_log": False},
    "tag_value": {"type": "str", "required": True},
    **{name: {"type": "str", "no_log": False} for name in (*names, "load_balancer", "target_group")},
    "tagged": {
        "type": "list",
        "elements": "str",
        "choices": ["bucket", "load_balancer", "target_group"],
        "default": [],
    },
}


def main() -> None:
    run_aws_module(run, OPTIONS, "AWS")


if __name__ == "__main__":
    main()
