#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Manage a KMS key that Vault unseals with, or that a private CA signs with."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kms_key
short_description: Manage a KMS key and the alias it is known by
version_added: 1.0.0
description:
  - Creates a key with its alias, or brings the key behind an alias, id or ARN in line.
  - A key that is disabled or scheduled for deletion is an error, unless O(enabled) or O(cancel_deletion) restores the key.
  - Properties without an option keep their value. Grants are never changed.
  - Based on the API of AWS KMS.
author: vaultops maintainers (@vaultops)
options:
  alias:
    description:
      - Name of the alias, with or without V(alias/). A key that has to be created gets it.
      - Exactly one of O(alias) and O(key_id) is required.
    type: str
  key_id:
    description: Id or ARN of an existing key.
    type: str
  state:
    description: V(absent) schedules the key's deletion.
    type: str
    choices: [present, absent]
    default: present
  description:
    description: Description of the key.
    type: str
  purpose:
    description:
      - What the key is for. V(seal) is a symmetric key that encrypts (C(ENCRYPT_DECRYPT), C(SYMMETRIC_DEFAULT)), V(ca) one on the
        curve P-384 that signs (C(SIGN_VERIFY), C(ECC_NIST_P384)). A key of another kind is an error, since no key changes that.
      - A key for V(ca) does not rotate, so O(enable_key_rotation) is not for it.
    type: str
    choices: [seal, ca]
    default: seal
  enabled:
    description: Whether the key can be used.
    type: bool
  multi_region:
    description: Whether it can be replicated to other regions. Can't be changed later.
    type: bool
  policy:
    description:
      - Policy of the key, compared by its meaning.
      - AWS refuses a policy by which the caller could not change the key any more. That check is never switched off.
    type: json
  enable_key_rotation:
    description: Whether KMS rotates the key's material.
    type: bool
  rotation_period_in_days:
    description: Days between rotations, from 90 to 2560.
    type: int
  tags:
    description: Tags of the key.
    type: dict
  purge_tags:
    description: Whether tags that are not in O(tags) are removed.
    type: bool
    default: true
  required_tags:
    description:
      - Tags that tell that a key is the caller's. A key that exists and does not carry them is left alone, with an error.
      - A key that is created gets them.
    type: dict
    default: {}
  create:
    description: Whether a key that does not exist is created. Otherwise RV(key) is null then, and nothing else happens.
    type: bool
    default: true
  cancel_deletion:
    description: Keep a key that is scheduled for deletion, and enable it unless O(enabled=false).
    type: bool
    default: false
  pending_window:
    description: Days until a key is deleted, from 7 to 30.
    type: int
    default: 30
  confirm_deletion:
    description: With O(state=absent), the value of O(alias) or O(key_id) once more.
    type: str
extends_documentation_fragment:
  - vaultops.cluster.aws
  - vaultops.cluster.attributes
  - vaultops.cluster.attributes.change
"""

EXAMPLES = r"""
- name: The key that Vault unseals with
  vaultops.cluster.kms_key:
    alias: alias/vault-unseal
    description: Unseals Vault
    enable_key_rotation: true
    tags:
      Service: vault
    required_tags:
      vault-cluster: prod
    region: eu-central-1

- name: The key that a private CA signs with
  vaultops.cluster.kms_key:
    alias: alias/vault-prod-ca
    purpose: ca
    description: Signs certificates of the Vault cluster prod
    required_tags:
      vault-cluster: prod
    region: eu-central-1

- name: Bring back a key that was scheduled for deletion
  vaultops.cluster.kms_key:
    alias: alias/vault-unseal
    cancel_deletion: true
    region: eu-central-1
"""

RETURN = r"""
key:
  description: The key; in check mode as it would be. Null if there is none.
  returned: success
  type: dict
  contains:
    key_id:
      description: Id of the key; null in check mode for a key that would be created.
      type: str
    arn:
      description: ARN of the key; null in check mode for a key that would be created.
      type: str
    aliases:
      description: Names of its aliases, with V(alias/).
      type: list
      elements: str
    description:
      description: Its description.
      type: str
    enabled:
      description: Whether it can be used.
      type: bool
    key_state:
      description: Its state as KMS names it, such as V(Enabled), V(Disabled) or V(PendingDeletion).
      type: str
    key_manager:
      description: V(CUSTOMER) or V(AWS).
      type: str
    key_usage:
      description: What it is for, such as V(ENCRYPT_DECRYPT).
      type: str
    key_spec:
      description: Its kind, such as V(SYMMETRIC_DEFAULT).
      type: str
    multi_region:
      description: Whether it can be replicated to other regions.
      type: bool
    rotation_enabled:
      description: Whether KMS rotates its material; null if that may not be read.
      type: bool
    rotation_period_in_days:
      description: Days between rotations; null if KMS does not say.
      type: int
    deletion_date:
      description: When it will be deleted, in ISO 8601; null if it is not going to be.
      type: str
    tags:
      description: Its tags; null if they may not be read.
      type: dict
    policy:
      description: Its policy; null if it may not be read.
      type: dict
error_code:
  description: AWS's code, such as V(MalformedPolicyDocumentException).
  returned: when AWS refused a request
  type: str
steps:
  description: What was done, or would be.
  returned: success
  type: list
  elements: str
"""

import datetime
import json
import typing as t

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ..module_utils._aws import alias_state, key_state, kms_api
from ..module_utils._aws.module import run_aws_module
from ..module_utils._common.errors import Problem

DESTROYS = {
    "seal": "destroys everything it encrypted, Vault's data and snapshots included",
    "ca": "leaves a CA that can sign nothing any more",
}


def run(module: AnsibleAWSModule) -> dict[str, t.Any]:
    params = module.params
    if params["policy"] and not isinstance(json.loads(params["policy"]), dict):
        raise Problem("policy is no policy: it is JSON, and no object", "Give one with Version and Statement.")
    desired = desired_from(params)
    alias = alias_state.full_name(params["alias"]) if params["alias"] else None
    name = alias or params["key_id"]
    problem = key_state.input_problem(desired, params["pending_window"])
    problem = problem or (alias_state.name_problem(alias) if alias else None)
    if problem:
        raise Problem(problem)
    client = module.client("kms", retry_decorator=kms_api.RETRY)
    before = kms_api.read(client, name)
    problem = key_state.ownership_problem(before, params["required_tags"], name) if before else None
    if problem:
        raise Problem(problem)
    if params["state"] == "absent":
        return finish(client, module.check_mode, before, *deletion(before, params, name))
    if before is None and alias is None:
        raise Problem(f"there is no key {name} in {module.region}", "To create one, give an alias.")
    if before is None and not params["create"]:
        return finish(client, module.check_mode, None, [], None)
    if before is None:
        once = module.client("kms", retry_decorator=kms_api.RETRY, config=kms_api.ONCE)
        created = creation(client, once, module.check_mode, str(alias), desired, params["required_tags"])
        return finish(client, module.check_mode, None, *created)
    problem = key_state.present_problem(before, desired, name)
    if problem:
        raise Problem(problem)
    return finish(client, module.check_mode, before, *key_state.plan(before, desired))


def desired_from(params: dict[str, t.Any]) -> key_state.Desired:
    return {
        "kind": key_state.CA if params["purpose"] == "ca" else key_state.SEAL,
        "description": params["description"],
        "enabled": params["enabled"],
        "multi_region": params["multi_region"],
        "rotation_enabled": params["enable_key_rotation"],
        "rotation_period_in_days": params["rotation_period_in_days"],
        # None leaves the tags alone, also where some are required: those are there, or the key is refused.
        "tags": {**params["tags"], **params["required_tags"]} if params["tags"] is not None else None,
        "purge_tags": params["purge_tags"],
        "policy": json.loads(params["policy"]) if params["policy"] else None,
        "cancel_deletion": params["cancel_deletion"],
    }


def deletion(
    before: key_state.Key | None, params: dict[str, t.Any], name: str
) -> tuple[list[key_state.Step], key_state.Key | None]:
    if before is None:
        return [], None
    steps, after = key_state.deletion_plan(
        before, params["pending_window"], datetime.datetime.now(datetime.timezone.utc)
    )
    if steps and params["confirm_deletion"] not in (name, params["alias"] or name):
        raise Problem(
            f"deleting {name} ({before['arn']}) {DESTROYS[params['purpose']]}",
            f"If that is wanted, set confirm_deletion={name}.",
        )
    return steps, after


def creation(
    client: t.Any,
    once: t.Any,
    check_mode: bool,
    alias: str,
    desired: key_state.Desired,
    required_tags: dict[str, str],
) -> tuple[list[key_state.Step], key_state.Key]:
    """Take the key that a killed run left without its alias, or make one; then the alias, then the rest."""
    orphans = kms_api.find_tagged(client, {**required_tags, key_state.ALIAS_TAG: alias})
    if len(orphans) > 1:
        raise Problem(
            f"{alias} does not exist, and several keys were made for it: {', '.join(orphans)}",
            "Point the alias at the right one with kms_alias.",
        )
    key = kms_api.read(client, orphans[0]) if orphans else key_state.new(alias, desired, required_tags)
    if key is None:
        raise AssertionError("KMS has found the key by its tags, and does not know it")
    steps, after = key_state.plan(key, desired)
    done: list[key_state.Step] = [("alias", alias)] if orphans else [("create", alias)]
    if not check_mode:
        key_id = orphans[0] if orphans else kms_api.create_key(once, key)
        kms_api.when_known(lambda: kms_api.create_alias(client, alias, key_id))
        after = {**after, "key_id": key_id}
    return [*done, *steps], {**after, "aliases": sorted({*(after["aliases"] or []), alias})}


def finish(
    client: t.Any,
    check_mode: bool,
    before: key_state.Key | None,
    steps: list[key_state.Step],
    after: key_state.Key | None,
) -> dict[str, t.Any]:
    if after and steps and not check_mode:
        key_id = str(after["key_id"])
        new = steps[0][0] == "create"
        for step, value in steps:
            if step not in ("create", "alias"):
                kms_api.carry_out(client, key_id, step, value, new)
        after = kms_api.read_new(client, key_id) if new else kms_api.read(client, key_id)
    return {
        "changed": bool(steps),
        "key": after,
        "steps": [step for step, _value in steps],
        "diff": {"before": before or {}, "after": after or {}},
    }


OPTIONS: dict[str, t.Any] = {
    "alias": {"type": "str"},
    "key_id": {"type": "str"},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "description": {"type": "str"},
    "purpose": {"type": "str", "choices": ["seal", "ca"], "default": "seal"},
    "enabled": {"type": "bool"},
    "multi_region": {"type": "bool"},
    "policy": {"type": "json"},
    "enable_key_rotation": {"type": "bool", "no_log": False},
    "rotation_period_in_days": {"type": "int"},
    "tags": {"type": "dict"},
    "purge_tags": {"type": "bool", "default": True},
    "required_tags": {"type": "dict", "default": {}},
    "create": {"type": "bool", "default": True},
    "cancel_deletion": {"type": "bool", "default": False},
    "pending_window": {"type": "int", "default": 30},
    "confirm_deletion": {"type": "str"},
}


def main() -> None:
    run_aws_module(run, OPTIONS, "KMS", mutually_exclusive=[("alias", "key_id")], required_one_of=[("alias", "key_id")])


if __name__ == "__main__":
    main()
