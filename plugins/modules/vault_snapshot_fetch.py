#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Fetch an encrypted snapshot, decrypt it, and prove that it is whole and the right cluster's."""

from __future__ import annotations

DOCUMENTATION = r"""
module: vault_snapshot_fetch
short_description: Fetch and decrypt a snapshot, and prove that it could be restored
version_added: 1.0.0
description:
  - Takes a snapshot that the backup tool made, from its bucket or from a file, compares it with its manifest, decrypts it
    with the key that the manifest names, where that is one of O(key_arns), and verifies it to its end.
  - The manifest is sealed with the same key, so its content is what the backup tool wrote. A manifest of an older tool has no
    seal; RV(bound) is then false.
  - The module does not contact a cluster. In check mode the snapshot is fetched and verified, and O(dest) is then removed.
  - Needs C(s3:GetObject) below the prefix, C(s3:ListBucket) on the bucket for V(newest), and C(kms:Decrypt) on the key.
  - O(dest) still holds Vault's data as Vault encrypts it. Only this user can read the file.
author: vaultops maintainers (@vaultops)
requirements:
  - boto3 >= 1.36.0
  - aws-encryption-sdk >= 4.0.0
options:
  name:
    description:
      - Name of the snapshot in the bucket, V(newest), or the absolute path of a file with its manifest beside it.
      - A snapshot that is dated more than five minutes in the future is never V(newest). Its name still selects it.
      - V(newest) needs O(cluster_id) where O(cluster_name) has snapshots of several cluster ids. V(newest) is refused where the
        newest manifest has no seal and an older manifest has one.
    type: str
    default: newest
  dest:
    description: Path for the decrypted snapshot, in a directory that exists and has room for it twice.
    type: path
    required: true
  cluster_name:
    description: Name of the cluster that the snapshot must be of.
    type: str
    required: true
  cluster_id:
    description: Id of that cluster. Without the id, only the name is compared.
    type: str
  any_cluster:
    description: Whether another cluster's snapshot is accepted.
    type: bool
    default: false
  key_arns:
    description:
      - ARNs of the keys that may be asked to decrypt. A manifest that names another key is refused before KMS is asked.
      - A multi-Region key counts in every region. The first ARN of that key in this list says which region is asked, so a
        snapshot can be opened with a replica while the region that it was taken in is gone.
    type: list
    elements: str
    required: true
  records:
    description:
      - Where the newest verified snapshot of each cluster id is recorded, V(snapshots-seen.json). An older snapshot is refused
        as V(newest). A newer snapshot is recorded.
  seal_key_arn:
    description:
      - ARN of the cluster's unseal key. A snapshot taken under a different unseal key is refused, unless O(any_key).
      - The unseal key need not be the key that encrypts the snapshot's file. A cluster that is restored from a snapshot of a
        different unseal key depends on that key from then on.
    type: str
  any_key:
    description: Whether a snapshot taken under a different unseal key is accepted.
    type: bool
    default: false
  flavour:
    description:
      - For which server it is, V(vault) or V(openbao). A snapshot of the other one is refused.
    type: str
    choices: [vault, openbao]
    default: vault
  bucket:
    description: The bucket. Not needed for a file.
    type: str
  prefix:
    description: What the names begin with in the bucket.
    type: str
    default: snapshots
  region:
    description: Region of the bucket.
    type: str
  endpoint_url:
    description: URL of S3 and KMS, where it is not the public one.
    type: str
extends_documentation_fragment:
  - vaultops.cluster.records
  - vaultops.cluster.attributes
  - vaultops.cluster.attributes.change
"""

EXAMPLES = r"""
- name: The newest snapshot, proven to be whole
  vaultops.cluster.vault_snapshot_fetch:
    cluster_name: prod
    bucket: example-vault-snapshots
    region: eu-central-1
    key_arns: [arn:aws:kms:eu-central-1:123456789012:key/11111111-2222-3333-4444-555555555555]
    dest: /root/restore/plain.snap
"""

RETURN = r"""
manifest:
  description: "What is known of the snapshot: name, cluster_id, cluster_name, node_name, vault_version, raft_index,
    raft_term, key_arn (encrypts the file), seal_key_arn (the unseal key), sizes in bytes, SHA-256 sums, started_at and
    finished_at (UTC, ISO 8601)."
  returned: success
  type: dict
release:
  description: Version of the server that took it, as its own releases are numbered.
  returned: success
  type: str
server:
  description: The server that took it and its version, in words.
  returned: success
  type: str
bound:
  description: Whether the manifest is sealed, so that everything in RV(manifest) is what the tool wrote. If not, its time, node
    and version of Vault are nobody's word.
  returned: success
  type: bool
"""

import dataclasses
import os
import tempfile
import time
import traceback
import typing as t

from ..module_utils._common import product
from ..module_utils._common.errors import Problem
from ..module_utils._common.module import run_module
from ..module_utils._objects import records

try:
    from ..module_utils._snapshot import decrypt, manifest, seen, taken_by
    from ..module_utils._snapshot.s3 import Bucket
    from ..module_utils._snapshot.settings import KEY_ARN, S3

    LIBRARIES: dict[str, str | None] = {"aws-encryption-sdk": None}
except ImportError:
    LIBRARIES = {"aws-encryption-sdk": traceback.format_exc()}

S3_SECONDS = 60


def run(params: dict[str, t.Any], check_mode: bool) -> dict[str, t.Any]:
    check(params)
    folder, name = os.path.split(params["dest"])
    with tempfile.TemporaryDirectory(dir=folder, prefix=".fetch.") as scratch:
        path = os.path.join(scratch, name)
        found = fetch(params, path)
        require_product(found, params["flavour"])
        if not check_mode:
            if params["name"] == "newest":
                seen.remember(records.Records(params["records"] or {}), found.name)
            os.rename(path, params["dest"])
    return {
        "changed": True,
        "manifest": public(found),
        "release": taken_by.release(found.vault_version),
        "server": taken_by.server(found.vault_version),
        "bound": found.is_bound,
    }


def check(params: dict[str, t.Any]) -> None:
    wrong = [arn for arn in params["key_arns"] if not KEY_ARN.fullmatch(arn)]
    if wrong:
        raise Problem(f"key_arns: {', '.join(wrong)} is not the ARN of a KMS key (nor may it be that of an alias)")
    if not os.path.isabs(params["name"]) and not (params["bucket"] and params["region"]):
        raise Problem("A snapshot from S3 needs bucket and region; a file an absolute path as name")


def require_product(found: manifest.Manifest, flavour: product.Flavour) -> None:
    by = t.cast("product.Flavour", manifest.flavour_of(found.vault_version))
    if by != flavour:
        raise Problem(
            f"{found.name} is a snapshot of {taken_by.server(found.vault_version)}, and vault_flavour is {flavour}. Neither "
            "of the two takes the other's data",
            f"Restore a snapshot of {product.NAMES[flavour]}, or set vault_flavour to {by}. Nothing was changed.",
        )


def public(found: manifest.Manifest) -> dict[str, t.Any]:
    """The seal has served, and nobody reads it."""
    return {name: value for name, value in dataclasses.asdict(found).items() if name != "seal"}


def fetch(params: dict[str, t.Any], target: str) -> manifest.Manifest:
    endpoint, name = params["endpoint_url"], params["name"]
    if os.path.isabs(name):
        return decrypt.from_disk(name, target, wanted(params), endpoint)
    settings = S3(params["bucket"], params["prefix"].strip("/"), params["region"], endpoint, S3_SECONDS)
    if name == "newest":
        name = newest(params, Bucket(settings))
    return decrypt.from_s3(settings, name, target, wanted(params), endpoint)


def newest(params: dict[str, t.Any], bucket: Bucket) -> str:
    of = None if params["any_cluster"] else params["cluster_id"]
    name = bucket.newest(params["cluster_name"], time.time(), of)
    seen.require_not_older(records.Records(params["records"] or {}), name)
    return name


def wanted(params: dict[str, t.Any]) -> decrypt.Wanted:
    seal_key_arn = None if params["any_key"] else params["seal_key_arn"]
    return decrypt.Wanted(
        params["cluster_name"], tuple(params["key_arns"]), params["cluster_id"], params["any_cluster"], seal_key_arn
    )


OPTIONS: dict[str, t.Any] = {
    "name": {"type": "str", "default": "newest"},
    "dest": {"type": "path", "required": True},
    "cluster_name": {"type": "str", "required": True},
    "cluster_id": {"type": "str"},
    "any_cluster": {"type": "bool", "default": False},
    "key_arns": {"type": "list", "elements": "str", "required": True, "no_log": False},
    "records": {"type": "dict", "options": records.SPEC},
    "seal_key_arn": {"type": "str", "no_log": False},
    "any_key": {"type": "bool", "default": False},
    "flavour": {"type": "str", "choices": list(product.FLAVOURS), "default": product.VAULT},
    "bucket": {"type": "str"},
    "prefix": {"type": "str", "default": "snapshots"},
    "region": {"type": "str"},
    "endpoint_url": {"type": "str"},
}


def main() -> None:
    run_module(run, OPTIONS, OSError, libraries=LIBRARIES)


if __name__ == "__main__":
    main()
