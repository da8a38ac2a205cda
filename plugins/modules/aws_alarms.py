#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Have people told of what happens to a cluster in AWS."""

from __future__ import annotations

DOCUMENTATION = r"""
module: aws_alarms
short_description: Alarms on a cluster's keys, instances and load balancer in AWS
version_added: 1.0.0
description:
  - Makes a topic of SNS, a rule of EventBridge that tells it of calls that take a key away or open it to others, and alarms of
    CloudWatch on each instance and on the load balancer. All of it has names that begin with C(vault-) and the cluster's name.
  - The rule matches what CloudTrail writes down, so the account needs a trail with management events in this region. The module
    does not look for one.
  - Instances, load balancer and keys that do not exist yet have no alarm yet.
  - What has such a name and lacks O(required_tags) is not touched. Alarms of the cluster on instances that are not named are
    removed.
  - C(community.aws.sns_topic) knows no encryption, and C(amazon.aws.cloudwatchevent_rule) neither tags nor check mode. So this
    module does what these two would.
  - Based on the APIs of SNS, EventBridge, CloudWatch, KMS, EC2 and Elastic Load Balancing.
author: vaultops maintainers (@vaultops)
options:
  cluster:
    description: Name of the cluster.
    type: str
    required: true
  account:
    description: Id of the account.
    type: str
    required: true
  partition:
    description: Partition of the account.
    type: str
    default: aws
  state:
    description: With V(absent), what carries O(required_tags) is removed. Whether the alarms are wanted otherwise.
    type: str
    choices: [present, absent]
    default: present
  topic_arn:
    description: A topic of one's own that gets the messages. None is made then, and its policy is not changed.
    type: str
  topic_key:
    description:
      - Alias of the KMS key that encrypts the topic's messages. Required for a topic that is made.
      - The key's policy has to let C(events.amazonaws.com) and C(cloudwatch.amazonaws.com) use it.
    type: str
  subscriptions:
    description: Who gets the messages. Whoever was subscribed otherwise stays.
    type: list
    elements: dict
    default: []
    suboptions:
      protocol:
        description: Such as V(email), V(https), V(sqs) or V(lambda).
        type: str
        required: true
      endpoint:
        description: Address of that kind. It is never shown whole, since a URL may have a password in it.
        type: str
        required: true
  key_aliases:
    description: Aliases of the keys that are watched. The aliases are watched, too.
    type: list
    elements: str
    default: []
  instances:
    description: Names of the instances.
    type: list
    elements: str
    default: []
  load_balancer:
    description: Name of the network load balancer and of its target group.
    type: str
  tags:
    description: Tags of all that is made, besides O(required_tags). Other tags stay.
    type: dict
    default: {}
  required_tags:
    description: Tags by which instances are found, and without which nothing that exists is changed or removed.
    type: dict
    required: true
extends_documentation_fragment:
  - vaultops.cluster.aws
  - vaultops.cluster.attributes
  - vaultops.cluster.attributes.change
"""

EXAMPLES = r"""
- name: Tell of what happens to the keys and the machines
  vaultops.cluster.aws_alarms:
    cluster: prod
    account: "111122223333"
    topic_key: alias/vault-prod-alarms
    subscriptions:
      - {protocol: email, endpoint: ops@example.com}
    key_aliases: [alias/vault-unseal, alias/vault-prod-ca]
    instances: [vault-1, vault-2, vault-3]
    required_tags: {vault-cluster: prod}
    region: eu-central-1
"""

RETURN = r"""
steps:
  description: What was done, or would be, in words.
  returned: success
  type: list
  elements: str
said:
  description: What is to be known, and nothing is done about.
  returned: success
  type: list
  elements: str
topic_arn:
  description: The topic that gets the messages.
  returned: success
  type: str
"""

import typing as t

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ..module_utils._aws import alarms, alarms_api, kms_api
from ..module_utils._aws.errors import translate_errors
from ..module_utils._aws.module import run_aws_module
from ..module_utils._common.errors import Problem


def run(module: AnsibleAWSModule) -> dict[str, t.Any]:
    params, made = module.params, {}
    names: alarms.Names = {
        "partition": params["partition"],
        "region": str(module.region),
        "account": params["account"],
        "cluster": params["cluster"],
    }

    def client(service: str) -> t.Any:
        if service not in made:
            made[service] = module.client(service, retry_decorator=kms_api.RETRY)
        return made[service]

    alarms.check(params["subscriptions"], params["topic_arn"])
    seen = look(module, client, names)
    required = params["required_tags"]
    said: list[str] = []
    if params["state"] == "absent":
        seen["alarms"] = alarms.without_others(seen["alarms"], (), required)
        steps = alarms.removal(names, seen, required)
        said = alarms.ownership_problems(names, seen, required)
        arn = alarms.topic_arn(names)
    else:
        wanted, said = wish(module, client, names)
        seen["alarms"] = alarms.without_others(seen["alarms"], wanted["alarms"], required)
        problems = alarms.ownership_problems(names, seen, required)
        if problems:
            raise Problem(" ".join(problems))
        steps = alarms.plan(seen, wanted)
        said += [f"{one} is not confirmed, and gets no alarm yet." for one in alarms.unconfirmed(seen, wanted)]
        arn = wanted["topic_arn"]
    for step, value in [] if module.check_mode else steps:
        with translate_errors(module.region, service_of(step)):
            alarms_api.apply(client, names, step, value, tags_of(params))
    done = alarms.words(names, steps)
    return {
        "changed": bool(steps),
        "steps": done,
        "said": said,
        "topic_arn": arn,
        "diff": {"before": [], "after": done},
    }


def service_of(step: str) -> str:
    """Whose refusal it would be."""
    if "alarm" in step:
        return "cloudwatch"
    return "events" if "rule" in step or step == "target" else "sns"


def tags_of(params: dict[str, t.Any]) -> dict[str, str]:
    """As AWS has them: a number is text there."""
    return {name: str(value) for name, value in {**params["tags"], **params["required_tags"]}.items()}


def look(module: AnsibleAWSModule, client: t.Callable[[str], t.Any], names: alarms.Names) -> alarms.Seen:
    topic = None
    if not module.params["topic_arn"]:
        with translate_errors(module.region, "sns"):
            topic = alarms_api.topic(client("sns"), alarms.topic_arn(names))
    with translate_errors(module.region, "events"):
        rule = alarms_api.rule(client("events"), names)
    with translate_errors(module.region, "cloudwatch"):
        return {"topic": topic, "rule": rule, "alarms": alarms_api.alarms(client("cloudwatch"), names)}


def wish(
    module: AnsibleAWSModule, client: t.Callable[[str], t.Any], names: alarms.Names
) -> tuple[alarms.Wanted, list[str]]:
    """What there should be, of what exists; and what can't be watched yet."""
    params, said = module.params, []
    arn = params["topic_arn"] or alarms.topic_arn(names)
    with translate_errors(module.region):
        keys = {alias: kms_api.describe(client("kms"), alias) for alias in params["key_aliases"]}
    with translate_errors(module.region, "ec2"):
        there = alarms_api.instances(client("ec2"), params["required_tags"])
    wanted = {
        alarms.alarm_name(names, name): alarms.instance_alarm(names, name, there[name], arn)
        for name in params["instances"]
        if name in there
    }
    if params["load_balancer"]:
        with translate_errors(module.region, "elasticloadbalancing"):
            balancer, targets = alarms_api.balancer(client("elbv2"), params["load_balancer"])
        if balancer and targets:
            name = alarms.alarm_name(names, "targets")
            wanted[name] = alarms.balancer_alarm(names, balancer, targets, arn)
    absent = [alias for alias, key in keys.items() if key is None]
    if absent:
        said.append(
            f"{', '.join(absent)}: there is no key yet. Run this again when there is, or nobody is told of that key."
        )
    own = {"policy": alarms.topic_policy(names), "key": params["topic_key"]}
    return {
        "topic_arn": arn,
        "topic": None if params["topic_arn"] else own,
        "subscriptions": [(one["protocol"], one["endpoint"]) for one in params["subscriptions"]],
        "rule": {
            "pattern": alarms.pattern(names, [key["Arn"] for key in keys.values() if key], keys),
            "description": f"What takes a key of the Vault cluster {names['cluster']} away, or opens it to others",
            "target": alarms.target(names, arn),
        },
        "alarms": wanted,
        "tags": tags_of(params),
    }, said


SUBSCRIPTION = {
    "protocol": {"type": "str", "required": True},
    "endpoint": {"type": "str", "required": True, "no_log": True},
}
OPTIONS: dict[str, t.Any] = {
    "cluster": {"type": "str", "required": True},
    "account": {"type": "str", "required": True},
    "partition": {"type": "str", "default": "aws"},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "topic_arn": {"type": "str"},
    "topic_key": {"type": "str", "no_log": False},
    "subscriptions": {"type": "list", "elements": "dict", "default": [], "options": SUBSCRIPTION},
    "key_aliases": {"type": "list", "elements": "str", "default": [], "no_log": False},
    "instances": {"type": "list", "elements": "str", "default": []},
    "load_balancer": {"type": "str"},
    "tags": {"type": "dict", "default": {}},
    "required_tags": {"type": "dict", "required": True},
}


def main() -> None:
    run_aws_module(run, OPTIONS, "AWS")


if __name__ == "__main__":
    main()
