# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which keys of a bucket are manifests, and what those say. Pure."""

from __future__ import annotations

import typing as t

from .._backup import manifest

FIELDS = (
    "name",
    "node_name",
    "vault_version",
    "raft_index",
    "key_arn",
    "plain_bytes",
    "encrypted_bytes",
    "begun",
    "ended",
)


def start_of_keys(prefix: str, cluster_name: str | None) -> str:
    """What the keys begin with. Names of clusters hold no '_', so none is the beginning of another."""
    folder = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
    return f"{folder}{cluster_name}_" if cluster_name else folder


def newest(keys: t.Iterable[str], limit: int) -> tuple[list[str], int]:
    """The keys of the newest manifests, oldest first, and how many older ones there are."""
    manifests = manifest.by_age(keys)
    return manifests[-limit:], max(len(manifests) - limit, 0)


def describe(texts: t.Mapping[str, bytes], now: float) -> dict[str, t.Any]:
    """Manifests by key, in the shape of vault_backup_info's result."""
    read, broken = [], []
    for key, text in texts.items():
        try:
            made = manifest.parse(text)
        except ValueError as error:
            broken.append({"key": key, "problem": str(error)})
            continue
        described: dict[str, t.Any] = {field: getattr(made, field) for field in FIELDS}
        read.append({"key": key, **described, "age_seconds": int(now - made.begun_at)})
    return {"snapshots": sorted(read, key=lambda one: one["begun"]), "broken": broken}
