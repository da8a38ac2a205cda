# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which objects of a bucket are manifests, and what they say. Pure."""

from __future__ import annotations

import datetime
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
ENDING = manifest.SUFFIX + manifest.MANIFEST_SUFFIX


class Object(t.TypedDict):
    key: str
    modified: datetime.datetime


def start_of_keys(prefix: str, cluster_name: str | None) -> str:
    """What the keys begin with. Names of clusters hold no '_', so none is the beginning of another."""
    folder = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
    return f"{folder}{cluster_name}_" if cluster_name else folder


def newest(objects: t.Iterable[Object], limit: int) -> tuple[list[str], int]:
    """The keys of the newest manifests, oldest first, and how many older ones there are."""
    manifests = sorted((one for one in objects if one["key"].endswith(ENDING)), key=_when)
    kept = manifests[-limit:]
    return [one["key"] for one in kept], len(manifests) - len(kept)


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


def _when(one: Object) -> tuple[str, str]:
    """Begun as the name says; where it says nothing, written as the bucket says."""
    name = one["key"].rpartition("/")[2].removesuffix(manifest.MANIFEST_SUFFIX)
    match = manifest.NAME.fullmatch(name)
    utc = one["modified"].astimezone(datetime.timezone.utc)
    return (match.group("begun") if match else utc.strftime("%Y%m%dT%H%M%SZ"), one["key"])
