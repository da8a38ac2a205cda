# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What provision.yml would make in AWS and decommission.yml would remove, in words. Pure."""

from __future__ import annotations

import typing as t

from .words import Words, words

Part = t.Mapping[str, t.Any]

KINDS = {
    "instance_profile": "The instance profile",
    "role": "The role",
    "managed_policy": "The policy",
    "load_balancer": "The load balancer",
    "target_group": "The target group",
    "security_group": "The security group",
}


def made(parts: t.Iterable[Part]) -> list[str]:
    """*parts*: what it is, whether it is there, and whether a run in check mode would change it."""
    return [
        f"{part['what']}: {'brought in line' if part['there'] else 'created'}."
        for part in parts
        if part["changed"] or not part["there"]
    ]


def key(alias: str, key_result: Part, replica_result: Part, replica_region: str) -> list[str]:
    """*key_result*, *replica_result*: of kms_key and kms_replica in check mode, or of tasks that were skipped."""
    steps = list(key_result.get("steps") or ())
    found = _steps(f"The unseal key {alias}", key_result)
    if replica_region:
        what = f"The unseal key's replica in {replica_region}"
        found += [f"{what}: created."] if "create" in steps else _steps(what, replica_result)
    return found


def _policy(result: Part) -> str:
    """Which statements of the key's policy come, go or change."""
    diff = result.get("diff") or {}
    before, after = (_statements((diff.get(when) or {}).get("policy") or {}) for when in ("before", "after"))
    changes = {
        "added": sorted(after.keys() - before.keys()),
        "removed": sorted(before.keys() - after.keys()),
        "changed": sorted(sid for sid in before.keys() & after.keys() if before[sid] != after[sid]),
    }
    said = ", ".join(f"{' and '.join(sids)} {what}" for what, sids in changes.items() if sids)
    return f"policy: {said}" if said else "policy"


def _statements(policy: Part) -> dict[str, t.Any]:
    statements = policy.get("Statement") or []
    return {
        one.get("Sid") or f"statement {number}": _plain({**one, "Sid": ""})
        for number, one in enumerate([statements] if isinstance(statements, dict) else statements, 1)
    }


def _plain(value: t.Any) -> t.Any:
    """AWS gives back one value for a list of one, and lists in its own order."""
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    return sorted(value) if isinstance(value, list) else [value]


def _steps(what: str, result: Part) -> list[str]:
    steps = [_policy(result) if step == "policy" else step for step in result.get("steps") or ()]
    if not steps:
        return []
    return [f"{what}: created." if "create" in steps else f"{what}: brought in line ({', '.join(steps)})."]


def machines(instances: t.Sequence[Part], about: Part) -> list[str]:
    """*about*: create (names), complete (whether every instance was there once), type, image, volumes (in words, to follow
    those), and whether a load balancer is wanted."""
    create = [one for one in instances if one["name"] in about["create"]]
    found = [
        f"The instance {one['name']}: launched in {one['subnet_id']}, as {about['type']} from {about['image']}"
        f"{about.get('volumes', '')}."
        for one in create
    ]
    if create and about["balanced"]:
        found.append(f"The load balancer: {', '.join(one['name'] for one in create)} among its targets.")
    if not about["complete"]:
        found.append(
            "Once all instances run, a tag of the security group says so: one that is lost is not launched again."
        )
    return found


def provision(steps: t.Sequence[str], said: t.Sequence[str] = ()) -> Words:
    """*said*: what is to be known, and nothing is done about."""
    found = words(
        steps,
        "the account has what the cluster needs. The bucket's tags and the load balancer's listener and targets are compared "
        "all the same, by the run alone.",
        (
            "No instance is changed, moved or restarted, and nothing is removed. What AWS refuses, and whether an instance that "
            "is launched comes up, is known only then.",
        ),
    )
    return {"changes": found["changes"], "lines": [*found["lines"], *said]}


def removed(things: t.Sequence[Part]) -> list[str]:
    """*things*: those of aws_cluster_info that are the cluster's own, in the order of their removal."""
    return [f"{KINDS[thing['kind']]} {thing['name']}: removed." for thing in things]


def removed_buckets(buckets: t.Sequence[Part], keep: bool) -> list[str]:
    if keep:
        return []
    return [f"The bucket {one['name']}, which is empty, old versions included: removed." for one in buckets]


def removed_transfers(buckets: t.Sequence[Part]) -> list[str]:
    return [f"The bucket {one['name']}, with the files on their way in it: removed." for one in buckets]


def terminated(instances: t.Sequence[Part]) -> list[str]:
    names = ", ".join(str((one.get("tags") or {}).get("Name", one["instance_id"])) for one in instances)
    return [f"The instances {names}: terminated, with all data on them."] if names else []


def scheduled(things: t.Sequence[str], days: int | str, keep: bool) -> list[str]:
    """*things*: secrets or keys, in words."""
    if keep:
        return []
    return [f"{thing}: deletion scheduled, {days} days ahead. Until then it can be cancelled." for thing in things]


def removal(steps: t.Sequence[str], keep: bool) -> Words:
    stay = "Bucket, unseal key, recovery keys, and key and parameter of the private CA stay"
    kept = (f"{stay}, as vault_decommission_keep_snapshots says.",) if keep else ()
    return words(
        steps,
        "nothing in the account that would be removed carries the cluster's tag.",
        (
            *kept,
            "Nothing else is touched. What AWS refuses is known only then, and the run that follows goes on from there.",
        ),
    )
