#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Issue certificates for a run's own logins to Vault."""

from __future__ import annotations

DOCUMENTATION = r"""
module: vault_identity_issue
short_description: Issue certificates for the logins of one run
version_added: 1.0.0
description:
  - Makes a key and a client certificate for each of O(identities) whose files are in O(directory) and do not exist, are of
    another CA, or have half of their time behind them.
  - The directory goes with the run, and the certificates are valid for eight hours at most.
author: vaultops maintainers (@vaultops)
options:
  directory:
    description: Directory of the run's own files.
    type: path
    required: true
  identities:
    description: Paths of certificate and key, by the common name of the certificate.
    type: dict
    required: true
extends_documentation_fragment:
  - vaultops.cluster.ca
  - vaultops.cluster.ca.signs
  - vaultops.cluster.aws
  - vaultops.cluster.attributes
  - vaultops.cluster.attributes.change
"""

EXAMPLES = r"""
- name: A certificate for the operator, for this run
  vaultops.cluster.vault_identity_issue:
    ca_file: /tmp/vaultops-prod/ca.crt
    alias: alias/vault-prod-ca
    required_tags: {vault-cluster: prod}
    directory: /tmp/vaultops-prod
    identities:
      vaultops-operator: {certificate: /tmp/vaultops-prod/vaultops-operator.crt, key: /tmp/vaultops-prod/vaultops-operator.key}
    region: eu-central-1
  delegate_to: localhost
"""

RETURN = r"""
issued:
  description: Common names of the certificates that were issued, or would be.
  returned: success
  type: list
  elements: str
"""

import contextlib
import datetime
import os
import typing as t

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ..module_utils._aws import kms_api
from ..module_utils._aws.module import run_aws_module
from ..module_utils._common import files
from ..module_utils._common.libraries import CRYPTOGRAPHY
from ..module_utils._common.module import require
from ..module_utils._tls import authority, options
from ..module_utils._tls.signers import Keys, first_in

with contextlib.suppress(ImportError):  # the module says that it is missing
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import serialization


# Longer than any run, which has what is left of a certificate renewed at half of its time; and no longer, since a run that is
# killed leaves its files behind.
HOURS = 8


def run(module: AnsibleAWSModule) -> dict[str, t.Any]:
    require(CRYPTOGRAPHY)
    params = module.params
    ca = first_in(params["ca_file"])
    due = [
        name
        for name, paths in params["identities"].items()
        if os.path.dirname(paths["certificate"]) == params["directory"] and not is_issued(paths["certificate"], ca)
    ]
    if due and not module.check_mode:
        client = module.client("kms", retry_decorator=kms_api.RETRY)
        signer = Keys.of(client, module.region, params).signer(ca)
        for name in due:
            issue(name, params["identities"][name], ca, signer)
    return {"changed": bool(due), "issued": due, "diff": {"before": "", "after": "".join(f"{name}\n" for name in due)}}


def is_issued(path: str, ca: t.Any) -> bool:
    """In a process of several playbooks the CA may have changed since, and time has passed."""
    try:
        with open(path, "rb") as stream:
            found = x509.load_pem_x509_certificate(stream.read())
        found.verify_directly_issued_by(ca)
    except (OSError, ValueError, TypeError, InvalidSignature):
        return False
    left = found.not_valid_after_utc - datetime.datetime.now(datetime.timezone.utc)
    return left > datetime.timedelta(hours=HOURS / 2)


def issue(name: str, paths: dict[str, str], ca: t.Any, signer: t.Any) -> None:
    key = authority.new_key()
    wanted: t.Any = {"common_name": name, "names": [name], "usage": ["clientAuth"], "days": HOURS / 24}
    now = datetime.datetime.now(datetime.timezone.utc)
    issued = authority.certificate(ca, signer, key.public_key(), wanted, now)
    files.write(paths["key"], authority.private(key), 0o600)
    files.write(paths["certificate"], issued.public_bytes(serialization.Encoding.PEM), 0o644)


OPTIONS: dict[str, t.Any] = {
    **options.SIGNS,
    "directory": {"type": "path", "required": True},
    "identities": {"type": "dict", "required": True},
}


def main() -> None:
    run_aws_module(run, OPTIONS, "KMS")


if __name__ == "__main__":
    main()
