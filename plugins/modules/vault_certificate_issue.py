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
requirements:
  - cryptography >= 42.0.0
options:
  ca_file:
    description: Path of the CA certificate(s), in PEM. The first one signs.
    type: path
    required: true
  alias:
    description: Alias of the CA's KMS key. While the CA changes, the alias with C(-next) counts as well.
    type: str
    required: true
  required_tags:
    description: Tags that a key of KMS has to carry. One without them is somebody else's, and is not used.
    type: dict
    required: true
  move_from:
    description: Directory of V(ca.key) of a CA that an earlier release made, until the move to KMS is through.
    type: str
    default: ""
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
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
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

import datetime
import traceback
import typing as t

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ..module_utils._aws import kms_api
from ..module_utils._aws.module import run_aws_module
from ..module_utils._common.module import require

try:
    from cryptography.hazmat.primitives import serialization

    from ..module_utils._tls import authority
    from ..module_utils._tls.signers import Keys, first_in

    CRYPTOGRAPHY: dict[str, str | None] = {"cryptography": None}
except ImportError:
    CRYPTOGRAPHY = {"cryptography": traceback.format_exc()}


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
    "ca_file": {"type": "path", "required": True},
    "alias": {"type": "str", "required": True},
    "required_tags": {"type": "dict", "required": True},
    "move_from": {"type": "str", "default": ""},
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
