#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Restart Vault on a node, if the other voters can do without it in this moment."""

from __future__ import annotations

DOCUMENTATION = r"""
module: vault_restart
short_description: Restart Vault on a node, if the other voters have a quorum at this moment
version_added: 1.0.0
description:
  - Runs on the node. The node asks the other voters for their health, and restarts the service at once, so that no failure of
    another voter goes unnoticed in between.
  - Refuses when the other voters that serve are fewer than a quorum, and when another release than O(release) is active.
  - A node whose service is stopped or sealed is part of no quorum, so it is restarted in any case.
  - "Needs nothing on the node but Python and systemd. Based on V(sys/health) of the Vault API."
author: vaultops maintainers (@vaultops)
options:
  service:
    description: Name of the systemd service.
    type: str
    default: vault
  url:
    description: API address of this node.
    type: str
    required: true
  others:
    description: API addresses of all other voters, by name.
    type: dict
    required: true
  voters:
    description: How many voters the cluster has, this node included.
    type: int
    required: true
  ca_cert:
    description: Path of the CA certificates, in PEM, on the node.
    type: path
    default: /etc/vault.d/tls/ca.crt
  tls_server_name:
    description:
      - Name that the nodes' certificates are checked against. A certificate that holds only its node's address is accepted too.
    type: str
    required: true
  release:
    description: Version that must be active. Without this option any version is restarted.
    type: str
  link:
    description: Symbolic link to the binary of the release that is switched on.
    type: path
    default: /usr/local/bin/vault
extends_documentation_fragment:
  - vaultops.cluster.attributes
attributes:
  check_mode:
    support: full
    details: The other voters are asked, and nothing is restarted.
  diff_mode:
    support: none
    details: Nothing on the disk changes.
  idempotent:
    support: none
    details: Every run restarts.
"""

EXAMPLES = r"""
- name: Restart
  vaultops.cluster.vault_restart:
    url: https://10.0.1.10:8200
    others:
      vault-2: https://10.0.1.11:8200
      vault-3: https://10.0.1.12:8200
    voters: 3
    tls_server_name: vault.prod.internal
"""

RETURN = r"""
others:
  description: "What the others said in the moment before: name, status (of HTTP), cluster_id and problem."
  returned: success
  type: list
  elements: dict
"""

import os
import typing as t

from ..module_utils._common.errors import Problem
from ..module_utils._common.module import run_module
from ..module_utils._node import here, service, turn


def run(params: dict[str, t.Any], check_mode: bool) -> dict[str, t.Any]:
    unit = service.read_unit(params["service"])
    if not unit["exists"]:
        raise Problem(
            f"There is no service {params['service']}", "Nothing was restarted. playbooks/site.yml sets the node up."
        )
    server = here.named(unit["exec_start"])
    require_release(params["link"], params["release"], server)
    this = "this node"
    answers = turn.ask_all({this: params["url"], **params["others"]}, params["ca_cert"], params["tls_server_name"])
    own, others = answers[0], answers[1:]
    obstacle = turn.obstacle(own if unit["main_pid"] else None, others, params["voters"])
    if obstacle:
        raise Problem(f"{server} was not restarted here: {obstacle}", "Bring the others back first, then run again.")
    if not check_mode:
        turn.restart(params["service"])
    return {"changed": True, "others": [answer._asdict() for answer in others]}


def require_release(link: str, expected: str | None, server: str) -> None:
    if not expected:
        return
    found = service.RELEASE.search(os.path.realpath(link))
    if not found or found.group(1) != expected:
        raise Problem(
            f"{server} was not restarted here: {link} leads to {os.path.realpath(link)}, and not to the release {expected}",
            "Somebody switched it meanwhile. Find out who, then run again.",
        )


OPTIONS: dict[str, t.Any] = {
    "service": {"type": "str", "default": "vault"},
    "url": {"type": "str", "required": True},
    "others": {"type": "dict", "required": True},
    "voters": {"type": "int", "required": True},
    "ca_cert": {"type": "path", "default": "/etc/vault.d/tls/ca.crt"},
    "tls_server_name": {"type": "str", "required": True},
    "release": {"type": "str"},
    "link": {"type": "path", "default": "/usr/local/bin/vault"},
}


def main() -> None:
    run_module(run, OPTIONS)


if __name__ == "__main__":
    main()
