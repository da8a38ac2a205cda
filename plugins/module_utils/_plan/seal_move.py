# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How a cluster comes to another unseal key, and what forbids it. Pure.

Vault opens its data by whichever key the data names, and seals it anew when a node becomes active: with the key of that node's
configuration. So all nodes need both keys until what is stored names the new one alone, and no node may be left that would seal
it by the old one.
"""

from __future__ import annotations

import typing as t

from . import upgrade
from .words import Words, saved, words

PAGE = "docs/emergencies.md"
Part = t.Mapping[str, t.Any]


class Plan(t.TypedDict):
    problems: list[str]
    key_arn: str  # the key to move to
    old: list[str]  # ARNs of other keys that something stored is sealed with
    repoint: bool  # whether the alias has to be moved
    turns: list[str]  # nodes, in order; the active one last
    snapshot: bool  # whether the newest snapshot depends on an old key


class Wanted(t.TypedDict):
    region: str
    key: t.Sequence[Part]  # what kms_key_info finds for what was asked for
    alias_arn: str | None  # what the alias leads to now
    tags: t.Mapping[str, str]  # that the key has to carry, so that site.yml takes it for this cluster's


def plan(
    status: Part,
    stored: t.Sequence[str],
    wanted: Wanted,
    configured: t.Mapping[str, Part],
    differs: t.Collection[str],
    snapshots: Part,
) -> Plan:
    """*stored*: ARNs that vault_seal_info found; *configured*: key and region that each node's configuration names; *differs*:
    nodes whose configuration, or process, is not what it should be; *snapshots*: taken, bucket, and the newest one's manifest."""
    order = upgrade.in_order(status)
    problems = key_problems(wanted) or _region_problems(stored, wanted, configured)
    arn = wanted["key"][0]["arn"] if wanted["key"] else ""
    old = [one for one in stored if one != arn]
    # Whoever leads next seals by the new key. A node whose configuration is right already need not restart for that.
    turns = [node["name"] for node in order if node["name"] in differs or (old and node["state"] == "active")]
    newest = snapshots["newest"] or {}
    behind = bool(snapshots["bucket"]) and newest.get("seal_key_arn") != arn
    return {
        "problems": problems,
        "key_arn": arn,
        "old": old,
        "repoint": wanted["alias_arn"] != arn,
        "turns": [] if problems else turns,
        "snapshot": bool(snapshots["taken"]) and (bool(old) or behind),
    }


def in_words(made: Part, status: Part, about: Part) -> Words:
    """*about*: cluster, confirmed, alias, saves_to (as words.saved() has it)."""
    if not (made["turns"] or made["old"] or made["repoint"] or made["snapshot"]):
        return words(
            [], f"all that is stored is sealed with {made['key_arn']}, and so is the newest snapshot that is known."
        )
    old, roles = ", ".join(made["old"]), dict.fromkeys((node["name"] for node in status["nodes"]), "standby")
    roles |= {node["name"]: "active" for node in status["nodes"] if node["state"] == "active"}
    steps = [f"Every node has proven that its role can use {made['key_arn']}{f' and {old}' if old else ''}."]
    if made["turns"] or made["repoint"]:
        steps.append(saved(about["saves_to"]))
    if made["repoint"]:
        steps.append(f"{about['alias']} is pointed at {made['key_arn']}. Nothing happens to the nodes by that.")
    steps += [
        f"{name} ({roles[name]}): its configuration is brought in line where it differs, and it restarts. Both keys open it."
        for name in made["turns"]
    ]
    if made["old"]:
        steps.append(
            f"The node that leads then seals root key and recovery key anew. A snapshot has to name {made['key_arn']} alone; "
            "where it does not, the active node restarts once more."
        )
    if made["snapshot"]:
        steps.append(
            "The nodes' tool is told of the new key, and takes a snapshot. Those of before go on needing the old key."
        )
    steps.append(
        "No key is disabled or deleted. Recovery keys stay as they are. Nothing is lost while both keys work; the run can be "
        "begun again at any point."
    )
    if not about["confirmed"]:
        steps.append(f"All this only with -e vault_seal_move_confirm={about['cluster']}, which was not given.")
    return words(steps, "")


def old_snapshots(snapshots: t.Sequence[Part], key_arn: str) -> list[str]:
    """What has to be known of the snapshots that another key sealed."""
    by_key: dict[str, list[str]] = {}
    for one in snapshots:
        if one["seal_key_arn"] != key_arn:
            by_key.setdefault(one["seal_key_arn"], []).append(one["name"])
    lines = []
    for arn, names in by_key.items():
        few = ", ".join([*names[:3], *([f"... {names[-1]}"] if len(names) > 3 else [])])
        lines.append(
            f"{len(names)} of the snapshots in the bucket can't be restored without {arn}: {few}. That key has to stay enabled "
            "as long as one of them is kept."
        )
    return lines


def key_problems(wanted: Wanted) -> list[str]:
    if not wanted["key"]:
        return [
            f"No such key is in {wanted['region']}: name the new one by vault_kms_key_alias, or by vault_seal_move_key."
        ]
    key = wanted["key"][0]
    if key["key_state"] != "Enabled":
        return [f"{key['arn']} is {key['key_state']}, so it would open nothing. Enable it, or name another key."]
    if (key["key_usage"], key["key_spec"]) != ("ENCRYPT_DECRYPT", "SYMMETRIC_DEFAULT"):
        return [f"{key['arn']} is a {key['key_spec']} key for {key['key_usage']}. Vault's seal needs a symmetric one."]
    lacking = {name: value for name, value in wanted["tags"].items() if (key["tags"] or {}).get(name) != value}
    if lacking:
        has = ", ".join(f"{name}={value}" for name, value in lacking.items())
        return [
            f"{key['arn']} does not carry the tag {has}, so the other playbooks would take it for somebody else's. Tag it (aws "
            "kms tag-resource), or set vault_kms_manage to false."
        ]
    return []


def _region_problems(stored: t.Sequence[str], wanted: Wanted, configured: t.Mapping[str, Part]) -> list[str]:
    """A node's seal reaches the keys of one region."""
    regions = {arn.split(":")[3] for arn in stored}
    regions |= {str(one["region"]) for one in configured.values() if one.get("region")}
    others = sorted(regions - {wanted["region"]})
    if not others:
        return []
    return [
        f"The cluster is sealed by a key in {', '.join(others)}, and {wanted['key'][0]['arn']} is in {wanted['region']}. To "
        f"another region no playbook leads: every node needs recovery keys typed on the way. {PAGE} has the steps."
    ]
