"""What drills leave: a report in the bucket, and nothing on the machine."""

from __future__ import annotations

import json
import typing as t

from kit.bench import Bench
from kit.changes import inside


def records(bench: Bench, start: str = "") -> dict[str, str]:
    """What is written down in the bucket, by its name."""
    s3, prefix = bench.aws("s3"), f"records/{bench.lab.name}/"
    found = s3.list_objects_v2(Bucket=bench.bucket, Prefix=prefix + start).get("Contents", [])
    keys = [one["Key"] for one in found]
    return {
        key.removeprefix(prefix): s3.get_object(Bucket=bench.bucket, Key=key)["Body"].read().decode() for key in keys
    }


def last_report(bench: Bench) -> dict[str, t.Any]:
    reports = {name: text for name, text in records(bench, "drills/").items() if name.endswith(".json")}
    return json.loads(reports[max(reports)])


def left_on(container: str) -> list[str]:
    """Of a Vault, on this machine."""
    places = "/opt/vault/data /etc/vault.d/tls /var/log/vault"
    return inside(container, f"ls -d {places} 2>/dev/null || true").split()
