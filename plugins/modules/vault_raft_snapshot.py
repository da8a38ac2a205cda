#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Save a verified Raft snapshot of a Vault cluster."""

from __future__ import annotations

DOCUMENTATION = r"""
module: vault_raft_snapshot
short_description: Save a verified Raft snapshot of a Vault cluster
version_added: 1.0.0
description:
  - Reads a snapshot from the active node, verifies that the snapshot is whole, and only then gives the file its name.
  - "Whole means: the gzip stream ends properly and holds exactly the members of a snapshot, both checksums and the announced
    size are right, and the checksums were sealed."
  - The snapshot is encrypted with the cluster's own keys. A restore needs the KMS key that seals these keys.
  - Every run saves a snapshot. Based on V(sys/storage/raft/snapshot) of the Vault API.
author: vaultops maintainers (@vaultops)
options:
  dest:
    description: Path of the file, on the host that this runs on. It must not exist. The directory is made, with mode 0700.
    type: path
    required: true
extends_documentation_fragment:
  - vaultops.cluster.vault
  - vaultops.cluster.vault.auth
  - vaultops.cluster.attributes
  - vaultops.cluster.attributes.change
"""

EXAMPLES = r"""
- name: Save a snapshot
  vaultops.cluster.vault_raft_snapshot:
    nodes:
      vault-1: https://10.0.1.10:8200
      vault-2: https://10.0.1.11:8200
      vault-3: https://10.0.1.12:8200
    ca_cert: /etc/vaultops/ca.crt
    cert_auth_public_key: /etc/vaultops/operator.crt
    cert_auth_private_key: /etc/vaultops/operator.key
    dest: /var/backups/vault/before-the-change.snap
"""

RETURN = r"""
snapshot:
  description: What was saved; null in check mode.
  returned: success
  type: dict
  contains:
    path:
      description: The file.
      type: str
    node:
      description: The node that was active.
      type: str
    size_bytes:
      description: Size of the file.
      type: int
    index:
      description: Raft's last index in it.
      type: int
    term:
      description: Raft's term in it.
      type: int
    state_bytes:
      description: Size of the state in it, before compression.
      type: int
    sha256:
      description: SHA-256 of that state.
      type: str
"""

import contextlib
import os
import typing as t

from ..module_utils._common import files
from ..module_utils._common.module import run_module
from ..module_utils._snapshot.archive import BrokenSnapshot, Summary, verify
from ..module_utils._vault.client import AUTH_SPEC, CONNECTION_SPEC, HVAC, Cluster, Connection
from ..module_utils._vault.errors import VaultError
from ..module_utils._vault.snapshot import api


def run(params: dict[str, t.Any], check_mode: bool) -> dict[str, t.Any]:
    cluster, dest = Cluster(Connection.from_params(params)), params["dest"]
    if os.path.exists(dest):
        raise VaultError(dest, "there is a file of this name", "Snapshots are never overwritten: name another one.")
    if check_mode:
        return {"changed": True, "snapshot": None}
    name = cluster.active()
    with written(dest):
        os.makedirs(os.path.dirname(dest), mode=0o700, exist_ok=True)
        with files.draft(dest) as (stream, partial):
            summary = fetch(cluster, name, stream, dest)
            size = stream.seek(0, os.SEEK_END)
            os.rename(partial, dest)
        files.sync_directory(os.path.dirname(dest))
    return {"changed": True, "snapshot": {"path": dest, "node": name, "size_bytes": size, **summary}}


@contextlib.contextmanager
def written(dest: str) -> t.Iterator[None]:
    try:
        yield
    except OSError as error:
        why = ": ".join(str(part) for part in (error.filename, error.strerror) if part)
        raise VaultError(
            dest,
            f"the snapshot could not be written ({why or error})",
            "Nothing was kept. Make room in its directory, or let this user write there, then run again.",
        ) from error


class Disk:
    """Where the download goes. To the client every OSError is the network's, so the disk's are told apart here."""

    def __init__(self, stream: t.BinaryIO, dest: str) -> None:
        self._stream = stream
        self._dest = dest

    def write(self, data: bytes) -> None:
        with written(self._dest):
            self._stream.write(data)


def fetch(cluster: Cluster, name: str, stream: t.Any, dest: str) -> Summary:
    with cluster.login(name) as client:
        api.save(name, client, t.cast(t.BinaryIO, Disk(stream, dest)), cluster.connection.timeout)
    files.sync(stream)
    stream.seek(0)
    try:
        return verify(stream)
    except BrokenSnapshot as error:
        raise VaultError(
            name,
            f"what it gave as a snapshot is none: {error}",
            "Nothing was kept. Read 'journalctl -u vault' on the node: its seal, or its disk, may have failed.",
        ) from error


OPTIONS: dict[str, t.Any] = {**CONNECTION_SPEC, **AUTH_SPEC, "dest": {"type": "path", "required": True}}


def main() -> None:
    run_module(run, OPTIONS, libraries=HVAC)


if __name__ == "__main__":
    main()
