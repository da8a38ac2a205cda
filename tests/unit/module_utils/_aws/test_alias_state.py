"""Where an alias may be pointed, and which alias a cluster may be given."""

from __future__ import annotations

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._aws import alias_state

ARN = "arn:aws:kms:eu-central-1:123456789012:key/"


def key(name="one", region="eu-central-1", state="Enabled", multi_region=False):
    arn = f"arn:aws:kms:{region}:123456789012:key/{name}"
    return {"arn": arn, "key_id": name, "key_state": state, "multi_region": multi_region}


def alias(points_at=None):
    return {"name": "alias/vault", "key_arn": points_at}


@pytest.mark.parametrize(
    ("given", "full"), [("vault", "alias/vault"), ("alias/vault", "alias/vault"), ("a/alias/b", "alias/a/alias/b")]
)
def test_a_name_is_given_with_and_without_its_beginning(given, full):
    assert alias_state.full_name(given) == full


@pytest.mark.parametrize("name", ["vault", "alias/vault", "a/b_c-D9", "x" * 250])
def test_names_that_aws_takes(name):
    assert alias_state.name_problem(name) is None


@pytest.mark.parametrize("name", ["", "alias/", "alias/aws/s3", "aws/s3", "a b", "x" * 251, "vault\n"])
def test_names_that_aws_does_not_take(name):
    assert alias_state.name_problem(name).startswith(f"{name!r} is no name for an alias")


def test_an_alias_is_made_left_or_changed():
    assert alias_state.present_step(alias(), key()) == "create"
    assert alias_state.present_step(alias(ARN + "one"), key()) is None
    assert alias_state.present_step(alias(ARN + "two"), key()) == "update"


def test_an_alias_is_pointed_at_a_key_that_works():
    said = alias_state.present_problem(alias(), key(state="PendingDeletion"), True)
    assert said.startswith(f"{ARN}one is PendingDeletion")
    assert alias_state.present_problem(alias(), key(), False) is None
    assert alias_state.present_problem(alias(ARN + "one"), key(), False) is None


def test_an_alias_leaves_its_key_only_when_that_is_asked_for():
    said = alias_state.present_problem(alias(ARN + "two"), key(), False)
    assert said.startswith(f"alias/vault points at {ARN}two, not at {ARN}one.")
    assert "set repoint=true" in said
    assert alias_state.present_problem(alias(ARN + "two"), key(), True) is None


def seal(wanted, used, typed="", region=None):
    found = alias_state.seal_problems(
        wanted, used, "alias/vault", "eu-central-1", {"key_id": "two", "region": region}, typed
    )
    assert len(found) <= 1
    return found[0] if found else None


def test_a_cluster_keeps_its_key():
    assert seal([key("two")], [key("two")]) is None
    # There is no such alias yet: it is made for the key that is in use.
    assert seal([], [key("two")]) is None
    said = seal([key("one")], [key("two")])
    assert said.startswith(
        f"The running nodes are sealed with two in eu-central-1, which is {ARN}two, and alias/vault in eu-central-1 is {ARN}one."
    )
    assert said.endswith("-e vault_kms_change=alias/vault.")


def test_a_key_that_is_gone_is_named_and_where_it_was():
    said = seal([key("one")], [], region="eu-west-1")
    assert said.startswith(
        "The running nodes are sealed with two in eu-west-1, where there is no such key any more, and"
    )


def test_another_key_has_to_be_typed():
    assert seal([key("one")], [key("two")], typed="alias/vault") is None
    assert seal([key("one")], [key("two")], typed="alias/other") is not None


def test_replicas_open_what_the_others_sealed_and_namesakes_do_not():
    here, there = key("mrk", multi_region=True), key("mrk", "eu-west-1", multi_region=True)
    assert seal([here], [there]) is None
    assert seal([key("same")], [key("same", "eu-west-1")]) is not None
