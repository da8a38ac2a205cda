# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reading the bucket of snapshots. It needs s3:ListBucket, and s3:GetObject below the prefix."""

from __future__ import annotations

import concurrent.futures
import typing as t

from .listing import Read, is_copied, least_copied, snapshot_of

# A look is over quickly, also where nobody answers.
QUICK = {"connect_timeout": 5, "read_timeout": 20, "retries": {"mode": "standard", "total_max_attempts": 2}}
AT_ONCE = 8


def sizes(client: t.Any, bucket: str, start: str) -> dict[str, int]:
    """Of each object, by its key."""
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=start)
    return {entry["Key"]: entry["Size"] for page in pages for entry in page.get("Contents", [])}


def read(client: t.Any, bucket: str, keys: t.Sequence[str]) -> dict[str, Read]:
    """Manifests. Where a rule of the bucket covers one, the snapshot that it tells of is asked as well."""

    def one(key: str) -> Read:
        answer = client.get_object(Bucket=bucket, Key=key)
        states = [answer.get("ReplicationStatus")]
        if is_copied(states[0]):
            states.append(client.head_object(Bucket=bucket, Key=snapshot_of(key)).get("ReplicationStatus"))
        return Read(answer["Body"].read(), least_copied(states))

    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        return dict(zip(keys, pool.map(one, keys), strict=True))
