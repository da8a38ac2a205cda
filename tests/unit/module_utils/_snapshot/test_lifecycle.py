"""What the bucket's lifecycle removes: never the last good snapshot, and nobody else's rules."""

from __future__ import annotations

import boto3
import pytest
from ansible_collections.amazon.aws.plugins.module_utils.retries import RetryingBotoClientWrapper
from ansible_collections.vaultops.cluster.plugins.module_utils._snapshot import lifecycle as lifecycle_state
from ansible_collections.vaultops.cluster.plugins.module_utils._snapshot import lifecycle_api
from ansible_collections.vaultops.cluster.plugins.modules import vault_snapshot_lifecycle
from botocore.stub import Stubber
from labkit.settings import REGION

BUCKET = "example"
BESIDE = ["vault-init", "vault-records"]
TAG = {"Key": "vaultops-superseded", "Value": "true"}
THEIRS = {"ID": "logs", "Status": "Enabled", "Filter": {"Prefix": "logs/"}, "Expiration": {"Days": 7}}
# What expired by age alone, and was called the same.
BY_AGE = {
    "ID": "vault-snapshots",
    "Status": "Enabled",
    "Filter": {"Prefix": "snapshots/"},
    "Expiration": {"Days": 30},
    "NoncurrentVersionExpiration": {"NoncurrentDays": 30},
    "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 2},
}


def chosen(rule, key, tags):
    """Whether S3 applies a rule to an object: all that its filter names must be true of it."""
    where = rule["Filter"].get("And", rule["Filter"])
    wanted = where.get("Tags", [where["Tag"]] if "Tag" in where else [])
    return key.startswith(where.get("Prefix", "")) and all(tags.get(tag["Key"]) == tag["Value"] for tag in wanted)


def removed(rules, key, tags, age, noncurrent=False):
    """Whether a version of this age (in days) goes; of a noncurrent one, since it is that."""

    def days(rule):
        if noncurrent:
            return rule.get("NoncurrentVersionExpiration", {}).get("NoncurrentDays")
        return rule.get("Expiration", {}).get("Days")

    return any(chosen(rule, key, tags) and (days(rule) or age + 1) <= age for rule in rules)


@pytest.mark.parametrize("prefix", ["snapshots", ""])
def test_of_what_is_written_down_only_older_versions_go(prefix):
    rules = lifecycle_state.wanted(prefix, 30)
    for name in ("records/prod/canaries.json", "records/prod/drills/1.json", "init/prod.journal"):
        assert not removed(rules, name, {}, 10_000)
        assert not removed(rules, name, {}, 29, noncurrent=True)
        assert removed(rules, name, {}, 30, noncurrent=True)


@pytest.mark.parametrize("prefix", ["snapshots", "/vault/prod/", ""])
@pytest.mark.parametrize("noncurrent", [False, True])
def test_only_what_was_superseded_goes(prefix, noncurrent):
    rules = lifecycle_state.wanted(prefix, 30)
    folder = {"snapshots": "snapshots/", "/vault/prod/": "vault/prod/", "": ""}[prefix]
    tagged = {"vaultops-superseded": "true"}
    for name in ("prod_20260101T000000Z_7_a.snap.encrypted", "prod_20260101T000000Z_7_a.snap.encrypted.json"):
        assert not removed(rules, folder + name, {}, 10_000, noncurrent)
        assert not removed(rules, folder + name, {"vaultops-superseded": "false"}, 10_000, noncurrent)
        assert not removed(rules, folder + name, tagged, 29, noncurrent)
        assert removed(rules, folder + name, tagged, 30, noncurrent)
        if folder:
            assert not removed(rules, f"other/{name}", tagged, 10_000, noncurrent)
            assert not removed(rules, f"{folder[:-1]}-of-others/{name}", tagged, 10_000, noncurrent)


def test_the_rule_of_age_alone_would_have_removed_the_last_one():
    """The model above is one that can tell."""
    assert removed([BY_AGE], "snapshots/last", {}, 30)


@pytest.mark.parametrize("prefix", ["snapshots", ""])
def test_what_can_have_no_tag_has_a_rule_of_its_own(prefix):
    """S3 refuses both of these beside a filter with a tag, and a delete marker's removal beside days."""
    for rule in lifecycle_state.wanted(prefix, 30)[:2]:
        leftovers = {"AbortIncompleteMultipartUpload"} & set(rule) or "ExpiredObjectDeleteMarker" in rule["Expiration"]
        assert bool(leftovers) is chosen(rule, "snapshots/one", {})
        assert not (leftovers and "Days" in rule["Expiration"])
        # "And" takes two at least, one of which may not be empty.
        assert all(rule["Filter"].get("And", {"Prefix": "any"}).values())


@pytest.mark.parametrize(
    ("found", "ids"),
    [
        ([], ["vault-snapshots", "vault-snapshots-leftovers", *BESIDE]),
        ([THEIRS], ["logs", "vault-snapshots", "vault-snapshots-leftovers", *BESIDE]),
        ([BY_AGE, THEIRS], ["vault-snapshots", "logs", "vault-snapshots-leftovers", *BESIDE]),
    ],
)
def test_rules_of_others_stay_where_they_are(found, ids):
    planned = lifecycle_state.plan(found, "snapshots", 30)
    assert [rule["ID"] for rule in planned] == ids
    assert [rule for rule in planned if rule["ID"] == "logs"] == [rule for rule in found if rule["ID"] == "logs"]
    assert BY_AGE not in planned
    assert lifecycle_state.plan(planned, "snapshots", 30) == planned


DAYS = {"ID": "all", "Status": "Enabled", "Expiration": {"Days": 90}}


@pytest.mark.parametrize(
    ("rule", "warned"),
    [
        ({**DAYS, "Filter": {"Prefix": ""}}, True),
        ({**DAYS, "Filter": {"Prefix": "snap"}}, True),
        ({**DAYS, "Filter": {"Prefix": "snapshots/prod_2"}}, True),
        ({**DAYS, "Filter": {"And": {"Prefix": "snapshots/", "ObjectSizeGreaterThan": 1}}}, True),
        ({**DAYS, "Prefix": "snapshots/"}, True),
        ({**DAYS, "Filter": {}, "Expiration": {"Date": "2027-01-01T00:00:00Z"}}, True),
        # The last one has no successor of its name, and is current.
        ({"ID": "old", "Status": "Enabled", "Filter": {}, "NoncurrentVersionExpiration": {"NoncurrentDays": 1}}, False),
        ({**DAYS, "Filter": {"Prefix": ""}, "Status": "Disabled"}, False),
        ({**DAYS, "Filter": {"Prefix": "logs/"}}, False),
        ({**DAYS, "Prefix": "logs/"}, False),
        ({**DAYS, "Filter": {"Tag": {"Key": "Temporary", "Value": "yes"}}}, False),
        ({**DAYS, "Filter": {"And": {"Prefix": "snapshots/", "Tags": [TAG]}}}, False),
        ({**DAYS, "Filter": {}, "Expiration": {"ExpiredObjectDeleteMarker": True}}, False),
    ],
)
def test_a_rule_of_others_that_would_remove_the_last_one_is_said(rule, warned):
    said = lifecycle_state.warnings([*lifecycle_state.wanted("snapshots", 30), rule], "snapshots")
    assert [rule["ID"] in words for words in said] == ([True] if warned else [])


@pytest.fixture
def s3(aws):
    client = boto3.client("s3", region_name=REGION, endpoint_url=aws)
    client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    return client


@pytest.fixture
def run(aws, run_module):
    def call(check=False, **params):
        given = {"bucket": BUCKET, "days": 30, "region": REGION, "endpoint_url": aws, **params}
        return run_module(vault_snapshot_lifecycle, check, **given)

    return call


def rules_of(s3):
    return s3.get_bucket_lifecycle_configuration(Bucket=BUCKET)["Rules"]


def test_a_lifecycle_comes_about_once(run, s3):
    predicted = run(check=True)
    with pytest.raises(s3.exceptions.ClientError, match="NoSuchLifecycleConfiguration"):
        rules_of(s3)
    first, second = run(), run()
    assert (predicted["changed"], first["changed"], second["changed"]) == (True, True, False)
    assert predicted["rules"] == first["rules"] == second["rules"] == rules_of(s3)
    assert predicted["diff"] == first["diff"]
    assert first["diff"]["before"] == {"rules": []}
    assert run(days=31)["changed"]


def test_a_lifecycle_of_age_alone_is_mended_and_others_are_left(run, s3):
    s3.put_bucket_lifecycle_configuration(Bucket=BUCKET, LifecycleConfiguration={"Rules": [THEIRS, BY_AGE]})
    changed = run()
    assert changed["changed"]
    found = rules_of(s3)
    assert THEIRS in found
    assert "warnings" not in changed
    assert not removed(found, "snapshots/last", {}, 10_000)
    assert removed(found, "snapshots/one", {TAG["Key"]: TAG["Value"]}, 30)


def test_what_is_said_beside_the_rules_is_said_again():
    """S3 sets it back to its default otherwise; the stand-in does not know it."""
    client = boto3.client("s3", region_name=REGION, aws_access_key_id="unit", aws_secret_access_key="unit")
    beside = {"TransitionDefaultMinimumObjectSize": "varies_by_storage_class"}
    with Stubber(client) as wire:
        wire.add_response("get_bucket_lifecycle_configuration", {"Rules": [THEIRS], **beside}, {"Bucket": BUCKET})
        asked = {"Bucket": BUCKET, "LifecycleConfiguration": {"Rules": [THEIRS]}, **beside}
        wire.add_response("put_bucket_lifecycle_configuration", {}, asked)
        retrying = RetryingBotoClientWrapper(client, lifecycle_api.RETRY)
        lifecycle_api.write(retrying, BUCKET, lifecycle_api.read(retrying, BUCKET))
        wire.assert_no_pending_responses()


def test_a_bucket_that_is_not_there_yet(run, aws):
    predicted = run(check=True, bucket="not-made-yet")
    assert predicted["changed"]
    assert len(predicted["rules"]) == 4
    refused = run(bucket="not-made-yet")
    assert "there is no bucket not-made-yet" in refused["msg"]
    assert "playbooks/provision.yml" in refused["msg"]


def test_a_rule_of_others_is_warned_of(run, s3):
    everything = {**DAYS, "Filter": {"Prefix": ""}}
    s3.put_bucket_lifecycle_configuration(Bucket=BUCKET, LifecycleConfiguration={"Rules": [everything]})
    (warning,) = run()["warnings"]
    assert "'all'" in str(warning)
    assert everything in rules_of(s3)


def test_days_below_one_are_refused(run, s3):
    assert "days is 0" in run(days=0)["msg"]
