#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Point a KMS alias at a key."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kms_alias
short_description: Manage an alias of a KMS key
version_added: 1.0.0
description:
  - Creates an alias, and moves it to another key only with O(repoint=true).
  - "An alias decides which key encrypts from now on. Data that the old key encrypted still needs the old key: a cluster that
    the key seals, and every snapshot of that cluster."
  - Based on the API of AWS KMS.
author: vaultops maintainers (@vaultops)
options:
  name:
    description: Name of the alias, with or without V(alias/).
    type: str
    required: true
  key_id:
    description: Id or ARN of the key. Required with O(state=present).
    type: str
  state:
    description: V(absent) removes the alias, and leaves the key.
    type: str
    choices: [present, absent]
    default: present
  repoint:
    description: Move an alias that points at another key.
    type: bool
    default: false
  confirm_deletion:
    description: With O(state=absent), the name of the alias once more.
    type: str
extends_documentation_fragment:
  - vaultops.cluster.aws
  - vaultops.cluster.attributes
  - vaultops.cluster.attributes.change
"""

EXAMPLES = r"""
- name: Name a key
  vaultops.cluster.kms_alias:
    name: alias/vault-unseal
    key_id: 1234abcd-12ab-34cd-56ef-1234567890ab
    region: eu-central-1
"""

RETURN = r"""
alias:
  description: The alias; in check mode as it would be.
  returned: success
  type: dict
  contains:
    name:
      description: Its name, with V(alias/).
      type: str
    key_arn:
      description: ARN of the key it points at; null if there is no such alias.
      type: str
"""

import typing as t

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ..module_utils._aws import alias_state, kms_api
from ..module_utils._aws.module import run_aws_module
from ..module_utils._common.errors import Problem


def run(module: AnsibleAWSModule) -> dict[str, t.Any]:
    params = module.params
    name = alias_state.full_name(params["name"])
    problem = alias_state.name_problem(name)
    if problem:
        raise Problem(problem)
    client = module.client("kms", retry_decorator=kms_api.RETRY)
    found = kms_api.describe(client, name)
    before: alias_state.Alias = {"name": name, "key_arn": found["Arn"] if found else None}
    after, step = absent(before, params) if params["state"] == "absent" else present(client, before, params)
    if not module.check_mode:
        if step == "create":
            kms_api.create_alias(client, name, params["key_id"])
        elif step == "update":
            kms_api.update_alias(client, name, params["key_id"])
        elif step == "delete":
            kms_api.delete_alias(client, name)
    return {"changed": step is not None, "alias": after, "diff": {"before": before, "after": after}}


def present(client: t.Any, before: alias_state.Alias, params: dict[str, t.Any]) -> tuple[alias_state.Alias, str | None]:
    target = kms_api.read(client, params["key_id"])
    if target is None:
        raise Problem(f"there is no key {params['key_id']}", "Check the id, the account and the region.")
    problem = alias_state.present_problem(before, target, params["repoint"])
    if problem:
        raise Problem(problem)
    return {"name": before["name"], "key_arn": target["arn"]}, alias_state.present_step(before, target)


def absent(before: alias_state.Alias, params: dict[str, t.Any]) -> tuple[alias_state.Alias, str | None]:
    if before["key_arn"] is None:
        return before, None
    if params["confirm_deletion"] not in (before["name"], params["name"]):
        raise Problem(
            f"a Vault that is configured with {before['name']} can't unseal without it",
            f"If it is to be removed, set confirm_deletion={before['name']}.",
        )
    return {"name": before["name"], "key_arn": None}, "delete"


OPTIONS: dict[str, t.Any] = {
    "name": {"type": "str", "required": True},
    "key_id": {"type": "str"},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "repoint": {"type": "bool", "default": False},
    "confirm_deletion": {"type": "str"},
}


def main() -> None:
    run_aws_module(run, OPTIONS, "KMS", required_if=[("state", "present", ["key_id"])])


if __name__ == "__main__":
    main()
