#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Stop Vault on the active node for a while, if the other voters can do without it in this moment."""

from __future__ import annotations

DOCUMENTATION = r"""
module: vault_pause
short_description: Stop Vault on the active node for a while, for a rehearsal of its failure
version_added: 1.0.0
description:
  - Runs on the node. Before the module stops the service, the node asks the other voters for their health, and sets a timer of
    systemd that starts the service again. So the node comes back by itself where the run is killed.
  - Refuses on a node that is not the active one, where the other voters that serve are fewer than a quorum, and where the service
    is not started at boot.
  - The timer starts nothing that was disabled meanwhile.
  - "Needs nothing on the node but Python and systemd. Based on V(sys/health) of the Vault API."
author: vaultops maintainers (@vaultops)
options:
  state:
    description: V(paused) stops the service. V(resumed) starts the service and removes the timer.
    type: str
    choices: [paused, resumed]
    required: true
  kind:
    description:
      - V(graceful) stops the service by SIGTERM, upon which Vault hands the leadership over.
      - V(crash) kills the process by SIGKILL, and keeps systemd from starting the service anew.
    type: str
    choices: [graceful, crash]
    default: graceful
  back_after:
    description: With V(paused), after how many seconds the node starts the service by itself.
    type: int
    default: 180
  service:
    description: Name of the systemd service.
    type: str
    default: vault
  url:
    description: With V(paused), API address of this node.
    type: str
  others:
    description: With V(paused), API addresses of all other voters, by name.
    type: dict
  voters:
    description: With V(paused), how many voters the cluster has, this node included.
    type: int
  ca_cert:
    description: Path of the CA certificates, in PEM, on the node.
    type: path
    default: /etc/vault.d/tls/ca.crt
  tls_server_name:
    description: With V(paused), name that the nodes' certificates are checked against.
    type: str
extends_documentation_fragment:
  - vaultops.cluster.attributes
attributes:
  check_mode:
    support: full
    details: The other voters are asked, and nothing is stopped or started.
  diff_mode:
    support: none
    details: Nothing on the disk changes.
  idempotent:
    support: partial
    details: A node that is paused is no active node, so it is not paused again. A node that runs is not started again.
"""

EXAMPLES = r"""
- name: Stop
  vaultops.cluster.vault_pause:
    state: paused
    kind: crash
    url: https://10.0.1.10:8200
    others:
      vault-2: https://10.0.1.11:8200
      vault-3: https://10.0.1.12:8200
    voters: 3
    tls_server_name: vault.prod.internal

- name: Start
  vaultops.cluster.vault_pause:
    state: resumed
"""

RETURN = r"""
back_after:
  description: In how many seconds the node starts the service by itself; null where no timer is set.
  returned: success
  type: int
"""

import typing as t

from ..module_utils._common.errors import Problem
from ..module_utils._common.module import run_module
from ..module_utils._node import here, pause, service, turn


def run(params: dict[str, t.Any], check_mode: bool) -> dict[str, t.Any]:
    name = params["service"]
    unit = service.read_unit(name)
    if not unit["exists"]:
        raise Problem(f"There is no service {name}", "playbooks/site.yml sets the node up.")
    if params["state"] == "resumed":
        return {"changed": resume(name, unit, check_mode), "back_after": None}
    urls = {"this node": params["url"], **params["others"]}
    own, *others = turn.ask_all(urls, params["ca_cert"], params["tls_server_name"])
    server = here.named(unit["exec_start"])
    if refusal := pause.refusal(unit, pause.is_enabled(name), own, others, params["voters"]):
        raise Problem(f"{server} was not stopped here: {refusal}", "Bring every voter up, then run again.")
    if not check_mode:
        pause.arm(name, params["back_after"], server)
        pause.stop(name, params["kind"])
    return {"changed": True, "back_after": None if check_mode else params["back_after"]}


def resume(name: str, unit: dict[str, t.Any], check_mode: bool) -> bool:
    armed = pause.is_armed()
    if check_mode:
        return armed or not unit["main_pid"]
    # The timer goes last: should the start fail, it tries once more.
    started = pause.start(name)
    pause.disarm()
    return started or armed


OPTIONS: dict[str, t.Any] = {
    "state": {"type": "str", "choices": ["paused", "resumed"], "required": True},
    "kind": {"type": "str", "choices": ["graceful", "crash"], "default": "graceful"},
    "back_after": {"type": "int", "default": 180},
    "service": {"type": "str", "default": "vault"},
    "url": {"type": "str"},
    "others": {"type": "dict"},
    "voters": {"type": "int"},
    "ca_cert": {"type": "path", "default": "/etc/vault.d/tls/ca.crt"},
    "tls_server_name": {"type": "str"},
}


def main() -> None:
    run_module(run, OPTIONS, required_if=[("state", "paused", ("url", "others", "voters", "tls_server_name"))])


if __name__ == "__main__":
    main()
