#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Issue a node's certificate for a key that the node made."""

from __future__ import annotations

DOCUMENTATION = r"""
module: vault_certificate_issue
short_description: Issue a certificate of a private CA for a node's own key
version_added: 1.0.0
description:
  - Signs a certificate for the public key in O(request). The names in it, and what it is for, are those of the options; whatever
    the request says of them counts for nothing.
  - "The CA's key stays in KMS: the certificate is built here, and KMS signs it. The signature is verified with the CA's
    certificate before the certificate is returned."
  - The caller decides whether a certificate has to be issued.
author: vaultops maintainers (@vaultops)
options:
  request:
    description: The node's request, as M(vaultops.cluster.vault_certificate_request) returns it.
    type: str
    required: true
  common_name:
    description: Its common name.
    type: str
    required: true
  names:
    description: Its DNS names and IP addresses.
    type: list
    elements: str
    required: true
  usage:
    description: What it is used for.
    type: list
    elements: str
    choices: [serverAuth, clientAuth]
    default: [serverAuth, clientAuth]
  days:
    description: How many days it is valid, at most as long as the CA.
    type: int
    required: true
extends_documentation_fragment:
  - vaultops.cluster.ca
  - vaultops.cluster.ca.signs
  - vaultops.cluster.aws
  - vaultops.cluster.attributes
  - vaultops.cluster.attributes.change
"""

EXAMPLES = r"""
- name: A certificate for the node's own key
  vaultops.cluster.vault_certificate_issue:
    ca_file: /tmp/vaultops-prod/ca.crt
    alias: alias/vault-prod-ca
    required_tags: {vault-cluster: prod}
    request: "{{ requested.request }}"
    common_name: vault-1
    names: [vault-1, vault.prod.internal, localhost, 10.0.1.10, 127.0.0.1]
    days: 397
    region: eu-central-1
  delegate_to: localhost
"""

RETURN = r"""
certificate:
  description: The certificate, in PEM; empty in check mode.
  returned: success
  type: str
"""

import contextlib
import datetime
import typing as t

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ..module_utils._aws import kms_api
from ..module_utils._aws.module import run_aws_module
from ..module_utils._common.libraries import CRYPTOGRAPHY
from ..module_utils._common.module import require
from ..module_utils._tls import authority, options
from ..module_utils._tls.signers import Keys, first_in

with contextlib.suppress(ImportError):  # the module says that it is missing
    from cryptography.hazmat.primitives import serialization


def run(module: AnsibleAWSModule) -> dict[str, t.Any]:
    require(CRYPTOGRAPHY)
    params = module.params
    key = authority.requested_key(params["request"])
    ca = first_in(params["ca_file"])
    signer = Keys.of(module.client("kms", retry_decorator=kms_api.RETRY), module.region, params).signer(ca)
    certificate = ""
    if not module.check_mode:
        now = datetime.datetime.now(datetime.timezone.utc)
        issued = authority.certificate(ca, signer, key, t.cast(t.Any, params), now)
        certificate = issued.public_bytes(serialization.Encoding.PEM).decode()
    diff = {"before": "", "after": f"A certificate is issued for {params['common_name']}.\n"}
    return {"changed": True, "certificate": certificate, "diff": diff}


OPTIONS: dict[str, t.Any] = {
    **options.SIGNS,
    "request": {"type": "str", "required": True},
    "common_name": {"type": "str", "required": True},
    "names": {"type": "list", "elements": "str", "required": True},
    "usage": {
        "type": "list",
        "elements": "str",
        "choices": ["serverAuth", "clientAuth"],
        "default": ["serverAuth", "clientAuth"],
    },
    "days": {"type": "int", "required": True},
}


def main() -> None:
    run_aws_module(run, OPTIONS, "KMS")


if __name__ == "__main__":
    main()
