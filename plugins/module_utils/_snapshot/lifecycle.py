# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a bucket's lifecycle may remove: snapshots that have a successor, and never the last one. Pure."""

from __future__ import annotations

import typing as t

from .listing import start_of_keys
from .manifest import SUPERSEDED

Rule = dict[str, t.Any]
EXPIRE, CLEAN_UP = "vault-snapshots", "vault-snapshots-leftovers"
# What is beside the snapshots has a rule of its own each: only what was written over, or removed, goes.
BESIDE = {"vault-init": "init/", "vault-records": "records/"}
UPLOAD_DAYS = 2


def wanted(prefix: str, days: int) -> list[Rule]:
    """The rules. S3 allows no tag where uploads and delete markers are meant, so those have a rule of their own."""
    start = start_of_keys(prefix, None)
    tagged = {"And": {"Prefix": start, "Tags": [SUPERSEDED]}} if start else {"Tag": SUPERSEDED}
    return [
        {
            "ID": EXPIRE,
            "Status": "Enabled",
            "Filter": tagged,
            "Expiration": {"Days": days},
            # Tags belong to a version, so an old version of a tagged object is tagged.
            "NoncurrentVersionExpiration": {"NoncurrentDays": days},
        },
        {
            "ID": CLEAN_UP,
            "Status": "Enabled",
            "Filter": {"Prefix": start},
            "Expiration": {"ExpiredObjectDeleteMarker": True},
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": UPLOAD_DAYS},
        },
        *(
            {
                "ID": name,
                "Status": "Enabled",
                "Filter": {"Prefix": folder},
                "Expiration": {"ExpiredObjectDeleteMarker": True},
                "NoncurrentVersionExpiration": {"NoncurrentDays": days},
            }
            for name, folder in BESIDE.items()
        ),
    ]


def plan(found: t.Sequence[Rule], prefix: str, days: int) -> list[Rule]:
    """All rules of the bucket as they should be: those of other ids stay as they are, where they are."""
    ours = {rule["ID"]: rule for rule in wanted(prefix, days)}
    there = {rule.get("ID") for rule in found}
    kept = [ours.get(rule.get("ID", ""), rule) for rule in found]
    return kept + [rule for name, rule in ours.items() if name not in there]


def warnings(rules: t.Sequence[Rule], prefix: str) -> list[str]:
    """Rules by which the last good snapshot would expire all the same, in words. They can only be those of others."""
    start = start_of_keys(prefix, None)
    return [
        f"The rule '{rule.get('ID', '')}' of the bucket's lifecycle expires objects below '{start}' by age alone, the last "
        "good snapshot among them. It is not touched. Narrow it, or disable it."
        for rule in rules
        if rule.get("Status") == "Enabled" and _expires_by_age(rule, start)
    ]


def _expires_by_age(rule: Rule, start: str) -> bool:
    filters = rule.get("Filter", {})
    # S3 had the prefix beside the filter once, and gives such rules back like that.
    every: Rule = {"Prefix": rule.get("Prefix", ""), **filters, **filters.get("And", {})}
    other = every["Prefix"]
    meets = other.startswith(start) or start.startswith(other)
    by_age = {"Days", "Date"} & set(rule.get("Expiration", {}))
    # What is chosen by a tag is somebody's choice, and no age alone.
    return bool(meets and by_age and not {"Tag", "Tags"} & set(every))


def problem(days: int) -> str | None:
    return None if days >= 1 else f"days is {days}, and S3 knows nothing below one day"
