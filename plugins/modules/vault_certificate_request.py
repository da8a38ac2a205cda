#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Request a certificate for a key that a node makes, and that never leaves it."""

from __future__ import annotations

DOCUMENTATION = r"""
module: vault_certificate_request
short_description: Request a certificate for a private key that never leaves the node
version_added: 1.0.0
description:
  - Makes a private key on the curve P-256, as V(pending.key) in O(directory), and returns a request for a certificate of it.
    Where such a key waits already, since a run was cut short, the request is for that one.
  - The key in use is left alone. M(vaultops.cluster.vault_certificate) puts the pending one in its place, with its certificate.
  - The request says nothing that counts but the public key. Which names the certificate holds is decided by who signs it.
  - Needs the C(openssl) command on the node.
author: vaultops maintainers (@vaultops)
options:
  common_name:
    description: Common name in the request, for who reads it.
    type: str
    required: true
  directory:
    description: Directory of the node's certificate and key. Created if it does not exist.
    type: path
    default: /etc/vault.d/tls
extends_documentation_fragment:
  - vaultops.cluster.attributes
  - vaultops.cluster.attributes.change
"""

EXAMPLES = r"""
- name: A request for a new certificate
  vaultops.cluster.vault_certificate_request:
    common_name: vault-1
  register: requested
"""

RETURN = r"""
request:
  description: The request, in PEM; empty in check mode.
  returned: success
  type: str
"""

import typing as t

from ..module_utils._common.module import run_module
from ..module_utils._node import certificate


def run(params: dict[str, t.Any], check_mode: bool) -> dict[str, t.Any]:
    request = "" if check_mode else certificate.request(params["directory"], params["common_name"])
    return {
        "changed": True,
        "request": request,
        "diff": {"before": "", "after": "A private key is made on the node.\n"},
    }


OPTIONS: dict[str, t.Any] = {
    "common_name": {"type": "str", "required": True},
    "directory": {"type": "path", "default": certificate.DIRECTORY},
}


def main() -> None:
    run_module(run, OPTIONS, OSError)


if __name__ == "__main__":
    main()
