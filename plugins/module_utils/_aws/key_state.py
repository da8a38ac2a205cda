# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A KMS key as it is and as it should be. Pure."""

from __future__ import annotations

import datetime
import typing as t

from ansible_collections.amazon.aws.plugins.module_utils.policy import compare_policies
from ansible_collections.amazon.aws.plugins.module_utils.tagging import compare_aws_tags

# Names the alias that a key was created for: a run that dies between key and alias leaves a key that is found again.
ALIAS_TAG = "vaultops:alias"
PENDING = ("PendingDeletion", "PendingReplicaDeletion")
WINDOW_DAYS = range(7, 31)
ROTATION_DAYS = range(90, 2561)
# The kinds of keys that are used here: for Vault's seal and what is encrypted beside it, and for a private CA.
SEAL = ("ENCRYPT_DECRYPT", "SYMMETRIC_DEFAULT")
CA = ("SIGN_VERIFY", "ECC_NIST_P384")
NEEDS = {
    SEAL: "Vault's seal needs a symmetric one for ENCRYPT_DECRYPT",
    CA: "a CA needs an ECC_NIST_P384 one for SIGN_VERIFY",
}
WITHOUT = {
    SEAL: ("everything it encrypted is lost then", "Vault can't unseal with it"),
    CA: ("nothing can be signed with it then", "it can't sign certificates"),
}

Step = tuple[str, t.Any]


class Key(t.TypedDict):
    """None stands for what is not known: not yet, or not to this identity."""

    key_id: str | None
    arn: str | None
    aliases: list[str] | None
    description: str | None
    enabled: bool
    key_state: str
    key_manager: str
    key_usage: str
    key_spec: str
    multi_region: bool
    rotation_enabled: bool | None
    rotation_period_in_days: int | None
    deletion_date: str | None  # ISO 8601
    tags: dict[str, str] | None
    policy: dict[str, t.Any] | None


class Desired(t.TypedDict):
    """None stands for: leave alone."""

    kind: tuple[str, str]  # KeyUsage and KeySpec

    description: str | None
    enabled: bool | None
    multi_region: bool | None
    rotation_enabled: bool | None
    rotation_period_in_days: int | None
    tags: dict[str, str] | None
    purge_tags: bool
    policy: dict[str, t.Any] | None
    cancel_deletion: bool


def nothing(kind: tuple[str, str]) -> Desired:
    """Of a key that is only looked at: its kind."""
    return {
        "kind": kind,
        "description": None,
        "enabled": None,
        "multi_region": None,
        "rotation_enabled": None,
        "rotation_period_in_days": None,
        "tags": None,
        "purge_tags": False,
        "policy": None,
        "cancel_deletion": False,
    }


def normalise(
    metadata: dict[str, t.Any],
    aliases: list[str] | None,
    tags: dict[str, str] | None,
    policy: dict[str, t.Any] | None,
    rotation: dict[str, t.Any] | None,
) -> Key:
    deletion = metadata.get("DeletionDate")
    return {
        "key_id": metadata["KeyId"],
        "arn": metadata["Arn"],
        "aliases": sorted(aliases) if aliases is not None else None,
        "description": metadata.get("Description") or "",
        "enabled": metadata["KeyState"] == "Enabled",
        "key_state": metadata["KeyState"],
        "key_manager": metadata.get("KeyManager", "CUSTOMER"),
        "key_usage": metadata.get("KeyUsage", "ENCRYPT_DECRYPT"),
        "key_spec": metadata.get("KeySpec", "SYMMETRIC_DEFAULT"),
        "multi_region": bool(metadata.get("MultiRegion", False)),
        "rotation_enabled": bool(rotation["KeyRotationEnabled"]) if rotation is not None else None,
        "rotation_period_in_days": (rotation or {}).get("RotationPeriodInDays"),
        "deletion_date": deletion.isoformat() if isinstance(deletion, datetime.datetime) else deletion,
        "tags": tags,
        "policy": policy,
    }


def new(alias: str | None, desired: Desired, required_tags: dict[str, str] | None = None) -> Key:
    """The key that would be created."""
    return {
        "key_id": None,
        "arn": None,
        "aliases": [alias] if alias else [],
        "description": desired["description"] or "",
        "enabled": True,
        "key_state": "Enabled",
        "key_manager": "CUSTOMER",
        "key_usage": desired["kind"][0],
        "key_spec": desired["kind"][1],
        "multi_region": bool(desired["multi_region"]),
        "rotation_enabled": False,
        "rotation_period_in_days": None,
        "deletion_date": None,
        "tags": {**(desired["tags"] or {}), **(required_tags or {}), **({ALIAS_TAG: alias} if alias else {})},
        "policy": desired["policy"],
    }


def input_problem(desired: Desired, window: int) -> str | None:
    """Numbers that KMS would refuse."""
    period = desired["rotation_period_in_days"]
    if period is not None and period not in ROTATION_DAYS:
        return f"rotation_period_in_days must be between {ROTATION_DAYS[0]} and {ROTATION_DAYS[-1]}, not {period}"
    if window not in WINDOW_DAYS:
        return f"pending_window must be between {WINDOW_DAYS[0]} and {WINDOW_DAYS[-1]} days, not {window}"
    return None


def present_problem(key: Key, desired: Desired, name: str) -> str | None:
    """Why this key can't be brought in line, or None."""
    if key["key_manager"] != "CUSTOMER":
        return f"{name} is a key that AWS manages, which can't be changed. Use a key of your own"
    if (key["key_usage"], key["key_spec"]) != desired["kind"]:
        return (
            f"{name} is a {key['key_spec']} key for {key['key_usage']}, and {NEEDS[desired['kind']]}. Name another key"
        )
    if key["key_state"] in PENDING and not desired["cancel_deletion"]:
        return (
            f"{name} ({key['arn']}) is scheduled for deletion on {key['deletion_date']}; {WITHOUT[desired['kind']][0]}. "
            "Set cancel_deletion=true to keep it"
        )
    if key["key_state"] == "Disabled" and desired["enabled"] is None and not desired["cancel_deletion"]:
        return f"{name} ({key['arn']}) is disabled, so {WITHOUT[desired['kind']][1]}. Set enabled=true to enable it"
    if desired["multi_region"] is not None and desired["multi_region"] != key["multi_region"]:
        return f"{name} was created with multi_region={key['multi_region']}, which can't be changed. Create another key"
    hidden = [
        part
        for part in ("tags", "policy", "rotation_enabled")
        if desired[part] is not None and key[part] is None and key["key_state"] not in PENDING  # type: ignore[literal-required]
    ]
    if hidden:
        return f"{name}: this identity may not read {', '.join(hidden)}, so they can't be managed with it"
    return None


def ownership_problem(key: Key, required: dict[str, str], name: str) -> str | None:
    """Why this key is not the caller's to change, or None."""
    lacking = {tag: value for tag, value in required.items() if (key["tags"] or {}).get(tag) != value}
    if not lacking:
        return None
    wanted = ", ".join(f"{tag}={value}" for tag, value in lacking.items())
    if key["tags"] is None:
        has = "may not be read by this identity"
    else:
        has = ", ".join(f"{tag}={value}" for tag, value in sorted(key["tags"].items())) or "none"
    return (
        f"{name} ({key['arn']}) does not carry the tag {wanted} (its tags: {has}), so it is somebody else's key, and "
        f"nothing of it is changed. Name another alias, or, if it is meant, tag the key with {wanted} first"
    )


def replica_problem(primary: Key | None, name: str, region: str, replica_region: str) -> str | None:
    """Why this key can't have a replica in that region, or None."""
    if primary is None:
        return f"there is no key {name} in {region} to make a replica of"
    if replica_region == region:
        return f"the replica's region is the key's own, {region}. Name another one"
    if not primary["multi_region"]:
        return (
            f"{name} ({primary['arn']}) is not a multi-region key, which can't be changed. A cluster that wants a replica "
            "needs a new key, made with multi_region=true"
        )
    return None


def plan(key: Key, desired: Desired) -> tuple[list[Step], Key]:
    """The steps that bring a key in line, in order, and the key as it will be."""
    after: Key = {**key}
    steps: list[Step] = []
    enabled = desired["enabled"]
    if key["key_state"] in PENDING and desired["cancel_deletion"]:
        steps.append(("cancel_deletion", None))
        after.update({"deletion_date": None, "key_state": "Disabled", "enabled": False})
        enabled = True if enabled is None else enabled
    if enabled is True and not after["enabled"]:
        steps.append(("enable", None))
        after.update({"enabled": True, "key_state": "Enabled"})
    if desired["description"] is not None and desired["description"] != key["description"]:
        steps.append(("description", desired["description"]))
        after["description"] = desired["description"]
    if desired["policy"] is not None and compare_policies(key["policy"] or {}, desired["policy"]):
        steps.append(("policy", desired["policy"]))
        after["policy"] = desired["policy"]
    steps += _tag_steps(key, desired, after)
    steps += _rotation_steps(key, desired, after)
    if enabled is False and after["enabled"]:
        steps.append(("disable", None))
        after.update({"enabled": False, "key_state": "Disabled"})
    return steps, after


def _tag_steps(key: Key, desired: Desired, after: Key) -> list[Step]:
    if desired["tags"] is None:
        return []
    current = key["tags"] or {}
    wanted = dict(desired["tags"])
    if ALIAS_TAG in current:
        wanted[ALIAS_TAG] = current[ALIAS_TAG]
    to_set, to_remove = compare_aws_tags(current, wanted, desired["purge_tags"])
    after["tags"] = {name: value for name, value in {**current, **to_set}.items() if name not in to_remove}
    return ([("tag", to_set)] if to_set else []) + ([("untag", to_remove)] if to_remove else [])


def _rotation_steps(key: Key, desired: Desired, after: Key) -> list[Step]:
    wanted, period = desired["rotation_enabled"], desired["rotation_period_in_days"]
    if wanted is False and key["rotation_enabled"]:
        after.update({"rotation_enabled": False, "rotation_period_in_days": None})
        return [("rotation_off", None)]
    # A period that is not reported can't be compared, and setting it on every run would be a change on every run.
    other_period = period is not None and key["rotation_period_in_days"] not in (None, period)
    if wanted and (not key["rotation_enabled"] or other_period):
        after.update({"rotation_enabled": True, "rotation_period_in_days": period or key["rotation_period_in_days"]})
        return [("rotation_on", period)]
    return []


def deletion_plan(key: Key, window: int, now: datetime.datetime) -> tuple[list[Step], Key]:
    if key["key_state"] in PENDING:
        return [], key
    date = (now + datetime.timedelta(days=window)).isoformat()
    after: Key = {**key, "key_state": "PendingDeletion", "enabled": False, "deletion_date": date}
    return [("schedule_deletion", window)], after
