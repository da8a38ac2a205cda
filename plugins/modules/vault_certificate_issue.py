#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Issue certificates of a private CA on the controller, and keep those that they replace."""

from __future__ import annotations

DOCUMENTATION = r"""
module: vault_certificate_issue
short_description: Issue certificates of a private CA
version_added: 1.0.0
description:
  - Issues each certificate, with the existing key or a new key. The caller decides whether a certificate has to be issued.
  - A replaced certificate is first kept in O(replaced_dir), so that it can be revoked while it is valid; see
    M(vaultops.cluster.vault_cert_crl). Replaced keys are not kept.
  - Each file is replaced atomically, the key before the certificate. The next run repairs an interrupted run.
author: vaultops maintainers (@vaultops)
requirements:
  - cryptography >= 42.0.0
options:
  ca_file:
    description: Path of the CA certificate(s), in PEM. The first one signs.
    type: path
    required: true
  ca_key:
    description: Path of that CA's private key, in PEM.
    type: path
    required: true
  replaced_dir:
    description: Directory of the replaced certificates. Created if it does not exist.
    type: path
    required: true
  new_keys:
    description:
      - Whether to create new keys in any case. Otherwise a new key is created when the key is missing, unusable, or readable by
        others.
    type: bool
    default: false
  certificates:
    description: Certificates to issue.
    type: list
    elements: dict
    required: true
    suboptions:
      certificate:
        description: Path of the certificate.
        type: path
        required: true
      key:
        description: Path of its private key.
        type: path
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
        required: true
      days:
        description: How many days it is valid, at most as long as the CA.
        type: int
        required: true
extends_documentation_fragment:
  - vaultops.cluster.attributes
  - vaultops.cluster.attributes.change
"""

EXAMPLES = r"""
- name: A new certificate, with a new key, for the operator
  vaultops.cluster.vault_certificate_issue:
    ca_file: tls/ca.crt
    ca_key: tls/ca.key
    replaced_dir: tls/replaced
    new_keys: true
    certificates:
      - certificate: tls/vaultops-operator.crt
        key: tls/vaultops-operator.key
        common_name: vaultops-operator
        names: [vaultops-operator]
        usage: [clientAuth]
        days: 3
  delegate_to: localhost
"""

RETURN = r"""
issued:
  description: Paths of the certificates that were issued, or would be.
  returned: success
  type: list
  elements: str
"""

import contextlib
import datetime
import os
import traceback
import typing as t

from ..module_utils._common import files, lock
from ..module_utils._common.errors import Problem
from ..module_utils._common.module import run_module

try:
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization

    from ..module_utils._tls import authority, certificates

    CRYPTOGRAPHY: dict[str, str | None] = {"cryptography": None}
except ImportError:
    CRYPTOGRAPHY = {"cryptography": traceback.format_exc()}


def run(params: dict[str, t.Any], check_mode: bool) -> dict[str, t.Any]:
    ca, ca_key = signer(params["ca_file"], params["ca_key"])
    wanted = params["certificates"]
    # A certificate and the key of another run would be no pair.
    with contextlib.nullcontext() if check_mode else lock.locked(params["ca_file"]):
        for one in [] if check_mode else wanted:
            issue(one, ca, ca_key, params)
    issued = [one["certificate"] for one in wanted]
    return {
        "changed": bool(issued),
        "issued": issued,
        "diff": {"before": "", "after": "".join(f"{path}: issued anew\n" for path in issued)},
    }


def issue(one: dict[str, t.Any], ca: t.Any, ca_key: t.Any, params: dict[str, t.Any]) -> None:
    keep(one["certificate"], params["replaced_dir"])
    key = None if params["new_keys"] else usable_key(one["key"])
    if key is None:
        key = authority.new_key()
        put(one["key"], authority.private(key), 0o600)
    leaf = authority.certificate(ca, ca_key, key, one, datetime.datetime.now(datetime.timezone.utc))
    put(one["certificate"], leaf.public_bytes(serialization.Encoding.PEM), 0o644)


def signer(ca_file: str, ca_key: str) -> tuple[t.Any, t.Any]:
    try:
        with open(ca_file, "rb") as stream:
            ca = x509.load_pem_x509_certificates(stream.read())[0]
        with open(ca_key, "rb") as stream:
            key = serialization.load_pem_private_key(stream.read(), None)
    except OSError as error:
        raise Problem(
            f"it is needed to issue a certificate, and can't be read ({error.strerror})",
            f"Put the CA's file back where it was, {os.path.dirname(ca_key)}. Never make another CA in its place: nodes, clients "
            "and identities trust this one.",
            where=str(error.filename),
        ) from error
    except (ValueError, TypeError) as error:
        raise Problem(
            "one of them is not PEM, or is encrypted",
            "Put the CA's certificate and its key, without a passphrase, back where they were.",
            where=f"{ca_file}, {ca_key}",
        ) from error
    if not authority.belong_together(ca, key):
        raise Problem(
            f"it is not the key of the first certificate in {ca_file}", "Put the CA's own key back there.", where=ca_key
        )
    return ca, key


def keep(path: str, folder: str) -> None:
    try:
        with open(path, "rb") as stream:
            content = stream.read()
        serial = x509.load_pem_x509_certificate(content).serial_number
    except (FileNotFoundError, ValueError):
        return
    os.makedirs(folder, mode=0o700, exist_ok=True)
    stem = os.path.splitext(os.path.basename(path))[0]
    put(os.path.join(folder, f"{stem}-{serial:x}.crt"), content, 0o644)


def usable_key(path: str) -> t.Any:
    """None also for one that others could read, and may have."""
    if certificates.is_open(path):
        return None
    try:
        with open(path, "rb") as stream:
            return serialization.load_pem_private_key(stream.read(), None)
    except (OSError, ValueError, TypeError):
        return None


def put(path: str, content: bytes, mode: int) -> None:
    """Whole or not at all, with this mode from the beginning whatever the umask is."""
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    files.write(path, content, mode)


one = {
    "certificate": {"type": "path", "required": True},
    "key": {"type": "path", "required": True, "no_log": False},
    "common_name": {"type": "str", "required": True},
    "names": {"type": "list", "elements": "str", "required": True},
    "usage": {"type": "list", "elements": "str", "choices": ["serverAuth", "clientAuth"], "required": True},
    "days": {"type": "int", "required": True},
}
OPTIONS: dict[str, t.Any] = {
    "ca_file": {"type": "path", "required": True},
    "ca_key": {"type": "path", "required": True, "no_log": False},
    "replaced_dir": {"type": "path", "required": True},
    "new_keys": {"type": "bool", "default": False, "no_log": False},
    "certificates": {"type": "list", "elements": "dict", "required": True, "options": one},
}


def main() -> None:
    run_module(run, OPTIONS, OSError, libraries=CRYPTOGRAPHY)


if __name__ == "__main__":
    main()
