#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Have certificates that were replaced or withdrawn refused at login."""

from __future__ import annotations

DOCUMENTATION = r"""
module: vault_cert_crl
short_description: Have replaced and withdrawn client certificates refused by a Vault cluster
version_added: 1.0.0
description:
  - Ensures that the certificates in O(replaced) are on the list of revoked certificates that C(auth/cert) asks at every login
    and renewal. Tokens that were issued before stay valid, for 15 minutes at most.
  - Reads the list from Vault. Entries in Vault stay on the list, except for certificates in O(replaced) that have expired.
  - A certificate that one of O(nodes) still serves is left out, until the node serves its new one.
  - With O(crl_file) the list is the content of that file, from a CA of your own.
  - Vault compares serial numbers, and looks at neither the signature nor the dates of a list. So O(crl_file) has to be signed
    by a CA in O(client_ca) here.
  - Compares as the operator, and logs in as the admin only when the list has to be written. Reads the list back.
  - Based on V(auth/cert/crls) of the Vault API.
author: vaultops maintainers (@vaultops)
requirements:
  - cryptography >= 45.0.0
options:
  name:
    description: Name of the list in Vault.
    type: str
    default: vaultops
  client_ca:
    description: Path of the CA certificate(s), in PEM, that sign the client certificates. The first one signs the list.
    type: path
    required: true
  signed_by:
    description: Which KMS key signs the list, once it has to be written.
    type: dict
    suboptions:
      alias:
        description: Alias of the CA's KMS key. While the CA changes, the alias with C(-next) counts as well.
        type: str
        required: true
      required_tags:
        description: Tags that the key has to carry. One without them is somebody else's, and is not used.
        type: dict
        required: true
      region:
        description: Region of the key.
        type: str
        required: true
      endpoint_url:
        description: URL of KMS, where it is not the public one.
        type: str
      move_from:
        description: Directory of V(ca.key) of a CA that an earlier release made, until the move to KMS is through.
        type: str
        default: ""
  replaced:
    description: Certificates that were replaced or withdrawn, in PEM.
    type: list
    elements: str
  crl_file:
    description: Path of the list of your own CA, in PEM.
    type: path
extends_documentation_fragment:
  - vaultops.cluster.vault
  - vaultops.cluster.vault.auth
  - vaultops.cluster.vault.admin
  - vaultops.cluster.attributes
  - vaultops.cluster.attributes.change
"""

EXAMPLES = r"""
- name: What was replaced does not log in any more
  vaultops.cluster.vault_cert_crl:
    nodes:
      vault-1: https://10.0.1.10:8200
    ca_cert: /etc/vaultops/ca.crt
    cert_auth_public_key: /etc/vaultops/operator.crt
    cert_auth_private_key: /etc/vaultops/operator.key
    admin_public_key: /etc/vaultops/admin.crt
    admin_private_key: /etc/vaultops/admin.key
    client_ca: /etc/vaultops/ca.crt
    signed_by:
      alias: alias/vault-prod-ca
      required_tags: {vault-cluster: prod}
      region: eu-central-1
    replaced: "{{ node.certificate.replaced }}"
"""

RETURN = r"""
revoked:
  description: Serial numbers on the list, in hexadecimal digits; in check mode as they would be.
  returned: success
  type: list
  elements: str
"""

import contextlib
import datetime
import typing as t
from pathlib import Path

from ..module_utils._common.libraries import CRYPTOGRAPHY
from ..module_utils._common.module import run_module
from ..module_utils._tls import authority, options
from ..module_utils._tls.served import look
from ..module_utils._vault.auth import api
from ..module_utils._vault.client import AUTH_SPEC, CONNECTION_SPEC, HVAC, Cluster, Connection
from ..module_utils._vault.errors import VaultError
from ..module_utils._vault.session import ADMIN_SPEC, admin_login

with contextlib.suppress(ImportError):  # the module says that it is missing
    from cryptography import x509


def run(params: dict[str, t.Any], check_mode: bool) -> dict[str, t.Any]:
    cluster = Cluster(Connection.from_params(params))
    where, name = cluster.active(), params["name"]
    with cluster.login(where) as client:
        before = api.read_crl(where, client, name)
    after, text = wanted(params, cluster, before or set())
    changed = after != (before or set())
    if changed and not check_mode:
        with admin_login(cluster.connection, params, where) as client:
            api.write_crl(where, client, name, text())
            there = api.read_crl(where, client, name)
        if there != after:
            raise VaultError(
                where,
                f"auth/cert/crls/{name} does not hold what was written to it a moment ago",
                "Somebody else may have written it meanwhile: run this once more.",
            )
    return {
        "changed": changed,
        "revoked": hexadecimal(after),
        "diff": {"before": {"revoked": hexadecimal(before or set())}, "after": {"revoked": hexadecimal(after)}},
    }


def wanted(params: dict[str, t.Any], cluster: Cluster, before: set[int]) -> tuple[set[int], t.Callable[[], str]]:
    """What the list has to hold, and how to make it."""
    authorities = certificates_in(Path(params["client_ca"]))
    if params["crl_file"]:
        text = Path(params["crl_file"]).read_text(encoding="ascii", errors="replace")
        return given(params, text, authorities), lambda: text
    now = datetime.datetime.now(datetime.timezone.utc)
    kept = [read(text) for text in params["replaced"]]
    served = serials_on_the_wire(cluster) if kept else set()
    revoked, expired = authority.revocable(kept, served, now)
    after = (before | revoked) - expired
    return after, lambda: signed(params, authorities[0], after, now)


def given(params: dict[str, t.Any], text: str, authorities: list[t.Any]) -> set[int]:
    try:
        crl = x509.load_pem_x509_crl(text.encode())
    except ValueError as error:
        raise VaultError(params["crl_file"], "it is no certificate revocation list in PEM", "Give one.") from error
    if not authority.signed_by(crl, authorities):
        raise VaultError(
            params["crl_file"],
            f"no CA in {params['client_ca']} signed it",
            "Give the list of the CA that signs the identities' certificates.",
        )
    return authority.serials_of(crl)


def signed(params: dict[str, t.Any], ca: t.Any, serials: set[int], now: datetime.datetime) -> str:
    # Where a list of one's own CA is given, nobody needs a library for AWS.
    from ..module_utils._aws import kms_api
    from ..module_utils._aws.errors import translate_errors
    from ..module_utils._tls.signers import Keys

    options = params["signed_by"]
    with translate_errors(options["region"]):
        client = kms_api.client(options["region"], options["endpoint_url"])
        keys = Keys.of(client, options["region"], options)
        return authority.crl(ca, keys.signer(ca), serials, now)


def read(text: str) -> t.Any:
    try:
        return x509.load_pem_x509_certificate(text.encode())
    except ValueError as error:
        raise VaultError(
            "replaced", "what is kept as a replaced certificate is none in PEM", "Remove it from its node."
        ) from error


def certificates_in(path: Path) -> list[t.Any]:
    try:
        return x509.load_pem_x509_certificates(path.read_bytes())
    except ValueError as error:
        raise VaultError(str(path), "it is no certificate in PEM", "Remove it, or put the certificate back.") from error


def serials_on_the_wire(cluster: Cluster) -> set[int]:
    seen = cluster.ask_all(lambda name, _client: look(cluster.connection, name)["der"])
    return {x509.load_der_x509_certificate(der).serial_number for der in seen if der}


def hexadecimal(serials: set[int]) -> list[str]:
    return [f"{serial:x}" for serial in sorted(serials)]


OPTIONS: dict[str, t.Any] = {
    **CONNECTION_SPEC,
    **AUTH_SPEC,
    **ADMIN_SPEC,
    "name": {"type": "str", "default": "vaultops"},
    "client_ca": {"type": "path", "required": True},
    "signed_by": {
        "type": "dict",
        "options": {
            **options.CA,
            "region": {"type": "str", "required": True},
            "endpoint_url": {"type": "str"},
        },
    },
    "replaced": {"type": "list", "elements": "str"},
    "crl_file": {"type": "path"},
}


def main() -> None:
    run_module(
        run,
        OPTIONS,
        OSError,
        libraries={**HVAC, **CRYPTOGRAPHY},
        mutually_exclusive=[("replaced", "crl_file")],
        required_one_of=[("replaced", "crl_file")],
        required_by={"replaced": ["signed_by"]},
    )


if __name__ == "__main__":
    main()
