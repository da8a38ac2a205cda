#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""See in AWS that one controller at a time changes a cluster."""

from __future__ import annotations

DOCUMENTATION = r"""
module: aws_lease
short_description: Let only one controller at a time provision a Vault cluster
version_added: 1.0.0
description:
  - Takes, renews or releases a lease in AWS, in parameters of Systems Manager below C(/vaultops/CLUSTER/lease). Playbooks take
    this lease before a cluster has nodes, or after. For a cluster with nodes, see M(vaultops.cluster.vault_lease).
  - Fails when another holder has the lease, and names the holder.
  - AWS's clock decides when a lease expires.
  - Needs C(ssm:GetParametersByPath), C(ssm:PutParameter), C(ssm:AddTagsToResource) and C(ssm:DeleteParameters) on
    C(parameter/vaultops/CLUSTER/lease) and what is below.
author: vaultops maintainers (@vaultops)
options:
  state:
    description:
      - V(taken) takes the lease when it is free or expired, or when the same holder has it.
      - V(renewed) extends the lease, when the holder still has it.
      - V(released) releases the holder's lease, and keeps a record. Another holder's lease stays.
      - V(absent) releases the lease and removes the record, for a cluster that no longer exists.
    type: str
    choices: [taken, renewed, released, absent]
    required: true
  cluster:
    description: Name of the cluster.
    type: str
    required: true
  holder:
    description: Random id of this run of a playbook.
    type: str
    required: true
  who:
    description: Who runs the playbook, as user@host.
    type: str
    default: ""
  job:
    description: The job that runs the playbook, where a service does.
    type: str
    default: ""
  playbook:
    description: The playbook that is run.
    type: str
    default: ""
  minutes:
    description: How long the lease lasts, unless it is renewed.
    type: int
    default: 60
  take_over:
    description: With O(state=taken), the holder whose unexpired lease is taken over, as the error names the holder.
    type: str
    default: ""
  tags:
    description: Tags of the parameters.
    type: dict
    default: {}
attributes:
  idempotent:
    support: partial
    details: A lease that is taken or renewed lasts longer than before.
  diff_mode:
    support: none
extends_documentation_fragment:
  - vaultops.cluster.aws
  - vaultops.cluster.attributes
  - vaultops.cluster.attributes.change
"""

EXAMPLES = r"""
- name: Nobody else provisions this cluster now
  vaultops.cluster.aws_lease:
    state: taken
    cluster: prod
    holder: 5f0c5a2e8b7d4c19
    who: alice@laptop
    playbook: provision
    tags: {vault-cluster: prod}
    region: eu-central-1
"""

RETURN = r"""
granted:
  description: Whether the holder has the lease; with O(state=released), whether it had it. In check mode, as it would be.
  returned: success
  type: bool
lease:
  description: Whose lease was found - who, job, playbook, since and expires (seconds since the epoch); null where nobody had it.
  returned: success
  type: dict
"""

import json
import typing as t

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ..module_utils._aws.module import run_aws_module
from ..module_utils._common.errors import Problem
from ..module_utils._lease import aws_api as lease_api
from ..module_utils._lease import aws_state as lease_state


def run(module: AnsibleAWSModule) -> dict[str, t.Any]:
    params = module.params
    if params["minutes"] < 1:
        raise Problem(f"a lease of {params['minutes']} minutes would have run out at once", "Set one minute or more.")
    client = module.client("ssm", retry_decorator=lease_api.RETRY)
    found, now = look(client, params["cluster"])
    kept = newest(params["cluster"], found)
    state = "released" if params["state"] == "absent" else params["state"]
    decision = lease_state.decide(state, kept, claimed(params, now), now, params["take_over"])
    result = {"changed": decision.after is not None, "granted": decision.granted, "lease": lease_state.shown(kept)}
    if module.check_mode:
        return result
    if decision.after is not None:
        generation = kept.generation + 1 if kept else 1
        follow(client, params, generation, decision.after)
    elif state != "released":
        raise Problem(*lease_state.refusal(params["cluster"], kept))
    return result


def follow(client: t.Any, params: dict[str, t.Any], generation: int, after: lease_state.Lease) -> None:
    """Make the next generation, and see that it is the newest: another run may have made it, or more of them."""
    cluster = params["cluster"]
    lease_api.create(client, lease_state.name(cluster, generation), json.dumps(after), params["tags"])
    found, _now = look(client, cluster)
    kept = newest(cluster, found)
    if kept is None or kept.generation != generation or kept.lease["holder"] != params["holder"]:
        if after["released"]:
            return
        raise Problem(*lease_state.refusal(cluster, kept))
    everything = params["state"] == "absent"
    lease_api.delete(client, sorted(found) if everything else lease_state.outdated(cluster, found, generation))


def look(client: t.Any, cluster: str) -> tuple[dict[str, tuple[str, float]], float]:
    return lease_api.read(client, lease_state.path(cluster))


def newest(cluster: str, found: dict[str, tuple[str, float]]) -> lease_state.Kept | None:
    try:
        return lease_state.newest(cluster, found)
    except ValueError as error:
        raise Problem(str(error), "Make sure that no controller is at work on it, and remove the parameter.") from error


def claimed(params: dict[str, t.Any], now: float) -> lease_state.Lease:
    return {
        "cluster": params["cluster"],
        "holder": params["holder"],
        "who": params["who"],
        "job": params["job"],
        "playbook": params["playbook"],
        "since": now,
        "seconds": 60.0 * params["minutes"],
        "released": False,
    }


OPTIONS: dict[str, t.Any] = {
    "state": {"type": "str", "choices": ["taken", "renewed", "released", "absent"], "required": True},
    "cluster": {"type": "str", "required": True},
    "holder": {"type": "str", "required": True},
    "who": {"type": "str", "default": ""},
    "job": {"type": "str", "default": ""},
    "playbook": {"type": "str", "default": ""},
    "minutes": {"type": "int", "default": 60},
    "take_over": {"type": "str", "default": ""},
    "tags": {"type": "dict", "default": {}},
}


def main() -> None:
    run_aws_module(run, OPTIONS, "SSM")


if __name__ == "__main__":
    main()
