# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which keys of a bucket are manifests, and what those say. Pure."""

from __future__ import annotations

import typing as t

from . import manifest

FIELDS = (
    "name",
    "cluster_id",
    "node_name",
    "vault_version",
    "raft_index",
    "key_arn",
    "seal_key_arn",
    "plain_bytes",
    "encrypted_bytes",
    "started_at",
    "finished_at",
)


class Read(t.NamedTuple):
    """A manifest."""

    text: bytes
    # How far S3 is with the copies of it and of its snapshot: PENDING, COMPLETED, FAILED; REPLICA of a copy; None where no rule
    # covered one of the two when it was written, so that S3 never copies it.
    replication: str | None


# From what tells the most of a copy that lacks.
_STATES = ("FAILED", None, "PENDING", "COMPLETED")


def is_copied(state: str | None) -> bool:
    """Whether a rule covers an object of this state."""
    return state is not None and state != "REPLICA"


def least_copied(states: t.Sequence[str | None]) -> str | None:
    """Of a manifest and its snapshot: one without the other is none in the second region."""
    known = [state for state in states if state in _STATES]
    return min(known, key=_STATES.index) if known else states[0]


def snapshot_of(key: str) -> str:
    """The key of the snapshot that a manifest tells of."""
    return key[: -len(manifest.MANIFEST_SUFFIX)]


def start_of_keys(prefix: str, cluster_name: str | None) -> str:
    """What the keys begin with. Names of clusters hold no '_', so none is the beginning of another."""
    folder = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
    return f"{folder}{cluster_name}_" if cluster_name else folder


class Sorted(t.NamedTuple):
    """The keys of manifests, oldest first."""

    chosen: list[str]  # the newest, to be read
    left_out: int  # how many older ones there are
    future_dated: list[str]  # said to be begun in the future, so never the newest
    alone: list[str]  # without the snapshot that they tell of


def sort_out(sizes: t.Mapping[str, int], limit: int, now: float) -> Sorted:
    """What the names of a listing say by themselves. *sizes*: of each object, by its key."""
    every, whole = manifest.by_age(sizes), set(manifest.whole(sizes))
    future_dated = [key for key in every if manifest.is_future_dated(key, now)]
    good = [key for key in every if key in whole and key not in future_dated]
    alone = [key for key in every if key not in whole and key not in future_dated]
    return Sorted(good[-limit:], max(len(good) - limit, 0), future_dated, alone)


def describe(
    found: Sorted, manifests: t.Mapping[str, Read], sizes: t.Mapping[str, int], now: float
) -> dict[str, t.Any]:
    """The shape of vault_snapshot_info's result. *manifests*: those that were chosen."""
    listed = []
    broken = [{"key": key, "problem": "the snapshot that it tells of is not in the bucket"} for key in found.alone]
    for key, read in manifests.items():
        try:
            made = manifest.parse(read.text)
            _require_name(made, key)
            _require_size(made, sizes[snapshot_of(key)])
        except ValueError as error:
            broken.append({"key": key, "problem": str(error)})
            continue
        described: dict[str, t.Any] = {field: getattr(made, field) for field in FIELDS}
        described |= {"bound": made.is_bound, "replication": read.replication}
        listed.append({"key": key, **described, "age_seconds": int(now - made.started_epoch)})
    return {
        "snapshots": sorted(listed, key=lambda one: one["started_at"]),
        "broken": broken,
        "future_dated": [_named(key) for key in found.future_dated],
        "left_out": found.left_out,
    }


def _require_name(made: manifest.Manifest, key: str) -> None:
    if made.name != key.rpartition("/")[2][: -len(manifest.MANIFEST_SUFFIX)]:
        raise ValueError(f"it is the manifest of {made.name}, copied or renamed")


def _require_size(made: manifest.Manifest, size: int) -> None:
    if size != made.encrypted_bytes:
        raise ValueError(f"its snapshot has {size} bytes in the bucket, and it says {made.encrypted_bytes}")


def _named(key: str) -> dict[str, str]:
    """All that a name says of a manifest that was not read."""
    name = key.rpartition("/")[2][: -len(manifest.MANIFEST_SUFFIX)]
    _cluster, node_name = manifest.owner_of(name) or ("", "")
    return {"key": key, "name": name, "node_name": node_name}
