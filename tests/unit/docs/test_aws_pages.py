"""What pages about AWS say, beside what the roles do."""

from __future__ import annotations

import re

import pytest
import yaml
from ansible_collections.vaultops.cluster.plugins.module_utils._aws import kms_api
from kit.paths import ROOT

ROLES = ROOT / "roles"
AWS, REGIONS = ((ROOT / "docs" / name).read_text() for name in ("aws.md", "second-region.md"))
# Of a module that makes what carries the tag with the region: by which command the tag is changed.
COMMANDS = {
    "amazon.aws.iam_role": "tag-role --role-name",
    "amazon.aws.iam_instance_profile": "tag-instance-profile --instance-profile-name",
    "amazon.aws.iam_managed_policy": "tag-policy --policy-arn",
}
NAMES = {
    "{{ vault_node_role }}": "vault-NAME-node",
    "{{ __vault_aws_drill_role }}": "vault-NAME-drill",
    "{{ __vault_aws_replication_role }}": "vault-NAME-replication",
    "vault-{{ vault_cluster_name }}-init": "arn:aws:iam::ACCOUNT:policy/vault-NAME-init",
}


def tasks(path):
    found = yaml.safe_load(path.read_text())
    while found:
        task = found.pop()
        yield task
        found += task.get("block", [])


def tagged_with_the_region():
    for path in sorted((ROLES / "vault_aws/tasks").glob("*.yml")):
        for task in tasks(path):
            for module, command in COMMANDS.items():
                if "__vault_aws_all_tags" in str(task.get(module, "")):
                    yield f"aws iam {command} {NAMES[task[module]['name']]} --tags Key=vault-cluster-region,"


def test_a_region_that_becomes_the_home_retags_all_that_carries_the_region():
    _before, _found, afterwards = REGIONS.partition("## Afterwards")
    wanted = set(tagged_with_the_region())
    assert len(wanted) == 6
    assert {one for one in wanted if one not in afterwards} == set()


def waits(path: str, module: str) -> int:
    (task,) = (one for one in tasks(ROLES / path) if module in one and "retries" in one)
    return task["retries"] * task["delay"]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (waits("vault_kms_seal/tasks/main.yml", "vaultops.cluster.kms_key"), "half a minute for a role in a policy"),
        (
            waits("vault_aws/tasks/bucket.yml", "vaultops.cluster.aws_bucket_policy"),
            "half a minute for a role in a policy",
        ),
        (kms_api.NEW_SECONDS, "a minute for a new key"),
        (
            waits("vault_ec2/tasks/launch.yml", "amazon.aws.ec2_instance"),
            "a minute for a new key, for an instance profile",
        ),
        (
            waits("vault_kms_seal/tasks/main.yml", "vaultops.cluster.kms_replica"),
            "for a role in the policy of the replica",
        ),
        (kms_api.ALIAS_SECONDS, "five minutes for an alias"),
    ],
)
def test_what_was_made_a_moment_ago_is_waited_for_as_long_as_the_page_says(seconds, words):
    (row,) = re.findall(r"^\| what was made a moment ago .*$", AWS, re.M)
    assert words in row
    long = {"half a minute": 30, "a minute": 60, "five minutes": 300, "for a role": 60}
    assert seconds == next(value for name, value in long.items() if words.startswith(name))
