#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ask a node for its vote on which controller may change the cluster."""

from __future__ import annotations

DOCUMENTATION = r"""
module: vault_lease
short_description: Ask a node for its vote on the controller that may change a Vault cluster
version_added: 1.0.0
description:
  - Takes, renews or releases a lease in a file on the node. Needs neither AWS nor Vault.
  - "One node's grant means nothing: a controller may change the cluster while more than half of all its nodes have granted
    the lease to it. The role P(vaultops.cluster.vault_lease#role) asks them all, and judges."
  - The node's clock since boot, which can't be set, decides when a lease expires. A reboot releases no lease.
  - "When another holder has the lease, RV(granted) is false, and the module does not fail. A file that can't be read is a
    failure: then nobody knows which controller may change the cluster."
author: vaultops maintainers (@vaultops)
options:
  state:
    description:
      - V(taken) grants the lease when it is free or expired, or when the same holder has it.
      - V(renewed) extends the lease, when the holder still has it.
      - V(released) removes the holder's lease. Another holder's lease stays.
    type: str
    choices: [taken, renewed, released]
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
    default: 30
  take_over:
    description: With O(state=taken), the holder whose unexpired lease is taken over, as RV(lease.who) names the holder.
    type: str
    default: ""
  directory:
    description: Where the node keeps leases.
    type: path
    default: /var/lib/vaultops
  asked_at:
    description: Returned as it is, to tell this answer from an earlier one.
    type: float
attributes:
  idempotent:
    support: partial
    details: A lease that is taken or renewed lasts longer than before.
  diff_mode:
    support: none
extends_documentation_fragment:
  - vaultops.cluster.attributes
  - vaultops.cluster.attributes.change
"""

EXAMPLES = r"""
- name: Ask the node for its vote
  vaultops.cluster.vault_lease:
    state: taken
    cluster: prod
    holder: 5f0c5a2e8b7d4c19
    who: alice@laptop
    playbook: rolling_upgrade
"""

RETURN = r"""
granted:
  description: Whether the holder has the node's vote; with O(state=released), whether it had it. In check mode, as it would be.
  returned: success
  type: bool
lease:
  description: The lease that the node has granted, in check mode would have granted, to this holder or another; null if none.
  returned: success
  type: dict
  contains:
    who:
      description: Who runs the playbook.
      type: str
    job:
      description: The job that runs it; may be empty.
      type: str
    playbook:
      description: The playbook that is run.
      type: str
    since:
      description: When the holder took the lease, in seconds since the epoch by the node's clock.
      type: float
    expires:
      description: When it runs out, in seconds since the epoch by the node's clock.
      type: float
mark:
  description: What is another one after each lease that is taken, renewed or given back on the node, as it was before this call;
    null where no lease was ever taken.
  returned: success
  type: str
asked_at:
  description: What was given as O(asked_at).
  returned: success
  type: float
"""

import typing as t

from ..module_utils._common.errors import Problem
from ..module_utils._common.module import run_module
from ..module_utils._node import lease


def run(params: dict[str, t.Any], check_mode: bool) -> dict[str, t.Any]:
    if params["minutes"] < 1:
        raise Problem(f"a lease of {params['minutes']} minutes would have run out at once", "Set one minute or more.")
    return lease.ask(params, check_mode)


OPTIONS: dict[str, t.Any] = {
    "state": {"type": "str", "choices": ["taken", "renewed", "released"], "required": True},
    "cluster": {"type": "str", "required": True},
    "holder": {"type": "str", "required": True},
    "who": {"type": "str", "default": ""},
    "job": {"type": "str", "default": ""},
    "playbook": {"type": "str", "default": ""},
    "minutes": {"type": "int", "default": 30},
    "take_over": {"type": "str", "default": ""},
    "directory": {"type": "path", "default": "/var/lib/vaultops"},
    "asked_at": {"type": "float"},
}


def main() -> None:
    run_module(run, OPTIONS)


if __name__ == "__main__":
    main()
