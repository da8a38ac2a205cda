#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Make a private CA on the controller, where there is none."""

from __future__ import annotations

DOCUMENTATION = r"""
module: vault_certificate_authority
short_description: Make the key and the certificate of a private CA
version_added: 1.0.0
description:
  - Makes a key on the curve P-384, and a certificate with which it may sign certificates of nodes and clients, and nothing below
    these. A certificate that is there is left as it is, whatever it says.
  - The key comes first. A run that was killed in between is finished by the next one, with the key that is there.
  - Whether a CA may be made is the caller's decision, since nodes, clients and identities trust the one that they know.
author: vaultops maintainers (@vaultops)
requirements:
  - cryptography >= 42.0.0
options:
  certificate:
    description: Path of the certificate. Its directory is made where it does not exist.
    type: path
    required: true
  key:
    description: Path of its private key, in PEM without a passphrase.
    type: path
    required: true
  common_name:
    description: The CA's name. Two CAs of one name could not be told apart.
    type: str
    required: true
  days:
    description: How long the certificate is valid.
    type: int
    default: 3650
extends_documentation_fragment:
  - vaultops.cluster.attributes
  - vaultops.cluster.attributes.change
"""

EXAMPLES = r"""
- name: Make a private CA where there is none
  vaultops.cluster.vault_certificate_authority:
    certificate: /etc/vaultops/prod/tls/ca.crt
    key: /etc/vaultops/prod/tls/ca.key
    common_name: Vault prod CA 20260101120000
  delegate_to: localhost
"""

RETURN = r"""
made:
  description: Paths of the files that were made.
  returned: success
  type: list
  elements: str
"""

import datetime
import os
import traceback
import typing as t

from ..module_utils._common import files
from ..module_utils._common.errors import Problem
from ..module_utils._common.module import run_module

try:
    from cryptography.hazmat.primitives import serialization

    from ..module_utils._tls import authority

    CRYPTOGRAPHY: dict[str, str | None] = {"cryptography": None}
except ImportError:
    CRYPTOGRAPHY = {"cryptography": traceback.format_exc()}


def run(params: dict[str, t.Any], check_mode: bool) -> dict[str, t.Any]:
    if params["days"] < 1:
        raise Problem(f"a CA of {params['days']} days would never be valid", "Give whole days from 1.")
    folders = [os.path.dirname(params[name]) for name in ("key", "certificate")]
    for folder in [] if check_mode else folders:
        os.makedirs(folder, mode=0o700, exist_ok=True)
    made = [] if os.path.exists(params["certificate"]) else make(params, check_mode)
    diff = {"before": "", "after": "".join(f"{path}: made\n" for path in made)}
    return {"changed": bool(made), "made": made, "diff": diff}


def make(params: dict[str, t.Any], check_mode: bool) -> list[str]:
    is_there = os.path.exists(params["key"])
    if not check_mode:
        key = read(params["key"]) if is_there else authority.new_ca_key()
        if not is_there:
            files.write(params["key"], authority.private(key), 0o600)
        now = datetime.datetime.now(datetime.timezone.utc)
        made = authority.ca_certificate(key, params["common_name"], params["days"], now)
        files.write(params["certificate"], made.public_bytes(serialization.Encoding.PEM), 0o644)
    return [params["certificate"]] if is_there else [params["key"], params["certificate"]]


def read(path: str) -> t.Any:
    try:
        with open(path, "rb") as stream:
            return serialization.load_pem_private_key(stream.read(), None)
    except (ValueError, TypeError) as error:
        raise Problem(
            f"{path} is no private key that can be used, and the certificate beside it is missing",
            "Put the CA's certificate and key back where they were, from their backup.",
        ) from error


OPTIONS: dict[str, t.Any] = {
    "certificate": {"type": "path", "required": True},
    "key": {"type": "path", "required": True, "no_log": False},
    "common_name": {"type": "str", "required": True},
    "days": {"type": "int", "default": 3650},
}


def main() -> None:
    run_module(run, OPTIONS, OSError, libraries=CRYPTOGRAPHY)


if __name__ == "__main__":
    main()
