#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Take nodes out of the load balancer's target group, or put them into it."""

from __future__ import annotations

DOCUMENTATION = r"""
module: aws_target
short_description: Take a node out of a load balancer, or put it back
version_added: 1.0.0
description:
  - Looks at the target group of a network load balancer, and at which of a cluster's nodes are targets.
  - With V(out), the nodes that stay become targets first where they are none, and have to be healthy. So a run that was killed
    between taking a node out and putting the node back is made good by the next one, and the last target never goes.
  - Nothing of a target group is changed that does not carry the cluster's tag.
author: vaultops maintainers (@vaultops)
options:
  state:
    description:
      - V(read) only looks.
      - V(out) takes O(nodes) out, and waits until the load balancer has ended their connections.
      - V(in) makes O(nodes) targets, and waits until they are healthy.
    type: str
    choices: [read, out, in]
    required: true
  group:
    description: Name of the target group.
    type: str
    required: true
  tag_key:
    description: Key of the tag that marks what belongs to the cluster.
    type: str
    required: true
  tag_value:
    description: Value of that tag.
    type: str
    required: true
  addresses:
    description: Private addresses of the nodes that serve, by name. The instances are found by them, among those with the tag.
    type: dict
    required: true
  nodes:
    description: Names of nodes among O(addresses); not given, all of them.
    type: list
    elements: str
  port:
    description: Port of the targets.
    type: int
    default: 8200
  wait:
    description: Whether the module waits until the load balancer has done it.
    type: bool
    default: true
  wait_timeout:
    description: For how many seconds.
    type: int
    default: 300
attributes:
  diff_mode:
    support: none
extends_documentation_fragment:
  - vaultops.cluster.aws
  - vaultops.cluster.attributes
  - vaultops.cluster.attributes.change
"""

EXAMPLES = r"""
- name: No request goes to this node any more
  vaultops.cluster.aws_target:
    state: out
    group: vault-prod
    tag_key: vault-cluster
    tag_value: prod
    addresses: {vault-1: 10.0.1.10, vault-2: 10.0.1.11, vault-3: 10.0.1.12}
    nodes: [vault-1]
    region: eu-central-1
"""

RETURN = r"""
targets:
  description: What the load balancer thinks of each node (V(healthy), V(unhealthy), V(initial), V(draining), V(unused),
    V(unavailable)), or V(none) of one that is no target.
  returned: success
  type: dict
"""

import typing as t

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ..module_utils._aws import targets, targets_api
from ..module_utils._aws.errors import translate_errors
from ..module_utils._aws.module import run_aws_module
from ..module_utils._aws.ownership_api import RETRY
from ..module_utils._common.errors import Problem
from ..module_utils._common.wait import Wait

PAUSE_SECONDS = 1.0


def run(module: AnsibleAWSModule) -> dict[str, t.Any]:
    group = Group(module)
    nodes = group.nodes if (given := module.params["nodes"]) is None else given
    state, changed = group.look(), False
    if module.params["state"] == "in":
        changed = group.put_in(state, nodes)
    elif module.params["state"] == "out":
        changed = group.take_out(state, nodes)
    return {"changed": changed, "targets": group.look() if changed else state}


class Group:
    """The target group, and the nodes."""

    def __init__(self, module: AnsibleAWSModule) -> None:
        self.params, self.check = module.params, module.check_mode
        self.port, self.nodes = self.params["port"], list(self.params["addresses"])
        tag = {"key": self.params["tag_key"], "value": self.params["tag_value"]}
        self.client = module.client("elbv2", retry_decorator=RETRY)
        arn = targets_api.group(self.client, self.params["group"], tag)
        if arn is None:
            raise Problem(
                f"there is no target group {self.params['group']} of this cluster (by the tag {tag['key']}={tag['value']})",
                "playbooks/provision.yml makes it. Where no load balancer is before the nodes, leave vault_load_balancer false.",
            )
        self.arn = arn
        with translate_errors(module.region, "ec2"):
            found = targets_api.instances(module.client("ec2"), tag)
        self.ids = targets.ids(found, self.params["addresses"])

    def look(self) -> dict[str, str]:
        return targets.states(targets_api.health(self.client, self.arn), self.ids, self.port)

    def put_in(self, state: t.Mapping[str, str], nodes: t.Sequence[str]) -> bool:
        missing = targets.absent(state, nodes)
        if missing and not self.check:
            targets_api.register(self.client, self.arn, [self.ids[name] for name in missing], self.port)
        if not self.check and self.params["wait"]:
            self._wait(
                lambda now: targets.not_healthy(now, nodes),
                "Look at the health checks of the target group, and at what its security group lets through.",
            )
        return bool(missing)

    def take_out(self, state: t.Mapping[str, str], nodes: t.Sequence[str]) -> bool:
        staying = [name for name in self.nodes if name not in nodes]
        if not staying:
            raise Problem(f"{', '.join(nodes)}: no other node would be a target", "Nothing was taken out.")
        changed = self.put_in(state, staying)
        going = [name for name in nodes if state[name] != targets.NONE]
        if going and not self.check:
            targets_api.deregister(self.client, self.arn, [self.ids[name] for name in going], self.port)
            if self.params["wait"]:
                self._wait(
                    lambda now: ", ".join(f"{name} is {now[name]}" for name in going if now[name] != targets.NONE),
                    "Connections to the node are not ended yet: look at the target group's deregistration delay.",
                )
        return changed or bool(going)

    def _wait(self, missing: t.Callable[[t.Mapping[str, str]], str], cure: str) -> None:
        wait = Wait(self.params["wait_timeout"], PAUSE_SECONDS)
        while said := missing(self.look()):
            if not wait.again():
                raise Problem(
                    f"the target group {self.params['group']}: after {self.params['wait_timeout']} s {said}", cure
                )


OPTIONS: dict[str, t.Any] = {
    "state": {"type": "str", "choices": ["read", "out", "in"], "required": True},
    "group": {"type": "str", "required": True},
    "tag_key": {"type": "str", "required": True, "no_log": False},
    "tag_value": {"type": "str", "required": True},
    "addresses": {"type": "dict", "required": True},
    "nodes": {"type": "list", "elements": "str"},
    "port": {"type": "int", "default": 8200},
    "wait": {"type": "bool", "default": True},
    "wait_timeout": {"type": "int", "default": 300},
}


def main() -> None:
    run_aws_module(run, OPTIONS, "elbv2")


if __name__ == "__main__":
    main()
