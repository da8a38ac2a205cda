#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Name the cluster's load balancer in a hosted zone, and no other one's."""

from __future__ import annotations

DOCUMENTATION = r"""
module: aws_load_balancer_alias
short_description: Name a cluster's load balancer in Route 53
version_added: 1.0.0
description:
  - Makes an A record that is an alias of a network load balancer. Where the load balancer was made anew, the record follows it.
  - Fails where the name has a record that leads elsewhere. Records carry no tags, so a record is the cluster's own when it is
    an alias of a load balancer that has the cluster's name.
author: vaultops maintainers (@vaultops)
options:
  name:
    description: The full name, such as V(vault.example.com).
    type: str
    required: true
  zone_id:
    description: Id of the hosted zone, public or private.
    type: str
    required: true
  load_balancer:
    description: Name of the load balancer.
    type: str
    required: true
  state:
    description: With V(absent), a record that is not the cluster's own stays without an error.
    type: str
    choices: [present, absent]
    default: present
attributes:
  diff_mode:
    support: none
extends_documentation_fragment:
  - vaultops.cluster.aws
  - vaultops.cluster.attributes
  - vaultops.cluster.attributes.change
"""

EXAMPLES = r"""
- name: The name of a cluster
  vaultops.cluster.aws_load_balancer_alias:
    name: vault.example.com
    zone_id: Z0123456789ABCDEFGHIJ
    load_balancer: vault-prod
    region: eu-central-1
"""

RETURN = r"""
there:
  description: Whether the cluster's own record was there before.
  returned: success
  type: bool
"""

import typing as t

from ansible_collections.amazon.aws.plugins.module_utils.botocore import is_boto3_error_code
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ..module_utils._aws import alias_record
from ..module_utils._aws.errors import translate_errors
from ..module_utils._aws.module import run_aws_module
from ..module_utils._aws.ownership_api import RETRY


def run(module: AnsibleAWSModule) -> dict[str, t.Any]:
    params = module.params
    zones = module.client("route53", retry_decorator=RETRY)
    # They begin with the name, by its type, and other names follow: an A record and what may stand beside it fit in one answer.
    listed = zones.list_resource_record_sets(
        HostedZoneId=params["zone_id"], StartRecordName=params["name"], MaxItems="20", aws_retry=True
    )["ResourceRecordSets"]
    records = alias_record.of(listed, params["name"])
    if params["state"] == "absent":
        return _remove(module, zones, records)
    alias_record.check_own(records, params["load_balancer"], module.region)
    with translate_errors(module.region, "elbv2"):
        target = _target(module)
    if records and alias_record.leads_there(records, target):
        return {"changed": False, "there": True}
    if not module.check_mode:
        _change(zones, params["zone_id"], "UPSERT", alias_record.wanted(params["name"], target))
    return {"changed": True, "there": bool(records)}


def _remove(module: AnsibleAWSModule, zones: t.Any, records: t.Sequence[t.Mapping[str, t.Any]]) -> dict[str, t.Any]:
    own = [one for one in records if alias_record.is_own(one, module.params["load_balancer"], module.region)]
    for one in own if not module.check_mode else []:
        _change(zones, module.params["zone_id"], "DELETE", one)
    return {"changed": bool(own), "there": bool(own)}


def _change(zones: t.Any, zone_id: str, action: str, record: t.Mapping[str, t.Any]) -> None:
    batch = {"Changes": [{"Action": action, "ResourceRecordSet": record}]}
    zones.change_resource_record_sets(HostedZoneId=zone_id, ChangeBatch=batch, aws_retry=True)


def _target(module: AnsibleAWSModule) -> alias_record.Target:
    client = module.client("elbv2", retry_decorator=RETRY)
    try:
        found = client.describe_load_balancers(Names=[module.params["load_balancer"]], aws_retry=True)["LoadBalancers"]
    except is_boto3_error_code("LoadBalancerNotFound"):
        if not module.check_mode:
            raise
        return {"dns_name": "", "zone_id": ""}
    return {"dns_name": found[0]["DNSName"], "zone_id": found[0]["CanonicalHostedZoneId"]}


OPTIONS: dict[str, t.Any] = {
    "name": {"type": "str", "required": True},
    "zone_id": {"type": "str", "required": True},
    "load_balancer": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
}


def main() -> None:
    run_aws_module(run, OPTIONS, "route53")


if __name__ == "__main__":
    main()
