#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""See from a node which other addresses take a connection."""

from __future__ import annotations

DOCUMENTATION = r"""
module: vault_listening_info
short_description: See from a node which other addresses take a connection
version_added: 1.0.0
description:
  - Opens a TCP connection to each address, and closes it. What a controller can't reach, the node beside it may.
  - An address that takes none proves nothing, since a machine that is cut off may serve others.
  - Run it on the nodes. It needs nothing there but Python.
author: vaultops maintainers (@vaultops)
options:
  addresses:
    description: The addresses, as HOST:PORT.
    type: list
    elements: str
    required: true
  through_proxy:
    description:
      - Whether to ask in an address's place the proxy that this machine's environment names for it, as a request by HTTP would.
    type: bool
    default: false
extends_documentation_fragment:
  - vaultops.cluster.attributes
  - vaultops.cluster.attributes.info
"""

EXAMPLES = r"""
- name: See whether a node that is said to be lost answers
  vaultops.cluster.vault_listening_info:
    addresses: ['10.0.1.11:8200', '10.0.1.11:8201']
"""

RETURN = r"""
listening:
  description: Those that took a connection.
  returned: success
  type: list
  elements: str
"""

import concurrent.futures
import typing as t

from ..module_utils._common.module import run_module
from ..module_utils._node import here, tls


def run(params: dict[str, t.Any], _check_mode: bool) -> dict[str, t.Any]:
    addresses, ask = params["addresses"], here.reaches if params["through_proxy"] else here.listens
    with concurrent.futures.ThreadPoolExecutor(max(1, len(addresses))) as pool:
        answers = dict(pool.map(lambda address: (address, ask(*tls.address_of(address))), addresses))
    return {"changed": False, "listening": [address for address, answer in answers.items() if answer]}


OPTIONS: dict[str, t.Any] = {
    "addresses": {"type": "list", "elements": "str", "required": True},
    "through_proxy": {"type": "bool", "default": False},
}


def main() -> None:
    run_module(run, OPTIONS)


if __name__ == "__main__":
    main()
