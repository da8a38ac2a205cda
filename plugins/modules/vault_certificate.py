#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Bring a certificate into service on a node, proven on the wire."""

from __future__ import annotations

DOCUMENTATION = r"""
module: vault_certificate
short_description: Bring a certificate into service on a node, and verify it on the wire
version_added: 1.0.0
description:
  - Writes certificate, private key and CA. If Vault runs, the module reloads Vault, and compares the served certificate with the
    file.
  - "Vault may keep the old certificate without an error. Then the module restores the old files and fails, so the files on disk
    are always files that a restart can serve."
  - Before the module writes a file, a TLS handshake in memory verifies that the key fits the certificate, and that a client
    that trusts O(ca) and asks for O(server_name) accepts the certificate.
  - No connection is cut, and no leadership moves. Needs nothing on the node but Python and systemd; without O(private_key)
    also the C(openssl) command.
author: vaultops maintainers (@vaultops)
options:
  certificate:
    description: The node's certificate and its chain, in PEM. Without it, the one that the node has.
    type: str
  private_key:
    description:
      - The certificate's private key, in PEM. It is kept out of output, logs and diffs.
      - Without it, the one that the node has, or the one that M(vaultops.cluster.vault_certificate_request) made there. The
        certificate that was replaced is then kept in V(replaced) in O(directory) until it has expired, so that it can be revoked.
    type: str
  ca:
    description: The CA certificates that the node trusts, in PEM.
    type: str
    required: true
  server_name:
    description: A name that clients ask for.
    type: str
    required: true
  directory:
    description: Directory of V(vault.crt), V(vault.key) and V(ca.crt). Created if it does not exist.
    type: path
    default: /etc/vault.d/tls
  listener:
    description: Address (host:port) of the listener.
    type: str
    default: 127.0.0.1:8200
  service:
    description: Name of the systemd service.
    type: str
    default: vault
  timeout:
    description: Seconds to wait for the listener to serve a new certificate.
    type: int
    default: 10
extends_documentation_fragment:
  - vaultops.cluster.attributes
  - vaultops.cluster.attributes.change
"""

EXAMPLES = r"""
- name: Serve a new certificate
  vaultops.cluster.vault_certificate:
    certificate: "{{ lookup('ansible.builtin.file', 'tls/vault-1.crt', rstrip=false) }}"
    private_key: "{{ lookup('ansible.builtin.file', 'tls/vault-1.key', rstrip=false) }}"
    ca: "{{ lookup('ansible.builtin.file', 'tls/ca.crt', rstrip=false) }}"
    server_name: vault.prod.internal
    listener: 10.0.1.10:8200
"""

RETURN = r"""
paths:
  description: What was changed, or would be.
  returned: success
  type: list
  elements: str
reloaded:
  description: Whether Vault was reloaded, or would be.
  returned: success
  type: bool
sha256:
  description: SHA-256 of the certificate.
  returned: success
  type: str
"""

import os
import typing as t

from ..module_utils._common.errors import Problem
from ..module_utils._common.module import run_module
from ..module_utils._common.wait import Wait
from ..module_utils._node import certificate, files, service, tls

POLL_SECONDS = 0.1


def run(params: dict[str, t.Any], check_mode: bool) -> dict[str, t.Any]:
    params = {**params, **pair(params)}
    tls.rehearse(params["certificate"], params["private_key"], params["ca"], params["server_name"])
    wanted = tls.fingerprint(params["certificate"])
    found = {entry: files.look(entry) for entry in certificate.entries(params)}
    differing = [(entry, diff) for entry in found if (diff := files.difference(entry, found[entry]))]
    listener = Listener(params)
    served = listener.serves()
    stale = served is not None and served != wanted
    if not check_mode:
        kept = keep_old(params)
        for entry, _diff in differing:
            files.put(entry)
        if stale and not listener.reload_to(wanted):
            if kept:
                os.unlink(kept)
            give_up(listener, [(entry, found[entry]) for entry, _diff in differing], served)
        if params["own_key"]:
            certificate.forget_pending(params["directory"], params["private_key"])
    return {
        "changed": bool(differing) or stale,
        "paths": [entry.path for entry, _diff in differing],
        "reloaded": stale,
        "sha256": wanted,
        "diff": [diff for _entry, diff in differing],
    }


def pair(params: dict[str, t.Any]) -> dict[str, t.Any]:
    """Certificate and key: those that were given, or the node's own; and whether the key is the node's own."""
    text = params["certificate"] or certificate.look(params["directory"])["certificate"]
    if not text:
        raise Problem(
            f"There is no certificate in {params['directory']}", "Issue one: playbooks/rotate_certificates.yml."
        )
    own = params["private_key"] is None
    key = certificate.own_key(params["directory"], text) if own else params["private_key"]
    return {"certificate": text, "private_key": key, "own_key": own}


def keep_old(params: dict[str, t.Any]) -> str:
    """Where the certificate is kept that is about to be replaced, so that it can be revoked; nowhere where there is none."""
    old = certificate.look(params["directory"])["certificate"] if params["own_key"] else ""
    if not tls.fingerprint(old) or tls.fingerprint(old) == tls.fingerprint(params["certificate"]):
        return ""
    return certificate.keep(params["directory"], old)


class Listener:
    """What the running Vault serves; nothing where it does not run."""

    def __init__(self, params: dict[str, t.Any]) -> None:
        self.service = params["service"]
        self.timeout = params["timeout"]
        self.address = tls.address_of(params["listener"])

    def serves(self) -> str | None:
        return tls.on_the_wire(*self.address) if service.read_unit(self.service)["main_pid"] else None

    def reload_to(self, wanted: str | None) -> bool:
        """Whether it serves the wanted certificate, after a reload and within the time."""
        service.signal_reload(self.service)
        wait = Wait(self.timeout, POLL_SECONDS)
        while tls.on_the_wire(*self.address) != wanted:
            if not wait.again():
                return False
        return True


def give_up(listener: Listener, before: list[tuple[files.Entry, files.Found]], served: str | None) -> t.NoReturn:
    """Put the old files back, so that a restart finds a pair that belongs together, and say so."""
    old = [
        files.Entry(e.path, e.owner, e.group, e.mode, f.content, e.secret) for e, f in before if f.content is not None
    ]
    for entry in old:
        files.put(entry)
    if old and not listener.reload_to(served):
        raise Problem(
            "After a reload the listener does not serve the new certificate, and with the old files back not the old one",
            f"Look at 'journalctl -u {listener.service}'.",
        )
    raise Problem(
        f"After a reload the listener still serves another certificate than the new one (waited {listener.timeout} s)",
        f"{'The old files were put back. ' if old else ''}Look at 'journalctl -u {listener.service}', then run again.",
    )


OPTIONS: dict[str, t.Any] = {
    "certificate": {"type": "str"},
    "private_key": {"type": "str", "no_log": True},
    "ca": {"type": "str", "required": True},
    "server_name": {"type": "str", "required": True},
    "directory": {"type": "path", "default": certificate.DIRECTORY},
    "listener": {"type": "str", "default": "127.0.0.1:8200"},
    "service": {"type": "str", "default": "vault"},
    "timeout": {"type": "int", "default": 10},
}


def main() -> None:
    run_module(run, OPTIONS)


if __name__ == "__main__":
    main()
