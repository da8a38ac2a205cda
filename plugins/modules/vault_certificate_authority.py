#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Look up, make or change a private CA whose key is in KMS."""

from __future__ import annotations

DOCUMENTATION = r"""
module: vault_certificate_authority
short_description: Look up, make or change a private CA whose key is in KMS
version_added: 1.0.0
description:
  - Reads the CA certificates that a cluster trusts from O(parameter). Each of them has to be the certificate of the KMS key
    O(alias), or, while the CA changes, of the key of the same alias with C(-next). So whoever may write the parameter makes
    nobody trust another CA. Then the module writes them to O(path).
  - Where the parameter is missing, the most CA certificates that a node has do, on the same condition.
  - Where a node has the certificate of the key which comes next and the parameter lacks it, the parameter is refused.
  - The first certificate is of the CA that signs.
  - The KMS keys are M(vaultops.cluster.kms_key)'s, with O(ignore:purpose=ca). This module deletes none of them.
  - Every step can be repeated. A step that was cut short is finished by the same step.
author: vaultops maintainers (@vaultops)
options:
  parameter:
    description: Name of the parameter in Systems Manager's Parameter Store that publishes the CA certificates.
    type: str
    required: true
  path:
    description:
      - File that the CA certificates are written to, such as V(ca.crt). While the CA changes, V(ca-next.crt) beside it has the
        new one alone. The directory is created.
    type: path
  known:
    description:
      - The CA certificates that nodes which hold data, or run, trust, in PEM.
      - Without this option no node was asked. A parameter that is missing is then an error of O(step=look).
    type: list
    elements: str
  step:
    description:
      - What is done besides looking.
      - V(make) publishes the CA certificate, and makes one where there is none.
      - V(begin) has a new CA trusted beside the old one, V(switch) has the new one sign, V(finish) has the new one trusted alone
        and moves O(alias) to its key.
      - V(remove) removes the parameter.
    type: str
    choices: [look, make, begin, switch, finish, remove]
    default: look
  common_name:
    description: Name of a CA that is made. Two CAs of one name could not be told apart.
    type: str
  days:
    description: How long the certificate of a CA that is made is valid.
    type: int
    default: 3650
  tags:
    description: Tags of a parameter that is made.
    type: dict
    default: {}
  required:
    description: Whether it is an error when the CA can't be looked up. Otherwise RV(problem) says why.
    type: bool
    default: true
extends_documentation_fragment:
  - vaultops.cluster.ca
  - vaultops.cluster.aws
  - vaultops.cluster.attributes
  - vaultops.cluster.attributes.change
"""

EXAMPLES = r"""
- name: Fetch the CA certificates
  vaultops.cluster.vault_certificate_authority:
    alias: alias/vault-prod-ca
    required_tags: {vault-cluster: prod}
    parameter: /vaultops/prod/ca
    path: /tmp/vaultops-prod/ca.crt
    region: eu-central-1
"""

RETURN = r"""
bundle:
  description: The CA certificates in PEM, in check mode as they would be; empty where there are none.
  returned: success
  type: str
change:
  description: How far a change of the CA has come, V(none), V(begun) or V(switched).
  returned: success
  type: str
source:
  description: Where the CA certificates are from, V(parameter), V(nodes), V(files) or, where there are none, empty.
  returned: success
  type: str
moves:
  description: Whether the CA of O(move_from) is among them.
  returned: success
  type: bool
retired:
  description: ARN of the key that signs nothing any more, after O(step=finish); else null.
  returned: success
  type: str
problem:
  description: Why the CA could not be looked up; else null.
  returned: success
  type: str
"""

import datetime
import os
import typing as t

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ..module_utils._aws import key_state, kms_api, ssm_api
from ..module_utils._aws.errors import translate_errors
from ..module_utils._aws.module import run_aws_module
from ..module_utils._common import files
from ..module_utils._common.errors import Problem
from ..module_utils._common.libraries import CRYPTOGRAPHY
from ..module_utils._common.module import require
from ..module_utils._tls import authority, certificates, options
from ..module_utils._tls.signers import NEXT, Keys


def run(module: AnsibleAWSModule) -> dict[str, t.Any]:
    require(CRYPTOGRAPHY)
    params = module.params
    if params["days"] < 1:
        raise Problem(f"a CA of {params['days']} days would never be valid", "Give whole days from 1.")
    try:
        with translate_errors(module.region, "KMS"):
            return work(module)
    except Problem as problem:
        if params["required"]:
            raise
        module.warn(str(problem))
        nothing = {"bundle": "", "change": "none", "source": "", "moves": False, "retired": None}
        return {"changed": False, **nothing, "problem": str(problem)}


def work(module: AnsibleAWSModule) -> dict[str, t.Any]:
    params = module.params
    ssm = module.client("ssm", retry_decorator=ssm_api.RETRY)
    with translate_errors(module.region, "SSM"):
        before = ssm_api.read(ssm, params["parameter"])
        if params["step"] == "remove":
            if before is not None and not module.check_mode:
                ssm_api.delete(ssm, params["parameter"])
            return answer(before is not None)
    client = module.client("kms", retry_decorator=kms_api.RETRY)
    keys = Keys.of(client, module.region, params)
    trusted, source = look(before, keys, params)
    following = coming(trusted, keys)
    if params["step"] == "look":
        wanted = certificates.bundle(trusted)
    else:
        wanted, following = planned(trusted, following, keys, params, module.check_mode)
    changed = params["step"] != "look" and wanted != before
    retired = None
    ends = params["step"] == "finish" and not moves(trusted, keys)
    at_the_end = ends and keys.following and (following or left_over(keys))
    if changed and not module.check_mode:
        with translate_errors(module.region, "SSM"):
            publish(ssm, params, before, wanted)
    if at_the_end:
        retired = retire(keys, module.check_mode)
    if params["path"] and not (module.check_mode and params["step"] != "look"):
        put(params["path"], wanted, certificates.bundle(following))
    state = certificates.change(certificates.certificates_in(wanted), following)
    found = {"bundle": wanted, "change": state["change"], "source": source, "moves": moves(trusted, keys)}
    return answer(changed or bool(at_the_end), **found, retired=retired)


def put(path: str, wanted: str, following: str) -> None:
    """The CA certificates, and beside them the new CA alone while it is a change's."""
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    for place, text in ((path, wanted), (f"{os.path.splitext(path)[0]}-next.crt", following)):
        if text:
            files.write(place, text.encode(), 0o644)
        elif os.path.exists(place):
            os.unlink(place)


def left_over(keys: t.Any) -> bool:
    """Whether all of a change of the CA is done but for the last step."""
    return bool(keys.following and keys.current and keys.following.arn == keys.current.arn)


def answer(changed: bool, **found: t.Any) -> dict[str, t.Any]:
    nothing = {"bundle": "", "change": "none", "source": "", "moves": False, "retired": None, "problem": None}
    diff = {"before": "", "after": "The CA certificates change.\n" if changed else ""}
    return {"changed": changed, **nothing, **found, "diff": diff}


def look(text: str | None, keys: t.Any, params: dict[str, t.Any]) -> tuple[list[t.Any], str]:
    """The CA certificates that are the cluster's, and where they are from."""
    bundles = [bundle for one in params["known"] or () if (bundle := certificates.certificates_in(one))]
    if text is not None:
        found = certificates.certificates_in(text)
        if not found:
            raise Problem(
                f"the parameter {params['parameter']} in {keys.region} holds no certificate",
                "Remove it: what the nodes have is published in its place.",
            )
        refuse_strangers(f"the parameter {params['parameter']} in {keys.region}", found, keys)
        refuse_older(params["parameter"], found, bundles, keys)
        return found, "parameter"
    vouched = [bundle for bundle in bundles if all(map(keys.vouch, bundle))]
    if bundles and not vouched:
        refuse_strangers("what the nodes trust", bundles[0], keys)
    if vouched:
        # A run that was cut short may have left nodes behind: nobody loses trust by the richest one.
        richest = max(vouched, key=len)
        return richest + [one for one in on_nodes(vouched, keys)[:1] if not on_nodes([richest], keys)], "nodes"
    # Where a CA would be made, a key of another kind is named before anything is.
    _key = keys.current
    if params["known"] is None and params["step"] == "look" and not keys.old:
        raise Problem(
            f"the parameter {params['parameter']} in {keys.region} is missing, and this run asks no node for the CA",
            "Run site.yml, which publishes it again. If the cluster was made in another account or region, name that.",
        )
    return list(keys.old), "files" if keys.old else ""


def on_nodes(bundles: list[list[t.Any]], keys: t.Any) -> list[t.Any]:
    """What nodes have of the CA that comes next: its certificate, mostly once for each node."""
    if keys.following is None or left_over(keys):
        return []
    return [one for bundle in bundles for one in bundle if keys.vouches_next(one)]


def refuse_older(parameter: str, published: list[t.Any], bundles: list[list[t.Any]], keys: t.Any) -> None:
    """A parameter that was put back must not undo a change of the CA on the nodes.

    Of the old CA they may have more than the parameter: a change publishes its end first.
    """
    # KMS is asked for the key that comes next only where a node has what the parameter lacks.
    unpublished = [[one for one in bundle if one not in published] for bundle in bundles]
    lacking = on_nodes(unpublished, keys) if any(unpublished) else []
    if lacking:
        raise Problem(
            f"the parameter {parameter} in {keys.region} lacks the CA {lacking[0].subject.rfc4514_string()} of the KMS key "
            f"{keys.alias}{NEXT}, which a node trusts already, so an older bundle was put into the parameter",
            f"Remove it: what the nodes have is published in its place (aws ssm delete-parameter --name {parameter}). Nothing "
            "was changed.",
        )


def refuse_strangers(where: str, bundle: list[t.Any], keys: t.Any) -> None:
    strange = [one.subject.rfc4514_string() for one in bundle if not keys.vouch(one)]
    if strange:
        raise Problem(
            f"{where} has the CA {strange[0]}, and that is not the certificate of the KMS key {keys.alias} in {keys.region}"
            + ("" if keys.current else ", which does not exist"),
            "Name the account and the region that the cluster was made in. If an earlier release kept the CA in a directory, "
            "name that (vault_move_from). Nothing was changed.",
        )


def coming(trusted: list[t.Any], keys: t.Any) -> list[t.Any]:
    """Of a change that was begun, the new CA's certificate."""
    if moves(trusted, keys):
        return [one for one in trusted if one not in keys.old]
    # Of two, one is the next key's; of one, it may be where a change was cut short at its end.
    if len(trusted) == 1 and keys.current and keys.current.public == trusted[0].public_key():
        return []
    return [one for one in trusted if keys.following and keys.following.public == one.public_key()]


def moves(trusted: list[t.Any], keys: t.Any) -> bool:
    return any(one in keys.old for one in trusted)


def planned(
    trusted: list[t.Any], following: list[t.Any], keys: t.Any, params: dict[str, t.Any], check_mode: bool
) -> tuple[str, list[t.Any]]:
    """What the CA certificates are after the step, and which of them is the new CA's."""
    step = params["step"]
    if step == "make":
        if not trusted and keys.current is None and check_mode:
            return "", []
        return certificates.bundle(trusted or [made(keys.current, params, params["alias"])]), following
    if not trusted:
        raise Problem(
            f"{params['alias']} in {keys.region} has no CA certificate, and a change of the CA begins with the one that is "
            "trusted now",
            "Name the account and the region that the cluster was made in.",
        )
    if step == "begin" and not following:
        following = [begun(trusted, keys, params)]
    if step == "switch" and not following:
        raise Problem(
            "there is no new CA to switch to",
            "Begin with -e vault_tls_ca_change=begin, and give ca.crt to every client.",
        )
    return certificates.change(trusted, following)["bundles"][step], following


def begun(trusted: list[t.Any], keys: t.Any, params: dict[str, t.Any]) -> t.Any:
    if moves(trusted, keys):
        return made(keys.current, params, params["alias"])
    if left_over(keys):
        raise Problem(
            f"the last change of the CA was cut short at its end: {params['alias']}{NEXT} still leads to the key that signs",
            "Finish it first, with -e vault_tls_ca_change=finish.",
        )
    return made(keys.following, params, params["alias"] + NEXT)


def made(signer: t.Any, params: dict[str, t.Any], alias: str) -> t.Any:
    if signer is None:
        raise Problem(f"the KMS key {alias} does not exist", "Make it first, with kms_key.")
    now = datetime.datetime.now(datetime.timezone.utc)
    return authority.ca_certificate(signer, params["common_name"] or "Vault CA", params["days"], now)


def publish(ssm: t.Any, params: dict[str, t.Any], before: str | None, wanted: str) -> None:
    if before is None:
        ssm_api.create(ssm, params["parameter"], wanted, params["tags"])
    else:
        ssm_api.overwrite(ssm, params["parameter"], wanted)


def retire(keys: t.Any, check_mode: bool) -> str | None:
    """Have the alias lead to the new CA's key. Wherever that is cut short, one of the aliases vouches for what is published.

    The ARN of the key that signs nothing any more; None where an earlier run had got further.
    """
    new, old = keys.following, keys.current
    moves_on = old is not None and old.arn != new.arn
    if not check_mode:
        if moves_on:
            # By this tag kms_key finds a key that a run left without its alias: this one is none.
            kms_api.apply(keys.client, old.arn, "tag", {key_state.ALIAS_TAG: "retired"})
            kms_api.apply(keys.client, new.arn, "tag", {key_state.ALIAS_TAG: keys.alias})
            kms_api.update_alias(keys.client, keys.alias, new.arn)
        kms_api.delete_alias(keys.client, keys.alias + NEXT)
    return old.arn if moves_on else None


OPTIONS: dict[str, t.Any] = {
    **options.CA,
    "parameter": {"type": "str", "required": True},
    "path": {"type": "path"},
    "known": {"type": "list", "elements": "str"},
    "step": {
        "type": "str",
        "choices": ["look", "make", "begin", "switch", "finish", "remove"],
        "default": "look",
    },
    "common_name": {"type": "str"},
    "days": {"type": "int", "default": 3650},
    "tags": {"type": "dict", "default": {}},
    "required": {"type": "bool", "default": True},
}


def main() -> None:
    run_aws_module(run, OPTIONS, "KMS")


if __name__ == "__main__":
    main()
