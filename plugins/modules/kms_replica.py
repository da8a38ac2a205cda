#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Manage the replica of a multi-region KMS key in another region."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kms_replica
short_description: Manage the replica of a multi-region KMS key in another region
version_added: 1.0.0
description:
  - Creates a replica of a multi-region key, with the key's alias, or brings an existing replica in line.
  - Each of the two keys decrypts what the other key encrypted. Material and rotation are shared; policy, tags and alias are not.
  - This module never removes a replica. M(vaultops.cluster.kms_key) does, in the replica's region.
  - Based on the API of AWS KMS.
author: vaultops maintainers (@vaultops)
options:
  alias:
    description: Alias of the primary key, with or without V(alias/). The replica gets the same in its own region.
    type: str
    required: true
  replica_region:
    description: Region of the replica.
    type: str
    required: true
  replica_endpoint_url:
    description: URL of KMS in the replica's region, where it is not the public one.
    type: str
  description:
    description: Description of the replica.
    type: str
  policy:
    description: Policy of the replica, compared by its meaning.
    type: json
  tags:
    description: Tags of the replica.
    type: dict
  purge_tags:
    description: Whether tags that are not in O(tags) are removed.
    type: bool
    default: true
  wait_timeout:
    description: Seconds to wait until AWS has made a new replica.
    type: int
    default: 120
extends_documentation_fragment:
  - vaultops.cluster.aws
  - vaultops.cluster.attributes
  - vaultops.cluster.attributes.change
"""

EXAMPLES = r"""
- name: Unseal in a second region, should the first one fail
  vaultops.cluster.kms_replica:
    alias: alias/vault-unseal
    region: eu-central-1
    replica_region: eu-west-1
"""

RETURN = r"""
key:
  description: The replica, in the shape that M(vaultops.cluster.kms_key) describes; in check mode as it would be.
  returned: success
  type: dict
steps:
  description: What was done, or would be.
  returned: success
  type: list
  elements: str
"""

import json
import typing as t

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ..module_utils._aws import alias_state, key_state, kms_api
from ..module_utils._aws.errors import translate_errors
from ..module_utils._aws.module import run_aws_module
from ..module_utils._common.errors import Problem
from ..module_utils._common.wait import Wait

POLL_SECONDS = 2


def run(module: AnsibleAWSModule) -> dict[str, t.Any]:
    params = module.params
    alias = alias_state.full_name(params["alias"])
    region = params["replica_region"]
    primary = kms_api.read(module.client("kms", retry_decorator=kms_api.RETRY), alias)
    problem = key_state.replica_problem(primary, alias, str(module.region), region)
    if problem or primary is None:
        raise Problem(str(problem))
    with translate_errors(region):
        endpoint = {"endpoint": params["replica_endpoint_url"]}
        there = module.client("kms", retry_decorator=kms_api.RETRY, region=region, **endpoint)
        return bring_about(module, there, alias, primary)


def bring_about(module: AnsibleAWSModule, there: t.Any, alias: str, primary: key_state.Key) -> dict[str, t.Any]:
    params, key_id = module.params, str(primary["key_id"])
    desired = desired_from(params)
    before = kms_api.read(there, key_id)
    named = kms_api.describe(there, alias)
    if named and named["KeyId"] != key_id:
        raise Problem(
            f"{alias} in {params['replica_region']} points at {named['Arn']}, which is no replica of {primary['arn']}",
            "Point it elsewhere with kms_alias first, or use another region.",
        )
    done: list[str] = []
    if before is None:
        done.append("replicate")
        if not module.check_mode:
            here = module.client("kms", retry_decorator=kms_api.RETRY)
            kms_api.replicate(here, key_id, params["replica_region"], desired)
            await_enabled(there, key_id, params["wait_timeout"])
    current = (found_now(there, key_id, before) if not module.check_mode else before) or {
        **primary,
        **key_state.new(None, desired),
        "key_id": key_id,
        "arn": str(primary["arn"]).replace(f":{module.region}:", f":{params['replica_region']}:"),
    }
    problem = key_state.present_problem(t.cast(key_state.Key, current), desired, f"the replica of {alias}")
    if problem:
        raise Problem(problem)
    if named is None:
        done.append("alias")
        if not module.check_mode and alias not in (current["aliases"] or []):
            kms_api.when_known(lambda: kms_api.create_alias(there, alias, key_id))
    steps, after = key_state.plan(t.cast(key_state.Key, current), desired)
    if not module.check_mode:
        for step, value in steps:
            kms_api.carry_out(there, key_id, step, value, before is None)
        after = kms_api.read(there, key_id) or after
    after = {**after, "aliases": sorted({*(after["aliases"] or []), alias})}
    done += [step for step, _value in steps]
    return {"changed": bool(done), "key": after, "steps": done, "diff": {"before": before or {}, "after": after}}


def found_now(there: t.Any, key_id: str, before: key_state.Key | None) -> key_state.Key | None:
    return kms_api.read(there, key_id) if before else kms_api.read_new(there, key_id)


def desired_from(params: dict[str, t.Any]) -> key_state.Desired:
    return {
        "kind": key_state.SEAL,
        "description": params["description"],
        "enabled": None,
        "multi_region": None,
        "rotation_enabled": None,
        "rotation_period_in_days": None,
        "tags": params["tags"],
        "purge_tags": params["purge_tags"],
        "policy": json.loads(params["policy"]) if params["policy"] else None,
        "cancel_deletion": False,
    }


def await_enabled(client: t.Any, key_id: str, seconds: int) -> None:
    """AWS copies the key's material before the replica can be used. KMS has no waiter for it."""
    wait = Wait(seconds, POLL_SECONDS)
    while True:
        metadata = kms_api.describe(client, key_id)
        if metadata and metadata["KeyState"] == "Enabled":
            return
        if not wait.again():
            state = metadata["KeyState"] if metadata else "not there"
            raise Problem(f"the replica is still {state} after {seconds} s", "Run again: it goes on from there.")


OPTIONS: dict[str, t.Any] = {
    "alias": {"type": "str", "required": True},
    "replica_region": {"type": "str", "required": True},
    "replica_endpoint_url": {"type": "str"},
    "description": {"type": "str"},
    "policy": {"type": "json"},
    "tags": {"type": "dict"},
    "purge_tags": {"type": "bool", "default": True},
    "wait_timeout": {"type": "int", "default": 120},
}


def main() -> None:
    run_aws_module(run, OPTIONS, "KMS")


if __name__ == "__main__":
    main()
