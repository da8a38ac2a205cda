#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Read the certificates that the nodes serve, and whether clients accept them."""

from __future__ import annotations

DOCUMENTATION = r"""
module: vault_certificate_info
short_description: Read the certificates that the nodes of a Vault cluster serve
version_added: 1.0.0
description:
  - Reads the served certificate of every node in parallel, and reports why a client that trusts O(ca_cert) would refuse the
    certificate.
  - Also works with expired certificates and certificates of an unknown CA, since the module sends no request and does not log in.
author: vaultops maintainers (@vaultops)
requirements:
  - cryptography >= 45.0.0
extends_documentation_fragment:
  - vaultops.cluster.vault
  - vaultops.cluster.attributes
  - vaultops.cluster.attributes.info
"""

EXAMPLES = r"""
- name: See when the certificates expire
  vaultops.cluster.vault_certificate_info:
    nodes:
      vault-1: https://10.0.1.10:8200
      vault-2: https://10.0.1.11:8200
      vault-3: https://10.0.1.12:8200
    ca_cert: /etc/vaultops/ca.crt
  register: served
"""

RETURN = r"""
certificates:
  description: What each node serves, in the order of O(nodes).
  returned: success
  type: list
  elements: dict
  contains:
    node:
      description: Name of the node.
      type: str
    problem:
      description: What a client has against it, or why nothing could be read; null when clients accept it.
      type: str
    known_ca:
      description: Whether a CA in O(ca_cert) signed it, be it valid otherwise or not.
      type: bool
    serial:
      description: Serial number in hexadecimal digits.
      type: str
    sha256:
      description: SHA-256 of the certificate.
      type: str
    issuer:
      description: Distinguished name of the CA that signed it.
      type: str
    not_after:
      description: When it expires (ISO 8601, UTC).
      type: str
    days_left:
      description: Whole days until then; negative when it has expired.
      type: int
"""

import datetime
import typing as t

from ..module_utils._common.libraries import CRYPTOGRAPHY
from ..module_utils._common.module import run_module
from ..module_utils._tls.seen import describe
from ..module_utils._tls.served import look
from ..module_utils._vault.client import CONNECTION_SPEC, HVAC, Cluster, Connection


def run(params: dict[str, t.Any], _check_mode: bool) -> dict[str, t.Any]:
    cluster = Cluster(Connection.from_params(params))
    seen = cluster.ask_all(lambda name, _client: look(cluster.connection, name))
    now = datetime.datetime.now(datetime.timezone.utc)
    return {"changed": False, "certificates": [describe(one, now) for one in seen]}


def main() -> None:
    run_module(run, CONNECTION_SPEC, OSError, libraries={**HVAC, **CRYPTOGRAPHY})


if __name__ == "__main__":
    main()
