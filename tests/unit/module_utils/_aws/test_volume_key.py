"""The key of volumes: which may be named, which EC2 can use, and what is said of others."""

from __future__ import annotations

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._aws import volume_key

REGION = "eu-central-1"
KEY = f"arn:aws:kms:{REGION}:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
OTHER = KEY.replace("1234abcd", "ffff0000")
ENABLED = {"arn": KEY, "state": "Enabled", "usage": "ENCRYPT_DECRYPT", "spec": "SYMMETRIC_DEFAULT"}
NOTHING = {"key": None, "default": None, "default_is_own": None, "volumes": {}}


@pytest.mark.parametrize(
    "arn",
    [
        "",
        KEY,
        # Of another account, and one with replicas.
        KEY.replace("111122223333", "444455556666"),
        f"arn:aws:kms:{REGION}:111122223333:key/mrk-1234abcd12ab34cd56ef1234567890ab",
    ],
)
def test_keys_that_may_be_named(arn):
    assert volume_key.arn_problems(arn, REGION) == []


def test_a_key_in_another_partition():
    arn = "arn:aws-cn:kms:cn-north-1:111122223333:key/1"
    assert volume_key.arn_problems(arn, "cn-north-1") == []
    assert volume_key.arn_problems(arn.replace("aws-cn", "aws"), "cn-north-1")


@pytest.mark.parametrize(
    ("arn", "says"),
    [
        ("1234abcd-12ab-34cd-56ef-1234567890ab", f"arn:aws:kms:{REGION}:ACCOUNT:key/ID"),
        ("alias/volumes", "Policies can't allow an alias"),
        (f"arn:aws:kms:{REGION}:111122223333:alias/volumes", "Policies can't allow an alias"),
        (KEY.replace(REGION, "eu-west-1"), "a key in eu-west-1, and the volumes are in eu-central-1"),
        (f"{KEY}*", "has to be the ARN of a key"),
        (f"arn:aws:s3:{REGION}:111122223333:key/1", "has to be the ARN of a key"),
    ],
)
def test_what_is_no_key_of_the_region_is_refused(arn, says):
    (problem,) = volume_key.arn_problems(arn, REGION)
    assert problem.startswith(f"vault_ec2_ebs_key_arn is {arn}") and says in problem


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({}, None),
        ({"state": "Disabled"}, "the key's state is Disabled. Enable the key"),
        ({"state": "PendingDeletion"}, "the key's state is PendingDeletion"),
        ({"usage": "SIGN_VERIFY", "spec": "ECC_NIST_P384"}, "EBS takes symmetric keys alone"),
        ({"spec": "RSA_4096"}, "EBS takes symmetric keys alone"),
        ({"usage": "GENERATE_VERIFY_MAC", "spec": "HMAC_256"}, "EBS takes symmetric keys alone"),
    ],
)
def test_a_key_that_ec2_could_not_use_is_refused(change, says):
    found = volume_key.problems({**NOTHING, "key": {**ENABLED, **change}}, KEY)
    assert (says in " ".join(found)) if says else found == []


def test_a_key_that_is_not_there_is_refused_and_none_is_the_accounts_default():
    (problem,) = volume_key.problems(NOTHING, KEY)
    assert "there is no such key" in problem
    assert volume_key.problems(NOTHING, "") == []


@pytest.mark.parametrize(
    ("default", "is_own", "says"),
    [
        ("alias/aws/ebs", True, None),
        (OTHER, True, None),
        # Nobody could ask: that is no finding.
        (None, None, None),
        (OTHER, False, "and not AWS's own. The policies"),
        (OTHER, None, "this identity may not see (kms:ListAliases)"),
    ],
)
def test_a_default_key_of_ones_own_is_named_with_the_cure(default, is_own, says):
    said = volume_key.words({**NOTHING, "default": default, "default_is_own": is_own}, "")
    if says is None:
        assert said == []
    else:
        assert len(said) == 1 and OTHER in said[0] and says in said[0]
        assert "Set vault_ec2_ebs_key_arn to the key's ARN, write the policies anew" in said[0]
    assert volume_key.words({**NOTHING, "default": default, "default_is_own": is_own}, KEY) == []


THERE = [{"instance_id": f"i-{number}", "tags": {"Name": f"vault-{number}"}} for number in (1, 2, 3)]


def test_instances_with_another_key_are_named_and_not_replaced():
    seen = {**NOTHING, "volumes": {"i-1": [KEY], "i-2": [KEY, OTHER], "i-3": [OTHER]}}
    (said,) = volume_key.others(THERE, seen, KEY)
    assert said.startswith(f"vault-2, vault-3: volumes are encrypted with {OTHER}, and vault_ec2_ebs_key_arn is {KEY}.")
    assert "no instance that is there is replaced. playbooks/replace_node.yml" in said
    assert volume_key.others(THERE, seen, "") == []
    assert volume_key.others([], {**NOTHING, "volumes": None}, KEY) == []


def test_keys_of_volumes_that_nobody_may_see_are_not_taken_for_the_right_ones():
    (said,) = volume_key.others(THERE, {**NOTHING, "volumes": None}, KEY)
    assert "this identity may not see (ec2:DescribeVolumes)" in said
