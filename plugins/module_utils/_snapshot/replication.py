# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What S3 copies from a bucket of snapshots to one in another region. Pure."""

from __future__ import annotations

import typing as t

Rule = dict[str, t.Any]


class Configuration(t.TypedDict):
    role: str  # ARN; S3 knows one for all rules of a bucket
    rules: list[Rule]


def wanted(names: t.Mapping[str, str], target: str, key_arn: str) -> list[Rule]:
    """One rule for each id of *names*, whose value is what the keys begin with. *target*: ARN of the bucket there.

    Tags go along by themselves, and so does how long an object is locked. No deletion does: neither a delete marker nor, which
    S3 never copies, that of a version.
    """
    return [
        {
            "ID": name,
            "Status": "Enabled",
            "Filter": {"Prefix": start},
            "SourceSelectionCriteria": {"SseKmsEncryptedObjects": {"Status": "Enabled"}},
            "DeleteMarkerReplication": {"Status": "Disabled"},
            "Destination": {"Bucket": target, "EncryptionConfiguration": {"ReplicaKmsKeyID": key_arn}},
        }
        for name, start in names.items()
    ]


def plan(found: Configuration | None, role: str, rules: t.Sequence[Rule]) -> Configuration:
    """The bucket's configuration as it should be: rules of other ids stay as they are, where they are."""
    before = found["rules"] if found else []
    ours = {rule["ID"]: rule for rule in rules}
    kept = [_kept(rule, ours.get(rule.get("ID", ""))) for rule in before]
    last = max((rule.get("Priority", 0) for rule in before), default=0)
    missing = [rule for rule in rules if rule["ID"] not in {other.get("ID") for other in before}]
    # Two rules of one bucket never have the same priority.
    new = [{**rule, "Priority": last + number} for number, rule in enumerate(missing, 1)]
    return {"role": role, "rules": kept + new}


def _kept(found: Rule, ours: Rule | None) -> Rule:
    # What S3 has filled in besides is no difference.
    if ours is None or ours.items() <= found.items():
        return found
    return {**ours, "Priority": found["Priority"]} if "Priority" in found else ours


def problem(found: Configuration | None, role: str, names: t.Container[str], bucket: str) -> str | None:
    """Why these rules can't be among those that the bucket has, or None."""
    others = [rule for rule in found["rules"] if rule.get("ID") not in names] if found else []
    if not found or not others:
        return None
    said = f"{bucket} replicates by rules of others ({', '.join(str(rule.get('ID', '?')) for rule in others)})"
    if found["role"] != role:
        return (
            f"{said} with the role {found['role']}, and S3 takes one role for all rules of a bucket. Nothing of it is changed. "
            f"Remove these rules, or let them use {role}."
        )
    if any("Filter" not in rule for rule in others):
        return (
            f"{said} of the form that knows no filter, beside which S3 takes no other. Write them anew with a filter."
        )
    return None
