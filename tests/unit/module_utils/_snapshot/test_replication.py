"""What of a bucket's replication is this collection's, and what is left to others."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._snapshot import replication

ROLE = "arn:aws:iam::111122223333:role/vault-prod-replication"
TARGET = "arn:aws:s3:::there"
KEY = "arn:aws:kms:eu-west-1:111122223333:key/mrk-1"
NAMES = {"vault-snapshots": "snapshots/prod_", "vault-records": "records/prod/"}
WANTED = replication.wanted(NAMES, TARGET, KEY)
THEIRS: dict[str, t.Any] = {
    "ID": "logs",
    "Priority": 7,
    "Status": "Enabled",
    "Filter": {"Prefix": "logs/"},
    "Destination": {"Bucket": "arn:aws:s3:::logs"},
}


def configuration(*rules: dict[str, t.Any], role: str = ROLE) -> replication.Configuration:
    return {"role": role, "rules": list(rules)}


def test_what_is_encrypted_goes_along_and_no_deletion_does():
    for rule in WANTED:
        assert rule["SourceSelectionCriteria"]["SseKmsEncryptedObjects"] == {"Status": "Enabled"}
        assert rule["DeleteMarkerReplication"] == {"Status": "Disabled"}
        assert rule["Destination"] == {"Bucket": TARGET, "EncryptionConfiguration": {"ReplicaKmsKeyID": KEY}}
    assert [rule["Filter"]["Prefix"] for rule in WANTED] == list(NAMES.values())


def test_a_bucket_without_any_gets_one_rule_for_each_with_a_priority_of_its_own():
    made = replication.plan(None, ROLE, WANTED)
    assert [(rule["ID"], rule["Priority"]) for rule in made["rules"]] == [("vault-snapshots", 1), ("vault-records", 2)]
    assert replication.plan(made, ROLE, WANTED) == made


def test_rules_of_others_stay_where_they_are():
    made = replication.plan(configuration(THEIRS), ROLE, WANTED)
    assert made["rules"][0] == THEIRS
    assert [rule["Priority"] for rule in made["rules"][1:]] == [8, 9]


def test_what_s3_fills_in_is_no_difference_and_what_somebody_has_changed_is():
    made = replication.plan(None, ROLE, WANTED)
    filled_in = configuration(
        *({**rule, "ExistingObjectReplication": {"Status": "Disabled"}} for rule in made["rules"])
    )
    assert replication.plan(filled_in, ROLE, WANTED) == filled_in
    for change in ({"Status": "Disabled"}, {"DeleteMarkerReplication": {"Status": "Enabled"}}):
        changed = configuration(*({**rule, **change} for rule in made["rules"]))
        assert replication.plan(changed, ROLE, WANTED) == made


def test_another_role_of_our_own_rules_is_put_right():
    ours = replication.plan(None, "arn:aws:iam::111122223333:role/before", WANTED)
    assert replication.problem(ours, ROLE, NAMES, "here") is None
    assert replication.plan(ours, ROLE, WANTED)["role"] == ROLE


@pytest.mark.parametrize(
    ("found", "says"),
    [
        (None, None),
        (configuration(THEIRS), None),
        (configuration(THEIRS, role="arn:aws:iam::111122223333:role/logs"), "S3 takes one role for all rules"),
        (configuration({"ID": "logs", "Prefix": "logs/"}), "Write them anew with a filter"),
    ],
)
def test_rules_of_others_that_leave_no_room_are_a_problem(found, says):
    problem = replication.problem(found, ROLE, NAMES, "here")
    assert problem is None if says is None else (says in problem and "(logs)" in problem)
